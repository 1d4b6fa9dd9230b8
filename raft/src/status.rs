//! What a member knows about itself and, if it leads, about the others. For people, metrics and health checks; never for decisions
//! that must be safe.

use std::{collections::BTreeMap, time::Duration};

use model::MemberId;
use tokio::time::Instant;

use crate::membership::Addresses;

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
