//! An operation: one accepted change of one cluster or of one of its containers, made of steps.
//!
//! Intent before effect: a step is recorded under the owner's epoch before the outside call is made, with the deterministic outside
//! name and with how long the call may still take effect. Whoever owns the cluster next finds the step open and resumes it: it looks
//! for the outside name before it creates, and waits out the effect time for steps that are not create-or-adopt. An operation ends in
//! exactly one terminal state; ends are never taken back.
//!
//! Every operation has a deadline by log time, also when nobody asked for one, so nothing is in progress for ever. From every end that is
//! not a success there is a way on: `retry` accepts the same again as a new operation, `cluster::delete` supersedes everything, and an
//! administrator may reset a status (`cluster::reset`) or force a deletion, which then ends in any case and says what it `left` behind.

use prost::Message;

use crate::{
    id::{ClusterId, ContainerId, NodeGroupId, OperationId, TemplateId},
    record::{Index, Record},
    tables::table,
};

mod accept;
pub mod apply;
pub(crate) mod cancel;
pub(crate) mod end;
mod expire;
mod failure;
pub mod held;
pub(crate) mod history;
pub(crate) mod left;
pub(crate) mod pause;
pub mod query;
pub(crate) mod retry;
pub mod roll;
pub mod stuck;

pub use accept::{LONGEST_MS, OPEN_LIMIT};
pub(crate) use accept::{Request, accept, deadline_ms, free, room};
pub use failure::{Failure, Outlook};
pub use left::{FORCED_MS, LEFT_LIMIT, Left};
pub use roll::{Machine, Pick, Roll};

/// An operation as stored.
#[derive(Clone, PartialEq, Message)]
pub struct Operation {
    /// Its id.
    #[prost(message, required, tag = "1")]
    pub id: OperationId,
    /// The cluster it is about.
    #[prost(message, required, tag = "2")]
    pub cluster: ClusterId,
    /// The container it is about, if it is about one.
    #[prost(message, optional, tag = "3")]
    pub container: Option<ContainerId>,
    /// What is to be done.
    #[prost(enumeration = "Kind", tag = "4")]
    pub kind: i32,
    /// Where it stands.
    #[prost(enumeration = "State", tag = "5")]
    pub state: i32,
    /// Its steps in the order in which they were begun.
    #[prost(message, repeated, tag = "6")]
    pub steps: Vec<Step>,
    /// Log time after which it is failed. Milliseconds.
    #[prost(uint64, tag = "7")]
    pub deadline_ms: u64,
    /// Why it ended as it did, in words.
    #[prost(string, optional, tag = "8")]
    pub reason: Option<String>,
    /// Log index at which it was accepted: operations of a cluster run in this order.
    #[prost(uint64, tag = "9")]
    pub accepted: u64,
    /// Log time of acceptance, milliseconds.
    #[prost(uint64, tag = "10")]
    pub accepted_ms: u64,
    /// Log time of its end, milliseconds.
    #[prost(uint64, optional, tag = "11")]
    pub ended_ms: Option<u64>,
    /// The client's request id.
    #[prost(string, tag = "12")]
    pub request_id: String,
    /// Project of who asked.
    #[prost(string, tag = "13")]
    pub project_id: String,
    /// User who asked.
    #[prost(string, tag = "14")]
    pub user_id: String,
    /// The command line of an execute.
    #[prost(string, optional, tag = "15")]
    pub command: Option<String>,
    /// Position among operations accepted by the same entry.
    #[prost(uint32, tag = "16")]
    pub part: u32,
    /// Of a cluster update: machines of `default-worker` before it, restored when it fails.
    #[prost(uint32, optional, tag = "17")]
    pub previous_node_count: Option<u32>,
    /// Log time at which it is forgotten because its cluster is gone; 0 while the cluster is there. Milliseconds.
    #[prost(uint64, tag = "18")]
    pub forget_ms: u64,
    /// The operation that this one does again.
    #[prost(message, optional, tag = "50")]
    pub retry_of: Option<OperationId>,
    /// Of a cluster update: machines of `default-worker` that it leads to.
    #[prost(uint32, optional, tag = "51")]
    pub node_count: Option<u32>,
    /// Of a cluster deletion: that it ends in any case, whatever is left outside.
    #[prost(bool, tag = "52")]
    pub force: bool,
    /// What a forced deletion has left outside, [`LEFT_LIMIT`] at most.
    #[prost(message, repeated, tag = "53")]
    pub left: Vec<Left>,
    /// Project of its cluster: who sees it, also when the cluster is gone.
    #[prost(string, tag = "54")]
    pub owner_id: String,
    /// Why it failed, in one word.
    #[prost(enumeration = "Failure", tag = "55")]
    pub failure: i32,
    /// Of what works on machines batch by batch: how far it has come.
    #[prost(message, optional, tag = "80")]
    pub roll: Option<Roll>,
    /// Of an upgrade: the template it leads to.
    #[prost(message, optional, tag = "81")]
    pub template: Option<TemplateId>,
    /// The node group it is about, where it is about one; a change of size without one is about `default-worker`.
    #[prost(message, optional, tag = "82")]
    pub group: Option<NodeGroupId>,
    /// Of a rotation: the number of the credentials that it brings, counted from the cluster's first, which are number 0.
    #[prost(uint64, tag = "83")]
    pub credentials: u64,
}

