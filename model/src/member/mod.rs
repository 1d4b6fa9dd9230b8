//! A member: one process of ours, by its number.

use prost::Message;

pub(crate) mod apply;
pub mod query;

use crate::{id::MemberId, record::Record, tables::table};

/// A member as the log knows it. Voting rights are Raft's own matter and not kept here.
#[derive(Clone, PartialEq, Message)]
pub struct Member {
    /// Its number, given by the replicated counter; never used twice.
    #[prost(uint64, tag = "1")]
    pub number: u64,
    /// A name for people.
    #[prost(string, tag = "2")]
    pub name: String,
    /// `host:port` on which other members reach it.
    #[prost(string, tag = "3")]
    pub peer_address: String,
    /// `host:port` or URL on which clients reach its REST API.
    #[prost(string, tag = "4")]
    pub api_address: String,
    /// Which start of this member is the present one; goes up by one at every start.
    #[prost(uint64, tag = "5")]
    pub incarnation: u64,
    /// Names of the drivers it can act with.
    #[prost(string, repeated, tag = "6")]
    pub drivers: Vec<String>,
    /// Whether the balancer should move its clusters away.
    #[prost(bool, tag = "7")]
    pub draining: bool,
    /// Newest cluster version its program supports.
    #[prost(uint32, tag = "8")]
    pub version_max: u32,
    /// Failure zone, may be empty.
    #[prost(string, tag = "9")]
    pub zone: String,
    /// Share of work it takes, 100 is the ordinary one.
    #[prost(uint32, tag = "10")]
    pub weight: u32,
    /// Wall-clock time of joining, milliseconds since 1970.
    #[prost(uint64, tag = "11")]
    pub joined_ms: u64,
    /// The program's version text.
    #[prost(string, tag = "12")]
    pub program: String,
    /// Wall-clock time of the last start, milliseconds since 1970.
    #[prost(uint64, tag = "13")]
    pub started_ms: u64,
}

impl Member {
    /// Its number.
    pub fn id(&self) -> MemberId {
        MemberId(self.number)
    }
}

impl Record for Member {
    const TABLE: u8 = table::MEMBER;
    fn key(&self) -> Vec<u8> {
        self.number.to_be_bytes().to_vec()
    }
}
