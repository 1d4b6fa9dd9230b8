//! Who acts for which cluster, under which epoch.
//!
//! The epoch of an assignment is the log index of the entry that made it: it only ever grows, and no two assignments share one. It is
//! bound to a member *and its incarnation*, so a restarted member must be assigned afresh before it acts. Everything an owner reports
//! carries the epoch; apply refuses any other.

use prost::Message;

pub(crate) mod apply;
pub mod query;

use crate::{
    id::{ClusterId, MemberId},
    record::{Index, Record},
    tables::table,
};

/// The present assignment of one cluster.
#[derive(Clone, PartialEq, Message)]
pub struct Ownership {
    /// The cluster.
    #[prost(message, required, tag = "1")]
    pub cluster: ClusterId,
    /// The member that owns it; 0 when it was released and nobody owns it.
    #[prost(uint64, tag = "2")]
    pub member: u64,
    /// Which start of that member.
    #[prost(uint64, tag = "3")]
    pub incarnation: u64,
    /// The log index of the assignment.
    #[prost(uint64, tag = "4")]
    pub epoch: u64,
    /// Why it was assigned.
    #[prost(enumeration = "Reason", tag = "5")]
    pub reason: i32,
    /// Log time of the assignment, milliseconds.
    #[prost(uint64, tag = "6")]
    pub since_ms: u64,
    /// The member that an operator has bound it to; 0: none. Outlives assignments and releases.
    #[prost(uint64, tag = "7")]
    pub pin: u64,
}

impl Ownership {
    /// The member it is bound to, if it is.
    pub fn pinned(&self) -> Option<MemberId> {
        (self.pin != 0).then_some(MemberId(self.pin))
    }

    /// The owner, if there is one.
    pub fn owner(&self) -> Option<MemberId> {
        (self.member != 0).then_some(MemberId(self.member))
    }
}

impl Record for Ownership {
    const TABLE: u8 = table::OWNERSHIP;
    fn key(&self) -> Vec<u8> {
        self.cluster.bytes().to_vec()
    }
    fn indexes(&self) -> Vec<(Index, Vec<u8>)> {
        vec![(Index::OwnershipByMember, self.member.to_be_bytes().to_vec())]
    }
}

/// Why a cluster was assigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Reason {
    /// It had no owner yet.
    New = 0,
    /// Its owner fell silent.
    Lost = 1,
    /// Its owner was started again.
    Restarted = 2,
    /// Its owner is draining.
    Drain = 3,
    /// To spread the work.
    Balance = 4,
    /// Its owner left the cluster.
    Removed = 5,
    /// Its owner gave it back.
    Released = 6,
    /// An operator has bound it to a member.
    Pinned = 7,
}

/// Every reason, in the order of their numbers.
pub const REASONS: [Reason; 8] =
    [Reason::New, Reason::Lost, Reason::Restarted, Reason::Drain, Reason::Balance, Reason::Removed, Reason::Released, Reason::Pinned];

impl Reason {
    /// The word shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Lost => "lost",
            Self::Restarted => "restarted",
            Self::Drain => "drain",
            Self::Balance => "balance",
            Self::Removed => "removed",
            Self::Released => "released",
            Self::Pinned => "pin",
        }
    }

    /// Whether it is a planned move: the owner was asked to hand over, and has.
    pub fn planned(self) -> bool {
        matches!(self, Self::Drain | Self::Balance | Self::Pinned)
    }
}
