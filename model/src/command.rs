//! Commands: every way in which the state may change, one message each.
//!
//! A [`Proposal`] is what stands in a log entry: who asks, under which keys, which command. Everything random or timed was chosen before
//! it was proposed. Messages are prost by hand, so the numbers below are the format on disk and between members: a number is never
//! reused, and a new command is written only after the cluster version that knows it has been raised (`version`).

use std::collections::BTreeMap;

use prost::Message;

use crate::{
    cluster::{ClusterWish, Observed},
    container::{ContainerStatus, ContainerWish},
    id::{ClusterId, ContainerId, NodeGroupId, NodeId, OperationId, TemplateId},
    member::Member,
    node::Node,
    operation::{Failure, Kind, Left, State, StepOutcome},
    ownership::Reason,
    template::TemplateWish,
};

/// What stands in a log entry.
#[derive(Clone, PartialEq, Message)]
pub struct Proposal {
    /// Which member proposed it and which of its proposals this is; makes an internal retry harmless.
    #[prost(message, optional, tag = "1")]
    pub origin: Option<Origin>,
    /// Who asks.
    #[prost(message, optional, tag = "2")]
    pub actor: Option<Actor>,
    /// The client's idempotency key, if it sent one.
    #[prost(message, optional, tag = "3")]
    pub key: Option<IdempotencyKey>,
    /// The proposing member's wall clock, milliseconds since 1970: for timestamps that people read, never for order or deadlines.
    #[prost(uint64, tag = "4")]
    pub wall_ms: u64,
    /// The cluster version a member must know to apply this.
    #[prost(uint32, tag = "5")]
    pub min_version: u32,
    /// The command.
    #[prost(
        oneof = "Command",
        tags = "16, 17, 18, 19, 20, 24, 25, 26, 32, 33, 34, 40, 41, 42, 48, 49, 50, 51, 52, 53, 56, 57, 58, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 72, 73, 80, 81, 82, 83, 84"
    )]
    pub command: Option<Command>,
}

/// Identifies one proposal of one start of one member.
#[derive(Clone, PartialEq, Message)]
pub struct Origin {
    /// The member.
    #[prost(uint64, tag = "1")]
    pub member: u64,
    /// Its start.
    #[prost(uint64, tag = "2")]
    pub incarnation: u64,
    /// Counts this start's proposals from 1.
    #[prost(uint64, tag = "3")]
    pub sequence: u64,
}

/// Who asks.
#[derive(Clone, PartialEq, Message)]
pub struct Actor {
    /// Keystone project.
    #[prost(string, tag = "1")]
    pub project_id: String,
    /// Keystone user.
    #[prost(string, tag = "2")]
    pub user_id: String,
    /// The request's id, `req-<uuid>`.
    #[prost(string, tag = "3")]
    pub request_id: String,
    /// Whether the policy lets it see and change other projects' objects by this command.
    #[prost(bool, tag = "4")]
    pub all_projects: bool,
}

/// A client's idempotency key with the digest of what it asked for.
#[derive(Clone, PartialEq, Message)]
pub struct IdempotencyKey {
    /// The key as sent, at most 255 bytes; scoped to (project, user).
    #[prost(string, tag = "1")]
    pub key: String,
    /// SHA-256 over method, path, query and body.
    #[prost(bytes = "vec", tag = "2")]
    pub digest: Vec<u8>,
}

