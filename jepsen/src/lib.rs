//! Does Jeroboam hold when things break?
//!
//! This crate is a black box harness. It starts real `jeroboam` processes, talks to them over HTTP
//! only, breaks them with signals, writes down everything a client saw, and judges that record with
//! checkers that know nothing of the product's insides. It shares **no type** with the product: a
//! checker that shares types with the checked shares its mistakes.
//!
//! In reading order:
//!
//! 1. [`history`]: what happened, in Jepsen's EDN and as JSON lines, written before it is believed.
//! 2. [`check`]: one file per invariant; pure functions over a history or a final state.
//! 3. [`rest`]: the public API as any client sees it, and the client that hops between members.
//! 4. [`process`] and [`cluster`]: members as operating system processes. `cluster` is the only file
//!    that knows how the product is configured and started.
//! 5. [`nemesis`]: faults, their targets, their schedule.
//! 6. [`backend`]: a scripted Docker endpoint that journals every call: what invariants about effects are checked from.
//! 7. [`workload`]: what clients do meanwhile.
//! 8. [`chaos`]: the campaigns behind the subcommands of the binary `chaos`.
//! 9. [`report`]: tables, progress, verdicts.
//!
//! A verdict has three values, and *unknown is not a pass*: a run whose faults did not happen, or
//! whose traffic was too thin, proves nothing. Harness faults and system faults are different things
//! and are reported apart: the first make a verdict unknown, only the second make it false.
//!
//! Deliberately absent: network partitions, disk faults and clock jumps (they need root and arrive
//! with their own modules), and any use of the product's crates.

pub mod backend;
pub mod chance;
pub mod chaos;
pub mod check;
pub mod clock;
pub mod cluster;
pub mod docker;
pub mod error;
pub mod history;
pub mod nemesis;
pub mod process;
pub mod report;
pub mod rest;
pub mod verdict;
pub mod workload;

pub use chance::Chance;
pub use clock::Clock;
pub use error::Error;
pub use verdict::Verdict;
