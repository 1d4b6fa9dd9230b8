//! Operations on a cluster itself: made, changed, removed.
//!
//! [`decide`] is pure; `act` makes the calls; `look` turns what drivers see into what is recorded.

pub mod decide;

pub(crate) mod act;

pub(crate) mod look;
