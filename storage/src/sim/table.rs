//! One simulated engine: rows as everybody sees them, rows as the disk has them, and the batches between.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use model::Visit;
use tokio::time::Instant;

use crate::batch::{Batch, Change};
use crate::counters::Counters;
use crate::engine::{Family, Range, Visitor};
use crate::error::Error;

/// A stored value with the checksum it was written with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    value: Bytes,
    crc: u32,
}

impl Cell {
    pub(crate) fn new(value: &[u8]) -> Self {
        Self { value: Bytes::copy_from_slice(value), crc: crc32c::crc32c(value) }
    }

    /// The value, if it is what was written; `rot` flips a bit on the way.
    pub(crate) fn read(&self, rot: Option<u32>) -> Result<Bytes, Error> {
        let value = rot.map_or_else(|| self.value.clone(), |bit| flip(&self.value, bit));
        if crc32c::crc32c(&value) == self.crc && (rot.is_none() || !self.value.is_empty()) {
            return Ok(value);
        }
        Err(Error::corrupt("a row of the simulated disk", "its checksum does not match"))
    }

    /// Flips a bit for good.
    pub(crate) fn spoil(&mut self, bit: u32) {
        self.value = flip(&self.value, bit);
        if self.value.is_empty() {
            self.crc = !self.crc;
        }
    }
}

fn flip(value: &Bytes, bit: u32) -> Bytes {
    let mut bytes = value.to_vec();
    let count = u32::try_from(bytes.len()).unwrap_or(u32::MAX).max(1);
    let place = usize::try_from(bit / 8 % count).unwrap_or(0);
    if let Some(byte) = bytes.get_mut(place) {
        *byte ^= 1 << (bit % 8);
    }
    bytes.into()
}

/// The rows of both families.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    meta: BTreeMap<Bytes, Cell>,
    rows: BTreeMap<Bytes, Cell>,
}

impl Rows {
    pub(crate) fn family(&self, family: Family) -> &BTreeMap<Bytes, Cell> {
        match family {
            Family::Meta => &self.meta,
            Family::Rows => &self.rows,
        }
    }

    pub(crate) fn family_mut(&mut self, family: Family) -> &mut BTreeMap<Bytes, Cell> {
        match family {
            Family::Meta => &mut self.meta,
            Family::Rows => &mut self.rows,
        }
    }

    pub(crate) fn apply(&mut self, batch: &Batch) {
        for change in batch.changes() {
            match change {
                Change::Put { family, key, value } => {
                    self.family_mut(family).insert(Bytes::copy_from_slice(key), Cell::new(value));
                }
                Change::Delete { family, key } => {
                    self.family_mut(family).remove(key);
                }
                Change::DeleteRange { family, start, end } => {
                    let range = Range { start, end: Some(end), reverse: false };
                    let rows = self.family_mut(family);
                    let gone: Vec<Bytes> = rows.range::<[u8], _>(range.bounds()).map(|(key, _)| key.clone()).collect();
                    for key in gone {
                        rows.remove(&key);
                    }
                }
            }
        }
    }

    /// Visits rows; `rot` says for each whether a bit flips on the way.
    pub(crate) fn scan(
        &self,
        family: Family,
        range: Range<'_>,
        rot: &mut dyn FnMut() -> Option<u32>,
        visit: &mut Visitor<'_>,
    ) -> Result<(), Error> {
        if range.is_empty() {
            return Ok(());
        }
        let mut rows = self.family(family).range::<[u8], _>(range.bounds());
        while let Some((key, cell)) = if range.reverse { rows.next_back() } else { rows.next() } {
            if visit(key, &cell.read(rot())?) == Visit::Stop {
                break;
            }
        }
        Ok(())
    }
}

/// One engine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    /// What everybody sees; shared with views, copied when written while one lives.
    pub(crate) now: Arc<Rows>,
    /// What the disk has.
    pub(crate) safe: Rows,
    /// Batches that the disk does not have, oldest first.
    pub(crate) waiting: VecDeque<Batch>,
    /// Batches ever submitted.
    pub(crate) submitted: u64,
    pub(crate) broken: Option<Error>,
    pub(crate) counters: Counters,
    /// When the last flush under way will be done: later ones are never done earlier.
    pub(crate) busy_until: Option<Instant>,
}

impl Table {
    /// An engine whose rows are all on the disk.
    pub(crate) fn of(rows: Rows) -> Self {
        Self { now: Arc::new(rows.clone()), safe: rows, ..Self::default() }
    }

    /// Takes a batch.
    pub(crate) fn submit(&mut self, batch: Batch) {
        self.counters.taken(batch.size());
        self.counters.writes += 1;
        Arc::make_mut(&mut self.now).apply(&batch);
        self.waiting.push_back(batch);
        self.submitted += 1;
    }

    /// Brings everything up to batch number `upto` to the disk.
    pub(crate) fn settle(&mut self, upto: u64) {
        let unsettled = self.submitted.saturating_sub(upto);
        while u64::try_from(self.waiting.len()).is_ok_and(|waiting| waiting > unsettled) {
            if let Some(batch) = self.waiting.pop_front() {
                self.safe.apply(&batch);
            }
        }
    }

    /// Loses all but the first `keep` of the batches that the disk does not have.
    pub(crate) fn crash(&mut self, keep: usize) {
        for batch in self.waiting.drain(..).take(keep) {
            self.safe.apply(&batch);
        }
        *self = Self::of(std::mem::take(&mut self.safe));
    }
}
