//! Who acts for which cluster: the leader assigns, an owner releases, an operator wishes.

use prost::Message;

use crate::{id::ClusterId, ownership::Reason};

/// Give clusters to members. All in one entry share its index as their epoch.
#[derive(Clone, PartialEq, Message)]
pub struct Assign {
    /// Which cluster to whom.
    #[prost(message, repeated, tag = "1")]
    pub assignments: Vec<Assignment>,
    /// The term in which the leader planned them; all are skipped when the entry stands in another one: a leader that was deposed meanwhile
    /// knows nothing of what the next one has granted. 0: any term.
    #[prost(uint64, tag = "2")]
    pub term: u64,
}

/// One cluster to one start of one member.
#[derive(Clone, PartialEq, Message)]
pub struct Assignment {
    /// The cluster.
    #[prost(message, required, tag = "1")]
    pub cluster: ClusterId,
    /// The member.
    #[prost(uint64, tag = "2")]
    pub member: u64,
    /// Its start; skipped when the member has started again since.
    #[prost(uint64, tag = "3")]
    pub incarnation: u64,
    /// The epoch the planner saw (0: none); skipped when it has changed since.
    #[prost(uint64, tag = "4")]
    pub expected_epoch: u64,
    /// Why.
    #[prost(enumeration = "Reason", tag = "5")]
    pub reason: i32,
}

/// An owner gives a cluster back: it has ended or parked its step.
#[derive(Clone, PartialEq, Message)]
pub struct Release {
    /// The cluster.
    #[prost(message, required, tag = "1")]
    pub cluster: ClusterId,
    /// The epoch it held.
    #[prost(uint64, tag = "2")]
    pub epoch: u64,
    /// Which planned move this is part of (`Drain`, `Balance` or `Pinned`); anything else: none, the owner stops.
    #[prost(enumeration = "Reason", tag = "3")]
    pub reason: i32,
}

/// Bind a cluster to one member: the planner gives it there whenever that member can serve it, and says so when it cannot.
#[derive(Clone, PartialEq, Message)]
pub struct Pin {
    /// The cluster.
    #[prost(message, required, tag = "1")]
    pub cluster: ClusterId,
    /// The member; 0 ends the pin.
    #[prost(uint64, tag = "2")]
    pub member: u64,
}

/// The wish that clusters be spread as evenly as single moves can; it outlives the leader that heard it.
#[derive(Clone, PartialEq, Message)]
pub struct Balance {
    /// 0: it is wished for. Otherwise the log index of a wish: nothing is left to move, it ends unless a newer one has taken its place.
    #[prost(uint64, tag = "1")]
    pub fulfilled: u64,
}
