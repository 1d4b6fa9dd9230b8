//! Rows of the classic `/v1/nodes`. The machines of clusters are not changed from here: their owners report them (`Sighting`).

use prost::Message;

use crate::{id::NodeId, node::Node};

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
