//! What a member knows about itself and, if it leads, about the others. For people, metrics and health checks; never for decisions
//! that must be safe.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use bytes::Bytes;
use model::MemberId;
use openraft::{Instant as _, ServerState, async_runtime::watch::WatchReceiver};
use tokio::time::Instant;

use crate::{
    Error, codec,
    inner::Inner,
    membership::Addresses,
    types::{StoredMembership, index_of},
};

/// Who leads, as this member sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leadership {
    /// The leader, if one is known. It may have been deposed already.
    pub leader: Option<MemberId>,
    /// Its term (or the term of an election that is going on).
    pub term: u64,
    /// When this member saw it first, on its own monotonic clock.
    pub since: Instant,
}

/// What a member is in Raft's eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Replicates, does not vote.
    Learner,
    /// Votes, follows.
    Follower,
    /// Asks for votes.
    Candidate,
    /// Leads.
    Leader,
    /// Has stopped.
    Stopped,
}

impl Role {
    /// In one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Learner => "learner",
            Self::Follower => "follower",
            Self::Candidate => "candidate",
            Self::Leader => "leader",
            Self::Stopped => "stopped",
        }
    }
}

/// How far another member is, as its leader knows.
#[derive(Clone, Debug)]
pub struct PeerStatus {
    /// The last entry known to be in its log.
    pub matched: Option<u64>,
    /// Entries it is behind the leader's log.
    pub lag: u64,
    /// Since its last answer; `None`: it never answered this leader.
    pub silence: Option<Duration>,
}

/// One member's view.
#[derive(Clone, Debug)]
pub struct Status {
    /// This member.
    pub member: MemberId,
    /// The cluster it belongs to.
    pub cluster: uuid::Uuid,
    /// Its incarnation: +1 at every start.
    pub incarnation: u64,
    /// What it is.
    pub role: Role,
    /// The term it is in.
    pub term: u64,
    /// Who leads, as far as it knows.
    pub leader: Option<MemberId>,
    /// The last applied entry.
    pub applied: u64,
    /// The last entry it knows to be committed.
    pub committed: u64,
    /// The last entry of its log.
    pub last_log: u64,
    /// The last applied entry that a crash is guaranteed to keep in the state.
    pub flushed: u64,
    /// The last entry in the newest snapshot.
    pub snapshot: u64,
    /// The last entry that was purged from the log.
    pub purged: u64,
    /// The voters and where they are.
    pub voters: BTreeMap<MemberId, Addresses>,
    /// The learners and where they are.
    pub learners: BTreeMap<MemberId, Addresses>,
    /// Whether a change of the membership is under way.
    pub changing: bool,
    /// On a leader: the other members.
    pub peers: BTreeMap<MemberId, PeerStatus>,
    /// On a leader: since a quorum last confirmed it. On others: since the leader was last heard. `None`: never.
    pub quorum_age: Option<Duration>,
    /// Writes of this member that wait for their outcome.
    pub pending_writes: usize,
    /// Bytes of them.
    pub pending_bytes: usize,
    /// Proposals this member, as a leader, has handed to Raft for all members, not yet settled.
    pub proposals: usize,
    /// Time of the log here, in ms since 1970.
    pub log_ms: u64,
    /// Counters since the start.
    pub counters: Counters,
}

/// Counts since the member's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Batches of entries whose flush was waited for.
    pub flushes: u64,
    /// Entries in them.
    pub flushed_entries: u64,
    /// Sum of the time from submit to flushed, in microseconds.
    pub flush_micros: u64,
    /// Apply batches.
    pub applies: u64,
    /// Entries applied.
    pub applied_entries: u64,
    /// Read-index rounds asked for by this member.
    pub read_rounds: u64,
    /// Linearizable reads they served.
    pub reads: u64,
    /// Commands proposed again after a change of leader or a broken stream.
    pub resent: u64,
}

/// Counts as they are kept.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    flushes: AtomicU64,
    flushed_entries: AtomicU64,
    flush_micros: AtomicU64,
    applies: AtomicU64,
    applied_entries: AtomicU64,
    read_rounds: AtomicU64,
    reads: AtomicU64,
    resent: AtomicU64,
}

fn add(counter: &AtomicU64, amount: usize) {
    counter.fetch_add(u64::try_from(amount).unwrap_or(u64::MAX), Ordering::Relaxed);
}

impl Tally {
    pub(crate) fn flushed(&self, entries: usize, took: Duration) {
        add(&self.flushes, 1);
        add(&self.flushed_entries, entries);
        add(&self.flush_micros, usize::try_from(took.as_micros()).unwrap_or(usize::MAX));
    }

