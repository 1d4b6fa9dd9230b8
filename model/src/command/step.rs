//! What an owner says of an outside call: before it, and after it. Both stand under its epoch.

use prost::Message;

use super::sighting::Sighting;
use crate::{
    id::OperationId,
    operation::{Failure, Left, State, StepOutcome},
};

/// An owner is about to make an outside call: recorded before the call is made.
#[derive(Clone, PartialEq, Message)]
pub struct StepBegin {
    /// The operation.
    #[prost(message, required, tag = "1")]
    pub operation: OperationId,
    /// The owner's epoch; an old one is refused as stale.
    #[prost(uint64, tag = "2")]
    pub epoch: u64,
    /// The step's name.
    #[prost(string, tag = "3")]
    pub name: String,
    /// The deterministic outside name it works on.
    #[prost(string, tag = "4")]
    pub target: String,
    /// How long the call may still take effect, milliseconds.
    #[prost(uint64, tag = "5")]
    pub effect_ms: u64,
    /// That the same attempt goes on: its calls were all answered so far, and the time begins anew.
    #[prost(bool, tag = "50")]
    pub goes_on: bool,
    /// That it works on the operation's present batch of machines, or on its next one, which is picked in the same entry.
    #[prost(bool, tag = "80")]
    pub batch: bool,
}

/// An owner says what became of a step.
#[derive(Clone, PartialEq, Message)]
pub struct StepEnd {
    /// The operation.
    #[prost(message, required, tag = "1")]
    pub operation: OperationId,
    /// The owner's epoch.
    #[prost(uint64, tag = "2")]
    pub epoch: u64,
    /// The step's name.
    #[prost(string, tag = "3")]
    pub name: String,
    /// What became of it.
    #[prost(enumeration = "StepOutcome", tag = "4")]
    pub outcome: i32,
    /// The outside object's own id.
    #[prost(string, optional, tag = "5")]
    pub external_id: Option<String>,
    /// Why, in words.
    #[prost(string, optional, tag = "6")]
    pub reason: Option<String>,
    /// What was seen by the way; applied in the same entry.
    #[prost(message, optional, tag = "7")]
    pub seen: Option<Sighting>,
    /// If set, the operation ends in this state in the same entry.
    #[prost(enumeration = "State", optional, tag = "8")]
    pub ends: Option<i32>,
    /// What is left outside when a forced deletion ends so.
    #[prost(message, repeated, tag = "50")]
    pub left: Vec<Left>,
    /// That nobody could look at what is left: the records stand in.
    #[prost(bool, tag = "51")]
    pub left_unseen: bool,
    /// Why it did not succeed, in one word.
    #[prost(enumeration = "Failure", tag = "52")]
    pub failure: i32,
    /// How long nobody begins it again, milliseconds.
    #[prost(uint64, tag = "53")]
    pub pause_ms: u64,
}
