//! A cluster (the classic API's bay): what was asked for, what was last seen, where it stands.
//!
//! *Wanted*, *observed* and *status* are three separate things. Wanted changes when a client asks; observed changes when the owner
//! looks; status follows the operations. "Accepted" and `*_IN_PROGRESS` are one log entry, so no member ever shows the state before
//! an accepted change. Deletion is a status; the record goes last.

use std::collections::BTreeMap;

use prost::Message;

use crate::{
    id::{ClusterId, OperationId, TemplateId},
    record::{Index, Record, text_key, text_serial_key},
    tables::table,
};

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod ending;
pub mod heal;
pub mod query;
pub mod reset;
pub(crate) mod resize;
pub(crate) mod rotate;
pub(crate) mod sighting;
pub mod status;
pub(crate) mod update;
pub(crate) mod upgrade;

pub use status::Status;

/// A cluster as stored. Node counts live in its node groups.
#[derive(Clone, PartialEq, Message)]
pub struct Cluster {
    /// Its id.
    #[prost(message, required, tag = "1")]
    pub id: ClusterId,
    /// Order of creation among all clusters.
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
    /// The template it was made from.
    #[prost(message, required, tag = "6")]
    pub template_id: TemplateId,
    /// Engine, copied from the template at creation.
    #[prost(string, tag = "7")]
    pub coe: String,
    /// Name of the driver that provisions it (`local`, `attach`, `heat`).
    #[prost(string, tag = "8")]
    pub driver: String,
    /// What was asked for.
    #[prost(message, required, tag = "9")]
    pub wanted: ClusterWish,
    /// What its owner last saw; absent until it looked.
    #[prost(message, optional, tag = "10")]
    pub observed: Option<Observed>,
    /// Magnum's status word.
    #[prost(enumeration = "Status", tag = "11")]
    pub status: i32,
    /// Why, in words; null while in progress.
    #[prost(string, optional, tag = "12")]
    pub status_reason: Option<String>,
    /// The operation in progress on the cluster itself, if any.
    #[prost(message, optional, tag = "13")]
    pub operation: Option<OperationId>,
    /// Wall clock, milliseconds since 1970.
    #[prost(uint64, tag = "14")]
    pub created_ms: u64,
    /// Wall clock, milliseconds since 1970; absent until the first update.
    #[prost(uint64, optional, tag = "15")]
    pub updated_ms: Option<u64>,
    /// The template that an upgrade in progress leads to: it is used, too, as long as that goes on.
    #[prost(message, optional, tag = "80")]
    pub next_template_id: Option<TemplateId>,
    /// How often its authority and its credentials were replaced.
    #[prost(uint64, tag = "81")]
    pub credentials: u64,
}

/// The fields of a cluster that its user decides. Absent means "null" on the wire (or the template's value, copied at creation).
#[derive(Clone, PartialEq, Message)]
pub struct ClusterWish {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Nova keypair.
    #[prost(string, optional, tag = "2")]
    pub keypair: Option<String>,
    /// Gigabytes.
    #[prost(uint32, optional, tag = "3")]
    pub docker_volume_size: Option<u32>,
    /// Free key-value settings.
    #[prost(btree_map = "string, string", tag = "4")]
    pub labels: BTreeMap<String, String>,
    /// Flavor of workers.
    #[prost(string, optional, tag = "5")]
    pub flavor_id: Option<String>,
    /// Flavor of masters.
    #[prost(string, optional, tag = "6")]
    pub master_flavor_id: Option<String>,
    /// Minutes; 0 is unlimited, absent stays null.
    #[prost(uint32, optional, tag = "7")]
    pub create_timeout: Option<u32>,
    /// Discovery URL given by the client.
    #[prost(string, optional, tag = "8")]
    pub discovery_url: Option<String>,
    /// Tenant network.
    #[prost(string, optional, tag = "9")]
    pub fixed_network: Option<String>,
    /// Its subnet.
    #[prost(string, optional, tag = "10")]
    pub fixed_subnet: Option<String>,
    /// Whether nodes get floating addresses.
    #[prost(bool, tag = "11")]
    pub floating_ip_enabled: bool,
    /// Whether masters stand behind a load balancer.
    #[prost(bool, tag = "12")]
    pub master_lb_enabled: bool,
    /// Whether the given labels were laid over the template's.
    #[prost(bool, tag = "13")]
    pub merge_labels: bool,
}

/// What the owner last saw of a cluster.
#[derive(Clone, PartialEq, Message)]
pub struct Observed {
    /// The provisioner's own id (Magnum's `stack_id`).
    #[prost(string, optional, tag = "1")]
    pub backend_id: Option<String>,
    /// Where the engine's API answers.
    #[prost(string, optional, tag = "2")]
    pub api_address: Option<String>,
    /// Version of the engine.
    #[prost(string, optional, tag = "3")]
    pub coe_version: Option<String>,
    /// Version of the container runtime.
    #[prost(string, optional, tag = "4")]
    pub container_version: Option<String>,
    /// Addresses of the workers.
    #[prost(string, repeated, tag = "5")]
    pub node_addresses: Vec<String>,
    /// Addresses of the masters.
    #[prost(string, repeated, tag = "6")]
    pub master_addresses: Vec<String>,
    /// Health; absent is null on the wire.
    #[prost(enumeration = "Health", optional, tag = "7")]
    pub health: Option<i32>,
    /// Why, per part.
    #[prost(btree_map = "string, string", tag = "8")]
    pub health_reason: BTreeMap<String, String>,
    /// Log time of the look, milliseconds.
    #[prost(uint64, tag = "9")]
    pub at_ms: u64,
    /// The provisioner's network, if it made one.
    #[prost(string, optional, tag = "10")]
    pub network: Option<String>,
}

/// Health as Magnum words it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Health {
    /// Cannot be told.
    Unknown = 0,
    /// API and nodes answer.
    Healthy = 1,
    /// Something does not.
    Unhealthy = 2,
}

impl Health {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Healthy => "HEALTHY",
            Self::Unhealthy => "UNHEALTHY",
        }
    }
}

impl Record for Cluster {
    const TABLE: u8 = table::CLUSTER;
    fn key(&self) -> Vec<u8> {
        self.id.bytes().to_vec()
    }
    fn indexes(&self) -> Vec<(Index, Vec<u8>)> {
        let serial = self.serial.to_be_bytes();
        let next = self.next_template_id.filter(|next| *next != self.template_id);
        let mut rows = vec![
            (Index::ClusterByProject, text_serial_key(&self.project_id, self.serial)),
            (Index::ClusterByName, text_key(&self.wanted.name)),
            (Index::ClusterByTemplate, self.template_id.bytes().to_vec()),
            (Index::ClusterBySerial, serial.to_vec()),
        ];
        rows.extend(next.map(|next| (Index::ClusterByTemplate, next.bytes().to_vec())));
        rows
    }
}
