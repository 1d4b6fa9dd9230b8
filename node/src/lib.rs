//! How does one process hold all this?
//!
//! Configuration, wiring, start, stop, the commands of the binary `jeroboam`. Nothing is decided here about the service itself.
//!
//! Read in this order: `cli` (what can be asked), [`config`] (what a member is told; `config/default.toml` is the manual), `run` (a
//! process from its first line to its last), [`boot`] (the parts in the order they are built), `serve` (the REST listener), `shutdown` (the
//! same parts in the order they are stopped), `runtime` (the two runtimes), [`control`] (how commands talk to a running member),
//! [`certificates`] (files), `telemetry`.
//!
//! Invariants:
//! * Raft has a runtime and a thread of its own; nothing else is ever spawned there.
//! * What was started in `boot` is stopped in `shutdown`, in reverse, each step with a limit; no task outlives the runtime it runs on.
//! * Every way in which the process can end has one line of words and an exit status ([`Error`]).

mod announce;
pub mod answers;
mod audit;
pub mod boot;
pub mod certificates;
pub mod cli;
pub mod config;
pub mod control;
mod entry;
mod error;
#[cfg(test)]
mod fault_points;
#[cfg(feature = "faults")]
pub mod faults;
mod first;
mod identity;
mod metrics;
mod run;
mod runtime;
mod serve;
mod shutdown;
mod telemetry;

pub use error::Error;
