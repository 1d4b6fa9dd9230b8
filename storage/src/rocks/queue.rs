//! Group commit: many submitters, one thread that writes.
//!
//! Batches wait in a queue in the order of their submits; the thread takes all that wait, writes them as one with one sync, and answers
//! all of them. While it syncs the next group gathers, so the group size follows the load by itself and nothing ever lingers. Buffered
//! batches do not wake the thread: they ride with the next synced one.
//!
//! What is queued is already visible: readers lay it over the database (`Overlay`). A batch leaves the queue only after the database has
//! it, so a reader that looks at the queue first and at the database second misses nothing.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::batch::Batch;
use crate::counters::Counters;
use crate::engine::Durability;
use crate::error::Error;
use crate::lock::lock;
use crate::pending::{Flushed, Pending, Promise};
use crate::rocks::database::Database;

/// Bytes that may wait before a submitter is held: only a stalled disk gets there, admission is limited above.
const QUEUE_BYTES: usize = 64 << 20;
/// Bytes of buffered batches that wake the thread although nobody waits for them.
const LAZY_BYTES: usize = 1 << 20;
/// Bytes of one group; a larger one would only delay the first in it.
const GROUP_BYTES: usize = 8 << 20;

/// The queue and what its thread left behind.
pub(crate) struct Queue {
    state: Mutex<State>,
    work: Condvar,
    written: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    submitted: u64,
    done: u64,
    urgent: bool,
    idle: bool,
    trim: bool,
    closed: bool,
    broken: Option<Error>,
    counters: Counters,
}

struct Waiting {
    batch: Arc<Batch>,
    promise: Option<Promise<()>>,
}

struct Group {
    batches: Vec<Arc<Batch>>,
    sync: bool,
    trim: bool,
}

impl Queue {
    /// An empty queue.
    pub(crate) fn new() -> Self {
        Self { state: Mutex::default(), work: Condvar::new(), written: Condvar::new() }
    }

    /// Queues a batch.
    pub(crate) fn submit(&self, batch: Batch, durability: Durability) -> Flushed {
        let mut state = lock(&self.state);
        while state.bytes > QUEUE_BYTES && state.broken.is_none() && !state.closed {
            state.urgent = true;
            self.work.notify_one();
            state = wait(&self.written, state);
        }
        if let Some(error) = &state.broken {
            return Pending::ready(Err(error.clone()));
        }
        if state.closed {
            return Pending::ready(Err(Error::Closed));
        }
        state.counters.taken(batch.size());
        state.bytes += batch.size();
        state.submitted += 1;
        let (promise, pending) = match durability {
            Durability::Synced => {
                let (promise, pending) = Pending::promise();
                state.urgent = true;
                (Some(promise), pending)
            }
            Durability::Buffered => {
                state.urgent |= state.bytes > LAZY_BYTES;
                (None, Pending::ready(Ok(())))
            }
        };
        state.waiting.push_back(Waiting { batch: Arc::new(batch), promise });
        if state.urgent && state.idle {
            self.work.notify_one();
        }
        pending
    }

    /// The batches that the database may not have yet, oldest first.
    pub(crate) fn unwritten(&self) -> Vec<Arc<Batch>> {
        lock(&self.state).waiting.iter().map(|waiting| waiting.batch.clone()).collect()
    }

    /// Waits until the database has everything submitted before this call.
    pub(crate) fn settle(&self) -> Result<(), Error> {
        let mut state = lock(&self.state);
        let upto = state.submitted;
        while state.done < upto {
            if let Some(error) = &state.broken {
                return Err(error.clone());
            }
            state.urgent = true;
            self.work.notify_one();
            state = wait(&self.written, state);
        }
        Ok(())
    }

    /// Asks the thread to start a memtable flush in the background.
    pub(crate) fn trim(&self) {
        lock(&self.state).trim = true;
    }

    /// Lets the thread end when the queue is empty.
    pub(crate) fn close(&self) {
        lock(&self.state).closed = true;
        self.work.notify_one();
        self.written.notify_all();
    }

    /// What was done so far.
    pub(crate) fn counters(&self) -> Counters {
        let state = lock(&self.state);
        Counters { queued_bytes: u64::try_from(state.bytes).unwrap_or(u64::MAX), ..state.counters }
    }

    /// The thread's life.
    pub(crate) fn serve(&self, database: &Database) {
        let _ends = Ends(self);
        let plain = super::options::write(crate::engine::Kind::Log, false);
        let synced = super::options::write(crate::engine::Kind::Log, true);
        while let Some(group) = self.next() {
            let started = tokio::time::Instant::now();
            let result = if group.sync && group.batches.iter().all(|batch| batch.is_empty()) {
                database.sync()
            } else {
                database.write(group.batches.iter().map(|batch| &**batch), if group.sync { &synced } else { &plain })
            };
            if let Err(error) = &result {
                tracing::error!(%error, "the log cannot be written");
            }
            self.finish(&group, &result, started.elapsed());
            if group.trim
                && let Err(error) = database.flush(false)
            {
                tracing::warn!(%error, "purged log entries could not be flushed away");
            }
        }
    }

    /// Nothing is written any more: all that waits, and all that comes, fails.
    fn give_up(&self) {
        let mut state = lock(&self.state);
        if !state.closed {
            state.broken.get_or_insert(Error::Closed);
        }
        let waiting = std::mem::take(&mut state.waiting);
        state.bytes = 0;
        drop(state);
        self.written.notify_all();
        for promise in waiting.into_iter().filter_map(|waiting| waiting.promise) {
            promise.resolve(Err(Error::Closed));
        }
    }

    /// The next group, or `None` when the queue is closed and empty. A broken queue is only emptied.
    fn next(&self) -> Option<Group> {
        let mut state = lock(&self.state);
        loop {
            if !state.waiting.is_empty() && (state.urgent || state.closed) {
                break;
            }
            if state.closed {
                return None;
            }
            state.idle = true;
            state = wait(&self.work, state);
            state.idle = false;
        }
        let mut bytes = 0;
        let mut sync = false;
        let mut batches = Vec::with_capacity(state.waiting.len());
        for waiting in &state.waiting {
            if bytes > GROUP_BYTES {
                break;
            }
            bytes += waiting.batch.size();
            sync |= waiting.promise.is_some();
            batches.push(waiting.batch.clone());
        }
        state.urgent = batches.len() < state.waiting.len();
        let trim = std::mem::take(&mut state.trim);
        Some(Group { batches, sync: sync || state.closed, trim })
    }

    fn finish(&self, group: &Group, result: &Result<(), Error>, took: std::time::Duration) {
        let mut state = lock(&self.state);
        let mut count = group.batches.len();
        state.counters.writes += 1;
        if group.sync {
            state.counters.synced(took);
        }
        if let Err(error) = result {
            // Nobody may believe in anything behind a failed write, so all that waits fails with it.
            state.broken.get_or_insert_with(|| error.clone());
            count = state.waiting.len();
        }
        let finished: Vec<Waiting> = state.waiting.drain(..count).collect();
        state.bytes -= finished.iter().map(|waiting| waiting.batch.size()).sum::<usize>();
        state.done += u64::try_from(count).unwrap_or(u64::MAX);
        drop(state);
        self.written.notify_all();
        for promise in finished.into_iter().filter_map(|waiting| waiting.promise) {
            promise.resolve(result.clone());
        }
    }
}

/// However the thread ends: nobody waits any more for what it cannot write.
struct Ends<'a>(&'a Queue);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

fn wait<'a>(condition: &Condvar, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    condition.wait(state).unwrap_or_else(PoisonError::into_inner)
}
