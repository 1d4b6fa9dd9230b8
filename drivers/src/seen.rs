//! What a driver saw: facts with no judgement, in the words of the model.

use std::collections::BTreeMap;

use model::{
    cluster::Health,
    container::ContainerStatus,
    id::{ClusterId, ContainerId, OperationId},
};

/// What a provisioner has of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provisioned {
    /// The backend's own id of it (Magnum's `stack_id`).
    pub backend_id: String,
    /// Where it stands.
    pub phase: Phase,
    /// Where the engine's API answers, such as `unix:///var/run/docker.sock` or `https://10.0.0.5:6443`; known once it is ready.
    pub api_address: Option<String>,
    /// The network that was made for it, by the backend's own id or its unique name.
    pub network: Option<String>,
    /// Addresses of the masters.
    pub master_addresses: Vec<String>,
    /// Addresses of the workers.
    pub node_addresses: Vec<String>,
    /// The epoch it was last marked with, where the backend keeps it.
    pub epoch: Option<u64>,
}

/// Where a provisioned cluster stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The backend is still at it.
    Working,
    /// There, as asked for.
    Ready,
    /// The backend gave up, in its own words.
    Failed(String),
    /// On its way out.
    Deleting,
}

/// A thing outside that carries the tag of some cluster of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged {
    /// Whose tag.
    pub cluster: ClusterId,
    /// What it is, such as `network`, `container` or `stack`.
    pub what: &'static str,
    /// Its outside name.
    pub name: String,
    /// The backend's own id.
    pub id: String,
}

/// What an engine says of itself and its machines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineSeen {
    /// Version of the engine (Magnum's `coe_version`).
    pub coe_version: Option<String>,
    /// Version of the container runtime (Magnum's `container_version`).
    pub container_version: Option<String>,
    /// Health in a word; that an engine does not answer at all is an error of the look, not a health.
    pub health: Option<Health>,
    /// Health part by part: `api` and one `<node>.Ready` for each node, as Magnum shows them.
    pub health_reason: BTreeMap<String, String>,
    /// Its machines, in the order of their names.
    pub nodes: Vec<NodeSeen>,
}

/// A machine of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeSeen {
    /// The own id that its provisioner, or else its engine, has of it: stable as long as the machine is the same.
    pub external_id: String,
    /// Its name as the engine says it.
    pub name: String,
    /// An address of it, where the engine knows one.
    pub address: Option<String>,
    /// What runs on it, such as the name of its operating system.
    pub image: Option<String>,
    /// Name of the node group that its provisioner keeps it in; none where it keeps no groups.
    pub group: Option<String>,
    /// Whether it belongs to the masters.
    pub master: bool,
    /// Whether it can take work.
    pub ready: bool,
    /// Processors.
    pub processors: u32,
    /// Memory, bytes.
    pub memory_bytes: u64,
}

/// A container of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerSeen {
    /// Its id, from its labels.
    pub id: ContainerId,
    /// Its cluster, from its labels.
    pub cluster: ClusterId,
    /// The engine's own id.
    pub external_id: String,
    /// The name its user gave it.
    pub name: String,
    /// The epoch under which it was made.
    pub epoch: u64,
    /// The operation that made it, where the label says so.
    pub operation: Option<OperationId>,
    /// Its status in Magnum's words.
    pub status: ContainerStatus,
    /// Why, where the engine says so: an exit status, an out-of-memory kill, a start that failed.
    pub reason: Option<String>,
    /// Status with which its process ended, if one has.
    pub exit_code: Option<i64>,
    /// Its image, as the engine says it.
    pub image: String,
    /// Its address in the cluster's network while it runs.
    pub address: Option<String>,
}
