//! How members talk to each other.
//!
//! gRPC frames (tonic) over connectors and listeners that were handed in. All methods have one shape, a stream of byte messages each way;
//! what the bytes are is said in [`wire`]. A member keeps separate connections to another one for the log, for heartbeats, for
//! snapshots and for everything else, so that none delays another.
//!
//! Every request says in its head which cluster it belongs to, who sends it and whom it is for. Whatever does not fit is refused before
//! its body is looked at. That is also what fences the members of a cluster that was recovered under a new id.

pub(crate) mod calls;
mod client;
mod connect;
pub(crate) mod forward;
mod network;
mod raft_server;
mod raw;
mod server;
mod snapshot;
pub(crate) mod wire;

pub(crate) use client::{CallError, Destination, Peers, PeersParts, Purpose};
pub(crate) use network::Network;
pub(crate) use server::{Gate, accept};

/// The methods, as paths of gRPC.
pub(crate) mod method {
    /// Replication: a stream of appends, a stream of answers.
    pub(crate) const APPEND_STREAM: &str = "/jeroboam.peer.v1.Raft/AppendStream";
    /// One append: heartbeats.
    pub(crate) const APPEND: &str = "/jeroboam.peer.v1.Raft/Append";
    /// A request for a vote.
    pub(crate) const VOTE: &str = "/jeroboam.peer.v1.Raft/Vote";
    /// The question whether a vote would be given.
    pub(crate) const PRE_VOTE: &str = "/jeroboam.peer.v1.Raft/PreVote";
    /// The leader wants the receiver to take over.
    pub(crate) const TRANSFER: &str = "/jeroboam.peer.v1.Raft/Transfer";
    /// A snapshot, in parts.
    pub(crate) const SNAPSHOT: &str = "/jeroboam.peer.v1.Raft/Snapshot";
    /// Commands and read-index requests of a follower.
    pub(crate) const FORWARD: &str = "/jeroboam.peer.v1.Front/Forward";
    /// A change of the membership, for the leader.
    pub(crate) const CHANGE: &str = "/jeroboam.peer.v1.Front/Change";
    /// A new member asks to be let in.
    pub(crate) const JOIN: &str = "/jeroboam.peer.v1.Front/Join";
    /// One question to the rest of the process.
    pub(crate) const CALL: &str = "/jeroboam.peer.v1.Front/Call";
    /// One question, many answers.
    pub(crate) const CALL_STREAM: &str = "/jeroboam.peer.v1.Front/CallStream";
}
