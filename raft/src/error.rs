//! What a caller of the [`Handle`](crate::Handle) may be told.

use std::time::Duration;

use model::MemberId;

/// Why something asked of the group of members did not happen, or is not known to have happened.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// No leader was known within the bounded wait. A write with this error was not accepted by anybody.
    #[error("no leader; try again in {} ms", retry_after.as_millis())]
    NoLeader {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The deadline passed. **The outcome of a write is unknown**: it may have been applied or may still be.
    #[error("the deadline passed before the answer; the outcome is unknown")]
    Timeout,
    /// Too much is in flight already; this was not accepted.
    #[error("too many requests in flight; try again in {} ms", retry_after.as_millis())]
    Overloaded {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// This member has stopped or is stopping. A write with this error may or may not have been accepted.
    #[error("this member has stopped: {0}")]
    Fatal(String),
    /// The state cannot be read.
    #[error("storage: {0}")]
    Storage(String),
    /// The request makes no sense in the present state, and will not without a change of it.
    #[error("{0}")]
    Refused(String),
    /// The request cannot be done at the moment, but may be later without a change of it.
    #[error("not now: {0}")]
    NotNow(String),
    /// The other member could not be reached, or the connection broke before its answer.
    #[error("member {to} cannot be reached: {reason}")]
    Unreachable {
        /// Who was called.
        to: MemberId,
        /// What went wrong.
        reason: String,
    },
    /// The command is larger than an entry may be.
    #[error("a command of {size} bytes is larger than the limit of {limit} bytes")]
    TooLarge {
        /// Bytes of the encoded command.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
}

impl Error {
    /// Whether the same request may succeed later without a change by the caller. For writes this says nothing about whether the first
    /// attempt took effect; see [`Error::Timeout`].
    pub fn retryable(&self) -> bool {
        match self {
            Self::NoLeader { .. }
            | Self::Timeout
            | Self::Overloaded { .. }
            | Self::Unreachable { .. }
            | Self::NotNow(_)
            | Self::Fatal(_) => true,
            Self::Storage(_) | Self::Refused(_) | Self::TooLarge { .. } => false,
        }
    }

    /// How long to wait before another attempt, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NoLeader { retry_after } | Self::Overloaded { retry_after } => Some(*retry_after),
            _ => None,
        }
    }

    /// The error for a state that cannot be read or decoded.
    pub(crate) fn storage(error: impl std::fmt::Display) -> Self {
        Self::Storage(error.to_string())
    }
}
