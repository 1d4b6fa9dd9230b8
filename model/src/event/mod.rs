//! The event log: who changed what, when, in which step, how it came out and why; projected from the same entries that changed it, so
//! nothing happens without one and nothing is told that did not happen.
//!
//! Its key is the log index and the position in the entry: the cursor of every watch, and the name under which a receiver tells two
//! deliveries of one event from two events. Retention is a number of events; older ones go in apply, so every member forgets the same,
//! and later while a [`crate::sink`] has not been given them (`forget`).

use prost::Message;

pub(crate) mod forget;
mod note;
pub mod query;

pub use forget::{BACKLOG, BOUNDS, RETENTION, bounds};
pub(crate) use note::Note;

use crate::{
    id::{ClusterId, ContainerId, OperationId},
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
    /// The member that reported it, or that an assignment is about; 0 when no owner did.
    #[prost(uint64, tag = "60")]
    pub member: u64,
    /// The operation it belongs to.
    #[prost(message, optional, tag = "61")]
    pub operation: Option<OperationId>,
    /// What that operation does, such as `cluster.create`.
    #[prost(string, tag = "62")]
    pub kind: String,
    /// The step of the operation.
    #[prost(string, tag = "63")]
    pub step: String,
    /// How often that step has been begun.
    #[prost(uint32, tag = "64")]
    pub attempt: u32,
    /// How it came out.
    #[prost(enumeration = "Verdict", tag = "65")]
    pub verdict: i32,
    /// Why, in words.
    #[prost(string, optional, tag = "66")]
    pub reason: Option<String>,
    /// The object's name.
    #[prost(string, tag = "67")]
    pub name: String,
    /// Counts all events without a gap, so that who is given them sees what is missing.
    #[prost(uint64, tag = "68")]
    pub serial: u64,
    /// The container that the operation is about.
    #[prost(message, optional, tag = "69")]
    pub container: Option<ContainerId>,
    /// The project for which the user asked.
    #[prost(string, tag = "70")]
    pub user_project_id: String,
}

impl Event {
    /// What it is called for ever: its place in the log.
    pub fn place(&self) -> String {
        format!("{}:{}", self.index, self.part)
    }
}

/// How something came out, in the words of audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Verdict {
    /// Nothing to be said: it simply happened.
    None = 0,
    /// It has begun and will end.
    Pending = 1,
    /// Well.
    Success = 2,
    /// Not well.
    Failure = 3,
    /// Nobody can tell.
    Unknown = 4,
}

impl Verdict {
    /// The word shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Pending => "pending",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Unknown => "unknown",
        }
    }
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
