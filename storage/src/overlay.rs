//! Changes that lie over an ordered store and are read through: a transaction's own writes, or batches not yet written.
//!
//! A put or delete of a key hides the row below. A deleted range hides every row below it, but not what was put after it. Merged scans
//! go forward and in reverse and see exactly what a store would show that had applied the changes.

use std::collections::BTreeMap;

use bytes::Bytes;
use model::Visit;

use crate::batch::{Batch, Change};
use crate::engine::{Family, Range, Visitor};
use crate::error::Error;

/// The changes. One per family.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    rows: BTreeMap<Vec<u8>, Option<Bytes>>,
    gaps: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What the overlay knows of a key.
pub(crate) enum Seen {
    /// It has this value.
    Value(Bytes),
    /// It is deleted.
    Gone,
    /// Look below.
    Below,
}

impl Overlay {
    /// Puts or, with `None`, deletes a key.
    pub(crate) fn set(&mut self, key: Vec<u8>, value: Option<Bytes>) {
        self.rows.insert(key, value);
    }

    /// Deletes a range.
    pub(crate) fn erase(&mut self, start: &[u8], end: &[u8]) {
        let hidden: Vec<Vec<u8>> =
            self.rows.range::<[u8], _>(Range { start, end: Some(end), reverse: false }.bounds()).map(|(key, _)| key.clone()).collect();
        for key in hidden {
            self.rows.remove(&key);
        }
        self.gaps.push((start.to_vec(), end.to_vec()));
    }

    /// Lays the changes of one family of a batch over what is there.
    pub(crate) fn lay(&mut self, batch: &Batch, of: Family) {
        for change in batch.changes() {
            match change {
                Change::Put { family, key, value } if family == of => self.set(key.to_vec(), Some(Bytes::copy_from_slice(value))),
                Change::Delete { family, key } if family == of => self.set(key.to_vec(), None),
                Change::DeleteRange { family, start, end } if family == of => self.erase(start, end),
                _ => {}
            }
        }
    }

    /// What it knows of a key.
    pub(crate) fn look(&self, key: &[u8]) -> Seen {
        match self.rows.get(key) {
            Some(Some(value)) => Seen::Value(value.clone()),
            Some(None) => Seen::Gone,
            None if self.hides(key) => Seen::Gone,
            None => Seen::Below,
        }
    }

    /// The changed keys in order with their new values.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&[u8], Option<&Bytes>)> {
        self.rows.iter().map(|(key, value)| (key.as_slice(), value.as_ref()))
    }

    /// How many keys are changed.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether nothing is changed.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.gaps.is_empty()
    }

    /// Visits the merge of the changes and of `below`, which must scan the same range in the same direction.
    pub(crate) fn scan(
        &self,
        range: Range<'_>,
        visit: &mut Visitor<'_>,
        below: impl FnOnce(&mut Visitor<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if range.is_empty() {
            return Ok(());
        }
        let mut rows = self.rows.range::<[u8], _>(range.bounds());
        let mut step = move || if range.reverse { rows.next_back() } else { rows.next() };
        let mut own = step();
        let mut stopped = false;
        below(&mut |key, value| {
            while let Some((mine, change)) = own {
                let before = if range.reverse { mine.as_slice() > key } else { mine.as_slice() < key };
                if !before && mine.as_slice() != key {
                    break;
                }
                own = step();
                if let Some(changed) = change
                    && visit(mine, changed) == Visit::Stop
                {
                    stopped = true;
                    return Visit::Stop;
                }
                if !before {
                    return Visit::Continue;
                }
            }
            if self.hides(key) {
                return Visit::Continue;
            }
            let answer = visit(key, value);
            stopped = answer == Visit::Stop;
            answer
        })?;
        while let Some((mine, change)) = own {
            if stopped {
                break;
            }
            if let Some(changed) = change {
                stopped = visit(mine, changed) == Visit::Stop;
            }
            own = step();
        }
        Ok(())
    }

    fn hides(&self, key: &[u8]) -> bool {
        self.gaps.iter().any(|(start, end)| start.as_slice() <= key && key < end.as_slice())
    }
}
