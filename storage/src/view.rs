//! The state at one point in time.

use std::sync::Arc;

use bytes::Bytes;
use model::{Fault, KeyRange, View, Visit, VisitEach};
use sha2::{Digest, Sha256};

use crate::engine::{EngineView, Family, Range, Visitor};
use crate::error::Error;
use crate::mark::Mark;

/// Rows of the state and the log position they stand at, both of the same instant. It never changes.
pub struct StateView {
    engine: Arc<dyn EngineView>,
    applied: Option<Mark>,
    /// Let go after the engine's view: says that the files are no longer read.
    _in_use: Arc<()>,
}

impl StateView {
    pub(crate) fn new(engine: Arc<dyn EngineView>, applied: Option<Mark>, in_use: Arc<()>) -> Self {
        Self { engine, applied, _in_use: in_use }
    }

    /// The log position of these rows; `None` before the first entry.
    pub fn applied(&self) -> Option<&Mark> {
        self.applied.as_ref()
    }

    /// The log index of these rows; 0 before the first entry.
    pub fn index(&self) -> u64 {
        self.applied.as_ref().map_or(0, |mark| mark.index)
    }

    /// SHA-256 over all rows in key order, but those whose key begins with one of `skip`. Equal on all members at the same index. Reads
    /// everything: not for a runtime that must not be delayed.
    pub fn digest(&self, skip: &[&[u8]]) -> Result<[u8; 32], Error> {
        let mut sum = Sha256::new();
        let mut add = |bytes: &[u8]| {
            // With its length, so that no row can pass for another split of the same bytes.
            sum.update(bytes.len().to_le_bytes());
            sum.update(bytes);
        };
        self.rows(Range::ALL, &mut |key, value| {
            if !skip.iter().any(|prefix| key.starts_with(prefix)) {
                add(key);
                add(value);
            }
            Visit::Continue
        })?;
        Ok(sum.finalize().into())
    }

    fn rows(&self, range: Range<'_>, visit: &mut Visitor<'_>) -> Result<(), Error> {
        self.engine.scan(Family::Rows, range, visit)
    }
}

impl View for StateView {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        Ok(self.engine.get(Family::Rows, key)?)
    }

    fn scan(&self, range: KeyRange, visit: &mut dyn FnMut(&[u8], &[u8]) -> Visit) -> Result<(), Fault> {
        Ok(self.rows(Range { start: &range.start, end: Some(&range.end), reverse: range.reverse }, visit)?)
    }

    fn get_many(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>, Fault> {
        Ok(self.engine.get_many(Family::Rows, keys)?)
    }

    fn scan_each(&self, prefixes: &[Vec<u8>], visit: &mut VisitEach<'_>) -> Result<(), Fault> {
        Ok(self.engine.scan_each(Family::Rows, prefixes, visit)?)
    }
}
