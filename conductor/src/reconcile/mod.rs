//! The machine that leads clusters from what they are to what is wanted.
//!
//! *Level, not edge.* A wake-up carries no data. The worker reads the state afresh, pure functions ([`crate::cluster::decide`],
//! [`crate::workload::container`]) say what comes next, and the answer says when to look again. Signals may be lost: a full pass is the net
//! under them.
//!
//! *One worker per cluster* and epoch (`worker`), started when this member is given the cluster and ended, and awaited, when it is taken away
//! (`crew`). It alone acts for the cluster; containers run side by side, each one's operations in their order.
//!
//! *Every outside thing is looked at by one member*, its owner, in a rhythm that follows what is seen (`rhythm`). Where an engine tells by itself
//! of what happens, that brings a look forward (`watches`) and replaces none.
//!
//! *A step* (`step`) is: intent through the log, the right to act, the outside call, its outcome through the log; all under the epoch. Whoever
//! comes next finds the intent and goes on from there.
//!
//! Read in this order: `next`, `hazard`, `retry`, `rhythm`, `picture`, `step`, `worker`, `pass`, `report`, `newcomers`, `watches`, `crew`.

pub mod next;

pub mod hazard;

pub mod retry;

pub mod rhythm;

pub(crate) mod picture;

pub(crate) mod post;

pub(crate) mod step;

pub(crate) mod worker;

pub(crate) mod pass;

pub(crate) mod report;

pub(crate) mod newcomers;

pub(crate) mod watches;

pub(crate) mod crew;
