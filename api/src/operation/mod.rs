//! Operations as their users see them: what was accepted, how far it came, what went wrong, and the ways on.

pub(crate) mod current;
pub mod held;
mod operations;
