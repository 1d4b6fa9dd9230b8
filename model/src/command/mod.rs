//! Commands: every way in which the state may change, one message each.
//!
//! A [`Proposal`] is what stands in a log entry: who asks, under which keys, which command. Everything random or timed was chosen before
//! it was proposed. Messages are prost by hand, so the numbers here and in the files beside are the format on disk and between members: a
//! number is never reused, and a new command is written only after the cluster version that knows it has been raised (`version`).
//!
//! Here stand the proposal and the list of all commands; the messages lie in a file per object, and are named without it.

use prost::Message;

mod cluster;
mod container;
mod event;
mod member;
mod node;
mod operation;
mod ownership;
mod quota;
mod sighting;
mod sink;
mod step;
mod template;

pub use cluster::{
    ClusterCreate, ClusterDelete, ClusterHeal, ClusterReset, ClusterResize, ClusterRotate, ClusterUpdate, ClusterUpgrade, HealthReport,
};
pub use container::{ContainerAct, ContainerCreate, ContainerUpdate};
pub use event::EventsKeep;
pub use member::{MemberDrain, MemberJoin, MemberRemove, MemberStarted, RaiseVersion};
pub use node::{NodeCreate, NodeDelete, NodeUpdate};
pub use operation::{Expire, OperationCancel, OperationEnd, OperationPause, OperationRetry};
pub use ownership::{Assign, Assignment, Balance, Pin, Release};
pub use quota::{QuotaDelete, QuotaSet};
pub use sighting::{ContainerSighting, HealthLapse, Lapsed, Observe, Sighting};
pub use sink::{SinkAdvance, SinkClose, SinkOpen};
pub use step::{StepBegin, StepEnd};
pub use template::{TemplateCreate, TemplateDelete, TemplateUpdate};

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
