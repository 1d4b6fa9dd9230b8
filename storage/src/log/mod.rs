//! The Raft log: entries by index, the vote, the committed mark and the purge mark, in an engine of their own.
//!
//! Entries are opaque bytes (the term is inside, Raft's business). Invariants:
//! * The entries kept are exactly those from the purge mark (exclusive) to the last index, without a hole. An append that would make one
//!   is refused, a hole found at opening or in a read is damage.
//! * Vote, appends, truncations and purges reach the disk in the order of the calls: one engine, one queue.
//! * The committed mark is buffered and reaches the disk behind the entries it names: a log that is shorter than its committed mark has
//!   lost acknowledged entries. [`crate::Store`] checks that against the state.
//! * The purge mark is durable before an entry goes. Entries go in large steps by one range deletion, and the front is never searched for
//!   by iterating: the mark says where the log begins.
//! * A truncation removes the suffix from memory and from the engine, before anything can be appended in its place.
//!
//! Deliberately absent: knowledge of the state. Whether a purge is safe is asked of [`crate::State::flushed_applied`] by the caller.

mod tail;

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use model::Visit;

use crate::batch::Batch;
use crate::counters::Counters;
use crate::engine::{Durability, Engine, Family, Range};
use crate::error::Error;
use crate::format::Format;
use crate::lock::lock;
use crate::log::tail::Tail;
use crate::mark::Mark;
use crate::pending::{Flushed, Pending};

const FORMAT: &[u8] = b"format";
const VOTE: &[u8] = b"vote";
const COMMITTED: &[u8] = b"committed";
const PURGED: &[u8] = b"purged";

/// Bytes of recent entries kept in memory.
pub const TAIL_BYTES: usize = 16 << 20;
/// Entries that are purged together; fewer stay on the disk behind the mark until more have come.
pub const PURGE_STEP: u64 = 5_000;
/// How often a read that lost a race with a truncation or purge looks again.
const READ_TRIES: usize = 3;

/// The log of one member. Clones share it.
#[derive(Clone)]
pub struct Log {
    engine: Arc<dyn Engine>,
    state: Arc<Mutex<State>>,
}

struct State {
    vote: Option<Bytes>,
    committed: Option<Mark>,
    purged: Option<Mark>,
    /// Index of the first entry.
    first: u64,
    /// Index of the last entry, or of the purge mark when there is none; 0 also when nothing was ever written.
    last: u64,
    /// Whether there is any entry; else `first` means nothing.
    filled: bool,
    /// First index that may still be in the engine.
    kept_from: u64,
    /// Counts truncations and purges.
    cuts: u64,
    tail: Tail,
}

impl State {
    fn purged_index(&self) -> Option<u64> {
        self.purged.as_ref().map(|mark| mark.index)
    }

    /// The index an append must start with, if only one will do.
    fn expected(&self) -> Option<u64> {
        if self.filled { Some(self.last + 1) } else { self.purged_index().map(|index| index + 1) }
    }
}

impl Log {
    /// Opens the log in an engine and checks it: format, no hole between the purge mark and the last entry.
    ///
    /// # Errors
    /// [`Error::Newer`], [`Error::Hole`], [`Error::Corrupt`], or what the engine says.
    pub fn open(engine: Arc<dyn Engine>) -> Result<Self, Error> {
        check_format(&*engine)?;
        let purged = read_mark(&*engine, PURGED)?;
        let first = purged.as_ref().map_or(0, |mark| mark.index + 1);
        let span = check_entries(&*engine, first)?;
        if let (Some(span), Some(_)) = (&span, &purged)
            && *span.start() != first
        {
            return Err(Error::Hole { missing: first });
        }
        // Without a purge Raft's logs begin at 0 or 1, never later.
        if let (Some(span), None) = (&span, &purged)
            && *span.start() > 1
        {
            return Err(Error::Hole { missing: 1 });
        }
        let state = State {
            vote: engine.get(Family::Meta, VOTE)?,
            committed: read_mark(&*engine, COMMITTED)?,
            first: span.as_ref().map_or(first, |span| *span.start()),
            last: span.as_ref().map_or(first.saturating_sub(1), |span| *span.end()),
            filled: span.is_some(),
            purged,
            kept_from: 0,
            cuts: 0,
            tail: Tail::new(TAIL_BYTES),
        };
        Ok(Self { engine, state: Arc::new(Mutex::new(state)) })
    }

