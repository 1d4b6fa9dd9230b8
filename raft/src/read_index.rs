//! Read-index rounds: how a leader proves that it still leads (Raft dissertation, section 6.4).
//!
//! The leader notes how far its log is committed, then asks every voter whether it still follows, by an append without entries, and counts
//! the answers to exactly these questions. With a majority nobody else can have been elected before the question, so nobody else can have
//! acknowledged a write by then. A leader that has not committed an entry of its own term does not know what is committed, and proves nothing.
//!
//! openraft has such rounds, too, and they are not used: it keeps one clock of acknowledgements, and in a stream of appends the answer to
//! an earlier request moves that clock to the time of a later one without entries, because one log id names both. A leader whose answers
//! were held up (it was paused, or the network was) then takes a promise from before its question for one from after it, and reads what
//! others have overwritten. `raft/tests/it/reads.rs` holds answers up in this way.
//!
//! A voter that does not answer is asked by at most [`ASKED`] rounds at a time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use model::MemberId;
use openraft::{RaftState, raft::AppendEntriesRequest};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::{Instant, timeout_at},
};

use crate::{
    codec,
    inner::Inner,
    peer::{Destination, Purpose, method, wire},
    types::{Types, Vote},
};

/// Questions to one voter that may be unanswered at a time; a healthy one has as many as there are members with a round under way.
const ASKED: usize = 16;

/// What this member knows of the rounds it led.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    /// When the last one that was confirmed began.
    confirmed: Mutex<Option<Instant>>,
    /// Places for questions, by voter.
    places: Mutex<BTreeMap<u64, Arc<Semaphore>>>,
}

impl Rounds {
    /// How long ago this member is known to have led.
    pub(crate) fn age(&self) -> Option<Duration> {
        self.confirmed.lock().unwrap_or_else(PoisonError::into_inner).map(|began| began.elapsed())
    }

    fn confirm(&self, began: Instant) {
        let mut confirmed = self.confirmed.lock().unwrap_or_else(PoisonError::into_inner);
        *confirmed = (*confirmed).max(Some(began));
    }

    /// A place for a question, if this voter has not left too many unanswered.
    fn place(&self, voter: u64) -> Option<OwnedSemaphorePermit> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.entry(voter).or_insert_with(|| Arc::new(Semaphore::new(ASKED))).clone().try_acquire_owned().ok()
    }
}

/// What a leader believes when a round begins.
#[derive(Debug)]
struct Claim {
    vote: Vote,
    /// All that was committed before.
    index: u64,
    /// One set of voters, or two during a change.
    voters: Vec<BTreeSet<u64>>,
    /// Where the others are.
    others: Vec<(u64, String)>,
}

impl Claim {
    fn of(state: &RaftState<Types>, own: u64) -> Option<Self> {
        let vote = *state.vote_ref();
        let committed = state.local_committed()?;
        if !vote.committed || vote.leader_id.node_id != own || committed.leader_id != vote.leader_id {
            return None;
        }
        let membership = state.membership_state.effective().membership();
        let voters = membership.get_joint_config().clone();
        let others: BTreeSet<u64> = voters.iter().flatten().copied().filter(|voter| *voter != own).collect();
        let others = others.into_iter().filter_map(|voter| Some((voter, membership.get_node(&voter)?.peer.clone()))).collect();
        Some(Self { vote, index: committed.index, voters, others })
    }
}

/// Whether those who agree are a majority of each set.
fn majority(voters: &[BTreeSet<u64>], agreed: &BTreeSet<u64>) -> bool {
    voters.iter().all(|set| set.intersection(agreed).count() * 2 > set.len())
}

/// A round that begins now: all that any leader acknowledged before is at or below the index. `None` if this member does not lead or
/// cannot prove it in time.
pub(crate) async fn round(inner: &Inner) -> Option<u64> {
    let began = Instant::now();
    let own = inner.shared.identity.member.0;
    let claim = inner.raft.with_raft_state(move |state| Claim::of(state, own)).await.ok()??;
    let deadline = began + inner.shared.settings.election_max;
    if !confirmed(inner, &claim, own, deadline).await {
        tracing::debug!(index = claim.index, "a read-index round came to nothing");
        return None;
    }
    model::fault_point!("raft::read::confirmed", None);
    inner.shared.rounds.confirm(began);
    Some(claim.index)
}

async fn confirmed(inner: &Inner, claim: &Claim, own: u64, deadline: Instant) -> bool {
    let mut agreed = BTreeSet::from([own]);
    let (sender, mut answers) = mpsc::channel(claim.others.len().max(1));
    for (voter, address) in &claim.others {
        ask(inner, claim.vote, *voter, address.clone(), deadline, sender.clone());
    }
    drop(sender);
    while !majority(&claim.voters, &agreed) {
        match timeout_at(deadline, answers.recv()).await {
            Ok(Some(voter)) => agreed.insert(voter),
            // All have answered, or nobody does in time.
            Ok(None) | Err(_) => return false,
        };
    }
    true
}

/// Asks one voter whether it follows; tells `agreed` if it does. To its end even when nobody waits for it any more: a request that is taken
/// back costs the connection more than its answer.
fn ask(inner: &Inner, vote: Vote, voter: u64, address: String, deadline: Instant, agreed: mpsc::Sender<u64>) {
    let Some(place) = inner.shared.rounds.place(voter) else { return };
    let peers = inner.peers.clone();
    let request = AppendEntriesRequest::<Types> { vote, prev_log_id: None, entries: Vec::new(), leader_commit: None };
    let body = wire::encode(&wire::AppendRequest::from(request));
    inner.shared.tasks.spawn(async move {
        let to = Destination { member: MemberId(voter), address: &address, purpose: Purpose::Beat };
        let within = deadline.saturating_duration_since(Instant::now());
        let answer = peers.unary(to, method::APPEND, body, within).await;
        drop(place);
        let follows = answer.ok().and_then(|bytes| codec::decode::<wire::AppendAnswer>("append answer", bytes).ok());
        if follows.is_some_and(|answer| answer.follows()) {
            // The round may have its majority already.
            agreed.send(voter).await.unwrap_or(());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_the_membership_needs_both_majorities() {
        let voters = [BTreeSet::from([1, 2, 3]), BTreeSet::from([1, 4, 5])];
        assert!(!majority(&voters, &BTreeSet::from([1, 2])));
        assert!(majority(&voters, &BTreeSet::from([1, 2, 5])));
        assert!(majority(&[BTreeSet::from([1])], &BTreeSet::from([1])));
        assert!(!majority(&[BTreeSet::from([1, 2])], &BTreeSet::from([1])));
    }

    #[test]
    fn a_silent_voter_is_not_asked_without_end() {
        let rounds = Rounds::default();
        let places: Vec<_> = (0..ASKED).map_while(|_| rounds.place(2)).collect();
        assert_eq!(places.len(), ASKED);
        assert!(rounds.place(2).is_none());
        assert!(rounds.place(3).is_some());
        drop(places);
        assert!(rounds.place(2).is_some());
    }
}
