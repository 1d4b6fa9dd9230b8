//! Clusters: what clients and administrators ask for, and the one thing that an owner asks for, a healing. What goes on afterwards is an
//! operation, whose id was chosen with the command.

use std::collections::BTreeMap;

use prost::Message;

use crate::{
    cluster::ClusterWish,
    id::{ClusterId, NodeGroupId, NodeId, OperationId, TemplateId},
};

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
