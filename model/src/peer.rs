//! What members ask each other besides Raft: the words of those calls.
//!
//! Not replicated and not stored; still prost, with the same rules for numbers, because two program versions speak to each other during an
//! upgrade. The conductor answers all of them (`conductor/src/answer.rs`). Those about leases and plans go to the leader, [`method::STATUS`]
//! and [`method::STRAYS`] to anybody, all others to the owner of the cluster they are about, which is refused with "not the owner" (retryable) by anybody else: read the owner afresh and ask again.

use prost::Message;

use crate::{
    cluster::Observed,
    container::ContainerStatus,
    id::{ClusterId, ContainerId, OperationId},
    ownership::Reason,
};

pub mod plan;

/// Names of the calls.
pub mod method {
    /// [`GrantRequest`](super::GrantRequest) → [`Grant`](super::Grant); to the leader.
    pub const GRANT: &str = "lease.grant";
    /// [`ReleaseRequest`](super::ReleaseRequest) → nothing; from the leader to the owner: end or park the step and give the cluster back.
    pub const RELEASE: &str = "ownership.release";
    /// [`StatusRequest`](super::StatusRequest) → [`OwnershipStatus`](super::OwnershipStatus); to anybody, about itself.
    pub const STATUS: &str = "ownership.status";
    /// [`PlanRequest`](super::plan::PlanRequest) → [`PlanAnswer`](super::plan::PlanAnswer); to the leader.
    pub const PLAN: &str = "ownership.plan";
    /// Nothing → [`PlanAnswer`](super::plan::PlanAnswer), which is carried out; to the leader.
    pub const REBALANCE: &str = "ownership.rebalance";
    /// Nothing → [`Strays`](super::Strays); to anybody, about the endpoints of its drivers.
    pub const STRAYS: &str = "outside.strays";
    /// [`LookContainer`](super::LookContainer) → [`ContainerLooked`](super::ContainerLooked).
    pub const LOOK_CONTAINER: &str = "container.look";
    /// [`LookCluster`](super::LookCluster) → [`ClusterLooked`](super::ClusterLooked).
    pub const LOOK_CLUSTER: &str = "cluster.look";
    /// [`LogsRequest`](super::LogsRequest) → stream of [`Output`](super::Output).
    pub const LOGS: &str = "container.logs";
    /// [`ExecuteRequest`](super::ExecuteRequest) → stream of [`Output`](super::Output), the last with `ended`.
    pub const EXECUTE: &str = "container.execute";
}

/// A member asks the leader for the right to act.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct GrantRequest {
    /// Its incarnation.
    #[prost(uint64, tag = "1")]
    pub incarnation: u64,
    /// It is about to stop: give it no clusters any more.
    #[prost(bool, tag = "2")]
    pub leaving: bool,
}

/// The leader asks an owner to hand a cluster over.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct ReleaseRequest {
    /// Which.
    #[prost(message, required, tag = "1")]
    pub cluster: ClusterId,
    /// Under which epoch; another one is ignored.
    #[prost(uint64, tag = "2")]
    pub epoch: u64,
    /// Why: `Drain`, `Balance` or `Pinned`.
    #[prost(enumeration = "Reason", tag = "3")]
    pub reason: i32,
}

/// The leader grants it: one lease long, counted from when the member *sent* the request, for the clusters that the state at `index`
/// shows as its own under its incarnation.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Grant {
    /// The index of a read-index round begun after the request arrived.
    #[prost(uint64, tag = "1")]
    pub index: u64,
    /// The lease the leader counts with, milliseconds: the member uses the shorter of this and its own.
    #[prost(uint64, tag = "2")]
    pub lease_ms: u64,
}

/// What do you own?
#[derive(Clone, Copy, PartialEq, Message)]
pub struct StatusRequest {}

/// What a member owns and may do.
#[derive(Clone, PartialEq, Message)]
pub struct OwnershipStatus {
    /// The member.
    #[prost(uint64, tag = "1")]
    pub member: u64,
    /// Its start.
    #[prost(uint64, tag = "2")]
    pub incarnation: u64,
    /// How long it may still act without another grant, milliseconds.
    #[prost(uint64, tag = "3")]
    pub lease_left_ms: u64,
    /// Clusters that it acts for.
    #[prost(message, repeated, tag = "4")]
    pub clusters: Vec<Owned>,
    /// On the leader: how long ago each member was last granted a lease.
    #[prost(message, repeated, tag = "5")]
    pub grants: Vec<Granted>,
}

/// A cluster that is acted for.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Owned {
    /// The cluster.
    #[prost(message, required, tag = "1")]
    pub cluster: ClusterId,
    /// Under which epoch.
    #[prost(uint64, tag = "2")]
    pub epoch: u64,
}

