//! What owners saw of their clusters, and that nobody looks at some.

use prost::Message;

use crate::{
    cluster::Observed,
    container::ContainerStatus,
    id::{ClusterId, ContainerId},
    node::Node,
};

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
