//! A node group: machines of one role and shape in a cluster. Every cluster has `default-master` and `default-worker` from its first
//! log entry on.

use std::collections::BTreeMap;

use prost::Message;

pub mod query;

use crate::{
    cluster::Status,
    id::{ClusterId, NodeGroupId},
    record::{Index, Record, id_serial_key},
    tables::table,
};

/// Name of the group of masters that every cluster has.
pub const DEFAULT_MASTER: &str = "default-master";

/// Name of the group of workers that every cluster has.
pub const DEFAULT_WORKER: &str = "default-worker";

/// Role of masters; every other role works.
pub const ROLE_MASTER: &str = "master";

/// Role of the default workers.
pub const ROLE_WORKER: &str = "worker";

/// A node group as stored.
#[derive(Clone, PartialEq, Message)]
pub struct NodeGroup {
    /// Its id.
    #[prost(message, required, tag = "1")]
    pub id: NodeGroupId,
    /// Order of creation among all node groups; shown to clients as `id`.
    #[prost(uint64, tag = "2")]
    pub serial: u64,
    /// Log index of its last change.
    #[prost(uint64, tag = "3")]
    pub revision: u64,
    /// Its cluster.
    #[prost(message, required, tag = "4")]
    pub cluster: ClusterId,
    /// Name, unique in its cluster.
    #[prost(string, tag = "5")]
    pub name: String,
    /// `master`, `worker` or any text.
    #[prost(string, tag = "6")]
    pub role: String,
    /// Machines wanted.
    #[prost(uint32, tag = "7")]
    pub node_count: u32,
    /// Lower bound of a resize.
    #[prost(uint32, tag = "8")]
    pub min_node_count: u32,
    /// Upper bound of a resize.
    #[prost(uint32, optional, tag = "9")]
    pub max_node_count: Option<u32>,
    /// Whether it came with the cluster.
    #[prost(bool, tag = "10")]
    pub is_default: bool,
    /// Flavor.
    #[prost(string, optional, tag = "11")]
    pub flavor_id: Option<String>,
    /// Image.
    #[prost(string, optional, tag = "12")]
    pub image_id: Option<String>,
    /// Gigabytes.
    #[prost(uint32, optional, tag = "13")]
    pub docker_volume_size: Option<u32>,
    /// Free key-value settings.
    #[prost(btree_map = "string, string", tag = "14")]
    pub labels: BTreeMap<String, String>,
    /// Magnum's status word.
    #[prost(enumeration = "Status", tag = "15")]
    pub status: i32,
    /// Why, in words.
    #[prost(string, optional, tag = "16")]
    pub status_reason: Option<String>,
    /// Addresses of its machines.
    #[prost(string, repeated, tag = "17")]
    pub node_addresses: Vec<String>,
    /// Wall clock, milliseconds since 1970.
    #[prost(uint64, tag = "18")]
    pub created_ms: u64,
    /// Wall clock, milliseconds since 1970; absent until the first update.
    #[prost(uint64, optional, tag = "19")]
    pub updated_ms: Option<u64>,
}

impl Record for NodeGroup {
    const TABLE: u8 = table::NODE_GROUP;
    fn key(&self) -> Vec<u8> {
        self.id.bytes().to_vec()
    }
    fn indexes(&self) -> Vec<(Index, Vec<u8>)> {
        vec![(Index::NodeGroupByCluster, id_serial_key(self.cluster.bytes(), self.serial))]
    }
    /// How many machines it wants and whether they are masters: lists of clusters show the sums.
    fn covered(&self) -> Vec<u8> {
        let [a, b, c, d] = self.node_count.to_be_bytes();
        vec![u8::from(self.role == ROLE_MASTER), a, b, c, d]
    }
}
