//! Asking the leader what it would move, and to make it even: it alone knows who has asked for a lease lately.

use prost::Message;

use crate::{id::ClusterId, ownership::Reason};

/// What would you move? Nothing is moved by asking.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct PlanRequest {
    /// Under which circumstances.
    #[prost(enumeration = "Question", tag = "1")]
    pub question: i32,
    /// Which member the question is about.
    #[prost(uint64, tag = "2")]
    pub member: u64,
    /// So many moves are named at most; the counts are of all.
    #[prost(uint32, tag = "3")]
    pub limit: u32,
}

/// The circumstances of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Question {
    /// As things are.
    Now = 0,
    /// As even as single moves can make it.
    Even = 1,
    /// If this member died.
    Without = 2,
    /// If this member drained.
    Drained = 3,
}

/// A plan, for people and for programs.
#[derive(Clone, PartialEq, Message)]
pub struct PlanAnswer {
    /// As people read it.
    #[prost(string, tag = "1")]
    pub text: String,
    /// What goes to another owner: first what is assigned at once, then what is handed over.
    #[prost(message, repeated, tag = "2")]
    pub moves: Vec<PlannedMove>,
    /// How many moves there are in all.
    #[prost(uint64, tag = "3")]
    pub total: u64,
    /// The members before and after.
    #[prost(message, repeated, tag = "4")]
    pub seats: Vec<PlannedSeat>,
    /// Clusters that nobody can take.
    #[prost(message, repeated, tag = "5")]
    pub stuck: Vec<PlanRemark>,
    /// Pins that cannot be obeyed.
    #[prost(message, repeated, tag = "6")]
    pub unmet: Vec<PlanRemark>,
}

/// One move.
#[derive(Clone, PartialEq, Message)]
pub struct PlannedMove {
    /// The cluster.
    #[prost(message, required, tag = "1")]
    pub cluster: ClusterId,
    /// Its name.
    #[prost(string, tag = "2")]
    pub name: String,
    /// From whom; 0: nobody.
    #[prost(uint64, tag = "3")]
    pub from: u64,
    /// To whom.
    #[prost(uint64, tag = "4")]
    pub to: u64,
    /// Why, in a word.
    #[prost(enumeration = "Reason", tag = "5")]
    pub reason: i32,
    /// Why, and why to that member, as a sentence.
    #[prost(string, tag = "6")]
    pub why: String,
    /// Whether its owner is asked to hand it over; otherwise it is assigned at once.
    #[prost(bool, tag = "7")]
    pub handover: bool,
}

/// One member in a plan.
#[derive(Clone, PartialEq, Message)]
pub struct PlannedSeat {
    /// Its number.
    #[prost(uint64, tag = "1")]
    pub member: u64,
    /// Its zone.
    #[prost(string, tag = "2")]
    pub zone: String,
    /// Its weight, as the planner counts it.
    #[prost(uint64, tag = "3")]
    pub weight: u64,
    /// Nothing, `drains`, `silent` or `lost`.
    #[prost(string, tag = "4")]
    pub state: String,
    /// Clusters it has.
    #[prost(uint64, tag = "5")]
    pub clusters_before: u64,
    /// Clusters it would have.
    #[prost(uint64, tag = "6")]
    pub clusters_after: u64,
    /// The work they are.
    #[prost(uint64, tag = "7")]
    pub work_before: u64,
    /// The work they would be.
    #[prost(uint64, tag = "8")]
    pub work_after: u64,
}

/// A cluster with a sentence about it.
#[derive(Clone, PartialEq, Message)]
pub struct PlanRemark {
    /// The cluster.
    #[prost(message, required, tag = "1")]
    pub cluster: ClusterId,
    /// Its name.
    #[prost(string, tag = "2")]
    pub name: String,
    /// What is to be said.
    #[prost(string, tag = "3")]
    pub why: String,
}
