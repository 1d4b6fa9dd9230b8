//! The newest entries in memory, so that replication never reads what was just written back from the engine.
//!
//! Bounded in bytes: the oldest leave first. It always is a contiguous run that ends at the log's last entry, or it is empty. Entries
//! may leave before they are durable, because the engine shows what is submitted.

use std::collections::VecDeque;

use bytes::Bytes;

/// A contiguous run of entries.
#[derive(Debug)]
pub(crate) struct Tail {
    first: u64,
    entries: VecDeque<Bytes>,
    bytes: usize,
    limit: usize,
}

impl Tail {
    /// An empty run of at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { first: 0, entries: VecDeque::new(), bytes: 0, limit }
    }

    /// Index of its first entry, if there is any.
    pub(crate) fn first(&self) -> Option<u64> {
        (!self.entries.is_empty()).then_some(self.first)
    }

    /// Adds the entry that follows the last one; a stranger starts a new run.
    pub(crate) fn push(&mut self, index: u64, entry: Bytes) {
        if self.next() != index {
            self.clear();
            self.first = index;
        }
        self.bytes += entry.len();
        self.entries.push_back(entry);
        while self.bytes > self.limit && self.entries.len() > 1 {
            self.drop_first();
        }
    }

    /// An entry.
    pub(crate) fn get(&self, index: u64) -> Option<&Bytes> {
        let place = index.checked_sub(self.first)?;
        self.entries.get(usize::try_from(place).ok()?)
    }

    /// Forgets `index` and everything behind it.
    pub(crate) fn truncate(&mut self, index: u64) {
        while !self.entries.is_empty() && self.next() > index {
            if let Some(entry) = self.entries.pop_back() {
                self.bytes -= entry.len();
            }
        }
    }

    /// Forgets everything up to and including `index`.
    pub(crate) fn purge(&mut self, index: u64) {
        while !self.entries.is_empty() && self.first <= index {
            self.drop_first();
        }
    }

    fn next(&self) -> u64 {
        self.first + u64::try_from(self.entries.len()).unwrap_or(u64::MAX)
    }

    fn clear(&mut self) {
        self.entries.clear();
        self.bytes = 0;
    }

    fn drop_first(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.bytes -= entry.len();
            self.first += 1;
        }
    }
}
