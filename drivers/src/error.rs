//! What the conductor decides on when a call fails.
//!
//! The variants are the decisions: it is not there, it is in the wrong state, come back later, never, try again, nobody can tell. The backend's own words travel
//! along for the person who reads the status reason; nothing matches on them.

use std::time::Duration;

use model::operation::Failure;

/// A failed call to an engine or a provisioner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// What was named is not there. Certain.
    #[error("it is not there: {0}")]
    Gone(String),
    /// The backend is occupied with this very thing. Nothing was changed.
    #[error("busy: {reason}")]
    Busy {
        /// The backend's words.
        reason: String,
        /// When to come back.
        retry_after: Duration,
    },
    /// What was named is in another state than the call needs (pausing what is stopped). Nothing was changed.
    #[error("{0}")]
    State(String),
    /// The backend said no, and will say no again. Nothing was changed.
    #[error("{0}")]
    Refused(String),
    /// It did not work this time; a repetition may. The call had no effect, or one that a repetition completes.
    #[error("{0}")]
    Broken(String),
    /// No answer in time, or the connection ended before the answer: the effect may or may not happen, now or later.
    #[error("no answer: {0}")]
    Timeout(String),
}

/// The six kinds of [`Error`], for counting and comparing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// See [`Error::Gone`].
    Gone,
    /// See [`Error::Busy`].
    Busy,
    /// See [`Error::State`].
    State,
    /// See [`Error::Refused`].
    Refused,
    /// See [`Error::Broken`].
    Broken,
    /// See [`Error::Timeout`].
    Timeout,
}

impl Error {
    /// Its kind.
    pub fn class(&self) -> Class {
        match self {
            Self::Gone(_) => Class::Gone,
            Self::Busy { .. } => Class::Busy,
            Self::State(_) => Class::State,
            Self::Refused(_) => Class::Refused,
            Self::Broken(_) => Class::Broken,
            Self::Timeout(_) => Class::Timeout,
        }
    }
    /// As the log keeps it.
    pub fn failure(&self) -> Failure {
        match self {
            Self::Gone(_) => Failure::Gone,
            Self::State(_) => Failure::State,
            Self::Refused(_) => Failure::Refused,
            Self::Busy { .. } => Failure::Busy,
            Self::Broken(_) => Failure::Broken,
            Self::Timeout(_) => Failure::Unanswered,
        }
    }
    /// Whether a repetition is pointless until something else changes.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Gone(_) | Self::State(_) | Self::Refused(_))
    }
    /// Whether the effect may have happened, or may still: a step that must run at most once then ends as "outcome unknown".
    pub fn outcome_unknown(&self) -> bool {
        matches!(self, Self::Timeout(_))
    }
    /// When the backend asked to be called again, where it did.
    pub fn retry_after(&self) -> Option<Duration> {
        if let Self::Busy { retry_after, .. } = self { Some(*retry_after) } else { None }
    }
}
