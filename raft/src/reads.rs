//! Linearizable reads, coalesced: all that wait are served by one read-index round.
//!
//! A read joins only a round that was not sent yet when the read arrived: the round takes the whole queue in the moment it is sent, and what
//! arrives later waits for the next one. One round is under way at a time; it is the front task's business.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::oneshot;

use crate::{Error, Reading};

/// More waiting reads than this are refused.
const CAPACITY: usize = 65_536;

/// One read that waits.
#[derive(Debug)]
pub(crate) enum Waiting {
    /// For the index alone.
    Index(oneshot::Sender<Result<u64, Error>>),
    /// For a state that has applied it.
    State(oneshot::Sender<Result<Reading, Error>>),
}

impl Waiting {
    /// Whether the caller has gone away.
    fn is_over(&self) -> bool {
        match self {
            Self::Index(answer) => answer.is_closed(),
            Self::State(answer) => answer.is_closed(),
        }
    }

    /// Tells the caller that this will come to nothing.
    fn fail(self, error: Error) {
        match self {
            Self::Index(answer) => drop(answer.send(Err(error))),
            Self::State(answer) => drop(answer.send(Err(error))),
        }
    }
}

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    queue: Mutex<Vec<Waiting>>,
    /// Saves the front task the lock when nobody reads.
    any: AtomicBool,
}

impl Reads {
    /// Queues a read of the index.
    pub(crate) fn index(&self) -> Result<oneshot::Receiver<Result<u64, Error>>, Error> {
        let (answer, receiver) = oneshot::channel();
        self.push(Waiting::Index(answer)).map(|()| receiver)
    }

    /// Queues a read of the state.
    pub(crate) fn state(&self) -> Result<oneshot::Receiver<Result<Reading, Error>>, Error> {
        let (answer, receiver) = oneshot::channel();
        self.push(Waiting::State(answer)).map(|()| receiver)
    }

    fn push(&self, waiting: Waiting) -> Result<(), Error> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.len() >= CAPACITY {
            return Err(Error::Overloaded { retry_after: std::time::Duration::from_millis(100) });
        }
        queue.push(waiting);
        self.any.store(true, Ordering::Release);
        Ok(())
    }

    /// Takes all that wait, for a round that is sent now.
    pub(crate) fn take(&self) -> Vec<Waiting> {
        if !self.any.swap(false, Ordering::AcqRel) {
            return Vec::new();
        }
        std::mem::take(&mut *self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether anybody waits.
    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// The round came to nothing: they wait for the next one.
    pub(crate) fn put_back(&self, mut round: Vec<Waiting>) {
        round.retain(|waiting| !waiting.is_over());
        if round.is_empty() {
            return;
        }
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.append(&mut round);
        self.any.store(true, Ordering::Release);
    }

    /// The member has stopped.
    pub(crate) fn fail(&self, reason: &str) {
        for waiting in self.take() {
            waiting.fail(Error::Fatal(reason.to_owned()));
        }
    }
}
