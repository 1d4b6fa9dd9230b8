//! The campaigns behind the subcommands of `chaos`.
//!
//! * [`stage`]: what every campaign needs: folder, seed, recorder, cluster, client; and the last questions every
//!   campaign asks.
//! * [`outage`]: how long nobody got an acknowledgement.
//! * `outside`: the scripted backend's world and journal against what the API lists.
//! * [`failover`], [`durability`], [`linearizable`], [`membership`], [`containers`], [`race`],
//!   [`churn`], [`rolling`], [`hang`], [`storm`], [`scale`], [`balancer`], [`stacks`]: one campaign each.
//! * [`matrix`]: every fault point with every fault.
//! * [`quick`]: a short sample of each.

pub mod balancer;
pub mod churn;
pub mod containers;
pub mod durability;
pub mod failover;
pub mod hang;
pub mod linearizable;
pub mod matrix;
pub mod membership;
pub mod outage;
pub(crate) mod outside;
pub mod quick;
pub mod race;
pub mod rolling;
pub mod scale;
pub mod stacks;
pub mod stage;
pub mod storm;

pub use stage::{Options, Stage};
