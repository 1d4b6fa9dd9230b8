//! Containers: making one and acting on one are operations; a change touches the record only.

use prost::Message;

use crate::{
    container::ContainerWish,
    id::{ClusterId, ContainerId, OperationId},
    operation::Kind,
};

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