    /// Appends entries with consecutive indexes behind the last one. Readable when this returns; durable when the future says so.
    /// The bytes are kept in memory for a while: they must own their buffer, not be a slice of a larger one.
    pub fn append(&self, entries: Vec<(u64, Bytes)>) -> Flushed {
        let size: usize = entries.iter().map(|(_, entry)| entry.len() + 8).sum();
        let mut batch = Batch::with_capacity(entries.len(), size);
        let mut state = lock(&self.state);
        let mut expected = state.expected();
        for (index, entry) in &entries {
            if let Some(expected) = expected.filter(|expected| expected != index) {
                return Pending::ready(Err(Error::OutOfOrder { expected, got: *index }));
            }
            expected = Some(index + 1);
            batch.put(Family::Rows, &index.to_be_bytes(), entry);
        }
        if let Some((first, _)) = entries.first().filter(|_| !state.filled) {
            state.first = *first;
        }
        for (index, entry) in entries {
            state.last = index;
            state.filled = true;
            state.tail.push(index, entry);
        }
        // Under the lock, so that the engine sees appends, truncations and purges in the order in which memory does.
        self.engine.submit(batch, Durability::Synced)
    }

    /// Removes entry `index` and everything behind it. Refused below the purge mark.
    pub fn truncate_from(&self, index: u64) -> Flushed {
        let mut state = lock(&self.state);
        if let Some(upto) = state.purged_index().filter(|upto| index <= *upto) {
            return Pending::ready(Err(Error::Purged { upto }));
        }
        if !state.filled || index > state.last {
            return Pending::ready(Ok(()));
        }
        let mut batch = Batch::default();
        batch.delete_range(Family::Rows, &index.to_be_bytes(), &(state.last + 1).to_be_bytes());
        state.cuts += 1;
        state.tail.truncate(index);
        state.filled = index > state.first;
        state.last = if state.filled { index - 1 } else { state.purged_index().unwrap_or(0) };
        self.engine.submit(batch, Durability::Synced)
    }

    /// Forgets everything up to and including `mark`, which may lie behind the last entry (then the log is empty and goes on there).
    /// Call it only with what a flushed state or a snapshot covers. An older mark than the current one does nothing.
    pub fn purge_to(&self, mark: Mark) -> Flushed {
        let mut state = lock(&self.state);
        if state.purged_index().is_some_and(|upto| mark.index <= upto) {
            return Pending::ready(Ok(()));
        }
        let mut batch = Batch::default();
        batch.put(Family::Meta, PURGED, &mark.encode());
        let next = mark.index + 1;
        let emptied = !state.filled || mark.index >= state.last;
        let step = emptied || next - state.kept_from >= PURGE_STEP;
        if step {
            batch.delete_range(Family::Rows, &state.kept_from.to_be_bytes(), &next.to_be_bytes());
            state.kept_from = next;
        }
        state.cuts += 1;
        state.tail.purge(mark.index);
        if emptied {
            state.filled = false;
            state.last = mark.index;
        }
        state.first = next.max(state.first);
        state.purged = Some(mark);
        let flushed = self.engine.submit(batch, Durability::Synced);
        if step {
            self.engine.trim();
        }
        flushed
    }

    /// The entries of a range in order, up to about `max_bytes` but at least one; fewer when the log ends before the range does. Empty only
    /// when the range is empty or begins behind the last entry.
    ///
    /// # Errors
    /// [`Error::Purged`] when the range begins at or before the purge mark: a snapshot has what is asked for.
    pub fn entries(&self, range: std::ops::Range<u64>, max_bytes: usize) -> Result<Vec<(u64, Bytes)>, Error> {
        self.collect(range, max_bytes, false)
    }

