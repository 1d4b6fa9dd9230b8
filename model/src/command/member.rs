//! Members join, start, drain and go; and the version of the whole, which no member may be behind.

use prost::Message;

use crate::member::Member;

/// A member joins. Its number is the outcome's `number`.
#[derive(Clone, PartialEq, Message)]
pub struct MemberJoin {
    /// All but `number`, which the counter gives.
    #[prost(message, required, tag = "1")]
    pub member: Member,
}

/// A member has started.
#[derive(Clone, PartialEq, Message)]
pub struct MemberStarted {
    /// All of it as it is now; `number` says which. An older incarnation than the stored one is refused.
    #[prost(message, required, tag = "1")]
    pub member: Member,
}

/// Begin or end draining.
#[derive(Clone, PartialEq, Message)]
pub struct MemberDrain {
    /// The member.
    #[prost(uint64, tag = "1")]
    pub member: u64,
    /// True begins, false ends.
    #[prost(bool, tag = "2")]
    pub draining: bool,
}

/// A member is gone for good: its clusters lose their owner, its remembered proposals go.
#[derive(Clone, PartialEq, Message)]
pub struct MemberRemove {
    /// The member.
    #[prost(uint64, tag = "1")]
    pub member: u64,
}

/// Raise the cluster version; refused while a member supports less.
#[derive(Clone, PartialEq, Message)]
pub struct RaiseVersion {
    /// The new version.
    #[prost(uint32, tag = "1")]
    pub version: u32,
}
