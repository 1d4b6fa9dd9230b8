//! A RocksDB snapshot tied to the database it borrows.
#![expect(clippy::mem_forget, reason = "self_cell's own code: it disarms the guard that frees a half-built cell")]

use std::sync::Arc;

use rocksdb::Snapshot;
use self_cell::self_cell;

use crate::rocks::core::Core;

self_cell!(
    pub(crate) struct Held {
        owner: Arc<Core>,
        #[covariant]
        dependent: Snapshot,
    }
);
