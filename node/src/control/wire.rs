//! What is said over the control socket, as JSON.

use serde::{Deserialize, Serialize};

/// What is asked of a running member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "request", deny_unknown_fields)]
pub enum Request {
    /// The cluster as this member sees it: [`Report`].
    Status {
        /// How many bays to list.
        bays: u32,
    },
    /// A token for one new member: [`Ticket`].
    Token {
        /// How long it is good for, in milliseconds.
        valid_ms: u64,
    },
    /// Make a learner a voter.
    Promote {
        /// Its number.
        member: u64,
    },
    /// Make a voter a learner.
    Demote {
        /// Its number.
        member: u64,
    },
    /// Put a learner in a voter's place.
    Replace {
        /// The voter.
        old: u64,
        /// The learner.
        new: u64,
    },
    /// Remove a member for good.
    Remove {
        /// Its number.
        member: u64,
    },
    /// Hand the leadership over.
    Transfer {
        /// To whom; `None`: the most advanced.
        to: Option<u64>,
    },
    /// Begin or end draining a member.
    Drain {
        /// Its number.
        member: u64,
        /// Begin or end.
        draining: bool,
    },
    /// Who owns what: [`api::map::Map`].
    Map,
    /// What the leader would move: [`api::plan::Planned`].
    Plan {
        /// Under which circumstances.
        question: Question,
        /// How many moves to name.
        limit: u32,
    },
    /// Make it even: [`api::plan::Planned`], which is about to be moved.
    Rebalance,
    /// Bind a bay to a member, or end that: [`Pinned`].
    Pin {
        /// Its id or name.
        bay: String,
        /// The member; `None` ends it.
        member: Option<u64>,
    },
    /// Operations: [`OperationRow`]s.
    Operations {
        /// Of this cluster, by id or name, also those that have ended; `None`: open ones of all clusters.
        cluster: Option<String>,
        /// Only those that do not get on.
        stuck: bool,
        /// How many at most.
        limit: u32,
    },
    /// One operation: [`OperationRow`].
    Operation {
        /// Its id.
        id: String,
    },
    /// Call an operation off: [`OperationRow`].
    Cancel {
        /// Its id.
        id: String,
    },
    /// Begin no further batch of an operation, or go on with it: [`OperationRow`].
    Pause {
        /// Its id.
        id: String,
        /// Pause, or go on.
        paused: bool,
    },
    /// Do an operation again: the new one as an [`OperationRow`].
    Retry {
        /// Its id.
        id: String,
    },
    /// Delete a cluster and leave what cannot be removed: its deletion as an [`OperationRow`].
    ForceDelete {
        /// Its id or name.
        cluster: String,
    },
    /// Set the status of a cluster by hand.
    ResetStatus {
        /// Its id or name.
        cluster: String,
        /// Magnum's word.
        status: String,
        /// Why.
        reason: String,
    },
    /// What is left outside and nobody looks after: [`Orphans`].
    Orphans {
        /// How many at most.
        limit: u32,
    },
    /// What happened to a bay: [`Story`].
    Events(StoryOf),
    /// Take a snapshot and purge: [`Snapped`].
    Snapshot,
    /// A digest over the whole state here: [`Digest`](struct@Digest).
    Digest,
    /// What is to happen at fault points.
    #[cfg(feature = "faults")]
    Fault {
        /// See [`crate::faults`].
        orders: String,
    },
    /// Nothing is to happen at fault points any more.
    #[cfg(feature = "faults")]
    FaultClear,
    /// The fault points that have orders.
    #[cfg(feature = "faults")]
    Faults,
}

/// The circumstances of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// As things are.
    Now,
    /// As even as it can be.
    Even,
    /// If this member died.
    Without(u64),
    /// If this member drained.
    Drained(u64),
}

/// A pin was set or ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// The bay's id.
    pub bay: String,
    /// Why it is not obeyed just now.
    pub remark: Option<String>,
}

/// Which events of a bay are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoryOf {
    /// Its name or id.
    pub bay: String,
    /// After this event.
    pub after: Option<String>,
    /// Only of this kind; empty: all.
    pub kind: String,
    /// Not before this time, milliseconds since 1970.
    pub since_ms: u64,
    /// So many at the most.
    pub limit: u32,
}

/// What is answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The answer to the request.
    Done(serde_json::Value),
    /// No, in words.
    Refused(String),
}

/// Done, and nothing to say about it.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Nothing {}

/// A way in for one new member.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ticket {
    /// What the new member shows.
    pub token: String,
    /// Its number.
    pub member: u64,
    /// Whether members talk in the clear here.
    pub insecure: bool,
}

/// What a snapshot did.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Snapped {
    /// The last log index in it.
    pub snapshot: u64,
    /// The last log index that was purged.
    pub purged: u64,
}

/// A digest of all rows of the state: equal on all members at the same index.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Digest {
    /// The log index it was taken at.
    pub index: u64,
    /// The digest, as text.
    pub digest: String,
}

/// The cluster as one member sees it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// The cluster's id.
    pub cluster: String,
    /// Who was asked.
    pub asked: u64,
    /// Who leads.
    pub leader: Option<u64>,
    /// In which term.
    pub term: u64,
    /// The last entry in the state this was read from.
    pub applied: u64,
    /// How old that state may be, in milliseconds; `None`: it is the present one.
    pub stale_ms: Option<u64>,
    /// The last entry it knows to be committed.
    pub committed: u64,
    /// Its snapshot.
    pub snapshot: u64,
    /// Where its log begins: the last purged entry.
    pub purged: u64,
    /// Version of its program.
    pub program: String,
    /// All members.
    pub members: Vec<MemberRow>,
    /// The first bays.
    pub bays: Vec<BayRow>,
    /// How many bays there are.
    pub bays_total: u64,
}

