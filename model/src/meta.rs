//! The single values of the state: log time, counters, the cluster version, how far the event log has been forgotten.
//!
//! They stand in one row, read once at the beginning of an entry and written once at its end, because every entry changes some of them.
//! Counters only go up, so a serial or a member number is never given twice.

use prost::Message;

use crate::{
    record::{self, Record},
    tables::{Fault, View, table},
};

/// The row of single values.
#[derive(Clone, PartialEq, Message)]
pub struct Meta {
    /// Log time: the greatest time stamped into an entry so far, milliseconds.
    #[prost(uint64, tag = "1")]
    pub at_ms: u64,
    /// The replicated cluster version; 0 in a new state means 1, see `version`.
    #[prost(uint32, tag = "2")]
    pub version: u32,
    /// Greatest member number given so far.
    #[prost(uint64, tag = "3")]
    pub members: u64,
    /// Greatest template serial given so far.
    #[prost(uint64, tag = "4")]
    pub templates: u64,
    /// Greatest cluster serial given so far.
    #[prost(uint64, tag = "5")]
    pub clusters: u64,
    /// Greatest node group serial given so far.
    #[prost(uint64, tag = "6")]
    pub node_groups: u64,
    /// Greatest node serial given so far.
    #[prost(uint64, tag = "7")]
    pub nodes: u64,
    /// Greatest container serial given so far.
    #[prost(uint64, tag = "8")]
    pub containers: u64,
    /// Greatest quota serial given so far.
    #[prost(uint64, tag = "9")]
    pub quotas: u64,
    /// Events kept now.
    #[prost(uint64, tag = "10")]
    pub events: u64,
    /// Greatest log index of which an event was forgotten; 0: none yet.
    #[prost(uint64, tag = "11")]
    pub event_floor: u64,
    /// Remembered idempotency keys with an expiry before this are all gone; where the search for due ones begins.
    #[prost(uint64, tag = "12")]
    pub key_floor_ms: u64,
    /// Events that are kept at least; 0: what the program says. See `event::forget`.
    #[prost(uint64, tag = "60")]
    pub event_keep: u64,
    /// Events that are kept besides while a sink has not been given them; 0: what the program says.
    #[prost(uint64, tag = "61")]
    pub event_backlog: u64,
    /// Serial of the last event.
    #[prost(uint64, tag = "62")]
    pub event_serial: u64,
    /// The lowest cursor of all sinks; absent: there is none.
    #[prost(uint64, optional, tag = "63")]
    pub sinks_low: Option<u64>,
    /// The log index of the wish that clusters be spread evenly; 0: there is none that is not fulfilled.
    #[prost(uint64, tag = "70")]
    pub balance_wish: u64,
}

/// The key of the row within its table.
const KEY: &[u8] = b".";

impl Record for Meta {
    const TABLE: u8 = table::META;
    fn key(&self) -> Vec<u8> {
        KEY.to_vec()
    }
}

impl Meta {
    /// The row as stored; all zero in an empty state.
    pub fn read(view: &(impl View + ?Sized)) -> Result<Self, Fault> {
        Ok(record::get(view, KEY)?.unwrap_or_default())
    }
}

/// The next value of a counter.
pub(crate) fn next(counter: &mut u64) -> u64 {
    *counter = counter.saturating_add(1);
    *counter
}

/// Log time of a state: the greatest time stamped into an applied entry, milliseconds.
pub fn log_time(view: &(impl View + ?Sized)) -> Result<u64, Fault> {
    Ok(Meta::read(view)?.at_ms)
}

/// The wish that clusters be spread evenly, by its log index; 0: there is none.
pub fn balance_wish(view: &(impl View + ?Sized)) -> Result<u64, Fault> {
    Ok(Meta::read(view)?.balance_wish)
}

/// The replicated cluster version of a state.
pub fn cluster_version(view: &(impl View + ?Sized)) -> Result<u32, Fault> {
    Ok(crate::version::of(&Meta::read(view)?))
}
