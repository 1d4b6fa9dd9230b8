//! A project's quota is set and removed.

use prost::Message;

/// Set a project's quota (made or changed).
#[derive(Clone, PartialEq, Message)]
pub struct QuotaSet {
    /// Keystone project.
    #[prost(string, tag = "1")]
    pub project_id: String,
    /// `Cluster`.
    #[prost(string, tag = "2")]
    pub resource: String,
    /// The limit.
    #[prost(uint32, tag = "3")]
    pub hard_limit: u32,
    /// `Some(true)`: only if there is none yet; `Some(false)`: only if there is one.
    #[prost(bool, optional, tag = "4")]
    pub create: Option<bool>,
}

/// Remove a project's quota.
#[derive(Clone, PartialEq, Message)]
pub struct QuotaDelete {
    /// Keystone project.
    #[prost(string, tag = "1")]
    pub project_id: String,
    /// `Cluster`.
    #[prost(string, tag = "2")]
    pub resource: String,
}