    pub(crate) fn applied(&self, entries: usize) {
        add(&self.applies, 1);
        add(&self.applied_entries, entries);
    }

    pub(crate) fn round(&self, reads: usize) {
        add(&self.read_rounds, 1);
        add(&self.reads, reads);
    }

    pub(crate) fn resent(&self, writes: usize) {
        add(&self.resent, writes);
    }

    fn counters(&self) -> Counters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            flushes: read(&self.flushes),
            flushed_entries: read(&self.flushed_entries),
            flush_micros: read(&self.flush_micros),
            applies: read(&self.applies),
            applied_entries: read(&self.applied_entries),
            read_rounds: read(&self.read_rounds),
            reads: read(&self.reads),
            resent: read(&self.resent),
        }
    }
}

/// The status of a member.
pub(crate) fn of(inner: &Inner) -> Status {
    let shared = &inner.shared;
    let metrics = inner.raft.metrics().borrow_watched().clone();
    let membership = &metrics.membership_config;
    let identity = shared.identity;
    let (pending_writes, pending_bytes) = shared.pending.load();
    let fatal = shared.fatal.get().is_some() || metrics.running_state.is_err();
    let leads = metrics.state == ServerState::Leader;
    let quorum_age = if leads { metrics.last_quorum_acked.as_ref().map(|acked| acked.elapsed()) } else { shared.contact.silence() };
    let (voters, learners) = split(membership);
    Status {
        member: identity.member,
        cluster: identity.cluster,
        incarnation: identity.incarnation,
        role: if fatal { Role::Stopped } else { role(metrics.state) },
        term: metrics.current_term,
        leader: metrics.current_leader.map(MemberId),
        applied: shared.progress.applied(),
        committed: index_of(metrics.local_committed.as_ref()),
        last_log: metrics.last_log_index.unwrap_or(0),
        flushed: shared.state.flushed_applied().map_or(0, |mark| mark.index),
        snapshot: index_of(metrics.snapshot.as_ref()),
        purged: index_of(metrics.purged.as_ref()),
        voters,
        learners,
        changing: membership.get_joint_config().len() > 1
            || metrics.membership_config.log_id() != metrics.committed_membership_config.log_id(),
        peers: if leads { peers(inner) } else { BTreeMap::new() },
        quorum_age,
        pending_writes,
        pending_bytes,
        proposals: inner.proposals(),
        log_ms: shared.clock.now_ms(),
        counters: shared.tally.counters(),
    }
}

const fn role(state: ServerState) -> Role {
    match state {
        ServerState::Learner => Role::Learner,
        ServerState::Follower => Role::Follower,
        ServerState::Candidate => Role::Candidate,
        ServerState::Leader => Role::Leader,
        ServerState::Shutdown => Role::Stopped,
    }
}

type Seats = BTreeMap<MemberId, Addresses>;

fn split(membership: &StoredMembership) -> (Seats, Seats) {
    let (voters, learners): (BTreeMap<_, _>, BTreeMap<_, _>) = membership
        .nodes()
        .map(|(id, addresses)| (MemberId(*id), addresses.clone()))
        .partition(|(id, _)| membership.voter_ids().any(|voter| voter == id.0));
    (voters, learners)
}

fn peers(inner: &Inner) -> BTreeMap<MemberId, PeerStatus> {
    let metrics = inner.raft.metrics().borrow_watched().clone();
    let last = metrics.last_log_index.unwrap_or(0);
    let me = inner.shared.identity.member.0;
    metrics
        .replication
        .iter()
        .flatten()
        .filter(|(id, _)| **id != me)
        .map(|(id, matched)| {
            let matched = matched.as_ref().map(|log_id| log_id.index);
            let heard = metrics.heartbeat.as_ref().and_then(|beats| beats.get(id)).and_then(Option::as_ref);
            let lag = last.saturating_sub(matched.unwrap_or(0));
            (MemberId(*id), PeerStatus { matched, lag, silence: heard.map(|at| at.elapsed()) })
        })
        .collect()
}

/// One entry of a member's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Where it stands.
    pub index: u64,
    /// The term it was proposed in, and by whom: with the index, its name in every log.
    pub leader: (u64, u64),
    /// All of it as it is stored.
    pub bytes: Bytes,
}

impl LogEntry {
    pub(crate) fn of(bytes: Bytes) -> Result<Self, Error> {
        let id = codec::decode_entry(bytes.clone()).map_err(Error::storage)?.log_id;
        Ok(Self { index: id.index, leader: (id.leader_id.term, id.leader_id.node_id), bytes })
    }
}
