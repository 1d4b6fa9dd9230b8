//! Snapshots: checkpoints of the state as files, made here, sent elsewhere, received, installed.
//!
//! * **Build**: flush the state, link a checkpoint into `snapshots/<name>/`, read applied mark and membership out of the checkpoint itself
//!   (apply goes on meanwhile, so memory would lie), and write `<name>.listing` last: a folder without a listing is rubbish.
//! * **Send**: the listing, then the files in its order, in chunks, any number of times.
//! * **Receive**: [`Incoming`] takes the chunks, checks lengths and checksums, syncs.
//! * **Install**: the files become a new state folder, which is opened and checked; then the pointer file `CURRENT_STATE` is replaced:
//!   that is the moment of the switch, before it the old state is in force, after it the new one. The old folder is removed once nobody
//!   reads from it any more, at the latest when the member starts again.
//!
//! The newest snapshot is kept, and older ones while somebody holds them. All file work runs on the disk's thread.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};

use bytes::Bytes;

use crate::disk::{Disk, Open, on_disk};
use crate::engine::Kind;
use crate::error::Error;
use crate::format::Format;
use crate::incoming::{Incoming, Received};
use crate::listing::Listing;
use crate::lock::lock;
use crate::mark::Mark;
use crate::pending::Pending;
use crate::places;
use crate::pointer;
use crate::state::{self, Live, State};

const LISTING: &str = ".listing";
const LISTING_BYTES: usize = 64 << 20;

/// A snapshot on this member's disk; its files stay while a clone of this lives.
#[derive(Clone, Debug)]
pub struct Snapshot(Arc<Held>);

#[derive(Debug)]
struct Held {
    name: String,
    listing: Listing,
}

impl Snapshot {
    /// Its name on this disk.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What it consists of.
    pub fn listing(&self) -> &Listing {
        &self.0.listing
    }

    /// The log position of the rows in it.
    pub fn applied(&self) -> &Mark {
        &self.0.listing.applied
    }

    /// The membership at that position.
    pub fn membership(&self) -> Option<&Bytes> {
        self.0.listing.membership.as_ref()
    }
}

/// The snapshots of one member. Clones share them.
#[derive(Clone)]
pub struct Snapshots(Arc<Inner>);

struct Inner {
    disk: Arc<dyn Disk>,
    state: State,
    incarnation: u64,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    snapshots: BTreeMap<String, Arc<Held>>,
    /// Old state folders, with what lives while they are read.
    retired: Vec<(String, Weak<()>)>,
    made: u64,
}

impl Snapshots {
    /// Finds the snapshots on the disk and removes what an earlier life left unfinished.
    pub(crate) fn open(disk: Arc<dyn Disk>, state: State, incarnation: u64) -> Result<Self, Error> {
        disk.remove(places::INCOMING)?;
        let mut kept = Kept::default();
        let names = disk.list(places::SNAPSHOTS)?;
        for listed in names.iter().filter_map(|name| name.strip_suffix(LISTING)) {
            let path = listing_path(listed);
            match read_listing(&*disk, &path) {
                Ok(listing) => {
                    kept.snapshots.insert(listed.to_owned(), Arc::new(Held { name: listed.to_owned(), listing }));
                }
                Err(error) => {
                    // A snapshot is a copy: without it a new one is built.
                    tracing::warn!(snapshot = listed, %error, "an unusable snapshot is removed");
                    disk.remove(&path)?;
                }
            }
        }
        for name in names.iter().filter(|name| !name.ends_with(LISTING) && !kept.snapshots.contains_key(*name)) {
            disk.remove(&folder_path(name))?;
        }
        let snapshots = Self(Arc::new(Inner { disk, state, incarnation, kept: Mutex::new(kept) }));
        snapshots.prune()?;
        Ok(snapshots)
    }

    /// The newest snapshot.
    pub fn latest(&self) -> Option<Snapshot> {
        let kept = lock(&self.0.kept);
        let newest = kept.snapshots.values().max_by_key(|held| held.listing.applied.index);
        newest.map(|held| Snapshot(held.clone()))
    }

