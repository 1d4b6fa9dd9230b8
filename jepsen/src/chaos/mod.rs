//! The campaigns behind the subcommands of `chaos`.
//!
//! * [`stage`]: what every campaign needs: folder, seed, recorder, cluster, client; and the last questions every
//!   campaign asks.
//! * [`outage`]: how long nobody got an acknowledgement.
//! * [`failover`], [`durability`], [`linearizable`], [`membership`], [`containers`]: one campaign each.
//! * [`quick`]: a short sample of each.

pub mod containers;
pub mod durability;
pub mod failover;
pub mod linearizable;
pub mod membership;
pub mod outage;
pub mod quick;
pub mod stage;

pub use stage::{Options, Stage};
