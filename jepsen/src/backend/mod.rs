//! A scripted Docker endpoint: real HTTP, no containers.
//!
//! Members use it through their ordinary driver; all they are told is an address. Behind it is a small world of networks and
//! containers with Docker's rules: a container's name and a bridge's interface are unique, ids are never used again, a list shows what
//! carries a label. It is what invariants about effects are checked from, because it sees every call and nothing of what members say
//! of themselves:
//!
//! * Every call is written into one **journal** with the places, in one counter, at which it arrived, took effect and was answered,
//!   and with the words of its caller: member, incarnation, cluster, epoch, operation, step.
//! * A **script** makes calls slow, late, failing or hanging, loses the answer after the effect, or lets clusters be well and ill in
//!   turn. What has arrived takes effect even when the caller is gone: that is how calls of a dead owner come to act under its successor.
//! * The **fence**: the highest epoch seen of each cluster, raised by any call. Switched on, changes of a lower epoch are refused;
//!   switched off, as real Docker, they act, and are counted.
//!
//! Beside the Docker endpoint stands, under paths of its own, a second shape: a tiny cloud of stacks that take their time ([`heat`]). Both are in
//! one journal, and under one script.
//!
//! In reading order: [`caller`], [`journal`], [`ask`], [`events`], [`world`], [`heat`], [`script`], [`server`].
//!
//! Deliberately absent: images (every image is there), volumes, events of anything but containers, executions, and any type of the
//! product or of its client library: the paths and shapes are written here a second time, from Docker's own description of its API.

pub mod ask;
pub mod caller;
pub mod events;
pub mod heat;
pub mod journal;
pub mod script;
pub mod server;
#[cfg(test)]
mod tests;
pub mod world;

pub use ask::Ask;
pub use caller::Caller;
pub use events::Event;
pub use journal::{Call, Journal, Outcome};
pub use script::Script;
pub use server::Backend;
pub use world::{Effect, World};
