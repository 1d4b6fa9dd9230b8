//! Everything a member keeps, opened together and checked against each other.
//!
//! The checks at opening are between the parts, each part checks itself: the state must reach at least to the log's purge mark, or the
//! entries between are lost; and log or state must reach the committed mark, or acknowledged entries are lost.

use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use crate::counters::Counters;
use crate::disk::{Disk, Open};
use crate::engine::Kind;
use crate::error::Error;
use crate::folder::{DataFolder, Expect, Identity};
use crate::log::Log;
use crate::places;
use crate::pointer;
use crate::rocks::RocksDisk;
use crate::snapshot::Snapshots;
use crate::state::State;

/// A member's log, state, snapshots and identity.
pub struct Store {
    /// The Raft log.
    pub log: Log,
    /// The state.
    pub state: State,
    /// Snapshots of the state.
    pub snapshots: Snapshots,
    /// Who this is.
    pub folder: DataFolder,
}

/// What the engines of a store did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StoreCounters {
    /// The log's engine.
    pub log: Counters,
    /// The state's engine.
    pub state: Counters,
}

impl Store {
    /// Makes an empty store for a new member and opens it. Everything is durable when this returns.
    ///
    /// # Errors
    /// [`Error::Occupied`] when there is a member already, [`Error::Damaged`] when there are remains of one.
    pub async fn create(disk: Arc<dyn Disk>, cluster: Uuid, member: u64) -> Result<Self, Error> {
        DataFolder::begin(&*disk)?;
        let log = disk.engine(places::LOG, Kind::Log, Open::Create)?;
        crate::log::create(&*log).await?;
        let folder = places::state(1);
        let state = disk.engine(&folder, Kind::State, Open::Create)?;
        crate::state::create(&*state).await?;
        drop((log, state));
        pointer::write(&*disk, &folder)?;
        DataFolder::finish(&*disk, cluster, member)?;
        Self::open(disk, Expect { cluster: Some(cluster), member: Some(member) })
    }

    /// Opens the store of a member for a new incarnation.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Foreign`], [`Error::Newer`], [`Error::Damaged`], [`Error::Fenced`], [`Error::Corrupt`], [`Error::Hole`].
    pub fn open(disk: Arc<dyn Disk>, expect: Expect) -> Result<Self, Error> {
        let folder = DataFolder::open(disk.clone(), expect)?;
        let current = pointer::read(&*disk)?;
        pointer::sweep(&*disk, &current)?;
        for place in [places::LOG, &current] {
            if disk.list(place)?.is_empty() {
                return Err(Error::Damaged { folder: disk.name(), reason: format!("the folder {place} is missing").into() });
            }
        }
        let log = Log::open(disk.engine(places::LOG, Kind::Log, Open::Existing)?)?;
        let state = State::open(disk.engine(&current, Kind::State, Open::Existing)?)?;
        check(&disk, &log, &state)?;
        let snapshots = Snapshots::open(disk, state.clone(), folder.identity().incarnation)?;
        Ok(Self { log, state, snapshots, folder })
    }

    /// [`Store::create`] in a folder of the file system.
    pub async fn create_in(path: &Path, cluster: Uuid, member: u64) -> Result<Self, Error> {
        Self::create(RocksDisk::open(path)?, cluster, member).await
    }

    /// [`Store::open`] in a folder of the file system.
    pub fn open_in(path: &Path, expect: Expect) -> Result<Self, Error> {
        Self::open(RocksDisk::open(path)?, expect)
    }

    /// Who this is.
    pub fn identity(&self) -> &Identity {
        self.folder.identity()
    }

    /// Makes everything durable: the last act of a graceful stop, so that the next start has nothing to replay.
    pub async fn flush(&self) -> Result<(), Error> {
        self.log.flush().await?;
        self.state.flush().await
    }

    /// What the engines did so far.
    pub fn counters(&self) -> StoreCounters {
        StoreCounters { log: self.log.counters(), state: self.state.counters() }
    }
}

fn check(disk: &Arc<dyn Disk>, log: &Log, state: &State) -> Result<(), Error> {
    let applied = state.applied().map_or(0, |mark| mark.index);
    let damaged = |reason: String| Err(Error::Damaged { folder: disk.name(), reason: reason.into() });
    if let Some(purged) = log.purged().filter(|mark| mark.index > applied) {
        return damaged(format!("the state ends at entry {applied}, but the log begins behind entry {}", purged.index));
    }
    let last = log.last_index().max(applied);
    if let Some(committed) = log.committed().filter(|mark| mark.index > last) {
        return damaged(format!("the log ends at entry {last}, but entries up to {} were acknowledged", committed.index));
    }
    Ok(())
}