    /// Makes a snapshot of the state as it is, durable, and moves [`State::flushed_applied`] with it. Older ones go.
    ///
    /// # Errors
    /// [`Error::Refused`] when nothing was ever applied; what the engine says.
    pub fn build(&self) -> impl Future<Output = Result<Snapshot, Error>> + Send + 'static {
        let this = self.clone();
        async move {
            let live = this.0.state.live();
            let Some(mark) = live.applied() else {
                return Err(Error::Refused("there is nothing to make a snapshot of".into()));
            };
            state::flush(live.clone()).await?;
            let name = {
                let mut kept = lock(&this.0.kept);
                kept.made += 1;
                format!("{:020}-{}-{}", mark.index, this.0.incarnation, kept.made)
            };
            let files = live.engine.checkpoint(&folder_path(&name)).await?;
            drop(live);
            model::fault_point!("storage::snapshot::linked");
            let disk = this.0.disk.clone();
            on_disk(&disk.clone(), move || {
                let looked = disk.engine(&folder_path(&name), Kind::State, Open::ReadOnly).and_then(Live::open)?;
                let applied = looked.applied().ok_or_else(|| Error::corrupt("the new snapshot", "it has no applied mark"))?;
                let listing = Listing { format: Format::NEWEST, applied, membership: looked.membership(), files };
                drop(looked);
                disk.replace(&listing_path(&name), &listing.encode())?;
                model::fault_point!("storage::snapshot::listed");
                let held = Arc::new(Held { name: name.clone(), listing });
                lock(&this.0.kept).snapshots.insert(name, held.clone());
                this.prune()?;
                Ok(Snapshot(held))
            })
            .await
        }
    }

    /// At most `max` bytes of one of a snapshot's files from `offset`; empty at its end.
    ///
    /// # Errors
    /// [`Error::Snapshot`] when the snapshot has no such file.
    pub fn read(&self, snapshot: &Snapshot, file: &str, offset: u64, max: usize) -> Pending<Bytes> {
        let no_file = Error::Snapshot { name: snapshot.name().into(), reason: format!("it has no file {file}").into() };
        if !snapshot.listing().files.iter().any(|entry| entry.name == file) {
            return Pending::ready(Err(no_file));
        }
        let path = format!("{}/{file}", folder_path(snapshot.name()));
        let (disk, held) = (self.0.disk.clone(), snapshot.clone());
        on_disk(&self.0.disk, move || {
            let bytes = disk.read(&path, offset, max)?.ok_or(no_file);
            drop(held);
            bytes
        })
    }

    /// Begins to receive a snapshot; the chunks go to what is returned. One at a time: an older attempt is given up.
    ///
    /// # Errors
    /// [`Error::Snapshot`] when the state is newer already.
    pub fn receive(&self, listing: Listing) -> Result<Incoming, Error> {
        self.refuse_older(&listing)?;
        let made = {
            let mut kept = lock(&self.0.kept);
            kept.made += 1;
            kept.made
        };
        Ok(Incoming::new(self.0.disk.clone(), format!("{}/{}-{made}", places::INCOMING, listing.applied.index), listing))
    }

    /// Makes a received snapshot the state. When this returns the switch is durable, and new views see the new state.
    ///
    /// # Errors
    /// [`Error::Snapshot`] when the files are not what they were announced as or the state has become newer; then the old state stays.
    pub fn install(&self, received: Received) -> Pending<()> {
        let this = self.clone();
        on_disk(&self.0.disk, move || this.switch(&received))
    }

    fn switch(&self, received: &Received) -> Result<(), Error> {
        let Inner { disk, state, .. } = &*self.0;
        let listing = received.listing();
        self.refuse_older(listing)?;
        let old = pointer::read(&**disk)?;
        let fresh = pointer::next(&**disk)?;
        disk.rename(received.place(), &fresh)?;
        let opened = disk.engine(&fresh, Kind::State, Open::Existing).and_then(Live::open);
        let live = opened.and_then(|live| {
            if live.applied().as_ref() == Some(&listing.applied) && live.membership() == listing.membership {
                return Ok(live);
            }
            Err(snapshot_error(listing, "its files say another position or membership than its listing"))
        });
        let live = match live {
            Ok(live) => live,
            Err(error) => {
                disk.remove(&fresh)?;
                return Err(error);
            }
        };
        model::fault_point!("storage::switch::before");
        pointer::write(&**disk, &fresh)?;
        model::fault_point!("storage::switch::after");
        let in_use = state.replace(live);
        lock(&self.0.kept).retired.push((old, in_use));
        self.sweep()
    }

    fn refuse_older(&self, listing: &Listing) -> Result<(), Error> {
        match self.0.state.applied() {
            Some(applied) if applied.index > listing.applied.index => {
                Err(snapshot_error(listing, &format!("the state is at {} already", applied.index)))
            }
            _ => Ok(()),
        }
    }

    /// Removes snapshots that are neither the newest nor held by anybody.
    fn prune(&self) -> Result<(), Error> {
        let gone: Vec<String> = {
            let mut kept = lock(&self.0.kept);
            let newest = kept.snapshots.values().map(|held| held.listing.applied.index).max();
            let gone = kept.snapshots.values().filter(|held| Some(held.listing.applied.index) != newest && Arc::strong_count(held) == 1);
            let gone: Vec<String> = gone.map(|held| held.name.clone()).collect();
            for name in &gone {
                kept.snapshots.remove(name);
            }
            gone
        };
        for name in gone {
            self.0.disk.remove(&listing_path(&name))?;
            self.0.disk.remove(&folder_path(&name))?;
        }
        self.sweep()
    }

    /// Removes old state folders that nobody reads from any more.
    fn sweep(&self) -> Result<(), Error> {
        let gone: Vec<String> = {
            let mut kept = lock(&self.0.kept);
            let (idle, busy) = std::mem::take(&mut kept.retired).into_iter().partition(|(_, in_use)| in_use.strong_count() == 0);
            kept.retired = busy;
            let idle: Vec<(String, Weak<()>)> = idle;
            idle.into_iter().map(|(folder, _)| folder).collect()
        };
        gone.iter().try_for_each(|folder| self.0.disk.remove(folder))
    }
}

fn snapshot_error(listing: &Listing, reason: &str) -> Error {
    Error::Snapshot { name: format!("at {}", listing.applied.index).into(), reason: reason.into() }
}

fn folder_path(name: &str) -> String {
    format!("{}/{name}", places::SNAPSHOTS)
}

fn listing_path(name: &str) -> String {
    format!("{}/{name}{LISTING}", places::SNAPSHOTS)
}

fn read_listing(disk: &dyn Disk, path: &str) -> Result<Listing, Error> {
    let bytes = disk.read(path, 0, LISTING_BYTES)?.unwrap_or_default();
    Listing::decode(&bytes)
}
