//! The event log: how much of it is kept. Events themselves have no command, they come of the entries that they tell of.

use prost::Message;

/// How many events are kept.
#[derive(Clone, PartialEq, Message)]
pub struct EventsKeep {
    /// At least.
    #[prost(uint64, tag = "1")]
    pub keep: u64,
    /// Besides, while a sink has not been given them.
    #[prost(uint64, tag = "2")]
    pub backlog: u64,
}
