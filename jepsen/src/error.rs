//! What can go wrong in the harness itself.
//!
//! A campaign that ends with one of them has the verdict *unknown*, with two exceptions: what is *late*, and what *ended* by
//! itself, is the product, and that is a violation of liveness.

use std::path::PathBuf;

/// A fault of the harness or of its surroundings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the harness could not be read or written.
    #[error("{what} {}: {source}", path.display())]
    File {
        /// What was tried, as a verb: "write", "open".
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A program could not be started or ended with an error.
    #[error("{program}: {reason}")]
    Program {
        /// The program as it was called.
        program: String,
        /// Its exit status and the end of what it printed.
        reason: String,
    },
    /// Something that the product had to do did not happen within its limit.
    #[error("{what} did not happen within {seconds} s")]
    Late {
        /// What was waited for.
        what: String,
        /// The limit in seconds.
        seconds: u64,
    },
    /// A member ended although nobody ended it.
    #[error("{member} ended by itself with {status}: {last}")]
    Ended {
        /// The member.
        member: String,
        /// Its exit status.
        status: String,
        /// The last line of its log.
        last: String,
    },
    /// The product answered in a way that the harness cannot read.
    #[error("{member} answered {request} in an unreadable way: {reason}")]
    Answer {
        /// The member that answered.
        member: String,
        /// The request.
        request: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// A line of a history could not be read back.
    #[error("line {line} of {}: {reason}", path.display())]
    History {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The campaign cannot be run here or with these arguments.
    #[error("{0}")]
    Setup(String),
}

impl Error {
    /// Wraps an I/O error with the file it concerns.
    pub fn file(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { what, path, source }
    }

    /// "`what` did not happen within `limit`".
    pub fn late(what: impl Into<String>, limit: std::time::Duration) -> Self {
        Self::Late { what: what.into(), seconds: limit.as_secs() }
    }
}
