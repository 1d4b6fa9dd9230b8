//! Why the program ends otherwise than asked, in one line each, and the exit status of each.

use std::process::ExitCode;

/// What ends a command or the server.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration is wrong.
    #[error("{0}")]
    Config(#[from] crate::config::Error),
    /// The data folder cannot be used: in use, foreign, damaged, not writable, or empty without a word on how to begin.
    #[error("{0}")]
    Folder(String),
    /// An address cannot be listened on.
    #[error("cannot listen on {address} ({key}): {reason}")]
    Address {
        /// The address.
        address: String,
        /// Its configuration key.
        key: &'static str,
        /// What the system said.
        reason: String,
    },
    /// Joining or bootstrapping did not work.
    #[error("{0}")]
    Membership(String),
    /// This member can go on no longer.
    #[error("this member had to stop: {0}")]
    Fatal(String),
    /// Certificates cannot be read or made.
    #[error("{0}")]
    Certificates(String),
    /// The member that was asked cannot be reached.
    #[error("{0}")]
    Unreachable(String),
    /// The member that was asked says no.
    #[error("{0}")]
    Refused(String),
    /// The operating system says no.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// What it said.
        source: std::io::Error,
    },
}

impl Error {
    /// An answer of the operating system, with what was tried.
    pub fn system(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::System { what, source }
    }

    /// The exit status: 1 it did not work, 2 configuration or command line, 3 data folder, 4 address, 5 stopped by a fault.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Config(_) => 2,
            Self::Folder(_) => 3,
            Self::Address { .. } => 4,
            Self::Fatal(_) => 5,
            _ => 1,
        })
    }
}
