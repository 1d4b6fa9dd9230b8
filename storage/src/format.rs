//! What is on the disk, by version: each with its date and the reason it came.
//!
//! A build reads every version of this list and writes the newest that the cluster version allows; a folder with a version that is not
//! on the list was written by a newer program and is refused in words. Versions are never reused and never removed from the list.

use crate::error::Error;

/// A version of the data folder's layout: identity file, pointer file, names of folders, families and keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Format {
    /// 2026-11-20: the first. Log and state in RocksDB databases of their own (families `default` and `rows`), identity file with
    /// checksum, `CURRENT_STATE` pointer, snapshots as RocksDB 11 table files with a listing.
    First = 1,
}

impl Format {
    /// What this build writes.
    pub const NEWEST: Self = Self::First;

    /// The number on disk.
    pub fn number(self) -> u32 {
        match self {
            Self::First => 1,
        }
    }

    /// The version with this number, or why `what` cannot be read.
    pub(crate) fn check(number: u32, what: &str) -> Result<Self, Error> {
        match number {
            1 => Ok(Self::First),
            0 => Err(Error::corrupt(what, "format 0 does not exist")),
            found => Err(Error::Newer { what: what.into(), found, newest: Self::NEWEST.number() }),
        }
    }
}
