//! openraft's types as this crate uses them.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use openraft::{
    LogIdOptionExt, OptionalSend, RaftTypeConfig,
    impls::{BoxedErrorSource, InlineBatch, leader_id_adv},
    raft::{ClientWriteResult, responder::Responder},
};
use openraft_rt::deterministic_rng::DeterministicRng;
use openraft_rt_tokio::TokioRuntime;

use crate::membership::Addresses;

/// Tokio with random numbers that follow from a seed: the same type in production (seeded from [`crate::seam::Chance`]) and in
/// simulation. Everything of openraft that may spawn must run inside [`crate::tasks::Tasks`], which sets the seed.
pub(crate) type Runtime = DeterministicRng<TokioRuntime>;

/// The choice of types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Types;

impl RaftTypeConfig for Types {
    type D = Command;
    type R = ();
    type NodeId = u64;
    type Node = Addresses;
    type Term = u64;
    type LeaderId = LeaderId;
    type Vote = Vote;
    type Payload = Payload;
    type Entry = Entry;
    type AsyncRuntime = Runtime;
    type Responder<T>
        = Verdict<T>
    where
        T: OptionalSend + 'static;
    type Batch<T>
        = InlineBatch<T>
    where
        T: OptionalSend + 'static;
    type ErrorSource = BoxedErrorSource;
}

pub(crate) type LeaderId = leader_id_adv::LeaderId<u64, u64>;
pub(crate) type LogId = openraft::LogId<LeaderId>;
pub(crate) type Vote = openraft::Vote<LeaderId>;
pub(crate) type Membership = openraft::Membership<u64, Addresses>;
pub(crate) type StoredMembership = openraft::StoredMembership<LeaderId, u64, Addresses>;
pub(crate) type Payload = openraft::EntryPayload<Command, u64, Addresses>;
pub(crate) type Entry = openraft::Entry<LeaderId, Payload>;
pub(crate) type SnapshotMeta = openraft::SnapshotMeta<LeaderId, u64, Addresses>;
pub(crate) type Snapshot = openraft::Snapshot<LeaderId, u64, Addresses, crate::state_machine::SnapshotData>;
pub(crate) type Raft = openraft::Raft<Types, crate::state_machine::StateMachine>;

/// What stands in an entry: one encoded proposal, never decoded between the member that accepted it and apply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Command {
    /// Log time, stamped by the leader.
    pub(crate) at_ms: u64,
    /// Whose it is; the same as the origin inside the payload, kept here so that nobody has to decode that to find out.
    pub(crate) origin: Origin,
    /// An encoded `model::Proposal`.
    pub(crate) payload: Bytes,
}

/// One proposal of one start of one member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) member: u64,
    pub(crate) incarnation: u64,
    pub(crate) sequence: u64,
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Origin { member, incarnation, sequence } = self.origin;
        write!(f, "{member}.{incarnation}.{sequence} ({} bytes)", self.payload.len())
    }
}

/// Why a proposal did not get into the log here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// This member does not lead, or cannot prove it at the moment, or was deposed before the entry was committed.
    NotLeader,
    /// The leader has too many proposals already.
    Overloaded,
}

/// Who is told what became of a proposal on the leader.
pub(crate) trait Proposer: Send + Sync + 'static {
    /// It was applied (`None`), or it is not known to have got into the log.
    fn settled(&self, sequence: u64, rejection: Option<Rejection>);
}

/// openraft's responder. Tells the proposer when an entry was rejected; a proposal that was applied is answered by apply itself.
pub(crate) struct Verdict<T> {
    proposer: Arc<dyn Proposer>,
    sequence: u64,
    judge: fn(&T) -> Option<Rejection>,
}

impl Verdict<ClientWriteResult<Types>> {
    pub(crate) fn new(proposer: Arc<dyn Proposer>, sequence: u64) -> Self {
        Self { proposer, sequence, judge: |result| result.as_ref().err().map(|_| Rejection::NotLeader) }
    }
}

impl<T: OptionalSend + 'static> Responder<Types, T> for Verdict<T> {
    fn on_complete(self, result: T) {
        self.proposer.settled(self.sequence, (self.judge)(&result));
    }
}

/// The index of an optional id, 0 for none. (Entry 0 is the first membership, which is never an answer to anybody.)
pub(crate) fn index_of(id: Option<&LogId>) -> u64 {
    id.copied().index().unwrap_or(0)
}