/// Every way in which the state may change.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Command {
    /// A member joins and gets its number.
    #[prost(message, tag = "16")]
    MemberJoin(MemberJoin),
    /// A member has started: new incarnation, addresses, drivers.
    #[prost(message, tag = "17")]
    MemberStarted(MemberStarted),
    /// Begin or end draining a member.
    #[prost(message, tag = "18")]
    MemberDrain(MemberDrain),
    /// A member is gone for good.
    #[prost(message, tag = "19")]
    MemberRemove(MemberRemove),
    /// Raise the cluster version.
    #[prost(message, tag = "20")]
    RaiseVersion(RaiseVersion),
    /// Give clusters to members.
    #[prost(message, tag = "24")]
    Assign(Assign),
    /// An owner gives a cluster back.
    #[prost(message, tag = "25")]
    Release(Release),
    /// Bind a cluster to one member, or end that.
    #[prost(message, tag = "26")]
    Pin(Pin),
    /// An operator wants the work spread evenly, or the leader finds that it is.
    #[prost(message, tag = "70")]
    Balance(Balance),
    /// Make a template.
    #[prost(message, tag = "32")]
    TemplateCreate(TemplateCreate),
    /// Change a template.
    #[prost(message, tag = "33")]
    TemplateUpdate(TemplateUpdate),
    /// Remove a template.
    #[prost(message, tag = "34")]
    TemplateDelete(TemplateDelete),
    /// Make a cluster with its two default node groups and its create operation.
    #[prost(message, tag = "40")]
    ClusterCreate(ClusterCreate),
    /// Change a cluster.
    #[prost(message, tag = "41")]
    ClusterUpdate(ClusterUpdate),
    /// Delete a cluster: supersedes everything.
    #[prost(message, tag = "42")]
    ClusterDelete(ClusterDelete),
    /// Make a classic node row.
    #[prost(message, tag = "48")]
    NodeCreate(NodeCreate),
    /// Change a classic node row.
    #[prost(message, tag = "49")]
    NodeUpdate(NodeUpdate),
    /// Remove a classic node row.
    #[prost(message, tag = "50")]
    NodeDelete(NodeDelete),
    /// Call an operation off.
    #[prost(message, tag = "51")]
    OperationCancel(OperationCancel),
    /// Do a failed operation again.
    #[prost(message, tag = "52")]
    OperationRetry(OperationRetry),
    /// Set the status of a stuck cluster by hand.
    #[prost(message, tag = "53")]
    ClusterReset(ClusterReset),
    /// Make a container.
    #[prost(message, tag = "56")]
    ContainerCreate(ContainerCreate),
    /// Change a container's record only.
    #[prost(message, tag = "57")]
    ContainerUpdate(ContainerUpdate),
    /// Start, stop, pause, unpause, reboot, delete or execute.
    #[prost(message, tag = "58")]
    ContainerAct(ContainerAct),
    /// Begin to keep events for a sink.
    #[prost(message, tag = "60")]
    SinkOpen(SinkOpen),
    /// The leader has given events to a sink.
    #[prost(message, tag = "61")]
    SinkAdvance(SinkAdvance),
    /// A sink is gone.
    #[prost(message, tag = "62")]
    SinkClose(SinkClose),
    /// How many events are kept.
    #[prost(message, tag = "63")]
    EventsKeep(EventsKeep),
    /// An owner is about to make an outside call.
    #[prost(message, tag = "64")]
    StepBegin(StepBegin),
    /// An owner says what became of it.
    #[prost(message, tag = "65")]
    StepEnd(StepEnd),
    /// An owner ends an operation.
    #[prost(message, tag = "66")]
    OperationEnd(OperationEnd),
    /// Owners report what they saw; batched.
    #[prost(message, tag = "67")]
    Observe(Observe),
    /// The leader lets what is past its time expire: deadlines, idempotency keys.
    #[prost(message, tag = "68")]
    Expire(Expire),
    /// The leader says that nobody looks at some clusters.
    #[prost(message, tag = "69")]
    HealthLapse(HealthLapse),
    /// Set a project's quota.
    #[prost(message, tag = "72")]
    QuotaSet(QuotaSet),
    /// Remove a project's quota.
    #[prost(message, tag = "73")]
    QuotaDelete(QuotaDelete),
    /// Lead a node group to a size.
    #[prost(message, tag = "80")]
    ClusterResize(ClusterResize),
    /// Lead a cluster to another template, batch by batch.
    #[prost(message, tag = "81")]
    ClusterUpgrade(ClusterUpgrade),
    /// Give a cluster a new authority and new credentials.
    #[prost(message, tag = "82")]
    ClusterRotate(ClusterRotate),
    /// An owner wants a machine replaced that has failed.
    #[prost(message, tag = "83")]
    ClusterHeal(ClusterHeal),
    /// Begin no further batch of an operation, or go on with it.
    #[prost(message, tag = "84")]
    OperationPause(OperationPause),
}

/// A member joins. Its number is the outcome's `number`.
#[derive(Clone, PartialEq, Message)]
pub struct MemberJoin {
    /// All but `number`, which the counter gives.
    #[prost(message, required, tag = "1")]
    pub member: Member,
}

