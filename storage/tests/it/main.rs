//! Storage as a whole: both disks against one suite, log, state, snapshots, identity, and what crashes leave.
#![expect(clippy::unwrap_used, reason = "tests")]

mod crash;
mod engines;
mod folder;
mod log;
mod rig;
mod snapshot;
mod state;
