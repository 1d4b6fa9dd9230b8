//! The event log: who changed what, projected from the same entries that changed it. Its key is the log index, which is the cursor of
//! every watch. Retention is a number of events; older ones go in apply, so every member forgets the same.

use prost::Message;

pub(crate) mod forget;
mod note;
pub mod query;

pub(crate) use note::Note;

use crate::{
    id::ClusterId,
    record::{Index, Record},
    tables::table,
};

/// One event.
#[derive(Clone, PartialEq, Message)]
pub struct Event {
    /// Log index of the entry that caused it.
    #[prost(uint64, tag = "1")]
    pub index: u64,
    /// Position among the events of that entry.
    #[prost(uint32, tag = "2")]
    pub part: u32,
    /// What it is about: `template`, `cluster`, `container`, `node`, `member`, `ownership`, `operation`.
    #[prost(string, tag = "3")]
    pub object: String,
    /// The object's id as text.
    #[prost(string, tag = "4")]
    pub id: String,
    /// What happened, such as `created`, `updated`, `deleted`, `assigned`, `step.begun`.
    #[prost(string, tag = "5")]
    pub action: String,
    /// The cluster it belongs to, if any.
    #[prost(message, optional, tag = "6")]
    pub cluster: Option<ClusterId>,
    /// The project that may see it; empty for operators only.
    #[prost(string, tag = "7")]
    pub project_id: String,
    /// User who asked, if somebody did.
    #[prost(string, tag = "8")]
    pub user_id: String,
    /// The client's request id, if there was one.
    #[prost(string, tag = "9")]
    pub request_id: String,
    /// A word on the outcome: a status, a reason, an owner.
    #[prost(string, tag = "10")]
    pub detail: String,
    /// Wall clock, milliseconds since 1970.
    #[prost(uint64, tag = "11")]
    pub at_ms: u64,
    /// Epoch of the owner that reported it; 0 when no owner did.
    #[prost(uint64, tag = "12")]
    pub epoch: u64,
}

impl Record for Event {
    const TABLE: u8 = table::EVENT;
    fn key(&self) -> Vec<u8> {
        [self.index.to_be_bytes().as_slice(), &self.part.to_be_bytes()].concat()
    }
    fn indexes(&self) -> Vec<(Index, Vec<u8>)> {
        match self.cluster {
            Some(cluster) => vec![(Index::EventByCluster, cluster.bytes().to_vec())],
            None => Vec::new(),
        }
    }
}