/// A member has started.
#[derive(Clone, PartialEq, Message)]
pub struct MemberStarted {
    /// All of it as it is now; `number` says which. An older incarnation than the stored one is refused.
    #[prost(message, required, tag = "1")]
    pub member: Member,
}

/// Begin or end draining.
#[derive(Clone, PartialEq, Message)]
pub struct MemberDrain {
    /// The member.
    #[prost(uint64, tag = "1")]
    pub member: u64,
    /// True begins, false ends.
    #[prost(bool, tag = "2")]
    pub draining: bool,
}

/// A member is gone for good: its clusters lose their owner, its remembered proposals go.
#[derive(Clone, PartialEq, Message)]
pub struct MemberRemove {
    /// The member.
    #[prost(uint64, tag = "1")]
    pub member: u64,
}

/// Raise the cluster version; refused while a member supports less.
#[derive(Clone, PartialEq, Message)]
pub struct RaiseVersion {
    /// The new version.
    #[prost(uint32, tag = "1")]
    pub version: u32,
}

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

/// Make a template for the actor's project.
#[derive(Clone, PartialEq, Message)]
pub struct TemplateCreate {
    /// Its id; a second one with the same id is refused.
    #[prost(message, required, tag = "1")]
    pub id: TemplateId,
    /// What is asked for, complete.
    #[prost(message, required, tag = "2")]
    pub wish: TemplateWish,
}

/// Change a template to a complete new wish.
#[derive(Clone, PartialEq, Message)]
pub struct TemplateUpdate {
    /// Which.
    #[prost(message, required, tag = "1")]
    pub id: TemplateId,
    /// The revision the new wish was made from; refused when it has changed since.
    #[prost(uint64, tag = "2")]
    pub expected_revision: u64,
    /// The complete new wish.
    #[prost(message, required, tag = "3")]
    pub wish: TemplateWish,
}

/// Remove a template; refused while clusters use it.
#[derive(Clone, PartialEq, Message)]
pub struct TemplateDelete {
    /// Which.
    #[prost(message, required, tag = "1")]
    pub id: TemplateId,
    /// Only if it has this revision; 0: any.
    #[prost(uint64, tag = "2")]
    pub expected_revision: u64,
}

/// Make a cluster.
#[derive(Clone, PartialEq, Message)]
pub struct ClusterCreate {
    /// Its id.
    #[prost(message, required, tag = "1")]
    pub id: ClusterId,
    /// Its template.
    #[prost(message, required, tag = "2")]
    pub template_id: TemplateId,
    /// What is asked for, complete, template's values laid in.
    #[prost(message, required, tag = "3")]
    pub wish: ClusterWish,
    /// Machines of `default-worker`.
    #[prost(uint32, tag = "4")]
    pub node_count: u32,
    /// Machines of `default-master`.
    #[prost(uint32, tag = "5")]
    pub master_count: u32,
    /// Id of `default-worker`.
    #[prost(message, required, tag = "6")]
    pub worker_group: NodeGroupId,
    /// Id of `default-master`.
    #[prost(message, required, tag = "7")]
    pub master_group: NodeGroupId,
    /// Id of the create operation.
    #[prost(message, required, tag = "8")]
    pub operation: OperationId,
    /// Name of the provisioning driver.
    #[prost(string, tag = "9")]
    pub driver: String,
    /// Clusters the project may have when it has no quota of its own.
    #[prost(uint32, tag = "10")]
    pub default_quota: u32,
}

/// Change a cluster.
#[derive(Clone, PartialEq, Message)]
pub struct ClusterUpdate {
    /// Which.
    #[prost(message, required, tag = "1")]
    pub id: ClusterId,
    /// Only if it has this revision; 0: any.
    #[prost(uint64, tag = "2")]
    pub expected_revision: u64,
    /// New size of `default-worker`, if it changes.
    #[prost(uint32, optional, tag = "3")]
    pub node_count: Option<u32>,
    /// New health, if an agent pushes one.
    #[prost(message, optional, tag = "4")]
    pub health: Option<HealthReport>,
    /// Id of the update operation (used when there is something to do).
    #[prost(message, required, tag = "5")]
    pub operation: OperationId,
}

