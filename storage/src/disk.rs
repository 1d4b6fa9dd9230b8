//! What a member's data lies on: engines in folders, and a few plain files beside them.
//!
//! Two disks exist: a folder of the file system with RocksDB databases in it, and the simulated disk. Identity, the state's pointer file,
//! snapshots and their installation are written once above this trait, so the simulation runs the same steps as production. Paths are
//! relative to the disk's root and use `/`. All file calls block; whoever is on a runtime goes through `on_disk`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::engine::{Engine, Kind};
use crate::error::Error;
use crate::pending::Pending;

/// How an engine is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// The folder must not hold one yet.
    Create,
    /// The folder must hold one, or a checkpoint of one.
    Existing,
    /// Like `Existing`, but nothing may be written: to look into a checkpoint.
    ReadOnly,
}

/// Work for a disk's own thread.
pub type Job = Box<dyn FnOnce() + Send>;

/// A member's data folder, real or simulated.
pub trait Disk: Send + Sync + 'static {
    /// Opens the engine in the folder `place`.
    fn engine(&self, place: &str, kind: Kind, open: Open) -> Result<Arc<dyn Engine>, Error>;

    /// At most `max` bytes of a file from `offset`; empty at its end. A file that is not there is `None`.
    fn read(&self, path: &str, offset: u64, max: usize) -> Result<Option<Bytes>, Error>;

    /// Appends to a file, which is made if need be. Not durable before `sync`.
    fn append(&self, path: &str, bytes: &[u8]) -> Result<(), Error>;

    /// Makes all files of a folder, and the folder itself, durable.
    fn sync(&self, folder: &str) -> Result<(), Error>;

    /// Replaces a whole small file, atomically and durably.
    fn replace(&self, path: &str, bytes: &[u8]) -> Result<(), Error>;

    /// The names in a folder in order; empty when there is none.
    fn list(&self, folder: &str) -> Result<Vec<String>, Error>;

    /// Gives a folder another name, atomically and durably.
    fn rename(&self, from: &str, to: &str) -> Result<(), Error>;

    /// Removes a file or a folder with all that is in it, if there is one.
    fn remove(&self, path: &str) -> Result<(), Error>;

    /// Runs a job off the runtime; jobs run one after the other.
    fn run(&self, job: Job);

    /// How long a simulated disk takes for a job.
    fn delay(&self) -> Option<Duration> {
        None
    }

    /// Its name for people.
    fn name(&self) -> Arc<str>;
}

/// Runs blocking work on the disk's own thread.
pub(crate) fn on_disk<T: Send + 'static>(disk: &Arc<dyn Disk>, work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Pending<T> {
    if let Some(delay) = disk.delay() {
        return Pending::timed(async move {
            tokio::time::sleep(delay).await;
            work()
        });
    }
    let (promise, pending) = Pending::promise();
    disk.run(Box::new(move || promise.resolve(work())));
    pending
}
