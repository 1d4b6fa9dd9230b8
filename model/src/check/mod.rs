//! What holds of every state, whatever was applied: the invariants, in one place and executable.
//!
//! Reads the whole state, so it is for tests, simulations and a stopped member, never for a request. Quotas are not checked: a limit may
//! have been lowered after what it now forbids was accepted.

mod books;
mod clusters;
mod indexes;
mod operations;

use crate::tables::{Fault, View};

/// Everything that does not hold, as sentences; empty is good.
pub fn check(view: &(impl View + ?Sized)) -> Result<Vec<String>, Fault> {
    let mut wrong = Vec::new();
    indexes::check(view, &mut wrong)?;
    clusters::check(view, &mut wrong)?;
    operations::check(view, &mut wrong)?;
    books::check(view, &mut wrong)?;
    Ok(wrong)
}