impl Operation {
    /// Whether it is still to be worked on.
    pub fn open(&self) -> bool {
        self.state() == State::Open
    }
    /// How often its outside calls were begun: what its budget is spent on. Each batch of machines has a budget of its own.
    pub fn attempts(&self) -> u32 {
        self.begun().saturating_sub(self.roll.as_ref().map_or(0, |roll| roll.spent))
    }
    /// How often its outside calls were begun from its beginning on.
    fn begun(&self) -> u32 {
        self.steps.iter().fold(0, |sum, step| sum.saturating_add(step.attempts))
    }
    /// Whether no batch of it is begun because somebody paused it.
    pub fn paused(&self) -> bool {
        self.roll.as_ref().is_some_and(|roll| roll.paused)
    }
    /// The last thing that went wrong, if anything did.
    pub fn last_trouble(&self) -> Option<&Trouble> {
        self.steps.iter().filter_map(|step| step.troubles.last()).max_by_key(|trouble| trouble.at_ms)
    }
    /// Log time before which no step is begun again; milliseconds, 0 where nothing is waited for.
    pub fn retry_ms(&self) -> u64 {
        self.steps.iter().map(|step| step.retry_ms).max().unwrap_or_default()
    }
    /// The step that was begun and not ended, if any.
    pub fn open_step(&self) -> Option<&Step> {
        self.steps.iter().rev().find(|step| step.outcome() == StepOutcome::Begun)
    }
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Kind {
    /// Makes a cluster.
    ClusterCreate = 0,
    /// Changes a cluster.
    ClusterUpdate = 1,
    /// Removes a cluster.
    ClusterDelete = 2,
    /// Makes a container (without starting it).
    ContainerCreate = 3,
    /// Starts it.
    ContainerStart = 4,
    /// Stops it.
    ContainerStop = 5,
    /// Pauses it.
    ContainerPause = 6,
    /// Unpauses it.
    ContainerUnpause = 7,
    /// Restarts it: at most once.
    ContainerReboot = 8,
    /// Removes it.
    ContainerDelete = 9,
    /// Runs a command in it: at most once.
    ContainerExecute = 10,
    /// Leads a node group to a size, perhaps by removing the machines that were named.
    ClusterResize = 11,
    /// Leads the machines of a cluster to another template, batch by batch.
    ClusterUpgrade = 12,
    /// Gives a cluster a new authority and new credentials.
    ClusterRotate = 13,
    /// Replaces a machine that has failed.
    ClusterHeal = 14,
}

impl Kind {
    /// The word shown to people, such as `container.start`.
    pub fn word(self) -> &'static str {
        match self {
            Self::ClusterCreate => "cluster.create",
            Self::ClusterUpdate => "cluster.update",
            Self::ClusterDelete => "cluster.delete",
            Self::ContainerCreate => "container.create",
            Self::ContainerStart => "container.start",
            Self::ContainerStop => "container.stop",
            Self::ContainerPause => "container.pause",
            Self::ContainerUnpause => "container.unpause",
            Self::ContainerReboot => "container.reboot",
            Self::ContainerDelete => "container.delete",
            Self::ContainerExecute => "container.execute",
            Self::ClusterResize => "cluster.resize",
            Self::ClusterUpgrade => "cluster.upgrade",
            Self::ClusterRotate => "cluster.rotate",
            Self::ClusterHeal => "cluster.heal",
        }
    }
    /// Whether it changes a cluster that is there and stays: such an operation shows as `UPDATE_*`.
    pub fn updates(self) -> bool {
        matches!(self, Self::ClusterUpdate) || self.rolls() || matches!(self, Self::ClusterRotate)
    }
    /// Whether it leads a node group to a size.
    pub fn resizes(self) -> bool {
        matches!(self, Self::ClusterUpdate | Self::ClusterResize)
    }
    /// Whether it may work on machines batch by batch.
    pub fn rolls(self) -> bool {
        matches!(self, Self::ClusterUpdate | Self::ClusterResize | Self::ClusterUpgrade | Self::ClusterHeal)
    }
    /// Whether it removes what it is about: such an operation is not called off, what it has removed does not come back.
    pub fn removes(self) -> bool {
        matches!(self, Self::ClusterDelete | Self::ContainerDelete)
    }
    /// Whether it must run at most once, so that an interrupted step ends as "outcome unknown" instead of being repeated.
    pub fn at_most_once(self) -> bool {
        matches!(self, Self::ContainerReboot | Self::ContainerExecute)
    }
}

