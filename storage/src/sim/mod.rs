//! A disk in memory that crashes, lies and rots by a seed.
//!
//! It keeps every engine and file twice: as everybody sees it and as the disk has it. A submitted batch is seen at once and is the disk's
//! only when its flush is done; a crash takes what is not the disk's, or leaves a random prefix of it. Given one seed and one sequence of
//! calls it always does the same, so a failing simulation can be run again. There are no threads and no tasks: a flush is a future that
//! sleeps on `tokio::time` and then marks the batches.
//!
//! A handle ([`SimDisk::attach`]) stands for one life of a process. After a crash, or when the next life attaches, every call on the old
//! handles answers [`Error::Closed`]: a dead process writes nothing.
//!
//! Absent: torn batches (the engine promises atomic ones, RocksDB's own tests are for that) and wrong data with a right checksum.

mod dump;
mod engine;
mod faults;
mod handle;
mod table;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::disk::Disk;
use crate::engine::Family;
use crate::error::Error;
use crate::lock::lock;
use crate::sim::handle::Handle;
use crate::sim::table::Table;

pub use crate::sim::faults::{CrashKeeps, Faults};

/// A simulated disk. Clones are the same disk.
#[derive(Clone)]
pub struct SimDisk {
    world: Arc<Mutex<World>>,
}

/// The content of a disk at some time, to put back later: a restored backup, a reverted virtual machine.
#[derive(Clone)]
pub struct Image {
    tables: BTreeMap<String, Table>,
    files: BTreeMap<String, File>,
}

pub(crate) struct World {
    chance: ChaCha8Rng,
    pub(crate) faults: Faults,
    life: u64,
    pub(crate) tables: BTreeMap<String, Table>,
    pub(crate) files: BTreeMap<String, File>,
}

/// A plain file: as seen, and as the disk has it.
#[derive(Clone, Debug, Default)]
pub(crate) struct File {
    pub(crate) now: Vec<u8>,
    pub(crate) safe: Option<Vec<u8>>,
}

impl SimDisk {
    /// An empty disk without faults.
    pub fn new(seed: u64) -> Self {
        let chance = ChaCha8Rng::seed_from_u64(seed);
        let world = World { chance, faults: Faults::default(), life: 0, tables: BTreeMap::new(), files: BTreeMap::new() };
        Self { world: Arc::new(Mutex::new(world)) }
    }

    /// Sets the faults for all that comes; what is broken already stays broken until the next life.
    pub fn set_faults(&self, faults: Faults) {
        lock(&self.world).faults = faults;
    }

    /// The faults in force.
    pub fn faults(&self) -> Faults {
        lock(&self.world).faults.clone()
    }

    /// A new life of the process on this disk. Without a crash before it, nothing is lost: the machine lived on.
    pub fn attach(&self) -> Arc<dyn Disk> {
        let mut world = lock(&self.world);
        world.life += 1;
        for table in world.tables.values_mut() {
            table.broken = None;
            table.busy_until = None;
        }
        let life = world.life;
        drop(world);
        Arc::new(Handle::new(self.world.clone(), life))
    }

    /// Power loss: what was not flushed is lost, as far as the faults in force say, and all handles are dead.
    pub fn crash(&self) {
        let mut world = lock(&self.world);
        world.life += 1;
        let world = &mut *world;
        for table in world.tables.values_mut() {
            let waiting = table.waiting.len();
            table.crash(kept(&mut world.chance, world.faults.crash, waiting));
        }
        world.files.retain(|_, file| {
            let safe = file.safe.clone().unwrap_or_default();
            let extra = file.now.strip_prefix(safe.as_slice()).map(<[u8]>::to_vec).unwrap_or_default();
            let keep = kept(&mut world.chance, world.faults.crash, extra.len());
            let exists = file.safe.is_some() || keep > 0;
            file.now = safe;
            file.now.extend(extra.into_iter().take(keep));
            file.safe = Some(file.now.clone());
            exists
        });
    }

    /// What the disk holds now, without what is not flushed.
    pub fn image(&self) -> Image {
        let world = lock(&self.world);
        let tables = world.tables.iter().map(|(place, table)| (place.clone(), Table::of(table.safe.clone())));
        let files = world.files.iter().filter_map(|(path, file)| {
            let safe = file.safe.clone()?;
            Some((path.clone(), File { now: safe.clone(), safe: Some(safe) }))
        });
        Image { tables: tables.collect(), files: files.collect() }
    }

