//! Where a member keeps things: the log, the state, snapshots, and who it is.
//!
//! From the bottom up:
//! * [`engine`] is the trait of an ordered store of bytes, with two implementations: [`rocks`] on RocksDB and [`sim`], a disk in memory that
//!   can crash, lie and rot by a seed. [`disk`] is a data folder, real or simulated: engines in folders and a few plain files. Everything
//!   above these two traits exists once and runs in production and in simulation alike; [`conformance`] holds both sides to the same words.
//! * [`log`] is Raft's log with vote and marks, durable by group commit; [`state`] the rows that apply makes, durable by flush only.
//! * [`snapshot`] makes, sends, receives and installs checkpoints of the state; [`folder`] knows whose data this is; [`format`](mod@format)
//!   what versions there are. [`Store`] opens all of it together.
//!
//! The promise to Raft: what a [`Flushed`] has answered survives a power loss; the state survives up to
//! [`State::flushed_applied`], and the log is purged no further than that; whatever is read is what was written or an error.
//!
//! Deliberately absent: Raft's types (entries, votes and marks are opaque bytes), the meaning of rows (`model`), and any clock.

pub mod batch;
pub mod conformance;
pub mod counters;
pub mod disk;
pub mod engine;
mod error;
pub mod folder;
pub mod format;
mod incoming;
mod listing;
mod lock;
pub mod log;
mod mark;
mod overlay;
mod pending;
mod places;
mod pointer;
pub mod rocks;
mod sealed;
pub mod sim;
pub mod snapshot;
pub mod state;
mod store;
mod transaction;
mod view;

pub use batch::Batch;
pub use counters::Counters;
pub use disk::Disk;
pub use engine::{Durability, Engine, EngineView, Family, FileEntry, Kind};
pub use error::Error;
pub use folder::{DataFolder, Expect, Identity};
pub use format::Format;
pub use incoming::{Incoming, Received};
pub use listing::Listing;
pub use log::Log;
pub use mark::Mark;
pub use pending::{Flushed, Pending};
pub use rocks::RocksDisk;
pub use sim::{CrashKeeps, Faults, SimDisk};
pub use snapshot::{Snapshot, Snapshots};
pub use state::State;
pub use store::{Store, StoreCounters};
pub use transaction::Transaction;
pub use view::StateView;
