//! What is true, and what may change it?
//!
//! The records of Jeroboam, the commands that change them, and `apply`: a pure function from a state and a log entry to a new state.
//! Same entries, same bytes, on every member. There is deliberately no clock, no chance, no file, no socket and no `HashMap` in here:
//! ids, random values and times are chosen before a command is proposed and travel in it.
//!
//! Read in this order: `id`, `tables`, `record` (how rows are kept), then one object (`template` is the simplest, `cluster` the richest),
//! then `command`, `apply`, `outcome`, `remember` (retries), `version` (mixed versions). `check` says what holds of every state.

pub mod apply;
pub mod check;
pub mod cluster;
pub mod command;
pub mod container;
mod context;
pub mod defaults;
pub mod event;
mod fault;
pub mod found;
pub mod id;
pub mod member;
pub mod meta;
pub mod node;
pub mod nodegroup;
pub mod operation;
pub mod outcome;
pub mod ownership;
pub mod peer;
pub mod planted;
pub mod quota;
pub mod record;
pub mod remember;
pub mod scope;
pub mod sink;
pub mod tables;
pub mod template;
pub mod version;

#[doc(hidden)]
pub use fail;

pub use apply::{Applied, Change, Entry, apply};
pub use command::{Actor, Command, IdempotencyKey, Origin, Proposal};
pub use found::{Found, Ident, Page};
pub use id::MemberId;
pub use outcome::{Class, Done, Outcome, Refusal};
pub use remember::ORIGIN_WINDOW;
pub use scope::Scope;
pub use tables::{Fault, KeyRange, MemoryTables, Tables, View, Visit, VisitEach};
pub use version::VERSION;
