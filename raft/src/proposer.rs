//! The leader's side of writes: stamps commands with log time and hands them to Raft.
//!
//! How many may be under way at once is bounded over all members together; what is beyond is sent back to whoever proposed it and tried
//! again by them. Stamps of two proposals may be exchanged on the way into the log: apply never lets log time go back.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::{
    Error,
    inner::Inner,
    pending::Outgoing,
    types::{Command, Origin, Proposer, Rejection, Verdict},
};

/// Whose commands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Author {
    pub(crate) member: u64,
    pub(crate) incarnation: u64,
}

/// Proposes commands in their order. What is rejected is told to `proposer`; what is applied is noticed by apply.
///
/// # Errors
/// [`Error::Fatal`] if Raft has stopped.
pub(crate) async fn propose(inner: &Inner, author: Author, commands: Vec<Outgoing>, proposer: &Arc<dyn Proposer>) -> Result<(), Error> {
    let shared = &inner.shared;
    for Outgoing { sequence, payload } in commands {
        let Some(place) = Place::take(&shared.proposals, shared.settings.max_proposals) else {
            proposer.settled(sequence, Some(Rejection::Overloaded));
            continue;
        };
        let counted: Arc<dyn Proposer> = Arc::new(Counted { proposer: proposer.clone(), _place: place });
        let Author { member, incarnation } = author;
        let command = Command { at_ms: shared.clock.now_ms(), origin: Origin { member, incarnation, sequence }, payload };
        model::fault_point!("raft::proposal::before");
        inner
            .raft
            .client_write_ff(command, Some(Verdict::new(counted, sequence)))
            .await
            .map_err(|fatal| Error::Fatal(fatal.to_string()))?;
    }
    Ok(())
}

/// A place among the proposals under way; given back when it is dropped.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(taken: &Arc<AtomicUsize>, limit: usize) -> Option<Self> {
        if taken.fetch_add(1, Ordering::Relaxed) >= limit {
            taken.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Self(taken.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Counted {
    proposer: Arc<dyn Proposer>,
    _place: Place,
}

impl Proposer for Counted {
    fn settled(&self, sequence: u64, rejection: Option<Rejection>) {
        self.proposer.settled(sequence, rejection);
    }
}
