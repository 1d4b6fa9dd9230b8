//! The state: the rows that apply made, with the log index they stand at and the membership, in one engine without a write-ahead log.
//!
//! Rows, applied mark and membership change in one atomic batch, so whatever survives a crash is the exact state of some earlier index;
//! the rest is replayed from the log. That is sound only if the log still has it: a purge may go up to [`State::flushed_applied`] and no
//! further. That mark is taken before a flush starts and published after it has succeeded, or found at opening.
//!
//! One writer (Raft's apply) and any number of readers. Readers get a [`StateView`]: rows and applied mark of one point in time. Views are
//! shared between readers until the next commit, so that a burst of reads costs one view.
//!
//! Installing a snapshot replaces the engine. Old views keep the old engine alive and whole; a transaction of the old engine can no
//! longer be committed.

use std::sync::{Arc, Mutex, RwLock, Weak};

use bytes::Bytes;

use crate::batch::Batch;
use crate::counters::Counters;
use crate::engine::{Durability, Engine, Family};
use crate::error::Error;
use crate::format::Format;
use crate::lock::{lock, read, write};
use crate::mark::Mark;
use crate::pending::Flushed;
use crate::transaction::Transaction;
use crate::view::StateView;

const FORMAT: &[u8] = b"format";
const APPLIED: &[u8] = b"applied";
const MEMBERSHIP: &[u8] = b"membership";

/// The state of one member. Clones share it.
#[derive(Clone)]
pub struct State {
    live: Arc<RwLock<Arc<Live>>>,
}

/// One engine with what is known about it.
pub(crate) struct Live {
    pub(crate) engine: Arc<dyn Engine>,
    known: Mutex<Known>,
    /// Held by this and by every view of the engine, and let go after it: while it lives, the engine's files must stay.
    in_use: Arc<()>,
}

struct Known {
    applied: Option<Mark>,
    membership: Option<Bytes>,
    flushed: Option<Mark>,
    /// Counts commits; a view may be shared while it has not moved.
    commits: u64,
    shared: Option<Arc<StateView>>,
}

impl Live {
    /// Checks an engine's format and reads its marks; what an engine has at opening is on its disk.
    pub(crate) fn open(engine: Arc<dyn Engine>) -> Result<Arc<Self>, Error> {
        let stored = engine.get(Family::Meta, FORMAT)?;
        let number = stored.as_deref().and_then(|bytes| bytes.first_chunk::<4>().copied()).map(u32::from_be_bytes);
        Format::check(number.ok_or_else(|| Error::corrupt("the state", "it has no format"))?, "the state")?;
        let applied = decode_applied(engine.get(Family::Meta, APPLIED)?)?;
        let membership = engine.get(Family::Meta, MEMBERSHIP)?;
        let known = Known { flushed: applied.clone(), applied, membership, commits: 0, shared: None };
        Ok(Arc::new(Self { engine, known: Mutex::new(known), in_use: Arc::new(()) }))
    }

    pub(crate) fn applied(&self) -> Option<Mark> {
        lock(&self.known).applied.clone()
    }

    pub(crate) fn membership(&self) -> Option<Bytes> {
        lock(&self.known).membership.clone()
    }

    fn publish_flushed(&self, mark: Option<Mark>) {
        let mut known = lock(&self.known);
        let index = |mark: &Option<Mark>| mark.as_ref().map(|mark| mark.index);
        if index(&mark) > index(&known.flushed) {
            known.flushed = mark;
        }
    }
}

impl State {
    /// Opens the state in an engine.
    ///
    /// # Errors
    /// [`Error::Newer`], [`Error::Corrupt`], or what the engine says.
    pub fn open(engine: Arc<dyn Engine>) -> Result<Self, Error> {
        Ok(Self { live: Arc::new(RwLock::new(Live::open(engine)?)) })
    }

    /// The engine in use.
    pub(crate) fn live(&self) -> Arc<Live> {
        read(&self.live).clone()
    }

    /// Puts another engine in the place of the present one, which lives on until its last view is gone; the token dies after that.
    pub(crate) fn replace(&self, live: Arc<Live>) -> Weak<()> {
        let old = std::mem::replace(&mut *write(&self.live), live);
        // A shared view would keep the old engine alive for nothing.
        let shared = lock(&old.known).shared.take();
        drop(shared);
        Arc::downgrade(&old.in_use)
    }

