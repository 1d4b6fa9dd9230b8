//! Why the conductor as a whole cannot go on, and why one worker stops.

use model::Fault;

/// Ends the conductor, and with it the process.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The state cannot be read: this member can no longer follow.
    #[error("the conductor cannot read the state: {0}")]
    State(#[from] Fault),
    /// One of its tasks ended in a way that none may.
    #[error("a task of the conductor broke: {0}")]
    Task(String),
}

/// Ends one worker or one step; never the process.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Halt {
    /// The epoch is over: somebody else acts for the cluster, or will.
    #[error("this member is no longer the owner")]
    Stale,
    /// The log cannot be reached just now.
    #[error(transparent)]
    Log(#[from] raft::Error),
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] Fault),
}
