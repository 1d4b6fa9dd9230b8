//! A sink of events: somewhere outside (a file, a receiver of HTTP) that is to be given every event, at least once.
//!
//! What is replicated is a cursor per sink, nothing else: the log index up to which it has been given everything. Whoever leads delivers, and
//! advances the cursor behind what was taken; a leader that dies between the two makes its successor deliver again. A second delivery is
//! told from a second event by the event's place in the log.
//!
//! Events are kept for the slowest sink (see [`crate::event`]), within a bound; what goes beyond it is counted here as lost, so that it is never lost
//! silently. There is deliberately no address and no secret of a sink in the state: those are configuration of the members.

use prost::Message;

pub(crate) mod apply;
pub mod query;

use crate::{record::Record, tables::table};

/// How many sinks there may be.
pub const SINKS: usize = 16;

/// The longest name of one.
pub const NAME_MAX: usize = 64;

/// A sink as stored.
#[derive(Clone, PartialEq, Message)]
pub struct Sink {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// It has been given everything up to this log index.
    #[prost(uint64, tag = "2")]
    pub cursor: u64,
    /// Serial of the last event at or below the cursor; what the newest event has more is what the sink lags behind.
    #[prost(uint64, tag = "3")]
    pub serial: u64,
    /// Records that it has taken.
    #[prost(uint64, tag = "4")]
    pub records: u64,
    /// Events that were forgotten before it was given them.
    #[prost(uint64, tag = "5")]
    pub lost: u64,
    /// Wall clock of its opening, milliseconds since 1970.
    #[prost(uint64, tag = "6")]
    pub opened_ms: u64,
}

impl Record for Sink {
    const TABLE: u8 = table::SINK;
    fn key(&self) -> Vec<u8> {
        self.name.as_bytes().to_vec()
    }
}
