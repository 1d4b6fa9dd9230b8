//! What holds of every state, whatever was applied.

use crate::tables::{Fault, View};

/// Everything that does not hold, as sentences.
pub fn check(_view: &(impl View + ?Sized)) -> Result<Vec<String>, Fault> {
    Ok(Vec::new())
}
