//! A quota: how many objects of a kind a project may have. Checked in apply, so that parallel creates cannot pass it together.

use prost::Message;

pub(crate) mod apply;
pub mod query;

use crate::{
    record::{Record, text_key},
    tables::table,
};

/// Clusters a project may have when no quota says otherwise (Magnum's `max_clusters_per_project`).
pub const DEFAULT_CLUSTERS: u32 = 20;

/// The resource whose number is limited: clusters.
pub const CLUSTER: &str = "Cluster";

/// A quota as stored.
#[derive(Clone, PartialEq, Message)]
pub struct Quota {
    /// Order of creation; shown to clients as `id`.
    #[prost(uint64, tag = "1")]
    pub serial: u64,
    /// Log index of its last change.
    #[prost(uint64, tag = "2")]
    pub revision: u64,
    /// Keystone project.
    #[prost(string, tag = "3")]
    pub project_id: String,
    /// `Cluster`.
    #[prost(string, tag = "4")]
    pub resource: String,
    /// The limit.
    #[prost(uint32, tag = "5")]
    pub hard_limit: u32,
    /// Wall clock, milliseconds since 1970.
    #[prost(uint64, tag = "6")]
    pub created_ms: u64,
    /// Wall clock, milliseconds since 1970; absent until the first update.
    #[prost(uint64, optional, tag = "7")]
    pub updated_ms: Option<u64>,
}

impl Record for Quota {
    const TABLE: u8 = table::QUOTA;
    fn key(&self) -> Vec<u8> {
        [text_key(&self.project_id), text_key(&self.resource)].concat()
    }
}
