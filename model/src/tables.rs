//! What apply and queries need from a store: ordered bytes, nothing more.
//!
//! A whole key starts with its table's byte (`table`); see `record` for the typed layer. A store that fails to read is a [`Fault`]:
//! the member that meets one can no longer follow the log and stops. There is no async, no clock and no chance behind these traits.

use std::collections::BTreeMap;

use bytes::Bytes;

/// The first byte of every key, one per table. Append only; a byte is never used again.
pub mod table {
    /// Cluster records by id.
    pub const CLUSTER: u8 = b'c';
    /// Container records by id.
    pub const CONTAINER: u8 = b'k';
    /// The event log, by log index and position in the entry.
    pub const EVENT: u8 = b'e';
    /// Remembered outcomes by idempotency key.
    pub const IDEMPOTENCY: u8 = b'i';
    /// Secondary indexes of all records.
    pub const INDEX: u8 = b'x';
    /// Members of ours by number.
    pub const MEMBER: u8 = b'm';
    /// Single values: counters, versions, log time.
    pub const META: u8 = b's';
    /// Node records by id.
    pub const NODE: u8 = b'n';
    /// Node groups by id.
    pub const NODE_GROUP: u8 = b'g';
    /// Operations by id.
    pub const OPERATION: u8 = b'p';
    /// Remembered outcomes by member and slot of the origin's sequence.
    pub const ORIGIN: u8 = b'w';
    /// Owners by cluster.
    pub const OWNERSHIP: u8 = b'o';
    /// Quotas by project and resource.
    pub const QUOTA: u8 = b'q';
    /// Sinks of events by name.
    pub const SINK: u8 = b'd';
    /// Templates by id.
    pub const TEMPLATE: u8 = b't';
}

/// Something that must never happen: the store broke or the log holds what this build cannot read. Not a refusal: a member that meets
/// one stops, because it can no longer follow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The store could not be read.
    #[error("the state could not be read: {0}")]
    Store(String),
    /// A stored record could not be decoded.
    #[error("record {key} of the state is damaged: {reason}")]
    Record {
        /// The record's key, printable.
        key: String,
        /// What the decoder said.
        reason: String,
    },
    /// A log entry could not be decoded.
    #[error("log entry {index} cannot be decoded: {reason}")]
    Entry {
        /// Its log index.
        index: u64,
        /// What the decoder said.
        reason: String,
    },
    /// A log entry needs a newer program.
    #[error("log entry {index} needs cluster version {needed}, this program supports {supported}: upgrade this member")]
    TooNew {
        /// Its log index.
        index: u64,
        /// The version it was written for.
        needed: u32,
        /// The newest version this build knows.
        supported: u32,
    },
}

/// Which keys a scan visits: `start` inclusive, `end` exclusive, in key order or against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// First key, inclusive.
    pub start: Vec<u8>,
    /// End, exclusive.
    pub end: Vec<u8>,
    /// Visit the last key first.
    pub reverse: bool,
}

impl KeyRange {
    /// All keys that begin with `prefix`.
    pub fn prefix(prefix: &[u8]) -> Self {
        Self { start: prefix.to_vec(), end: after_prefix(prefix), reverse: false }
    }
    /// The same keys, last first.
    #[must_use]
    pub fn backwards(mut self) -> Self {
        self.reverse = true;
        self
    }
}

/// The smallest key that is larger than every key with this prefix.
fn after_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return end;
        }
    }
    vec![0xff; prefix.len() + 1]
}

/// What a scan's visitor answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visit {
    /// Go on.
    Continue,
    /// Enough.
    Stop,
}

/// A visitor of the rows of several prefixes: the prefix's number, key and value, valid during the call only.
pub type VisitEach<'a> = dyn FnMut(usize, &[u8], &[u8]) -> Visit + 'a;

/// A state to read from, all of it as of one log index.
pub trait View {
    /// The value under `key`.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Fault>;
    /// Visits the keys of `range` in order until the visitor stops.
    fn scan(&self, range: KeyRange, visit: &mut dyn FnMut(&[u8], &[u8]) -> Visit) -> Result<(), Fault>;
    /// The values under `keys`, in their order: for many at once, which a store may find quicker together.
    fn get_many(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>, Fault> {
        keys.iter().map(|key| self.get(key)).collect()
    }
    /// Visits the keys that begin with each of `prefixes`, one prefix after the other, with the prefix's number; a stop ends that prefix
    /// only. For many short ranges, which a store may walk quicker together.
    fn scan_each(&self, prefixes: &[Vec<u8>], visit: &mut VisitEach<'_>) -> Result<(), Fault> {
        for (number, prefix) in prefixes.iter().enumerate() {
            self.scan(KeyRange::prefix(prefix), &mut |key, value| visit(number, key, value))?;
        }
        Ok(())
    }
}

/// A state that apply may change; it reads its own writes.
pub trait Tables: View {
    /// Puts `value` under `key`.
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>);
    /// Removes `key`, which may be absent.
    fn delete(&mut self, key: Vec<u8>);
}

/// Tables in memory: for tests, checks and replays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryTables {
    rows: BTreeMap<Vec<u8>, Bytes>,
}

impl MemoryTables {
    /// All rows in key order.
    pub fn rows(&self) -> &BTreeMap<Vec<u8>, Bytes> {
        &self.rows
    }
}

impl View for MemoryTables {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        Ok(self.rows.get(key).cloned())
    }

    fn scan(&self, range: KeyRange, visit: &mut dyn FnMut(&[u8], &[u8]) -> Visit) -> Result<(), Fault> {
        if range.start >= range.end {
            return Ok(());
        }
        let mut rows = self.rows.range(range.start..range.end);
        loop {
            let row = if range.reverse { rows.next_back() } else { rows.next() };
            match row {
                Some((key, value)) if visit(key, value) == Visit::Continue => {}
                _ => return Ok(()),
            }
        }
    }
}

impl Tables for MemoryTables {
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.rows.insert(key, Bytes::from(value));
    }
    fn delete(&mut self, key: Vec<u8>) {
        self.rows.remove(&key);
    }
}
