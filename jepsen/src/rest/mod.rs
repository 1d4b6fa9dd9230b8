//! The public API, as any client sees it.
//!
//! * [`endpoint`]: one member; one attempt; what was answered, or whether it may have arrived.
//! * [`hopper`]: the client that does not give up: same request, same idempotency key, next member.
//! * [`baymodel`], [`bay`], [`container`]: request and answer shapes of the objects the workloads use.
//! * [`operation`]: accepted changes with their steps.
//! * [`admin`]: what a member says about itself.
//!
//! Shapes are written here a second time on purpose, as plain JSON: see the crate's chapter.

pub mod admin;
pub mod bay;
pub mod baymodel;
pub mod container;
pub mod endpoint;
pub mod hopper;
pub mod operation;

pub use endpoint::{Attempt, Endpoint, Reply, Request};
pub use hopper::{Answer, Hopper, Roster, Tally};
