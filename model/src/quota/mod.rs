//! A quota: how many objects of a kind a project may have. Checked in apply, so that parallel creates cannot pass it together.
//!
//! What a project has is counted (`Usage`) by the entries that give and take it, so that the check costs the same for a project of ten
//! thousand.

use prost::Message;

pub(crate) mod apply;
pub mod query;

use crate::{
    record::{self, Record, text_key},
    tables::{Fault, Tables, View, table},
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

/// How many clusters a project has, whatever their status; a project that has none has no row.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Usage {
    /// The project.
    #[prost(string, tag = "1")]
    pub(crate) project_id: String,
    /// Its clusters.
    #[prost(uint64, tag = "2")]
    pub(crate) clusters: u64,
}

/// First byte of the keys of usages within the table of single values.
pub(crate) const USAGE: u8 = b'u';

fn usage_key(project: &str) -> Vec<u8> {
    [&[USAGE], project.as_bytes()].concat()
}

impl Record for Usage {
    const TABLE: u8 = table::META;
    fn key(&self) -> Vec<u8> {
        usage_key(&self.project_id)
    }
}

impl Usage {
    pub(crate) fn read(view: &(impl View + ?Sized), project: &str) -> Result<Self, Fault> {
        let usage = record::get(view, &usage_key(project))?;
        Ok(usage.unwrap_or_else(|| Self { project_id: project.to_owned(), clusters: 0 }))
    }

    /// The project has one more.
    pub(crate) fn more(tables: &mut (impl Tables + ?Sized), project: &str) -> Result<(), Fault> {
        let mut usage = Self::read(tables, project)?;
        usage.clusters = usage.clusters.saturating_add(1);
        record::replace(tables, None, &usage);
        Ok(())
    }

    /// The project has one less.
    pub(crate) fn less(tables: &mut (impl Tables + ?Sized), project: &str) -> Result<(), Fault> {
        let mut usage = Self::read(tables, project)?;
        usage.clusters = usage.clusters.saturating_sub(1);
        if usage.clusters == 0 {
            record::delete(tables, &usage);
        } else {
            record::replace(tables, None, &usage);
        }
        Ok(())
    }
}
