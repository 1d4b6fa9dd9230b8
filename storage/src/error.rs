//! What can go wrong with stored bytes, in words that say what to do.
//!
//! Errors are cheap to clone because a broken engine is sticky: the first failure of a write is remembered and given to everybody who
//! comes later, since after a failed fsync nobody knows what is on the disk. A member that meets such an error stops. The errors of
//! opening a data folder are read by people: they name the folder, say what was found and what to do about it.

use std::sync::Arc;

/// Why storage could not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The operating system or the engine failed; sticky for writes.
    #[error("{what} failed: {reason}")]
    Io {
        /// What was being done.
        what: Arc<str>,
        /// What the system said.
        reason: Arc<str>,
    },
    /// No room on the device; sticky for writes until the member restarts.
    #[error("{what} failed: no space left on the device of the data folder; free some and start the member again")]
    NoSpace {
        /// What was being done.
        what: Arc<str>,
    },
    /// Bytes were read that are not the bytes that were written.
    #[error("{what} is corrupt: {reason}; wipe this member's data folder and let it join again under a new member id")]
    Corrupt {
        /// Which rows or file.
        what: Arc<str>,
        /// How it was noticed.
        reason: Arc<str>,
    },
    /// The engine was closed, or its disk crashed under it (simulation).
    #[error("the storage engine is closed")]
    Closed,
    /// The caller broke the log's continuity; nothing was written.
    #[error("log entry {got} cannot follow: the next index is {expected}")]
    OutOfOrder {
        /// The index that may be appended next.
        expected: u64,
        /// The index that was given.
        got: u64,
    },
    /// An entry inside the log is not there.
    #[error("the log has a hole: entry {missing} is missing; wipe this member's data folder and let it join again under a new member id")]
    Hole {
        /// First missing index.
        missing: u64,
    },
    /// The entries asked for were purged; a snapshot has them.
    #[error("log entries up to {upto} are purged")]
    Purged {
        /// The purge mark.
        upto: u64,
    },
    /// A purge or a truncation would lose what is not safe elsewhere.
    #[error("refused: {0}")]
    Refused(Arc<str>),
    /// A snapshot's files do not match its listing, or it is older than the state.
    #[error("snapshot {name} cannot be used: {reason}")]
    Snapshot {
        /// Its name.
        name: Arc<str>,
        /// What is wrong with it.
        reason: Arc<str>,
    },
    /// Another process uses the data folder.
    #[error("the data folder {folder} is in use by another process ({holder}); stop that one first, or give this one another folder")]
    Locked {
        /// The folder.
        folder: Arc<str>,
        /// What the lock file says about the holder.
        holder: Arc<str>,
    },
    /// There is no member in the folder.
    #[error("the data folder {folder} holds no member yet; create it by starting or joining a cluster")]
    Empty {
        /// The folder.
        folder: Arc<str>,
    },
    /// There already is a member in the folder.
    #[error("the data folder {folder} already holds a member; give another folder or start that member")]
    Occupied {
        /// The folder.
        folder: Arc<str>,
    },
    /// The folder belongs to another cluster or member.
    #[error("the data folder {folder} belongs to {found}, but {expected} was asked for; check the configured data folder")]
    Foreign {
        /// The folder.
        folder: Arc<str>,
        /// Whom it was expected to belong to.
        expected: Arc<str>,
        /// Whom it belongs to.
        found: Arc<str>,
    },
    /// A newer program wrote it.
    #[error("{what} has format {found}, this program reads up to {newest}; start the newer program that wrote it")]
    Newer {
        /// Which file or database.
        what: Arc<str>,
        /// The format found.
        found: u32,
        /// The newest format this build knows.
        newest: u32,
    },
    /// The folder's parts are missing or contradict each other.
    #[error(
        "the data folder {folder} is damaged: {reason}; do not repair it by hand: wipe it and let the member join again under a new member id"
    )]
    Damaged {
        /// The folder.
        folder: Arc<str>,
        /// What was found.
        reason: Arc<str>,
    },
    /// The member was told that it is out of its cluster for good.
    #[error("the member in {folder} is fenced: {reason}; its data must not be used again, wipe the folder to join under a new member id")]
    Fenced {
        /// The folder.
        folder: Arc<str>,
        /// Why, as recorded when it happened.
        reason: Arc<str>,
    },
}

impl Error {
    /// An I/O failure with its context.
    pub(crate) fn io(what: impl Into<Arc<str>>, error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::StorageFull {
            return Self::NoSpace { what: what.into() };
        }
        Self::Io { what: what.into(), reason: error.to_string().into() }
    }

    /// Stored bytes that are not what was written.
    pub(crate) fn corrupt(what: impl Into<Arc<str>>, reason: impl Into<Arc<str>>) -> Self {
        Self::Corrupt { what: what.into(), reason: reason.into() }
    }

    /// Whether the member must stop: the store itself can no longer be trusted. False for answers to a caller's mistake or a lost race.
    pub fn is_fatal(&self) -> bool {
        !matches!(self, Self::Purged { .. } | Self::OutOfOrder { .. } | Self::Refused(_) | Self::Snapshot { .. })
    }
}

impl From<Error> for model::Fault {
    fn from(error: Error) -> Self {
        Self::Store(error.to_string())
    }
}

impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::NoSpace { .. } => std::io::ErrorKind::StorageFull,
            Error::Corrupt { .. } | Error::Hole { .. } | Error::Damaged { .. } => std::io::ErrorKind::InvalidData,
            Error::Closed => std::io::ErrorKind::BrokenPipe,
            Error::Purged { .. } | Error::Empty { .. } => std::io::ErrorKind::NotFound,
            _ => std::io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}
