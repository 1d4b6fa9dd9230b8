//! The judges: one file per invariant, pure functions over what was recorded.
//!
//! * [`operation`]: pairs the lines of a history into operations; every other checker starts there.
//! * [`index`]: the order given by revisions *is* a linearization (reads, writes and conditional updates).
//! * [`search`]: there *exists* a linearization; ignores revisions and indexes altogether.
//! * [`sets`]: nothing acknowledged is lost, nothing is there twice, nothing refused is there.
//! * [`inventory`]: Docker's own listing against the API's.
//! * [`effects`]: what calls did to the outside, from the backend's journal: no double, no stale effect, no orphan.
//! * [`statuses`]: no status goes backwards.
//! * [`undisturbed`]: orderly changes of owner fail nothing, repeat nothing and keep nobody waiting.
//! * [`replicas`]: state digests are equal at equal applied indexes.
//! * [`coverage`]: the run was broken enough, and busy enough, to prove anything.
//! * [`timeline`]: cuts a history down to the lines around a violation.
//!
//! A checker returns its findings; it never prints and never panics on a strange history.

pub mod coverage;
pub mod effects;
pub mod index;
pub mod inventory;
pub mod operation;
pub mod replicas;
pub mod search;
pub mod sets;
pub mod statuses;
#[cfg(test)]
mod synthetic;
pub mod timeline;
pub mod undisturbed;

pub use operation::{Operation, Outcome};

/// One thing that must not be, in words, with the place in the history where it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The invariant, in one or two words.
    pub invariant: &'static str,
    /// What was seen.
    pub words: String,
    /// The object, when it concerns one.
    pub key: Option<std::sync::Arc<str>>,
    /// The line of the history where it shows.
    pub at: Option<u64>,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.invariant, self.words)?;
        if let Some(key) = &self.key {
            write!(formatter, " (object {key})")?;
        }
        if let Some(at) = self.at {
            write!(formatter, " (line {at} of the history)")?;
        }
        Ok(())
    }
}
