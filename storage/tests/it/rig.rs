//! What the tests share: both disks, and short words for entries and marks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use storage::conformance::Rig;
use storage::{Disk, Error, Mark, RocksDisk, SimDisk, State, Store};
use tempfile::TempDir;
use uuid::Uuid;

/// The cluster of all tests.
pub(crate) const CLUSTER: Uuid = Uuid::from_u128(7);

/// A real folder that goes at the end.
pub(crate) struct Real {
    folder: TempDir,
}

impl Real {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn disk(&self) -> Arc<dyn Disk> {
        RocksDisk::open(self.path()).unwrap()
    }
}

impl Rig for Real {
    fn live(&mut self) -> Result<Arc<dyn Disk>, Error> {
        Ok(RocksDisk::open(self.path())?)
    }
}

/// A simulated disk.
pub(crate) struct Simulated(pub(crate) SimDisk);

impl Rig for Simulated {
    fn live(&mut self) -> Result<Arc<dyn Disk>, Error> {
        Ok(self.0.attach())
    }
}

/// Runs a test on both disks; it is given a way to begin a new life.
pub(crate) async fn on_both<F: Future<Output = ()>>(test: impl Fn(Box<dyn Fn() -> Arc<dyn Disk>>) -> F) {
    let sim = SimDisk::new(1);
    test(Box::new(move || sim.attach())).await;
    let real = Real::new();
    test(Box::new(move || real.disk())).await;
}

pub(crate) fn mark(index: u64) -> Mark {
    Mark::new(index, format!("id of {index}"))
}

pub(crate) fn entry(index: u64) -> (u64, Bytes) {
    (index, Bytes::from(format!("entry {index}")))
}

pub(crate) fn entries(range: std::ops::RangeInclusive<u64>) -> Vec<(u64, Bytes)> {
    range.map(entry).collect()
}

/// Applies one entry that puts one row.
pub(crate) fn apply(state: &State, index: u64) {
    use model::Tables;
    let mut transaction = state.begin();
    transaction.put(format!("row {:04}", index % 100).into_bytes(), format!("of {index}").into_bytes());
    state.commit(transaction, mark(index), Some(Bytes::from(format!("members at {index}")))).unwrap();
}

pub(crate) async fn create(disk: Arc<dyn Disk>) -> Store {
    Store::create(disk, CLUSTER, 3).await.unwrap()
}

pub(crate) fn open(disk: Arc<dyn Disk>) -> Store {
    Store::open(disk, storage::Expect::default()).unwrap()
}

pub(crate) fn refused(disk: Arc<dyn Disk>) -> Error {
    Store::open(disk, storage::Expect::default()).err().unwrap()
}

/// Every file below a folder.
pub(crate) fn files_below(path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}
