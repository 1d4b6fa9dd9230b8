//! What can go wrong between us and a service of the cloud.

use std::time::Duration;

/// Why there is no answer, or not the one that was asked for. Texts hold no token and no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No connection: the request was certainly not received.
    #[error("{service} cannot be reached: {reason}")]
    Unreachable {
        /// Which service, as its catalog type.
        service: String,
        /// In words.
        reason: String,
    },
    /// The connection broke before the whole answer was there: it may have acted on the request, or may still.
    #[error("{service} broke off: {reason}")]
    Lost {
        /// Which service.
        service: String,
        /// In words.
        reason: String,
    },
    /// It took the request (perhaps) and did not answer in time: it may still act on it.
    #[error("{service} did not answer within {limit:?}")]
    Silent {
        /// Which service.
        service: String,
        /// How long was waited.
        limit: Duration,
    },
    /// It answered no.
    #[error("{service} answered {status}: {message}")]
    Refused {
        /// Which service.
        service: String,
        /// Its HTTP status, 300 to 599.
        status: u16,
        /// Its own words.
        message: String,
    },
    /// It answered what nobody can read.
    #[error("{service} answered what makes no sense: {reason}")]
    Garbage {
        /// Which service.
        service: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Keystone does not take our own credentials.
    #[error("Keystone refuses the credentials of this service: {0}")]
    Credentials(String),
    /// The catalog has no such service.
    #[error("the catalog names no endpoint for {service}{region} (interface {interface})")]
    NoEndpoint {
        /// Which service was looked for.
        service: String,
        /// ` in region X`, or nothing.
        region: String,
        /// Which interface.
        interface: &'static str,
    },
    /// The settings make no session.
    #[error("{0}")]
    Settings(String),
}

impl Error {
    /// The status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether the service, not the request, is the trouble: the same request may succeed later.
    pub fn passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Lost { .. } | Self::Silent { .. } | Self::Garbage { .. } | Self::Credentials(_) => true,
            Self::Refused { status, .. } => *status >= 500 || *status == 429,
            Self::NoEndpoint { .. } | Self::Settings(_) => false,
        }
    }
}