/// One member in a [`Report`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRow {
    /// Its number.
    pub number: u64,
    /// Its name.
    pub name: String,
    /// Failure zone.
    pub zone: String,
    /// leader, follower, candidate, learner.
    pub role: String,
    /// Whether it votes.
    pub voter: bool,
    /// Whether it answered.
    pub reachable: bool,
    /// The last entry it applied.
    pub applied: Option<u64>,
    /// How many entries behind the furthest member that is.
    pub lag: Option<u64>,
    /// How many bays it owns.
    pub bays: u64,
    /// Whether it gives its bays away.
    pub draining: bool,
    /// Where clients reach it.
    pub api_address: String,
    /// Where members reach it.
    pub peer_address: String,
    /// How often it has been started.
    pub incarnation: u64,
    /// What it can drive.
    pub drivers: Vec<String>,
    /// Version of its program.
    pub program: String,
}

/// One bay in a [`Report`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BayRow {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its project.
    pub project: String,
    /// The engine.
    pub coe: String,
    /// The provisioner.
    pub driver: String,
    /// Magnum's status word.
    pub phase: String,
    /// Whether that is a bad one.
    pub failed: bool,
    /// Who acts for it.
    pub owner: Option<u64>,
    /// Under which epoch.
    pub epoch: Option<u64>,
    /// Why it stands so.
    pub reason: Option<String>,
}

/// What is left outside and nobody looks after.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orphans {
    /// Forced deletions that have left something.
    pub left: Vec<OperationRow>,
    /// What carries the tags of clusters that are not there.
    pub outside: api::orphans::Outside,
}

/// How far work on machines has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollRow {
    /// At most so many are out of service at a time; 0: any number.
    pub max_batch_size: u32,
    /// Whether no further batch is begun.
    pub paused: bool,
    /// Machines that are done.
    pub done: u32,
    /// Names of those that are worked on.
    pub batch: Vec<String>,
    /// How many are to come.
    pub waiting: usize,
}

/// One operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationRow {
    /// Its id.
    pub id: String,
    /// Work on machines, if it does any.
    #[serde(default)]
    pub roll: Option<RollRow>,
    /// What it does.
    pub kind: String,
    /// Where it stands.
    pub state: String,
    /// Why it does not get on, if it does not.
    pub stuck: Option<String>,
    /// Its cluster's id.
    pub cluster: String,
    /// Its cluster's name; empty when it is gone.
    pub name: String,
    /// The container it is about.
    pub container: Option<String>,
    /// Who asked for it.
    pub user: String,
    /// Project of its cluster.
    pub project: String,
    /// The request that asked for it.
    pub request: String,
    /// Since it was accepted, in milliseconds.
    pub age_ms: u64,
    /// How long it took, in milliseconds; `None`: it goes on.
    pub took_ms: Option<u64>,
    /// Until its deadline, in milliseconds; 0 when that is over.
    pub left_ms: u64,
    /// How often its calls were begun.
    pub attempts: u32,
    /// Until the next attempt, in milliseconds.
    pub retry_in_ms: Option<u64>,
    /// Why it ended so, or what went wrong last.
    pub reason: Option<String>,
    /// Of what kind that was.
    pub failure: Option<String>,
    /// The operation it does again.
    pub retry_of: Option<String>,
    /// Its steps.
    pub steps: Vec<StepRow>,
    /// What it has left outside.
    pub left: Vec<LeftRow>,
}

/// One step of an [`OperationRow`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRow {
    /// Its name.
    pub name: String,
    /// The outside name it works on.
    pub target: String,
    /// What became of it.
    pub outcome: String,
    /// How often it was begun.
    pub attempts: u32,
    /// Under which epoch it was begun last.
    pub epoch: u64,
    /// The backend's own id.
    pub external_id: Option<String>,
    /// Since its last beginning, in milliseconds.
    pub age_ms: u64,
    /// What went wrong, the newest last.
    pub troubles: Vec<TroubleRow>,
}

/// An attempt that went wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TroubleRow {
    /// Which attempt.
    pub attempt: u32,
    /// Since then, in milliseconds.
    pub age_ms: u64,
    /// Of what kind.
    pub failure: String,
    /// In the backend's words.
    pub reason: String,
}

/// Something that was left outside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftRow {
    /// What it is.
    pub what: String,
    /// Its outside name.
    pub name: String,
    /// The backend's own id.
    pub id: String,
}

/// What happened to a bay.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Story {
    /// Its id.
    pub bay: String,
    /// Its name, if it is known.
    pub name: String,
    /// Its events, in order.
    pub events: Vec<EventRow>,
    /// After which event there may be more.
    pub more: Option<String>,
}

/// One event in a [`Story`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRow {
    /// Its place in the log.
    pub id: String,
    /// Wall clock, milliseconds since 1970.
    pub at_ms: u64,
    /// What it is about.
    pub object: String,
    /// What happened.
    pub action: String,
    /// The object's id.
    pub object_id: String,
    /// The object's name.
    pub name: String,
    /// A word on it.
    pub detail: String,
    /// pending, success, failure, unknown, or nothing.
    pub verdict: String,
    /// Why.
    pub reason: Option<String>,
    /// The operation it belongs to.
    pub operation: Option<String>,
    /// What that does.
    pub kind: String,
    /// Which step of it.
    pub step: String,
    /// How often that was begun.
    pub attempt: u32,
    /// Who asked.
    pub user: String,
    /// The client's request.
    pub request: String,
    /// The member that reported it, or that an assignment is about; 0: none.
    pub member: u64,
    /// Under which epoch; 0: none.
    pub epoch: u64,
}
