//! The writes of this member that wait for their outcome, by sequence number.
//!
//! A write stays here from its acceptance until this member's own apply meets its entry, or until its caller gives up. It knows whether it
//! was sent over the present *link* (to the present leader); a new link sends everything again, which the origin window of `model::apply`
//! makes harmless. The span between the oldest and the newest is kept below that window.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use model::Outcome;
use tokio::{sync::oneshot, time::Instant};

use crate::{Error, Written};

/// What comes of a write.
pub(crate) type Answer = oneshot::Receiver<Result<Written, Error>>;

#[derive(Debug)]
struct Slot {
    payload: Bytes,
    answer: oneshot::Sender<Result<Written, Error>>,
    /// Sent over some link at some time: it may be in the log.
    ever_sent: bool,
    /// Where in [`Table::unsent`] or on the link it is.
    sent: bool,
}

#[derive(Debug, Default)]
struct Table {
    /// Sequence of the first slot.
    first: u64,
    slots: VecDeque<Option<Slot>>,
    /// How many slots are taken.
    taken: usize,
    bytes: usize,
    /// Sequences at and above it were not sent over the present link.
    cursor: u64,
    /// Sequences below the cursor that were rejected and wait for their turn.
    again: Vec<u64>,
}

/// Bounds of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) writes: usize,
    pub(crate) bytes: usize,
    /// The greatest distance between the oldest and the newest waiting sequence.
    pub(crate) span: usize,
}

/// The table.
#[derive(Debug)]
pub(crate) struct Pending {
    table: Mutex<Table>,
    bounds: Bounds,
}

/// A write that is to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) sequence: u64,
    pub(crate) payload: Bytes,
}

impl Pending {
    pub(crate) fn new(bounds: Bounds) -> Self {
        // Sequences count from 1.
        Self { table: Mutex::new(Table { first: 1, cursor: 1, ..Table::default() }), bounds }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a write in, if the bounds allow it. `encode` gets its sequence.
    pub(crate) fn accept(&self, encode: impl FnOnce(u64) -> Result<Bytes, Error>) -> Result<(u64, Answer), Error> {
        let mut table = self.table();
        if table.taken >= self.bounds.writes || table.bytes >= self.bounds.bytes || table.slots.len() >= self.bounds.span {
            return Err(Error::Overloaded { retry_after: std::time::Duration::from_millis(100) });
        }
        let sequence = table.first + table.slots.len() as u64;
        let payload = encode(sequence)?;
        let (answer, receiver) = oneshot::channel();
        table.taken += 1;
        table.bytes += payload.len();
        table.slots.push_back(Some(Slot { payload, answer, ever_sent: false, sent: false }));
        Ok((sequence, receiver))
    }

    /// Its entry was applied.
    pub(crate) fn applied(&self, sequence: u64, index: u64, outcome: Outcome) {
        let slot = self.table().take(sequence);
        if let Some(slot) = slot {
            // Nobody waits any more: its deadline passed.
            drop(slot.answer.send(Ok(Written { index, outcome })));
        }
    }

    /// The entries of one batch were applied.
    pub(crate) fn applied_all(&self, applied: impl IntoIterator<Item = (u64, u64, Outcome)>) {
        for (sequence, index, outcome) in applied {
            self.applied(sequence, index, outcome);
        }
    }

    /// The caller gives up. Returns whether the write may be in the log; `None`: its answer was already given.
    pub(crate) fn forget(&self, sequence: u64) -> Option<bool> {
        self.table().take(sequence).map(|slot| slot.ever_sent)
    }

    /// Whether the write may be in the log; `None`: its answer was given.
    pub(crate) fn ever_sent(&self, sequence: u64) -> Option<bool> {
        self.table().slot(sequence).map(|slot| slot.ever_sent)
    }

    /// A new link: everything is to be sent again. Returns how much that concerns.
    pub(crate) fn relink(&self) -> usize {
        let mut table = self.table();
        table.cursor = table.first;
        table.again.clear();
        let mut resent = 0;
        for slot in table.slots.iter_mut().flatten() {
            resent += usize::from(slot.ever_sent);
            slot.sent = false;
        }
        resent
    }

    /// A write was sent back; it is sent again later.
    pub(crate) fn rejected(&self, sequence: u64) {
        let mut table = self.table();
        if let Some(slot) = table.slot(sequence)
            && slot.sent
        {
            slot.sent = false;
            table.again.push(sequence);
        }
    }

    /// The next writes to be sent, `limit` of them and about `bytes` at most. They count as sent.
    pub(crate) fn take_unsent(&self, limit: usize, bytes: usize) -> Vec<Outgoing> {
        let mut table = self.table();
        let mut taken = Vec::new();
        let mut size = 0;
        while taken.len() < limit && size < bytes {
            // What was forgotten or answered before it was taken is not waited for.
            table.cursor = table.cursor.max(table.first);
            let sequence = if let Some(again) = table.again.pop() {
                again
            } else if table.cursor < table.first + table.slots.len() as u64 {
                table.cursor += 1;
                table.cursor - 1
            } else {
                break;
            };
            if let Some(slot) = table.slot(sequence)
                && !slot.sent
            {
                slot.sent = true;
                slot.ever_sent = true;
                size += slot.payload.len();
                taken.push(Outgoing { sequence, payload: slot.payload.clone() });
            }
        }
        taken
    }

    /// Whether there is anything to be sent.
    pub(crate) fn has_unsent(&self) -> bool {
        let table = self.table();
        !table.again.is_empty() || table.cursor.max(table.first) < table.first + table.slots.len() as u64
    }

    /// How many wait, and their bytes.
    pub(crate) fn load(&self) -> (usize, usize) {
        let table = self.table();
        (table.taken, table.bytes)
    }

    /// The member has stopped: all who wait are told.
    pub(crate) fn fail(&self, reason: &str) {
        let slots = {
            let mut table = self.table();
            table.first += table.slots.len() as u64;
            table.taken = 0;
            table.bytes = 0;
            table.again.clear();
            std::mem::take(&mut table.slots)
        };
        for slot in slots.into_iter().flatten() {
            drop(slot.answer.send(Err(Error::Fatal(reason.to_owned()))));
        }
    }
}

impl Table {
    fn position(&self, sequence: u64) -> Option<usize> {
        usize::try_from(sequence.checked_sub(self.first)?).ok()
    }