    /// Puts an older content back: the disk was rolled back. All handles are dead.
    pub fn restore(&self, image: &Image) {
        let mut world = lock(&self.world);
        world.life += 1;
        world.tables = image.tables.clone();
        world.files = image.files.clone();
    }

    /// Flips one bit of a row for good, seen and flushed. Whether there was such a row.
    pub fn rot(&self, place: &str, family: Family, key: &[u8]) -> bool {
        let mut world = lock(&self.world);
        let bit = world.chance.random();
        let Some(table) = world.tables.get_mut(place) else { return false };
        if let Some(cell) = table.safe.family_mut(family).get_mut(key) {
            cell.spoil(bit);
        }
        let seen = Arc::make_mut(&mut table.now).family_mut(family).get_mut(key);
        seen.map(|cell| cell.spoil(bit)).is_some()
    }

    /// Flips one bit of a file for good. Whether there was such a file with anything in it.
    pub fn rot_file(&self, path: &str) -> bool {
        let mut world = lock(&self.world);
        let place: usize = world.chance.random_range(0..usize::MAX);
        let Some(file) = world.files.get_mut(path).filter(|file| !file.now.is_empty()) else { return false };
        for bytes in [Some(&mut file.now), file.safe.as_mut()].into_iter().flatten() {
            let place = place % bytes.len().max(1);
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1;
            }
        }
        true
    }

    /// Batches that a crash could take, in all engines.
    pub fn unflushed(&self) -> usize {
        lock(&self.world).tables.values().map(|table| table.waiting.len()).sum()
    }

    /// Paths of all engines and files, in order.
    pub fn paths(&self) -> Vec<String> {
        let world = lock(&self.world);
        let mut paths: Vec<String> = world.tables.keys().chain(world.files.keys()).cloned().collect();
        paths.sort();
        paths
    }
}

fn kept(chance: &mut ChaCha8Rng, keeps: CrashKeeps, of: usize) -> usize {
    match keeps {
        CrashKeeps::Nothing => 0,
        CrashKeeps::Prefix => chance.random_range(0..=of),
        CrashKeeps::Everything => of,
    }
}

impl World {
    /// Enters the world for one life.
    pub(crate) fn enter(world: &Mutex<Self>, life: u64) -> Result<MutexGuard<'_, Self>, Error> {
        let entered = lock(world);
        if entered.life == life { Ok(entered) } else { Err(Error::Closed) }
    }

    fn happens(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.chance.random_bool(probability.min(1.0))
    }

    /// A failed write, if the faults want one.
    pub(crate) fn write_fault(&mut self) -> Result<(), Error> {
        if self.faults.full {
            return Err(Error::NoSpace { what: "writing to the simulated disk".into() });
        }
        let probability = self.faults.write_error;
        if self.happens(probability) { Err(broken("writing to")) } else { Ok(()) }
    }

    /// A failed flush, if the faults want one.
    pub(crate) fn flush_fault(&mut self) -> Option<Error> {
        let probability = self.faults.flush_error;
        self.happens(probability).then(|| broken("flushing"))
    }

    /// A failed read, if the faults want one.
    pub(crate) fn read_fault(&mut self) -> Result<(), Error> {
        let probability = self.faults.read_error;
        if self.happens(probability) { Err(broken("reading")) } else { Ok(()) }
    }

    /// A bit to flip in the row being read, if the faults want it.
    pub(crate) fn rot(&mut self) -> Option<u32> {
        let probability = self.faults.rot;
        self.happens(probability).then(|| self.chance.random())
    }

    /// How long the next job takes; `None` is no time at all.
    pub(crate) fn delay(&mut self) -> Option<Duration> {
        let (low, high) = (self.faults.delay.start, self.faults.delay.end);
        (low < high).then(|| self.chance.random_range(low..high))
    }
}

fn broken(doing: &str) -> Error {
    Error::Io { what: format!("{doing} the simulated disk").into(), reason: "Input/output error (simulated)".into() }
}
