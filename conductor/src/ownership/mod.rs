//! Who acts for which cluster, and may it still?
//!
//! Three things that must not be mixed:
//! * the *assignment*, replicated ([`model::ownership`]): this cluster, that member, that start of it, under this epoch;
//! * the *decision* ([`plan`]): pure, made on the leader (`balancer`);
//! * the *right to act* ([`lease`]): granted by the leader ([`grants`]), held for a few seconds, on monotonic clocks only.
//!
//! The lease keeps two members from acting at the same time as long as clocks run; the epoch, checked by apply on every report and by
//! backends that can compare, is what makes it safe when they do not. `tests/lease_model` explores the protocol exhaustively and names the
//! mistakes that break it; each of them has a comment at the line where it would be made.
//!
//! Read in this order: `plan`, `grants`, `lease`, `renew`, `holdings`, `mirror`, `handing`, `balancer`, `advice`, `unseen`.

pub mod plan;

pub mod grants;

pub mod lease;

pub(crate) mod renew;

pub(crate) mod holdings;

pub(crate) mod mirror;

pub(crate) mod handing;

pub(crate) mod balancer;

pub(crate) mod advice;

pub(crate) mod unseen;
