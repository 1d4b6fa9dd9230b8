//! Waiting for the end of an operation.
//!
//! The listener is made before the command is written, so no change is missed; each change is only a wake-up, the operation is read
//! afresh. The wait ends at its limit, and then the operation goes on without anybody waiting.

use model::{
    Change,
    id::OperationId,
    operation::{Operation, State, query},
};
use raft::{Changed, Changes, Consistency};
use tokio::time::{Instant, timeout_at};

use super::fault;
use crate::{call::Call, error::Error};

/// The end of an operation, or that the limit came first.
#[derive(Debug)]
pub(super) enum Ended {
    /// It succeeded.
    Done,
    /// It is still going on.
    Later,
}

/// Waits until an operation has ended.
///
/// # Errors
/// What a failure means for who asked; 503 if this member stops.
pub(super) async fn wait(call: &Call<'_>, mut changes: Changes, id: OperationId) -> Result<Ended, Error> {
    let limit = Instant::now() + call.app.settings.container_timeout;
    loop {
        let reading = call.app.handle.read(Consistency::Stale, limit).await?;
        match query::by_id(&*reading.view, id)? {
            Some(operation) if operation.open() => {}
            Some(operation) => return verdict(&operation),
            None => return Err(Error::missing("the operation and what it was about are gone")),
        }
        drop(reading);
        loop {
            match timeout_at(limit, changes.recv()).await {
                Err(_) => return Ok(Ended::Later),
                Ok(Changed::Closed) => return Err(Error::busy("this member is stopping; the operation goes on")),
                Ok(Changed::Lagged) => break,
                Ok(Changed::Some(committed)) => {
                    if committed.changes.iter().any(|change| matches!(change, Change::Operation(other, _) if *other == id)) {
                        break;
                    }
                }
            }
        }
    }
}

fn verdict(operation: &Operation) -> Result<Ended, Error> {
    let words = |default: &str| operation.reason.clone().unwrap_or_else(|| default.to_owned());
    match operation.state() {
        State::Open => Ok(Ended::Later),
        State::Succeeded => Ok(Ended::Done),
        State::Superseded => Err(Error::class(model::Class::Conflict, words("another operation took its place"))),
        State::Cancelled => Err(Error::class(model::Class::Conflict, words("the operation was cancelled"))),
        State::Unknown => Err(Error::outside(words("it ran at most once, and nobody can tell what became of it"))),
        State::Failed => Err(fault::of(operation.kind(), operation.failure(), &words("the operation failed"))),
    }
}
