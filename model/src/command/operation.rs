//! Operations are called off, asked for again, paused, and ended: by their owner, or by the log's time.

use prost::Message;

use super::sighting::Sighting;
use crate::{
    id::OperationId,
    operation::{Failure, State},
};

/// Call an open operation off; a deletion is not called off.
#[derive(Clone, PartialEq, Message)]
pub struct OperationCancel {
    /// Which.
    #[prost(message, required, tag = "1")]
    pub operation: OperationId,
}

/// Do an operation again that failed, was cancelled, or of which nobody can tell: the last one on its thing.
#[derive(Clone, PartialEq, Message)]
pub struct OperationRetry {
    /// Which.
    #[prost(message, required, tag = "1")]
    pub operation: OperationId,
    /// Id of the new operation.
    #[prost(message, required, tag = "2")]
    pub retry: OperationId,
}

/// Begin no further batch of an operation, or go on with it. A batch that was begun is ended.
#[derive(Clone, PartialEq, Message)]
pub struct OperationPause {
    /// Which.
    #[prost(message, required, tag = "1")]
    pub operation: OperationId,
    /// Pause, or go on.
    #[prost(bool, tag = "2")]
    pub paused: bool,
}

/// An owner ends an operation without a step (nothing was left to do, or it cannot be done).
#[derive(Clone, PartialEq, Message)]
pub struct OperationEnd {
    /// The operation.
    #[prost(message, required, tag = "1")]
    pub operation: OperationId,
    /// The owner's epoch.
    #[prost(uint64, tag = "2")]
    pub epoch: u64,
    /// How it ends.
    #[prost(enumeration = "State", tag = "3")]
    pub state: i32,
    /// Why, in words.
    #[prost(string, optional, tag = "4")]
    pub reason: Option<String>,
    /// What was seen by the way; applied in the same entry.
    #[prost(message, optional, tag = "5")]
    pub seen: Option<Sighting>,
    /// Why it failed, in one word.
    #[prost(enumeration = "Failure", tag = "50")]
    pub failure: i32,
}

/// Lets what is past its time expire, by the entry's log time: operations over their deadline fail, remembered outcomes go.
#[derive(Clone, PartialEq, Message)]
pub struct Expire {
    /// At most this many of each kind in one entry.
    #[prost(uint32, tag = "1")]
    pub limit: u32,
}
