//! The dispatcher: one arm per command, the only door to the state.

use crate::{
    id::{ClusterId, ContainerId, NodeId, OperationId, TemplateId},
    outcome::Outcome,
    tables::{Fault, Tables},
};

/// One log entry as apply sees it.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its log index.
    pub index: u64,
    /// Log time: stamped by the leader, never going back, milliseconds.
    pub at_ms: u64,
    /// An encoded [`crate::command::Proposal`].
    pub payload: &'a [u8],
}

/// What applying an entry gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// The answer to whoever proposed it.
    pub outcome: Outcome,
    /// What changed: wake-ups without data.
    pub changes: Vec<Change>,
}

/// Something that changed; carries no data, the woken one reads the state afresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Change {
    /// A template.
    Template(TemplateId),
    /// A cluster, its node groups or its machines.
    Cluster(ClusterId),
    /// A container, and whose it is.
    Container(ContainerId, ClusterId),
    /// A classic node row.
    Node(NodeId),
    /// An operation was accepted, went on or ended, and whose it is.
    Operation(OperationId, ClusterId),
    /// The owner of a cluster.
    Ownership(ClusterId),
    /// A member of ours.
    Member(u64),
    /// A quota.
    Quota,
    /// The cluster version.
    Version,
}

/// Applies one entry: same state and same entry give the same bytes on every member.
pub fn apply(_tables: &mut dyn Tables, entry: &Entry<'_>) -> Result<Applied, Fault> {
    Err(Fault::Entry { index: entry.index, reason: "apply is being written".to_owned() })
}
