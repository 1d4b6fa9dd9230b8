//! Answers that are kept so that a retry changes nothing.
//!
//! Two layers. The *origin window* covers a member's own retries: a proposal that was forwarded twice, because the first leader fell
//! silent, is applied once. The *idempotency key* covers a client's retries through whichever member. Both give the first answer back.
//! Both live in the state, so every member remembers the same.

pub mod key;
pub mod origin;

pub use key::RememberedKey;
pub use origin::{ORIGIN_WINDOW, RememberedProposal};
