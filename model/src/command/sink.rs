//! Sinks of events come, are given events by the leader, and go.

use prost::Message;

/// Begin to keep events for a sink, from the oldest that is still there. Nothing happens if the sink is known.
#[derive(Clone, PartialEq, Message)]
pub struct SinkOpen {
    /// Its name: letters, digits, `-`, `_`, `.`; 64 at most.
    #[prost(string, tag = "1")]
    pub name: String,
}

/// The leader has given events to a sink.
#[derive(Clone, PartialEq, Message)]
pub struct SinkAdvance {
    /// The sink.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The term in which it was done; refused when the entry stands in another one: another leader delivers now. 0: any term.
    #[prost(uint64, tag = "2")]
    pub term: u64,
    /// The cursor from which it was done; refused when it is another by now.
    #[prost(uint64, tag = "3")]
    pub from: u64,
    /// The log index up to which the sink has been given everything.
    #[prost(uint64, tag = "4")]
    pub to: u64,
    /// Records that were made of those events and taken by the sink.
    #[prost(uint64, tag = "5")]
    pub records: u64,
}

/// A sink is gone; no event is kept for it any more.
#[derive(Clone, PartialEq, Message)]
pub struct SinkClose {
    /// The sink.
    #[prost(string, tag = "1")]
    pub name: String,
}
