//! The engine trait on a simulated disk.

use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use tokio::time::Instant;

use crate::batch::Batch;
use crate::counters::Counters;
use crate::engine::{Durability, Engine, EngineView, Family, FileEntry, Range, Visitor};
use crate::error::Error;
use crate::pending::{Flushed, Pending};
use crate::sim::table::{Rows, Table};
use crate::sim::{File, World, dump};

/// An engine of one life of the process.
#[derive(Clone)]
pub(crate) struct SimEngine {
    pub(crate) world: Arc<Mutex<World>>,
    pub(crate) life: u64,
    pub(crate) place: String,
    pub(crate) writable: bool,
}

impl SimEngine {
    fn enter(&self) -> Result<MutexGuard<'_, World>, Error> {
        World::enter(&self.world, self.life)
    }

    fn with<T>(&self, act: impl FnOnce(&mut Table) -> T) -> Result<T, Error> {
        self.enter()?.tables.get_mut(&self.place).map(act).ok_or(Error::Closed)
    }

    fn take(&self, batch: Batch) -> Result<(), Error> {
        let mut world = self.enter()?;
        let fault = if self.writable { world.write_fault() } else { Err(Error::Refused("the database is open for reading only".into())) };
        let table = world.tables.get_mut(&self.place).ok_or(Error::Closed)?;
        if let Some(error) = &table.broken {
            return Err(error.clone());
        }
        if let Err(error) = fault {
            table.broken = Some(error.clone());
            return Err(error);
        }
        table.submit(batch);
        Ok(())
    }

    /// Makes what is submitted so far the disk's, after the delay that the faults want.
    fn settle(&self) -> Flushed {
        let begun = || -> Result<_, Error> {
            let mut world = self.enter()?;
            let delay = world.delay();
            let fault = world.flush_fault();
            let table = world.tables.get_mut(&self.place).ok_or(Error::Closed)?;
            if let Some(error) = &table.broken {
                return Err(error.clone());
            }
            let done_at = delay.map(|delay| {
                let now = Instant::now();
                let done_at = table.busy_until.map_or(now, |busy| busy.max(now)).max(now + delay);
                table.busy_until = Some(done_at);
                done_at
            });
            Ok((done_at, fault, table.submitted))
        };
        let (done_at, fault, upto) = match begun() {
            Ok(begun) => begun,
            Err(error) => return Pending::ready(Err(error)),
        };
        let this = self.clone();
        let finish = move || {
            this.with(|table| {
                if let Some(error) = fault {
                    table.broken.get_or_insert(error);
                }
                if let Some(error) = &table.broken {
                    return Err(error.clone());
                }
                table.settle(upto);
                table.counters.synced(std::time::Duration::ZERO);
                Ok(())
            })?
        };
        match done_at {
            None => Pending::ready(finish()),
            Some(done_at) => Pending::timed(async move {
                tokio::time::sleep_until(done_at).await;
                finish()
            }),
        }
    }

    fn dump(&self, place: &str) -> Result<Vec<FileEntry>, Error> {
        let mut world = self.enter()?;
        world.write_fault()?;
        let upto = world.tables.get(&self.place).ok_or(Error::Closed)?.submitted;
        let table = world.tables.get_mut(&self.place).ok_or(Error::Closed)?;
        table.settle(upto);
        let files = dump::files(&table.safe)?;
        let mut entries = Vec::new();
        for (name, bytes) in files {
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            entries.push(FileEntry { name: name.clone(), length, crc32c: crc32c::crc32c(&bytes) });
            world.files.insert(format!("{place}/{name}"), File { now: bytes.clone(), safe: Some(bytes) });
        }
        Ok(entries)
    }
}

impl Engine for SimEngine {
    fn submit(&self, batch: Batch, durability: Durability) -> Flushed {
        match (self.take(batch), durability) {
            (Ok(()), Durability::Synced) => self.settle(),
            (result, _) => Pending::ready(result),
        }
    }

    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Bytes>, Error> {
        let mut world = self.enter()?;
        world.read_fault()?;
        let rot = world.rot();
        let table = world.tables.get(&self.place).ok_or(Error::Closed)?;
        table.now.family(family).get(key).map(|cell| cell.read(rot)).transpose()
    }

    fn scan(&self, family: Family, range: Range<'_>, visit: &mut Visitor<'_>) -> Result<(), Error> {
        self.view()?.scan(family, range, visit)
    }

    fn view(&self) -> Result<Arc<dyn EngineView>, Error> {
        let rows = self.with(|table| table.now.clone())?;
        Ok(Arc::new(SimView { engine: self.clone(), rows }))
    }

    fn flush(&self) -> Flushed {
        self.settle()
    }

    fn checkpoint(&self, place: &str) -> Pending<Vec<FileEntry>> {
        let delay = match self.enter() {
            Ok(mut world) => world.delay(),
            Err(error) => return Pending::ready(Err(error)),
        };
        let (this, place) = (self.clone(), place.to_owned());
        match delay {
            None => Pending::ready(this.dump(&place)),
            Some(delay) => Pending::timed(async move {
                tokio::time::sleep(delay).await;
                this.dump(&place)
            }),
        }
    }

    fn trim(&self) {}

    fn counters(&self) -> Counters {
        self.with(|table| table.counters).unwrap_or_default()
    }
}

struct SimView {
    engine: SimEngine,
    rows: Arc<Rows>,
}

impl EngineView for SimView {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Bytes>, Error> {
        let rot = {
            let mut world = self.engine.enter()?;
            world.read_fault()?;
            world.rot()
        };
        self.rows.family(family).get(key).map(|cell| cell.read(rot)).transpose()
    }

    fn scan(&self, family: Family, range: Range<'_>, visit: &mut Visitor<'_>) -> Result<(), Error> {
        self.engine.enter()?.read_fault()?;
        // The world is entered for each row and left before the visitor runs, who may well read something else.
        self.rows.scan(family, range, &mut || self.engine.enter().ok().and_then(|mut world| world.rot()), visit)
    }
}