    /// Like [`Log::entries`], but begins with the first entry there is when earlier ones are purged.
    pub fn present(&self, range: std::ops::Range<u64>, max_bytes: usize) -> Result<Vec<(u64, Bytes)>, Error> {
        self.collect(range, max_bytes, true)
    }

    fn collect(&self, range: std::ops::Range<u64>, max_bytes: usize, clip: bool) -> Result<Vec<(u64, Bytes)>, Error> {
        let mut tries = READ_TRIES;
        loop {
            let (kept, newer, cuts) = {
                let state = lock(&self.state);
                if let Some(upto) = state.purged_index().filter(|upto| !clip && range.start <= *upto && range.start < range.end) {
                    return Err(Error::Purged { upto });
                }
                if !state.filled {
                    return Ok(Vec::new());
                }
                let start = range.start.max(state.first);
                let end = range.end.min(state.last + 1).max(start);
                let middle = state.tail.first().map_or(end, |first| first.clamp(start, end));
                let newer = recent(&state.tail, middle..end, max_bytes, start == middle);
                (start..middle, newer, state.cuts)
            };
            let missing = match self.gather(kept, newer, max_bytes)? {
                // A suffix that was cut and written again meanwhile must not stand behind entries of before.
                Ok(entries) if lock(&self.state).cuts == cuts => return Ok(entries),
                Ok(_) => range.start,
                Err(missing) => missing,
            };
            tries -= 1;
            if tries == 0 || lock(&self.state).cuts == cuts {
                return Err(Error::Hole { missing });
            }
        }
    }

    /// Reads `kept` from the engine and puts `newer` behind it, within the limit; or says which entry is missing.
    fn gather(
        &self,
        kept: std::ops::Range<u64>,
        newer: Vec<(u64, Bytes)>,
        max_bytes: usize,
    ) -> Result<Result<Vec<(u64, Bytes)>, u64>, Error> {
        let mut found = Vec::new();
        let mut bytes = 0;
        let mut full = false;
        let mut next = kept.start;
        if !kept.is_empty() {
            let (start, end) = (kept.start.to_be_bytes(), kept.end.to_be_bytes());
            let span = Range { start: &start, end: Some(&end), reverse: false };
            self.engine.scan(Family::Rows, span, &mut |key, value| {
                if key != next.to_be_bytes() {
                    return Visit::Stop;
                }
                found.push((next, Bytes::copy_from_slice(value)));
                next += 1;
                bytes += value.len();
                full = bytes >= max_bytes;
                if full { Visit::Stop } else { Visit::Continue }
            })?;
            if !full && next < kept.end {
                return Ok(Err(next));
            }
        }
        for (index, entry) in newer {
            if full {
                break;
            }
            bytes += entry.len();
            full = bytes >= max_bytes;
            found.push((index, entry));
        }
        Ok(Ok(found))
    }

    /// Keeps Raft's vote. Durable, in order with the appends before and after it.
    pub fn save_vote(&self, vote: Bytes) -> Flushed {
        let mut batch = Batch::default();
        batch.put(Family::Meta, VOTE, &vote);
        let mut state = lock(&self.state);
        state.vote = Some(vote);
        self.engine.submit(batch, Durability::Synced)
    }

    /// The vote kept last, durable or about to be.
    pub fn vote(&self) -> Option<Bytes> {
        lock(&self.state).vote.clone()
    }

    /// Keeps how far the log is known to be committed. Visible at once, durable with the next write that is: losing it costs only time.
    pub fn save_committed(&self, mark: Mark) -> Flushed {
        let mut batch = Batch::default();
        batch.put(Family::Meta, COMMITTED, &mark.encode());
        let mut state = lock(&self.state);
        state.committed = Some(mark);
        self.engine.submit(batch, Durability::Buffered)
    }