/// When a member was last granted a lease.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Granted {
    /// The member.
    #[prost(uint64, tag = "1")]
    pub member: u64,
    /// Milliseconds ago.
    #[prost(uint64, tag = "2")]
    pub ago_ms: u64,
    /// Whether it is granted nothing more, because its clusters are being given to others.
    #[prost(bool, tag = "3")]
    pub suspect: bool,
}

/// What carries the tags of clusters that are not there, as one member sees it.
#[derive(Clone, PartialEq, Message)]
pub struct Strays {
    /// The things.
    #[prost(message, repeated, tag = "1")]
    pub things: Vec<Stray>,
    /// Drivers that could not look, each with the reason.
    #[prost(string, repeated, tag = "2")]
    pub unseen: Vec<String>,
}

/// A thing outside whose cluster is not there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Message)]
pub struct Stray {
    /// The cluster whose tag it carries.
    #[prost(message, required, tag = "1")]
    pub cluster: ClusterId,
    /// The driver that found it.
    #[prost(string, tag = "2")]
    pub driver: String,
    /// What it is, such as `network`, `container` or `stack`.
    #[prost(string, tag = "3")]
    pub what: String,
    /// Its outside name.
    #[prost(string, tag = "4")]
    pub name: String,
    /// The backend's own id.
    #[prost(string, tag = "5")]
    pub id: String,
}

/// Look at a container now.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct LookContainer {
    /// Which.
    #[prost(message, required, tag = "1")]
    pub container: ContainerId,
}

/// What was seen.
#[derive(Clone, PartialEq, Message)]
pub struct ContainerLooked {
    /// Whether the engine has it.
    #[prost(bool, tag = "1")]
    pub exists: bool,
    /// Its status.
    #[prost(enumeration = "ContainerStatus", tag = "2")]
    pub status: i32,
    /// Why, in words.
    #[prost(string, optional, tag = "3")]
    pub reason: Option<String>,
    /// The engine's own id.
    #[prost(string, optional, tag = "4")]
    pub engine_id: Option<String>,
    /// Its address in the cluster's network while it runs.
    #[prost(string, optional, tag = "5")]
    pub address: Option<String>,
    /// Status with which its process ended, if one has.
    #[prost(int64, optional, tag = "6")]
    pub exit_code: Option<i64>,
}

/// Look at a cluster now.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct LookCluster {
    /// Which.
    #[prost(message, required, tag = "1")]
    pub cluster: ClusterId,
}

/// What was seen.
#[derive(Clone, PartialEq, Message)]
pub struct ClusterLooked {
    /// As it would be recorded.
    #[prost(message, required, tag = "1")]
    pub observed: Observed,
}

/// Stream the logs of a container.
#[derive(Clone, PartialEq, Message)]
pub struct LogsRequest {
    /// Whose.
    #[prost(message, required, tag = "1")]
    pub container: ContainerId,
    /// Without standard output.
    #[prost(bool, tag = "2")]
    pub no_stdout: bool,
    /// Without standard error.
    #[prost(bool, tag = "3")]
    pub no_stderr: bool,
    /// Each line preceded by its time.
    #[prost(bool, tag = "4")]
    pub timestamps: bool,
    /// Go on until the container ends or the stream is dropped.
    #[prost(bool, tag = "5")]
    pub follow: bool,
    /// The last so many lines; all when absent.
    #[prost(uint32, optional, tag = "6")]
    pub tail: Option<u32>,
    /// Only lines since then, seconds since 1970.
    #[prost(uint32, optional, tag = "7")]
    pub since: Option<u32>,
}

/// Run an execute operation that was accepted through the log, and stream its output. Who accepted it must call within 15 seconds; what
/// nobody calls for fails without having run.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct ExecuteRequest {
    /// The operation.
    #[prost(message, required, tag = "1")]
    pub operation: OperationId,
    /// The log index at which it was accepted: the owner waits until it has applied that.
    #[prost(uint64, tag = "2")]
    pub index: u64,
}

/// A piece of a stream.
#[derive(Clone, PartialEq, Message)]
pub struct Output {
    /// Bytes, both streams interleaved.
    #[prost(bytes = "bytes", tag = "1")]
    pub data: bytes::Bytes,
    /// In the last message of an execution: how it ended. In the last message of any stream: what the engine said no with.
    #[prost(message, optional, tag = "2")]
    pub ended: Option<Ended>,
}

/// How an execution ended.
#[derive(Clone, PartialEq, Message)]
pub struct Ended {
    /// The exit status of the command, where the engine could tell.
    #[prost(int64, optional, tag = "1")]
    pub exit_code: Option<i64>,
    /// Why it failed, in words.
    #[prost(string, optional, tag = "2")]
    pub reason: Option<String>,
    /// Why it failed, in one word.
    #[prost(enumeration = "crate::operation::Failure", tag = "50")]
    pub failure: i32,
}