/// Health as pushed by an agent in the cluster.
#[derive(Clone, PartialEq, Message)]
pub struct HealthReport {
    /// New health, absent: unchanged.
    #[prost(enumeration = "crate::cluster::Health", optional, tag = "1")]
    pub health: Option<i32>,
    /// Whether `reason` replaces the old one.
    #[prost(bool, tag = "2")]
    pub has_reason: bool,
    /// Why, per part.
    #[prost(btree_map = "string, string", tag = "3")]
    pub reason: BTreeMap<String, String>,
}

/// Delete a cluster: any status; its open operations are superseded.
#[derive(Clone, PartialEq, Message)]
pub struct ClusterDelete {
    /// Which.
    #[prost(message, required, tag = "1")]
    pub id: ClusterId,
    /// Only if it has this revision; 0: any.
    #[prost(uint64, tag = "2")]
    pub expected_revision: u64,
    /// Id of the delete operation; ignored when a deletion is already open.
    #[prost(message, required, tag = "3")]
    pub operation: OperationId,
    /// Whether it ends soon in any case and leaves behind what cannot be removed; an open deletion becomes such a one.
    #[prost(bool, tag = "50")]
    pub force: bool,
}

/// Call an open operation off; a deletion is not called off.
#[derive(Clone, PartialEq, Message)]
pub struct OperationCancel {
    /// Which.
    #[prost(message, required, tag = "1")]
    pub operation: OperationId,
}

/// Do an operation again that failed, was cancelled, or of which nobody can tell: the last one on its thing.
#[derive(Clone, PartialEq, Message)]
pub struct OperationRetry {
    /// Which.
    #[prost(message, required, tag = "1")]
    pub operation: OperationId,
    /// Id of the new operation.
    #[prost(message, required, tag = "2")]
    pub retry: OperationId,
}

/// Lead a node group to a size; machines that are named go first.
#[derive(Clone, PartialEq, Message)]
pub struct ClusterResize {
    /// Which cluster.
    #[prost(message, required, tag = "1")]
    pub id: ClusterId,
    /// Only if it has this revision; 0: any.
    #[prost(uint64, tag = "2")]
    pub expected_revision: u64,
    /// Which of its node groups; none: `default-worker`.
    #[prost(message, optional, tag = "3")]
    pub group: Option<NodeGroupId>,
    /// The new size.
    #[prost(uint32, tag = "4")]
    pub node_count: u32,
    /// Machines to remove: the backend's own ids, our ids, or names. What the group does not have is passed over.
    #[prost(string, repeated, tag = "5")]
    pub remove: Vec<String>,
    /// At most so many are removed at a time; 0: all at once.
    #[prost(uint32, tag = "6")]
    pub max_batch_size: u32,
    /// Id of the operation.
    #[prost(message, required, tag = "7")]
    pub operation: OperationId,
}

/// Lead a cluster to another template.
#[derive(Clone, PartialEq, Message)]
pub struct ClusterUpgrade {
    /// Which cluster.
    #[prost(message, required, tag = "1")]
    pub id: ClusterId,
    /// Only if it has this revision; 0: any.
    #[prost(uint64, tag = "2")]
    pub expected_revision: u64,
    /// The template; of the same coe.
    #[prost(message, required, tag = "3")]
    pub template: TemplateId,
    /// One further node group, to the cluster's own template; none, or a default one: masters and workers that came with the cluster.
    #[prost(message, optional, tag = "4")]
    pub group: Option<NodeGroupId>,
    /// At most so many machines are out of service at a time; at least 1. Of masters it is always one.
    #[prost(uint32, tag = "5")]
    pub max_batch_size: u32,
    /// Id of the operation.
    #[prost(message, required, tag = "6")]
    pub operation: OperationId,
}

/// Give a cluster a new authority and new credentials.
#[derive(Clone, PartialEq, Message)]
pub struct ClusterRotate {
    /// Which cluster.
    #[prost(message, required, tag = "1")]
    pub id: ClusterId,
    /// Only if it has this revision; 0: any.
    #[prost(uint64, tag = "2")]
    pub expected_revision: u64,
    /// Id of the operation.
    #[prost(message, required, tag = "3")]
    pub operation: OperationId,
}