    /// A point in time to read from: everything committed before this call is in it.
    pub fn view(&self) -> Result<Arc<StateView>, Error> {
        let live = self.live();
        let commits = {
            let known = lock(&live.known);
            if let Some(view) = &known.shared {
                return Ok(view.clone());
            }
            known.commits
        };
        let engine = live.engine.view()?;
        let applied = decode_applied(engine.get(Family::Meta, APPLIED)?)?;
        let view = Arc::new(StateView::new(engine, applied, live.in_use.clone()));
        let mut known = lock(&live.known);
        if known.commits == commits {
            known.shared = Some(view.clone());
        }
        Ok(view)
    }

    /// Begins the one transaction of the writer: many entries go into one.
    pub fn begin(&self) -> Transaction {
        Transaction::new(self.live())
    }

    /// Ends a transaction: its rows, the index they bring the state to and, when it changed, the membership, in one atomic batch.
    /// Visible when this returns; not durable before a flush.
    ///
    /// # Errors
    /// [`Error::Refused`] when a snapshot was installed meanwhile or `applied` goes back; what the engine says, which is fatal.
    pub fn commit(&self, transaction: Transaction, applied: Mark, membership: Option<Bytes>) -> Result<(), Error> {
        let live = self.live();
        if !Arc::ptr_eq(&live, transaction.live()) {
            return Err(Error::Refused("the state was replaced by a snapshot during a transaction".into()));
        }
        if live.applied().is_some_and(|before| before.index > applied.index) {
            return Err(Error::Refused(format!("the state would go back to index {}", applied.index).into()));
        }
        let mut batch = transaction.into_batch();
        batch.put(Family::Meta, APPLIED, &applied.encode());
        if let Some(membership) = &membership {
            batch.put(Family::Meta, MEMBERSHIP, membership);
        }
        // Let go of the shared view first: the simulated disk copies what a view still holds.
        let stale = lock(&live.known).shared.take();
        drop(stale);
        live.engine.submit(batch, Durability::Buffered).now()?;
        let mut known = lock(&live.known);
        known.commits += 1;
        let stale = known.shared.take();
        known.applied = Some(applied);
        if membership.is_some() {
            known.membership = membership;
        }
        drop(known);
        drop(stale);
        Ok(())
    }

    /// The log position that the state stands at.
    pub fn applied(&self) -> Option<Mark> {
        self.live().applied()
    }

    /// The membership that was committed last, as Raft encoded it.
    pub fn membership(&self) -> Option<Bytes> {
        self.live().membership()
    }

    /// The applied mark that a crash is guaranteed to keep: the log must be kept behind it.
    pub fn flushed_applied(&self) -> Option<Mark> {
        lock(&self.live().known).flushed.clone()
    }

    /// Makes the state as it is now durable, then moves [`State::flushed_applied`].
    pub fn flush(&self) -> impl Future<Output = Result<(), Error>> + Send + 'static {
        flush(self.live())
    }

    /// What its engine did so far.
    pub fn counters(&self) -> Counters {
        self.live().engine.counters()
    }
}

/// Writes an empty state into a fresh engine and flushes it.
pub(crate) fn create(engine: &dyn Engine) -> Flushed {
    let mut batch = Batch::default();
    batch.put(Family::Meta, FORMAT, &Format::NEWEST.number().to_be_bytes());
    engine.submit(batch, Durability::Synced)
}

/// Flushes one engine and publishes the mark that was applied when the flush began.
pub(crate) fn flush(live: Arc<Live>) -> impl Future<Output = Result<(), Error>> + Send + 'static {
    let mark = live.applied();
    let flushed = live.engine.flush();
    async move {
        flushed.await?;
        live.publish_flushed(mark);
        Ok(())
    }
}

fn decode_applied(stored: Option<Bytes>) -> Result<Option<Mark>, Error> {
    let Some(stored) = stored else { return Ok(None) };
    Mark::decode(&stored).map(Some).ok_or_else(|| Error::corrupt("the state", "its applied mark is not a mark"))
}
