//! What an open RocksDB engine and the views on it share.

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use rocksdb::{ReadOptions, WriteOptions};

use crate::counters::Counters;
use crate::engine::Kind;
use crate::error::Error;
use crate::rocks::database::Database;
use crate::rocks::desk::Desk;
use crate::rocks::options;
use crate::rocks::queue::Queue;

/// The database with its queue (log) and its desk.
pub(crate) struct Core {
    pub(crate) database: Database,
    pub(crate) kind: Kind,
    pub(crate) queue: Queue,
    pub(crate) desk: Arc<Desk>,
    pub(crate) root: PathBuf,
    pub(crate) counters: Mutex<Counters>,
    pub(crate) broken: OnceLock<Error>,
    pub(crate) reading: ReadOptions,
    pub(crate) writing: WriteOptions,
    /// The data folder stays locked while any view on one of its databases lives.
    _folder: Arc<File>,
}

impl Core {
    /// Round an open database.
    pub(crate) fn new(database: Database, kind: Kind, desk: Arc<Desk>, root: PathBuf, folder: Arc<File>) -> Self {
        Self {
            database,
            kind,
            queue: Queue::new(),
            desk,
            root,
            counters: Mutex::default(),
            broken: OnceLock::new(),
            reading: ReadOptions::default(),
            writing: options::write(kind, false),
            _folder: folder,
        }
    }

    /// Remembers the first failed write of a state engine for good.
    pub(crate) fn guard<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &result {
            tracing::error!(%error, "the state cannot be written");
            self.broken.get_or_init(|| error.clone());
        }
        result
    }
}