/// An owner wants a machine replaced that has not been ready for as long as the cluster's policy says.
#[derive(Clone, PartialEq, Message)]
pub struct ClusterHeal {
    /// Which cluster.
    #[prost(message, required, tag = "1")]
    pub id: ClusterId,
    /// The owner's epoch; an old one is refused as stale.
    #[prost(uint64, tag = "2")]
    pub epoch: u64,
    /// The machine.
    #[prost(message, required, tag = "3")]
    pub node: NodeId,
    /// Id of the operation.
    #[prost(message, required, tag = "4")]
    pub operation: OperationId,
}

/// Begin no further batch of an operation, or go on with it. A batch that was begun is ended.
#[derive(Clone, PartialEq, Message)]
pub struct OperationPause {
    /// Which.
    #[prost(message, required, tag = "1")]
    pub operation: OperationId,
    /// Pause, or go on.
    #[prost(bool, tag = "2")]
    pub paused: bool,
}

/// Set the status of a cluster by hand: for administrators, when the world has been put right by other means. Its own open operation is
/// cancelled.
#[derive(Clone, PartialEq, Message)]
pub struct ClusterReset {
    /// Which.
    #[prost(message, required, tag = "1")]
    pub id: ClusterId,
    /// The new status; one that is not in progress.
    #[prost(enumeration = "crate::cluster::Status", tag = "2")]
    pub status: i32,
    /// Why, in words; kept in the event and shown as the status reason.
    #[prost(string, tag = "3")]
    pub reason: String,
}

/// Make a classic node row.
#[derive(Clone, PartialEq, Message)]
pub struct NodeCreate {
    /// The row; serial, revision, project, user and times are set by apply.
    #[prost(message, required, tag = "1")]
    pub node: Node,
}

/// Change a classic node row to a complete new one.
#[derive(Clone, PartialEq, Message)]
pub struct NodeUpdate {
    /// The row with its new kind, image and Ironic id.
    #[prost(message, required, tag = "1")]
    pub node: Node,
    /// The revision it was made from.
    #[prost(uint64, tag = "2")]
    pub expected_revision: u64,
}

/// Remove a classic node row.
#[derive(Clone, PartialEq, Message)]
pub struct NodeDelete {
    /// Which.
    #[prost(message, required, tag = "1")]
    pub id: NodeId,
    /// Only if it has this revision; 0: any.
    #[prost(uint64, tag = "2")]
    pub expected_revision: u64,
}

/// Make a container and its create operation.
#[derive(Clone, PartialEq, Message)]
pub struct ContainerCreate {
    /// Its id.
    #[prost(message, required, tag = "1")]
    pub id: ContainerId,
    /// Its cluster, which must be there, visible, and not being deleted.
    #[prost(message, required, tag = "2")]
    pub cluster: ClusterId,
    /// What is asked for, complete.
    #[prost(message, required, tag = "3")]
    pub wish: ContainerWish,
    /// Id of the create operation.
    #[prost(message, required, tag = "4")]
    pub operation: OperationId,
    /// How long the operation may take, milliseconds of log time.
    #[prost(uint64, tag = "5")]
    pub timeout_ms: u64,
}

/// Change a container's record only (classic PATCH has no effect on the engine).
#[derive(Clone, PartialEq, Message)]
pub struct ContainerUpdate {
    /// Which.
    #[prost(message, required, tag = "1")]
    pub id: ContainerId,
    /// The revision the new wish was made from.
    #[prost(uint64, tag = "2")]
    pub expected_revision: u64,
    /// The complete new wish.
    #[prost(message, required, tag = "3")]
    pub wish: ContainerWish,
}

/// Start, stop, pause, unpause, reboot, delete or execute: accepted as an operation.
#[derive(Clone, PartialEq, Message)]
pub struct ContainerAct {
    /// Which.
    #[prost(message, required, tag = "1")]
    pub id: ContainerId,
    /// What.
    #[prost(enumeration = "Kind", tag = "2")]
    pub kind: i32,
    /// Id of the operation.
    #[prost(message, required, tag = "3")]
    pub operation: OperationId,
    /// How long it may take, milliseconds of log time.
    #[prost(uint64, tag = "4")]
    pub timeout_ms: u64,
    /// The command line of an execute.
    #[prost(string, optional, tag = "5")]
    pub command: Option<String>,
}

