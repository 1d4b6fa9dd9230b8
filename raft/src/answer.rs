//! Calls between members that are not Raft's: leases, logs of containers, executions.
//!
//! One object answers them all; the conductor hands it in with [`Handle::serve`](crate::Handle::serve). Methods are plain texts
//! (`"lease.grant"`), bodies are prost messages of whoever talks. Answers run on the rest of the process' runtime, never on Raft's.

use bytes::Bytes;
use futures::stream::BoxStream;
use model::MemberId;

/// A stream of messages from another member.
pub type ByteStream<E> = BoxStream<'static, Result<Bytes, E>>;

/// A "no" to a call, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refused {
    /// Why.
    pub reason: String,
    /// Whether another attempt later may succeed (a leader just changed, a lease is not held yet).
    pub retryable: bool,
}

impl Refused {
    /// A final no.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), retryable: false }
    }
    /// A no for now.
    pub fn for_now(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), retryable: true }
    }
}

/// Who answers calls from other members (and this one: a call to oneself takes the same way without the network).
#[async_trait::async_trait]
pub trait Answer: Send + Sync + 'static {
    /// One question, one answer. Dropped when the caller's deadline passes.
    async fn call(&self, from: MemberId, method: &str, body: Bytes) -> Result<Bytes, Refused>;
    /// One question, a stream of answers. Dropped when the caller goes away.
    async fn stream(&self, from: MemberId, method: &str, body: Bytes) -> Result<ByteStream<Refused>, Refused>;
}