    /// The committed mark kept last.
    pub fn committed(&self) -> Option<Mark> {
        lock(&self.state).committed.clone()
    }

    /// The purge mark: the log begins behind it.
    pub fn purged(&self) -> Option<Mark> {
        lock(&self.state).purged.clone()
    }

    /// The last entry, or `None` when there is none behind the purge mark.
    pub fn last(&self) -> Result<Option<(u64, Bytes)>, Error> {
        let index = {
            let state = lock(&self.state);
            if !state.filled {
                return Ok(None);
            }
            if let Some(entry) = state.tail.get(state.last) {
                return Ok(Some((state.last, entry.clone())));
            }
            state.last
        };
        let entry = self.engine.get(Family::Rows, &index.to_be_bytes())?.ok_or(Error::Hole { missing: index })?;
        Ok(Some((index, entry)))
    }

    /// Index of the last entry or, without any, of the purge mark; 0 when nothing was ever written.
    pub fn last_index(&self) -> u64 {
        lock(&self.state).last
    }

    /// Makes everything kept so far durable, the committed mark too.
    pub fn flush(&self) -> Flushed {
        self.engine.flush()
    }

    /// What its engine did so far.
    pub fn counters(&self) -> Counters {
        self.engine.counters()
    }
}

/// Writes an empty log into a fresh engine.
pub(crate) fn create(engine: &dyn Engine) -> Flushed {
    let mut batch = Batch::default();
    batch.put(Family::Meta, FORMAT, &Format::NEWEST.number().to_be_bytes());
    engine.submit(batch, Durability::Synced)
}

/// Entries out of the tail: as many as the limit allows if they come first in the answer, else all, to be limited behind what is before.
fn recent(tail: &Tail, range: std::ops::Range<u64>, max_bytes: usize, limited: bool) -> Vec<(u64, Bytes)> {
    let mut bytes = 0;
    let mut found = Vec::new();
    for index in range {
        let Some(entry) = tail.get(index) else { break };
        bytes += entry.len();
        found.push((index, entry.clone()));
        if limited && bytes >= max_bytes {
            break;
        }
    }
    found
}

fn check_format(engine: &dyn Engine) -> Result<(), Error> {
    let stored = engine.get(Family::Meta, FORMAT)?;
    let number = stored.as_deref().and_then(|bytes| bytes.first_chunk::<4>().copied());
    let number = number.ok_or_else(|| Error::corrupt("the log", "it has no format"))?;
    Format::check(u32::from_be_bytes(number), "the log").map(drop)
}

fn read_mark(engine: &dyn Engine, key: &[u8]) -> Result<Option<Mark>, Error> {
    let Some(stored) = engine.get(Family::Meta, key)? else { return Ok(None) };
    let mark = Mark::decode(&stored);
    mark.map(Some).ok_or_else(|| Error::corrupt("the log", format!("its {} mark is not a mark", String::from_utf8_lossy(key))))
}

/// First and last index from `first` on; reads every key, so a hole cannot hide.
fn check_entries(engine: &dyn Engine, first: u64) -> Result<Option<RangeInclusive<u64>>, Error> {
    let mut span: Option<RangeInclusive<u64>> = None;
    let mut fault = None;
    let start = first.to_be_bytes();
    engine.scan(Family::Rows, Range { start: &start, end: None, reverse: false }, &mut |key, _| {
        let Ok(index) = <[u8; 8]>::try_from(key).map(u64::from_be_bytes) else {
            fault = Some(Error::corrupt("the log", "a key is not an index"));
            return Visit::Stop;
        };
        span = match span.take() {
            None => Some(index..=index),
            Some(span) if index == span.end() + 1 => Some(*span.start()..=index),
            Some(span) => {
                fault = Some(Error::Hole { missing: span.end() + 1 });
                Some(span)
            }
        };
        if fault.is_some() { Visit::Stop } else { Visit::Continue }
    })?;
    fault.map_or(Ok(span), Err)
}