/// Where an operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum State {
    /// Accepted, not ended.
    Open = 0,
    /// Done.
    Succeeded = 1,
    /// Failed, with a reason.
    Failed = 2,
    /// Another operation took its place.
    Superseded = 3,
    /// It ran at most once and nobody can tell what became of it.
    Unknown = 4,
    /// Somebody called it off.
    Cancelled = 5,
}

impl State {
    /// The word shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Superseded => "SUPERSEDED",
            Self::Unknown => "UNKNOWN",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// One step of an operation: an intent, and what became of it.
#[derive(Clone, PartialEq, Message)]
pub struct Step {
    /// What the step does, such as `network.create`; unique in its operation.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The deterministic outside name it works on.
    #[prost(string, tag = "2")]
    pub target: String,
    /// The epoch under which it was last begun.
    #[prost(uint64, tag = "3")]
    pub epoch: u64,
    /// How often it was begun.
    #[prost(uint32, tag = "4")]
    pub attempts: u32,
    /// What became of it.
    #[prost(enumeration = "StepOutcome", tag = "5")]
    pub outcome: i32,
    /// The outside object's own id.
    #[prost(string, optional, tag = "6")]
    pub external_id: Option<String>,
    /// Why, in words.
    #[prost(string, optional, tag = "7")]
    pub reason: Option<String>,
    /// How long after its beginning the outside call may still take effect, milliseconds.
    #[prost(uint64, tag = "8")]
    pub effect_ms: u64,
    /// Log time of the last beginning, milliseconds.
    #[prost(uint64, tag = "9")]
    pub begun_ms: u64,
    /// Log time of its end, milliseconds.
    #[prost(uint64, optional, tag = "10")]
    pub ended_ms: Option<u64>,
    /// Why the last attempt failed, in one word.
    #[prost(enumeration = "Failure", tag = "50")]
    pub failure: i32,
    /// Log time before which it is not begun again, whoever owns the cluster then; milliseconds, 0: at any time.
    #[prost(uint64, tag = "51")]
    pub retry_ms: u64,
    /// Attempts that went wrong, the last [`TROUBLES`] of them.
    #[prost(message, repeated, tag = "52")]
    pub troubles: Vec<Trouble>,
}

/// How many attempts that went wrong a step remembers.
pub const TROUBLES: usize = 8;

/// An attempt that went wrong.
#[derive(Clone, PartialEq, Message)]
pub struct Trouble {
    /// Log time at which it was reported, milliseconds.
    #[prost(uint64, tag = "1")]
    pub at_ms: u64,
    /// Which attempt it was, from 1.
    #[prost(uint32, tag = "2")]
    pub attempt: u32,
    /// Under which epoch.
    #[prost(uint64, tag = "3")]
    pub epoch: u64,
    /// What kind of failure it was.
    #[prost(enumeration = "Failure", tag = "4")]
    pub failure: i32,
    /// Why, in the backend's words.
    #[prost(string, tag = "5")]
    pub reason: String,
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum StepOutcome {
    /// Begun; whether it took effect is not known yet.
    Begun = 0,
    /// Done.
    Done = 1,
    /// Failed; the operation may try again.
    Failed = 2,
    /// Nobody can tell.
    Unknown = 3,
}

impl Record for Operation {
    const TABLE: u8 = table::OPERATION;
    fn key(&self) -> Vec<u8> {
        self.id.bytes().to_vec()
    }
    fn indexes(&self) -> Vec<(Index, Vec<u8>)> {
        let order = [self.cluster.bytes().as_slice(), &self.accepted.to_be_bytes(), &self.part.to_be_bytes()].concat();
        let mut rows = vec![(Index::OperationByCluster, order.clone())];
        if self.open() {
            rows.push((Index::OperationOpenByCluster, order));
            if self.deadline_ms != 0 {
                rows.push((Index::OperationByDeadline, self.deadline_ms.to_be_bytes().to_vec()));
            }
        }
        if self.forget_ms != 0 {
            rows.push((Index::OperationByForget, self.forget_ms.to_be_bytes().to_vec()));
        }
        if !self.left.is_empty() {
            rows.push((Index::OperationByLeft, self.accepted.to_be_bytes().to_vec()));
        }
        rows
    }
}

impl Step {
    /// Whether its outside call may still take effect at `at_ms` of log time: nobody knows that it is over, and its time is not up.
    pub fn may_still_act(&self, at_ms: u64) -> bool {
        let open = matches!(self.outcome(), StepOutcome::Begun | StepOutcome::Unknown);
        open && self.begun_ms.saturating_add(self.effect_ms) > at_ms
    }
}

impl StepOutcome {
    /// The word shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}
