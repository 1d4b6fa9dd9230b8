//! The changes of one or many log entries, read through by the code that makes them, and written as one batch.
//!
//! There is one writer, so reads below the changes need no snapshot: nothing else moves. A transaction that is dropped leaves no trace.

use std::sync::Arc;

use bytes::Bytes;
use model::{Fault, KeyRange, Tables, View, Visit};

use crate::batch::Batch;
use crate::engine::{Family, Range};
use crate::overlay::{Overlay, Seen};
use crate::state::Live;

/// An unfinished change of the state. Ends in [`crate::State::commit`].
pub struct Transaction {
    live: Arc<Live>,
    changes: Overlay,
    bytes: usize,
}

impl Transaction {
    pub(crate) fn new(live: Arc<Live>) -> Self {
        Self { live, changes: Overlay::default(), bytes: 0 }
    }

    /// Bytes of keys and values put so far: a bound on what one batch should hold.
    pub fn size(&self) -> usize {
        self.bytes
    }

    pub(crate) fn live(&self) -> &Arc<Live> {
        &self.live
    }

    pub(crate) fn into_batch(self) -> Batch {
        let mut batch = Batch::with_capacity(self.changes.len() + 2, self.bytes + 256);
        for (key, value) in self.changes.rows() {
            match value {
                Some(value) => batch.put(Family::Rows, key, value),
                None => batch.delete(Family::Rows, key),
            }
        }
        batch
    }
}

impl View for Transaction {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        match self.changes.look(key) {
            Seen::Value(value) => Ok(Some(value)),
            Seen::Gone => Ok(None),
            Seen::Below => Ok(self.live.engine.get(Family::Rows, key)?),
        }
    }

    fn scan(&self, range: KeyRange, visit: &mut dyn FnMut(&[u8], &[u8]) -> Visit) -> Result<(), Fault> {
        let range = Range { start: &range.start, end: Some(&range.end), reverse: range.reverse };
        Ok(self.changes.scan(range, visit, |visit| self.live.engine.scan(Family::Rows, range, visit))?)
    }
}

impl Tables for Transaction {
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.bytes += key.len() + value.len();
        self.changes.set(key, Some(value.into()));
    }

    fn delete(&mut self, key: Vec<u8>) {
        self.bytes += key.len();
        self.changes.set(key, None);
    }
}
