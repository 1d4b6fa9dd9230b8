//! What the log and the state need from an engine: ordered bytes in families, atomic batches, and honesty about durability.
//!
//! Two engines exist: RocksDB ([`crate::rocks`]) and a simulated disk ([`crate::sim`]); `crate::conformance` holds both to this page.
//! Invariants, for every engine:
//! * A batch is atomic, in memory and after a crash, across families.
//! * Batches take effect in the order of their submits; after a crash a prefix of that order is there, and at least everything whose
//!   [`Flushed`] answered `Ok`.
//! * What was submitted is visible to `get` and `scan` when `submit` returns, before it is durable.
//! * The first failed write is sticky: it is the answer to every later submit, because nobody knows what the disk holds then.
//! * What is read is what was written, or [`Error::Corrupt`].
//!
//! Deliberately absent: transactions, merge operators, time to live, iterators that outlive a call. Reads copy values out, so that a
//! value never pins a block of the cache.

use std::sync::Arc;

use bytes::Bytes;

use crate::batch::Batch;
use crate::counters::Counters;
use crate::error::Error;
use crate::pending::{Flushed, Pending};

pub use model::{Visit, VisitEach};

/// A key space of an engine. Append only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Few small values about the rest: formats, vote, marks, membership.
    Meta,
    /// Log entries by big-endian index, or the rows of the state.
    Rows,
}

impl Family {
    /// All families, in order.
    pub const ALL: [Self; 2] = [Self::Meta, Self::Rows];

    /// Its name on disk.
    pub fn name(self) -> &'static str {
        match self {
            // RocksDB insists on a family of this name.
            Self::Meta => "default",
            Self::Rows => "rows",
        }
    }
}

/// What an engine is used for; it decides how writes become durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The Raft log: a write-ahead log, synced by one thread that drains what is queued (group commit).
    Log,
    /// The state: no write-ahead log, durable by `flush` only; what a crash takes is replayed from the Raft log.
    State,
}

/// What the returned future of a submit waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Nothing: visible at once, durable with the next synced submit or flush behind it.
    Buffered,
    /// Everything up to and including this batch survives a power loss.
    Synced,
}

/// Which keys a scan visits.
#[derive(Clone, Copy, Debug)]
pub struct Range<'a> {
    /// First key, inclusive.
    pub start: &'a [u8],
    /// End, exclusive; `None` is the end of the family.
    pub end: Option<&'a [u8]>,
    /// Visit the last key first.
    pub reverse: bool,
}

impl Range<'_> {
    /// Every key of a family.
    pub const ALL: Self = Range { start: &[], end: None, reverse: false };

    /// Whether no key can be in it.
    pub fn is_empty(&self) -> bool {
        self.end.is_some_and(|end| end <= self.start)
    }

    /// The same range as bounds for an ordered map.
    pub(crate) fn bounds(&self) -> (std::ops::Bound<&[u8]>, std::ops::Bound<&[u8]>) {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        (Included(self.start), self.end.map_or(Unbounded, Excluded))
    }
}

/// A visitor of rows: key and value, valid during the call only.
pub type Visitor<'a> = dyn FnMut(&[u8], &[u8]) -> Visit + 'a;

/// One file of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Its name in the checkpoint's folder.
    pub name: String,
    /// Its length in bytes.
    pub length: u64,
    /// CRC-32C of its bytes.
    pub crc32c: u32,
}

/// An ordered store of bytes. See the module for what every engine promises.
pub trait Engine: Send + Sync + 'static {
    /// Takes a batch. Returns when the batch is visible; the future says when it is durable. May block when far too much is queued.
    fn submit(&self, batch: Batch, durability: Durability) -> Flushed;

    /// The value of a key.
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Bytes>, Error>;

    /// Visits the rows of a range in order until the visitor stops. Not a point in time: rows written meanwhile may or may not be seen.
    fn scan(&self, family: Family, range: Range<'_>, visit: &mut Visitor<'_>) -> Result<(), Error>;

    /// A point in time to read from, which contains everything submitted before. May block for one sync on a log engine.
    fn view(&self) -> Result<Arc<dyn EngineView>, Error>;

    /// Makes everything submitted so far durable.
    fn flush(&self) -> Flushed;

    /// Writes everything submitted so far as files into the new folder `place` of the engine's disk, durable, and lists them. Such a
    /// folder can be opened by `Disk::engine`, here or on another member: that is how a snapshot is ingested.
    fn checkpoint(&self, place: &str) -> Pending<Vec<FileEntry>>;

    /// A large range was deleted: give its space back in the background. Promises nothing.
    fn trim(&self);

    /// What it did so far.
    fn counters(&self) -> Counters;
}

/// A point in time of an engine.
pub trait EngineView: Send + Sync + 'static {
    /// The value of a key.
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Bytes>, Error>;

    /// Visits the rows of a range in order until the visitor stops.
    fn scan(&self, family: Family, range: Range<'_>, visit: &mut Visitor<'_>) -> Result<(), Error>;

    /// The values of many keys, in their order.
    fn get_many(&self, family: Family, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>, Error> {
        keys.iter().map(|key| self.get(family, key)).collect()
    }

    /// Visits the rows that begin with each prefix, one prefix after the other; a stop ends that prefix only.
    fn scan_each(&self, family: Family, prefixes: &[Vec<u8>], visit: &mut VisitEach<'_>) -> Result<(), Error> {
        for (number, prefix) in prefixes.iter().enumerate() {
            self.scan(family, Range { start: prefix, end: None, reverse: false }, &mut |key, value| {
                if key.starts_with(prefix) { visit(number, key, value) } else { Visit::Stop }
            })?;
        }
        Ok(())
    }
}
