//! Who acts for which cluster, and what is the next step?
//!
//! The leader gives every cluster to one member, through the log; the entry's index is the *epoch*. That member, the *owner*, leads the
//! cluster from what it is to what is wanted, one recorded step at a time, and streams logs and executions to whoever asks.
//!
//! The doctrine:
//! * **Level, not edge.** A wake-up says "look", never what happened. Nothing depends on a signal arriving.
//! * **One worker per cluster** at a time in the whole of Jeroboam, as far as leases reach; beyond that, epochs.
//! * **Intent before effect, look before create, record after**, all under the epoch. An old epoch's reports are refused by apply.
//! * **What was sent may still arrive.** A call that was not answered, whoever made it, is reckoned with until it can act no more.
//! * **Deletion is a state.** Records go last, after the outside has been seen without the thing.
//! * Decisions are pure functions ([`ownership::plan`], [`cluster::decide`], [`workload::container`], [`reconcile::retry`]); the rest is
//!   plumbing around them.
//!
//! Deliberately absent: locks of any kind between members, wall clocks, background tasks without an owner, and any memory that has to survive:
//! all of it is in the log.
//!
//! Read in this order: `ownership`, `reconcile`, `cluster`, `workload`, `outbox`, `answer`, `run`.

pub mod ownership;

pub mod reconcile;

pub mod cluster;

pub mod workload;

pub mod outbox;

mod answer;

mod error;

mod expire;

pub mod metrics;

mod run;

mod settings;

mod shared;

mod strays;

pub use error::Error;
pub use metrics::{BOUNDS_MS, Bays, Counts, Metrics, SinkCounts, Times};
pub use run::Conductor;
pub use settings::Settings;
