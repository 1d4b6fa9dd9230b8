//! The engine on RocksDB.
//!
//! A log engine has a write-ahead log and one thread that writes it in groups (`queue`). A state engine has no write-ahead log: a
//! batch goes into the memtable on the caller's thread, and `flush` writes the memtables of all families to files at once. Slow work
//! (flushes, checkpoints, checksums) runs on the data folder's desk thread, never on a runtime. These are the only threads of the
//! crate; each is joined when its owner is dropped.

mod core;
mod database;
mod desk;
mod files;
mod folder;
mod held;
mod options;
mod queue;
mod view;

use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::Bytes;
use rocksdb::ReadOptions;
use rocksdb::checkpoint::Checkpoint;

use crate::batch::Batch;
use crate::counters::Counters;
use crate::engine::{Durability, Engine, EngineView, Family, FileEntry, Kind, Range, Visitor};
use crate::error::Error;
use crate::lock::lock;
use crate::overlay::{Overlay, Seen};
use crate::pending::{Flushed, Pending};
use crate::rocks::core::Core;

pub use crate::rocks::folder::RocksDisk;

/// A RocksDB database behind the engine trait.
pub(crate) struct Rocks {
    core: Arc<Core>,
    writer: Option<JoinHandle<()>>,
}

impl Rocks {
    /// Takes an open database; a writable log gets its thread.
    pub(crate) fn start(core: Core, writable: bool) -> Result<Self, Error> {
        let core = Arc::new(core);
        if core.kind != Kind::Log || !writable {
            return Ok(Self { core, writer: None });
        }
        let served = core.clone();
        let writer = std::thread::Builder::new()
            .name("storage-log".into())
            .spawn(move || served.queue.serve(&served.database))
            .map_err(|error| Error::io("starting the log thread", &error))?;
        Ok(Self { core, writer: Some(writer) })
    }

    /// What is submitted to a log but not yet in the database, for one family.
    fn unwritten(&self, family: Family) -> Overlay {
        let mut overlay = Overlay::default();
        for batch in self.core.queue.unwritten() {
            overlay.lay(&batch, family);
        }
        overlay
    }

    fn write_now(&self, batch: &Batch) -> Result<(), Error> {
        if let Some(error) = self.core.broken.get() {
            return Err(error.clone());
        }
        {
            let mut counters = lock(&self.core.counters);
            counters.taken(batch.size());
            counters.writes += 1;
        }
        self.core.guard(self.core.database.write(std::iter::once(batch), &self.core.writing))
    }

    /// Work on the desk thread with this engine.
    fn at_desk<T: Send + 'static>(&self, work: impl FnOnce(&Core) -> Result<T, Error> + Send + 'static) -> Pending<T> {
        let (promise, pending) = Pending::promise();
        let core = self.core.clone();
        self.core.desk.run(Box::new(move || {
            let result = work(&core);
            // The database may close with this handle, which must not wait for whoever is woken.
            drop(core);
            promise.resolve(result);
        }));
        pending
    }
}

impl Engine for Rocks {
    fn submit(&self, batch: Batch, durability: Durability) -> Flushed {
        if self.core.kind == Kind::Log {
            return self.core.queue.submit(batch, durability);
        }
        match (self.write_now(&batch), durability) {
            (Ok(()), Durability::Synced) => self.flush(),
            (result, _) => Pending::ready(result),
        }
    }

    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Bytes>, Error> {
        if self.core.kind == Kind::Log {
            match self.unwritten(family).look(key) {
                Seen::Value(value) => return Ok(Some(value)),
                Seen::Gone => return Ok(None),
                Seen::Below => {}
            }
        }
        self.core.database.get(family, key, &self.core.reading)
    }

    fn scan(&self, family: Family, range: Range<'_>, visit: &mut Visitor<'_>) -> Result<(), Error> {
        let overlay = if self.core.kind == Kind::Log { self.unwritten(family) } else { Overlay::default() };
        let below = |visit: &mut Visitor<'_>| self.core.database.scan(family, range, ReadOptions::default(), visit);
        if overlay.is_empty() { below(visit) } else { overlay.scan(range, visit, below) }
    }

    fn view(&self) -> Result<Arc<dyn EngineView>, Error> {
        if self.core.kind == Kind::Log {
            self.core.queue.settle()?;
        }
        Ok(Arc::new(view::View::new(self.core.clone())))
    }

    fn flush(&self) -> Flushed {
        if self.core.kind == Kind::Log {
            return self.core.queue.submit(Batch::default(), Durability::Synced);
        }
        self.at_desk(|core| {
            if let Some(error) = core.broken.get() {
                return Err(error.clone());
            }
            let started = tokio::time::Instant::now();
            core.guard(core.database.flush(true))?;
            lock(&core.counters).synced(started.elapsed());
            Ok(())
        })
    }

    fn checkpoint(&self, place: &str) -> Pending<Vec<FileEntry>> {
        if self.core.kind == Kind::Log
            && let Err(error) = self.core.queue.settle()
        {
            return Pending::ready(Err(error));
        }
        let target = self.core.root.join(place);
        self.at_desk(move |core| {
            if let Some(parent) = target.parent() {
                files::make_folder(parent)?;
            }
            Checkpoint::new(core.database.raw())
                .and_then(|checkpoint| checkpoint.create_checkpoint(&target))
                .map_err(|error| core.database.error("writing a checkpoint of", &error))?;
            files::sync_folder(&target)?;
            files::entries(&target)
        })
    }

    fn trim(&self) {
        if self.core.kind == Kind::Log {
            self.core.queue.trim();
        }
    }

    fn counters(&self) -> Counters {
        if self.core.kind == Kind::Log { self.core.queue.counters() } else { *lock(&self.core.counters) }
    }
}

impl Drop for Rocks {
    fn drop(&mut self) {
        self.core.queue.close();
        desk::join(self.writer.take());
    }
}
