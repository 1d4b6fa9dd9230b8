//! A point in time of a RocksDB database that owns what it needs.
//!
//! RocksDB's snapshot borrows the database, a view must outlive the call that made it: `self_cell` ties the two together.

use std::sync::Arc;

use bytes::Bytes;
use rocksdb::{DB, ReadOptions};

use crate::engine::{EngineView, Family, Range, VisitEach, Visitor};
use crate::error::Error;
use crate::rocks::core::Core;
use crate::rocks::held::Held;

/// A RocksDB snapshot with its database.
pub(crate) struct View {
    held: Held,
    reading: ReadOptions,
}

impl View {
    /// The database as it is now.
    pub(crate) fn new(core: Arc<Core>) -> Self {
        let held = Held::new(core, |core| {
            let db: &DB = core.database.raw();
            db.snapshot()
        });
        let reading = options(&held);
        Self { held, reading }
    }
}

fn options(held: &Held) -> ReadOptions {
    let mut options = ReadOptions::default();
    options.set_snapshot(held.borrow_dependent());
    options
}

impl EngineView for View {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Bytes>, Error> {
        self.held.borrow_owner().database.get(family, key, &self.reading)
    }

    fn scan(&self, family: Family, range: Range<'_>, visit: &mut Visitor<'_>) -> Result<(), Error> {
        self.held.borrow_owner().database.scan(family, range, options(&self.held), visit)
    }

    fn get_many(&self, family: Family, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>, Error> {
        self.held.borrow_owner().database.get_many(family, keys, &self.reading)
    }

    fn scan_each(&self, family: Family, prefixes: &[Vec<u8>], visit: &mut VisitEach<'_>) -> Result<(), Error> {
        self.held.borrow_owner().database.scan_each(family, prefixes, options(&self.held), visit)
    }
}
