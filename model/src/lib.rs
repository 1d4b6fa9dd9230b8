//! What is true, and what may change it?
//!
//! The records of Jeroboam, the commands that change them, and `apply`: a pure function from a state and a log entry to a new state.
//! Same entries, same bytes, on every member. There is deliberately no clock, no chance, no file, no socket and no `HashMap` in here:
//! ids, random values and times are chosen before a command is proposed and travel in it.
//!
//! Read in this order: `id`, `tables`, `record` (how rows are kept), then one object (`cluster`), then `command`, `apply`, `outcome`.

pub mod apply;
pub mod cluster;
pub mod command;
pub mod container;
pub mod event;
pub mod id;
pub mod member;
pub mod node;
pub mod nodegroup;
pub mod operation;
pub mod outcome;
pub mod ownership;
pub mod quota;
pub mod record;
pub mod tables;
pub mod template;

pub use apply::{Applied, Change, Entry, apply};
pub use command::{Actor, Command, IdempotencyKey, Origin, Proposal};
pub use outcome::{Class, Done, Outcome, Refusal};
pub use tables::{Fault, KeyRange, MemoryTables, Tables, View, Visit};
