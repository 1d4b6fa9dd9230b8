//! A container of a cluster whose engine speaks the Docker API.
//!
//! *Wanted* is the state the accepted operations lead to; *observed* is what the owner last saw. The record goes only after the
//! engine has been seen without the container.

use std::collections::BTreeMap;

use prost::Message;

pub(crate) mod apply;
pub(crate) mod ending;
pub mod query;

use crate::{
    id::{ClusterId, ContainerId},
    record::{Index, Record, id_serial_key, text_key, text_serial_key},
    tables::table,
};

/// A container as stored.
#[derive(Clone, PartialEq, Message)]
pub struct Container {
    /// Its id; the engine's name for it is derived from it.
    #[prost(message, required, tag = "1")]
    pub id: ContainerId,
    /// Order of creation among all containers.
    #[prost(uint64, tag = "2")]
    pub serial: u64,
    /// Log index of its last change.
    #[prost(uint64, tag = "3")]
    pub revision: u64,
    /// Its cluster.
    #[prost(message, required, tag = "4")]
    pub cluster: ClusterId,
    /// Keystone project that owns it.
    #[prost(string, tag = "5")]
    pub project_id: String,
    /// Keystone user that made it.
    #[prost(string, tag = "6")]
    pub user_id: String,
    /// What was asked for.
    #[prost(message, required, tag = "7")]
    pub wish: ContainerWish,
    /// The state that accepted operations lead to.
    #[prost(enumeration = "Wanted", tag = "8")]
    pub wanted: i32,
    /// Magnum's status word, as last seen.
    #[prost(enumeration = "ContainerStatus", tag = "9")]
    pub status: i32,
    /// Why, in words.
    #[prost(string, optional, tag = "10")]
    pub status_reason: Option<String>,
    /// The engine's own id.
    #[prost(string, optional, tag = "11")]
    pub engine_id: Option<String>,
    /// Wall clock, milliseconds since 1970.
    #[prost(uint64, tag = "12")]
    pub created_ms: u64,
    /// Wall clock, milliseconds since 1970; absent until the first update.
    #[prost(uint64, optional, tag = "13")]
    pub updated_ms: Option<u64>,
}

/// The fields of a container that its user decides.
#[derive(Clone, PartialEq, Message)]
pub struct ContainerWish {
    /// Its name; not unique.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Image reference.
    #[prost(string, tag = "2")]
    pub image: String,
    /// Command line; the image's own when absent.
    #[prost(string, optional, tag = "3")]
    pub command: Option<String>,
    /// Memory limit, `<number>[b|k|m|g]`.
    #[prost(string, optional, tag = "4")]
    pub memory: Option<String>,
    /// Environment.
    #[prost(btree_map = "string, string", tag = "5")]
    pub environment: BTreeMap<String, String>,
}

/// Where accepted operations lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Wanted {
    /// Made, not started.
    Created = 0,
    /// Running.
    Running = 1,
    /// Stopped.
    Stopped = 2,
    /// Paused.
    Paused = 3,
    /// Gone.
    Deleted = 4,
}

/// Magnum's container status words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum ContainerStatus {
    /// Cannot be told.
    Unknown = 0,
    /// It broke, or it vanished from the engine.
    Error = 1,
    /// Running.
    Running = 2,
    /// Made or stopped.
    Stopped = 3,
    /// Paused.
    Paused = 4,
}

impl ContainerStatus {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "Unknown",
            Self::Error => "Error",
            Self::Running => "Running",
            Self::Stopped => "Stopped",
            Self::Paused => "Paused",
        }
    }
}

impl Record for Container {
    const TABLE: u8 = table::CONTAINER;
    fn key(&self) -> Vec<u8> {
        self.id.bytes().to_vec()
    }
    fn indexes(&self) -> Vec<(Index, Vec<u8>)> {
        vec![
            (Index::ContainerByProject, text_serial_key(&self.project_id, self.serial)),
            (Index::ContainerByCluster, id_serial_key(self.cluster.bytes(), self.serial)),
            (Index::ContainerBySerial, self.serial.to_be_bytes().to_vec()),
            (Index::ContainerByName, text_key(&self.wish.name)),
        ]
    }
}
