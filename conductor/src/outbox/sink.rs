//! What delivery needs of a sink.

use std::fmt::Debug;

use async_trait::async_trait;
use model::event::Event;

/// Somewhere outside that is to be given every event.
#[async_trait]
pub trait Sink: Debug + Send + Sync {
    /// Its name in the log: the same on all members, and never that of another sink.
    fn name(&self) -> &str;

    /// Takes events, in the order of the log; how many records it made of them. `Ok` means that they are safe there.
    ///
    /// Called again with the same events after an error, and by the next leader after a fail-over. Dropping the future is safe.
    ///
    /// # Errors
    /// Not all were taken, or nobody can tell: they are delivered again after a pause.
    async fn take(&self, events: &[Event]) -> Result<u64, Unwilling>;
}

/// Why a sink took nothing, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unwilling(pub String);
