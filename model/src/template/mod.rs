//! A cluster template (the classic API's baymodel): what clusters are made from.

use std::collections::BTreeMap;

use prost::Message;

pub(crate) mod apply;
pub mod query;

use crate::{
    id::TemplateId,
    record::{Index, Record, text_key, text_serial_key},
    tables::table,
};

/// A template as stored.
#[derive(Clone, PartialEq, Message)]
pub struct Template {
    /// Its id; may be chosen by the client.
    #[prost(message, required, tag = "1")]
    pub id: TemplateId,
    /// Order of creation among all templates.
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
    /// What was asked for.
    #[prost(message, required, tag = "6")]
    pub wish: TemplateWish,
    /// Wall clock, milliseconds since 1970.
    #[prost(uint64, tag = "7")]
    pub created_ms: u64,
    /// Wall clock, milliseconds since 1970; absent until the first update.
    #[prost(uint64, optional, tag = "8")]
    pub updated_ms: Option<u64>,
}

/// The fields of a template that its user decides. Absent means "null" on the wire.
#[derive(Clone, PartialEq, Message)]
pub struct TemplateWish {
    /// Its name; generated when absent, not unique.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Container orchestration engine: `kubernetes`, `swarm`, `swarm-mode`, `mesos`.
    #[prost(string, tag = "2")]
    pub coe: String,
    /// Image, id or name.
    #[prost(string, tag = "3")]
    pub image_id: String,
    /// Flavor of workers.
    #[prost(string, optional, tag = "4")]
    pub flavor_id: Option<String>,
    /// Flavor of masters.
    #[prost(string, optional, tag = "5")]
    pub master_flavor_id: Option<String>,
    /// Comma-separated IPv4 addresses.
    #[prost(string, optional, tag = "6")]
    pub dns_nameserver: Option<String>,
    /// Nova keypair.
    #[prost(string, optional, tag = "7")]
    pub keypair_id: Option<String>,
    /// External network, id or name.
    #[prost(string, optional, tag = "8")]
    pub external_network_id: Option<String>,
    /// Tenant network to use instead of a new one.
    #[prost(string, optional, tag = "9")]
    pub fixed_network: Option<String>,
    /// Its subnet.
    #[prost(string, optional, tag = "10")]
    pub fixed_subnet: Option<String>,
    /// Container network driver.
    #[prost(string, optional, tag = "11")]
    pub network_driver: Option<String>,
    /// Port of the engine's API.
    #[prost(uint32, optional, tag = "12")]
    pub apiserver_port: Option<u32>,
    /// Gigabytes.
    #[prost(uint32, optional, tag = "13")]
    pub docker_volume_size: Option<u32>,
    /// From the image's `os_distro`.
    #[prost(string, optional, tag = "14")]
    pub cluster_distro: Option<String>,
    /// Proxy settings of the nodes.
    #[prost(string, optional, tag = "15")]
    pub http_proxy: Option<String>,
    /// Proxy settings of the nodes.
    #[prost(string, optional, tag = "16")]
    pub https_proxy: Option<String>,
    /// Proxy settings of the nodes.
    #[prost(string, optional, tag = "17")]
    pub no_proxy: Option<String>,
    /// `cinder` or `rexray`.
    #[prost(string, optional, tag = "18")]
    pub volume_driver: Option<String>,
    /// Whether a registry is set up in the cluster.
    #[prost(bool, tag = "19")]
    pub registry_enabled: bool,
    /// Free key-value settings.
    #[prost(btree_map = "string, string", tag = "20")]
    pub labels: BTreeMap<String, String>,
    /// Whether the engine's API is without TLS.
    #[prost(bool, tag = "21")]
    pub tls_disabled: bool,
    /// Visible to all projects.
    #[prost(bool, tag = "22")]
    pub public: bool,
    /// Hidden from lists of other projects and unusable for them.
    #[prost(bool, tag = "23")]
    pub hidden: bool,
    /// `vm` or `bm`.
    #[prost(string, tag = "24")]
    pub server_type: String,
    /// A registry that may be spoken to without TLS.
    #[prost(string, optional, tag = "25")]
    pub insecure_registry: Option<String>,
    /// Docker's storage driver.
    #[prost(string, optional, tag = "26")]
    pub docker_storage_driver: Option<String>,
    /// Whether masters stand behind a load balancer.
    #[prost(bool, tag = "27")]
    pub master_lb_enabled: bool,
    /// Whether nodes get floating addresses.
    #[prost(bool, tag = "28")]
    pub floating_ip_enabled: bool,
    /// Comma-separated words.
    #[prost(string, optional, tag = "29")]
    pub tags: Option<String>,
    /// Name of the driver; chosen by server type, distro and engine when absent.
    #[prost(string, optional, tag = "30")]
    pub driver: Option<String>,
    /// Kept for clients of 2015, without effect.
    #[prost(string, optional, tag = "31")]
    pub ssh_authorized_key: Option<String>,
}

impl Record for Template {
    const TABLE: u8 = table::TEMPLATE;
    fn key(&self) -> Vec<u8> {
        self.id.bytes().to_vec()
    }
    fn indexes(&self) -> Vec<(Index, Vec<u8>)> {
        let serial = self.serial.to_be_bytes();
        let mut rows = Vec::with_capacity(4);
        rows.extend([
            (Index::TemplateByProject, text_serial_key(&self.project_id, self.serial)),
            (Index::TemplateByName, text_key(&self.wish.name)),
            (Index::TemplateBySerial, serial.to_vec()),
        ]);
        if self.wish.public && !self.wish.hidden {
            rows.push((Index::TemplatePublic, serial.to_vec()));
        }
        rows
    }
}