    fn slot(&mut self, sequence: u64) -> Option<&mut Slot> {
        let position = self.position(sequence)?;
        self.slots.get_mut(position)?.as_mut()
    }

    fn take(&mut self, sequence: u64) -> Option<Slot> {
        let position = self.position(sequence)?;
        let slot = self.slots.get_mut(position)?.take()?;
        self.taken -= 1;
        self.bytes -= slot.payload.len();
        while matches!(self.slots.front(), Some(None)) {
            self.slots.pop_front();
            self.first += 1;
        }
        Some(slot)
    }
}

/// When a caller's patience ends: its deadline, or `wait` from now, whichever is first.
pub(crate) fn patience(deadline: Instant, wait: std::time::Duration) -> Instant {
    deadline.min(Instant::now() + wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(writes: usize) -> Pending {
        Pending::new(Bounds { writes, bytes: 1_000, span: 16 })
    }

    fn accept(pending: &Pending) -> (u64, Answer) {
        pending.accept(|sequence| Ok(Bytes::from(vec![7; usize::try_from(sequence).unwrap()]))).unwrap()
    }

    fn sequences(outgoing: &[Outgoing]) -> Vec<u64> {
        outgoing.iter().map(|write| write.sequence).collect()
    }

    #[tokio::test]
    async fn each_is_sent_once_per_link_and_answered_once() {
        let pending = table(10);
        let (one, first) = accept(&pending);
        let (two, _second) = accept(&pending);
        assert_eq!(sequences(&pending.take_unsent(10, 1_000)), [one, two]);
        assert!(pending.take_unsent(10, 1_000).is_empty());
        pending.rejected(two);
        assert_eq!(sequences(&pending.take_unsent(10, 1_000)), [two]);
        pending.applied(one, 9, Outcome::default());
        assert_eq!(first.await.unwrap().unwrap().index, 9);
        assert_eq!(pending.relink(), 1);
        assert_eq!(sequences(&pending.take_unsent(10, 1_000)), [two]);
        assert_eq!(pending.load(), (1, 2));
    }

    #[tokio::test]
    async fn a_rejection_after_a_relink_sends_nothing_twice() {
        let pending = table(10);
        let (one, _answer) = accept(&pending);
        pending.take_unsent(10, 1_000);
        pending.relink();
        pending.rejected(one);
        assert_eq!(sequences(&pending.take_unsent(10, 1_000)), [one]);
        assert!(pending.take_unsent(10, 1_000).is_empty());
    }

    #[tokio::test]
    async fn a_write_forgotten_before_it_was_sent_does_not_hide_the_next() {
        let pending = table(10);
        let (one, _gone) = accept(&pending);
        pending.forget(one);
        assert!(pending.take_unsent(10, 1_000).is_empty());
        let (two, _answer) = accept(&pending);
        assert!(pending.has_unsent());
        assert_eq!(sequences(&pending.take_unsent(10, 1_000)), [two]);
    }

    #[tokio::test]
    async fn bounds_hold() {
        let pending = table(2);
        let (one, _a) = accept(&pending);
        let (_, _b) = accept(&pending);
        assert!(matches!(pending.accept(|_| Ok(Bytes::new())), Err(Error::Overloaded { .. })));
        assert_eq!(pending.forget(one), Some(false));
        let (three, _c) = accept(&pending);
        assert_eq!(three, 3);
        assert_eq!(pending.forget(one), None);
    }

    #[tokio::test]
    async fn the_span_is_bounded_by_the_oldest() {
        let pending = table(1_000);
        let (_oldest, _a) = accept(&pending);
        for _ in 0..15 {
            let (sequence, _answer) = accept(&pending);
            pending.applied(sequence, 1, Outcome::default());
        }
        assert!(pending.accept(|_| Ok(Bytes::new())).is_err());
    }

    #[tokio::test]
    async fn those_who_wait_learn_of_the_end() {
        let pending = table(10);
        let (_, answer) = accept(&pending);
        pending.fail("disk");
        assert!(matches!(answer.await.unwrap(), Err(Error::Fatal(_))));
        let (two, _b) = accept(&pending);
        assert_eq!(two, 2);
    }
}
