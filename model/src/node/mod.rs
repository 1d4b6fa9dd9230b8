//! A node: a machine of a cluster as its owner saw it, or a plain row of the classic `/v1/nodes`.
//!
//! A row with a cluster is written by that cluster's owner only and cannot be changed by clients.

use prost::Message;

pub(crate) mod apply;
pub mod query;

use crate::{
    id::{ClusterId, NodeId, OperationId},
    record::{Index, Record, id_serial_key, text_serial_key},
    tables::table,
};

/// A node as stored.
#[derive(Clone, PartialEq, Message)]
pub struct Node {
    /// Its id.
    #[prost(message, required, tag = "1")]
    pub id: NodeId,
    /// Order of creation among all nodes.
    #[prost(uint64, tag = "2")]
    pub serial: u64,
    /// Log index of its last change.
    #[prost(uint64, tag = "3")]
    pub revision: u64,
    /// Keystone project that owns it.
    #[prost(string, tag = "4")]
    pub project_id: String,
    /// Keystone user that made it.
    #[prost(string, tag = "5")]
    pub user_id: String,
    /// Free text; `virt` or `bare` by custom.
    #[prost(string, optional, tag = "6")]
    pub kind: Option<String>,
    /// Image.
    #[prost(string, optional, tag = "7")]
    pub image_id: Option<String>,
    /// Ironic's id of a bare-metal machine.
    #[prost(string, optional, tag = "8")]
    pub ironic_node_id: Option<String>,
    /// The cluster whose machine this is; absent for a classic row.
    #[prost(message, optional, tag = "9")]
    pub cluster: Option<ClusterId>,
    /// The machine's name as its engine says it.
    #[prost(string, optional, tag = "10")]
    pub name: Option<String>,
    /// Its address.
    #[prost(string, optional, tag = "11")]
    pub address: Option<String>,
    /// Wall clock, milliseconds since 1970.
    #[prost(uint64, tag = "12")]
    pub created_ms: u64,
    /// Wall clock, milliseconds since 1970; absent until the first update.
    #[prost(uint64, optional, tag = "13")]
    pub updated_ms: Option<u64>,
    /// The backend's own id of the machine.
    #[prost(string, optional, tag = "80")]
    pub external_id: Option<String>,
    /// Name of its node group, where the backend keeps its machines in groups.
    #[prost(string, optional, tag = "81")]
    pub group: Option<String>,
    /// Whether it belongs to the masters.
    #[prost(bool, tag = "82")]
    pub master: bool,
    /// Whether it was last seen unable to take work.
    #[prost(bool, tag = "83")]
    pub not_ready: bool,
    /// Log time since which it is not ready, milliseconds; 0 while it is.
    #[prost(uint64, tag = "84")]
    pub not_ready_ms: u64,
    /// The operation that replaces it because of this failure; kept until it is ready again or gone, so that it is replaced once.
    #[prost(message, optional, tag = "85")]
    pub healed_by: Option<OperationId>,
}

impl Record for Node {
    const TABLE: u8 = table::NODE;
    fn key(&self) -> Vec<u8> {
        self.id.bytes().to_vec()
    }
    fn indexes(&self) -> Vec<(Index, Vec<u8>)> {
        let mut rows = vec![
            (Index::NodeByProject, text_serial_key(&self.project_id, self.serial)),
            (Index::NodeBySerial, self.serial.to_be_bytes().to_vec()),
        ];
        if let Some(cluster) = self.cluster {
            rows.push((Index::NodeByCluster, id_serial_key(cluster.bytes(), self.serial)));
        }
        rows
    }
}
