//! How is the outside world seen and changed?
//!
//! Two axes. A *provisioner* makes the endpoint of a cluster (`local`: a Docker Engine that is there already; `heat`: a stack of a cloud); an *engine* speaks to
//! that endpoint (`docker`). Which provisioner is asked is the cluster's driver name, which engine is the cluster's coe;
//! [`Registry`] is the one list of both.
//!
//! Invariants of this crate:
//!
//! * **Every effect may be repeated.** An owner may die between any two instructions, and its successor runs the same step again. A
//!   create finds what is there by its deterministic name before it makes anything and adopts what it finds; a start of what runs, a
//!   removal of what is gone, are successes. What cannot be repeated ([`Engine::reboot`], [`Engine::execute`]) says so, and the
//!   conductor runs it at most once.
//! * **Every effect carries its [`Mark`]**: cluster, epoch and operation, in whatever the backend has for such words; and every call,
//!   looks included, its [`Caller`]; but a watch ([`Engine::watch`]) is for all clusters at once.
//! * **Every call ends** within the bound in [`limit`], and an error says whether the effect may still happen ([`Error`]).
//! * Nothing here decides. What is to be done, when, and who may do it is the conductor's matter; nothing here keeps state, and two
//!   members that speak to the same endpoint need not know of each other.
//!
//! Absent on purpose: retries (the worker's policy), clocks other than `tokio::time`, randomness, and any knowledge of the log.
//!
//! Read in this order: `mark`, `caller`, `limit`, `error`, `spec`, `seen`, then the traits `engine` and `provision`, `registry`, `contract`
//! (what every driver must pass), then `docker`, `local` and `heat`.

pub mod mark;

pub mod caller;

pub mod limit;

pub mod error;

pub mod spec;

pub mod seen;

pub mod engine;

pub mod provision;

pub mod registry;

pub mod contract;

pub mod docker;

pub mod local;

pub mod heat;

pub use caller::Caller;
pub use engine::{Bytes, Connector, Engine, Execution, Hint, LogOptions, Watch};
pub use error::{Class, Error};
pub use mark::Mark;
pub use provision::{Progress, Provisioner};
pub use registry::Registry;
pub use seen::{ContainerSeen, EngineSeen, NodeSeen, Phase, Provisioned, Tagged};
pub use spec::{ClusterSpec, ContainerSpec};