/// Begin to keep events for a sink, from the oldest that is still there. Nothing happens if the sink is known.
#[derive(Clone, PartialEq, Message)]
pub struct SinkOpen {
    /// Its name: letters, digits, `-`, `_`, `.`; 64 at most.
    #[prost(string, tag = "1")]
    pub name: String,
}

/// The leader has given events to a sink.
#[derive(Clone, PartialEq, Message)]
pub struct SinkAdvance {
    /// The sink.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The term in which it was done; refused when the entry stands in another one: another leader delivers now. 0: any term.
    #[prost(uint64, tag = "2")]
    pub term: u64,
    /// The cursor from which it was done; refused when it is another by now.
    #[prost(uint64, tag = "3")]
    pub from: u64,
    /// The log index up to which the sink has been given everything.
    #[prost(uint64, tag = "4")]
    pub to: u64,
    /// Records that were made of those events and taken by the sink.
    #[prost(uint64, tag = "5")]
    pub records: u64,
}

/// A sink is gone; no event is kept for it any more.
#[derive(Clone, PartialEq, Message)]
pub struct SinkClose {
    /// The sink.
    #[prost(string, tag = "1")]
    pub name: String,
}

/// How many events are kept.
#[derive(Clone, PartialEq, Message)]
pub struct EventsKeep {
    /// At least.
    #[prost(uint64, tag = "1")]
    pub keep: u64,
    /// Besides, while a sink has not been given them.
    #[prost(uint64, tag = "2")]
    pub backlog: u64,
}

/// An owner is about to make an outside call: recorded before the call is made.
#[derive(Clone, PartialEq, Message)]
pub struct StepBegin {
    /// The operation.
    #[prost(message, required, tag = "1")]
    pub operation: OperationId,
    /// The owner's epoch; an old one is refused as stale.
    #[prost(uint64, tag = "2")]
    pub epoch: u64,
    /// The step's name.
    #[prost(string, tag = "3")]
    pub name: String,
    /// The deterministic outside name it works on.
    #[prost(string, tag = "4")]
    pub target: String,
    /// How long the call may still take effect, milliseconds.
    #[prost(uint64, tag = "5")]
    pub effect_ms: u64,
    /// That the same attempt goes on: its calls were all answered so far, and the time begins anew.
    #[prost(bool, tag = "50")]
    pub goes_on: bool,
    /// That it works on the operation's present batch of machines, or on its next one, which is picked in the same entry.
    #[prost(bool, tag = "80")]
    pub batch: bool,
}

/// An owner says what became of a step.
#[derive(Clone, PartialEq, Message)]
pub struct StepEnd {
    /// The operation.
    #[prost(message, required, tag = "1")]
    pub operation: OperationId,
    /// The owner's epoch.
    #[prost(uint64, tag = "2")]
    pub epoch: u64,
    /// The step's name.
    #[prost(string, tag = "3")]
    pub name: String,
    /// What became of it.
    #[prost(enumeration = "StepOutcome", tag = "4")]
    pub outcome: i32,
    /// The outside object's own id.
    #[prost(string, optional, tag = "5")]
    pub external_id: Option<String>,
    /// Why, in words.
    #[prost(string, optional, tag = "6")]
    pub reason: Option<String>,
    /// What was seen by the way; applied in the same entry.
    #[prost(message, optional, tag = "7")]
    pub seen: Option<Sighting>,
    /// If set, the operation ends in this state in the same entry.
    #[prost(enumeration = "State", optional, tag = "8")]
    pub ends: Option<i32>,
    /// What is left outside when a forced deletion ends so.
    #[prost(message, repeated, tag = "50")]
    pub left: Vec<Left>,
    /// That nobody could look at what is left: the records stand in.
    #[prost(bool, tag = "51")]
    pub left_unseen: bool,
    /// Why it did not succeed, in one word.
    #[prost(enumeration = "Failure", tag = "52")]
    pub failure: i32,
    /// How long nobody begins it again, milliseconds.
    #[prost(uint64, tag = "53")]
    pub pause_ms: u64,
}

