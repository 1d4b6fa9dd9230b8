//! The one that breaks things.
//!
//! * [`fault`]: what is done to a member: kill -9, SIGTERM, SIGSTOP and SIGCONT, and how it is undone.
//! * [`target`]: to which member: the leader, a follower, the owner of a bay.
//! * [`chaos`]: faults at random moments beside a workload.
//!
//! Every fault has one of three outcomes: installed, skipped for a reason, or a harness error. A skipped fault is
//! counted and never taken for a survived one.

pub mod chaos;
pub mod fault;
pub mod target;

pub use fault::Fault;
pub use target::Target;