/// An owner ends an operation without a step (nothing was left to do, or it cannot be done).
#[derive(Clone, PartialEq, Message)]
pub struct OperationEnd {
    /// The operation.
    #[prost(message, required, tag = "1")]
    pub operation: OperationId,
    /// The owner's epoch.
    #[prost(uint64, tag = "2")]
    pub epoch: u64,
    /// How it ends.
    #[prost(enumeration = "State", tag = "3")]
    pub state: i32,
    /// Why, in words.
    #[prost(string, optional, tag = "4")]
    pub reason: Option<String>,
    /// What was seen by the way; applied in the same entry.
    #[prost(message, optional, tag = "5")]
    pub seen: Option<Sighting>,
    /// Why it failed, in one word.
    #[prost(enumeration = "Failure", tag = "50")]
    pub failure: i32,
}

/// What owners saw; each sighting stands under its own epoch, stale ones are skipped.
#[derive(Clone, PartialEq, Message)]
pub struct Observe {
    /// The sightings.
    #[prost(message, repeated, tag = "1")]
    pub sightings: Vec<Sighting>,
}

/// What an owner saw of one cluster.
#[derive(Clone, PartialEq, Message)]
pub struct Sighting {
    /// The cluster.
    #[prost(message, required, tag = "1")]
    pub cluster: ClusterId,
    /// The owner's epoch.
    #[prost(uint64, tag = "2")]
    pub epoch: u64,
    /// The cluster itself, if it was looked at.
    #[prost(message, optional, tag = "3")]
    pub observed: Option<Observed>,
    /// Containers that were looked at.
    #[prost(message, repeated, tag = "4")]
    pub containers: Vec<ContainerSighting>,
    /// Its machines; replaces all earlier ones when `nodes_seen`.
    #[prost(message, repeated, tag = "5")]
    pub nodes: Vec<Node>,
    /// Whether `nodes` is the whole list.
    #[prost(bool, tag = "6")]
    pub nodes_seen: bool,
}

/// What an owner saw of one container.
#[derive(Clone, PartialEq, Message)]
pub struct ContainerSighting {
    /// Which.
    #[prost(message, required, tag = "1")]
    pub id: ContainerId,
    /// Its status.
    #[prost(enumeration = "ContainerStatus", tag = "2")]
    pub status: i32,
    /// Why, in words.
    #[prost(string, optional, tag = "3")]
    pub reason: Option<String>,
    /// The engine's own id.
    #[prost(string, optional, tag = "4")]
    pub engine_id: Option<String>,
}

/// Lets what is past its time expire, by the entry's log time: operations over their deadline fail, remembered outcomes go.
#[derive(Clone, PartialEq, Message)]
pub struct Expire {
    /// At most this many of each kind in one entry.
    #[prost(uint32, tag = "1")]
    pub limit: u32,
}

/// Nobody looks at these clusters: their last health is no longer their health.
#[derive(Clone, PartialEq, Message)]
pub struct HealthLapse {
    /// Them.
    #[prost(message, repeated, tag = "1")]
    pub clusters: Vec<Lapsed>,
}

/// A cluster that nobody looks at.
#[derive(Clone, PartialEq, Message)]
pub struct Lapsed {
    /// Which.
    #[prost(message, required, tag = "1")]
    pub cluster: ClusterId,
    /// The epoch under which nobody looks, or of the last owner; skipped when there is a newer one.
    #[prost(uint64, tag = "2")]
    pub epoch: u64,
    /// Why, in words.
    #[prost(string, tag = "3")]
    pub reason: String,
}

/// Set a project's quota (made or changed).
#[derive(Clone, PartialEq, Message)]
pub struct QuotaSet {
    /// Keystone project.
    #[prost(string, tag = "1")]
    pub project_id: String,
    /// `Cluster`.
    #[prost(string, tag = "2")]
    pub resource: String,
    /// The limit.
    #[prost(uint32, tag = "3")]
    pub hard_limit: u32,
    /// `Some(true)`: only if there is none yet; `Some(false)`: only if there is one.
    #[prost(bool, optional, tag = "4")]
    pub create: Option<bool>,
}

/// Remove a project's quota.
#[derive(Clone, PartialEq, Message)]
pub struct QuotaDelete {
    /// Keystone project.
    #[prost(string, tag = "1")]
    pub project_id: String,
    /// `Cluster`.
    #[prost(string, tag = "2")]
    pub resource: String,
}
