//! Who answers the peer calls of other members: this crate its own one, the conductor all others.

use std::sync::Arc;

use bytes::Bytes;
use model::MemberId;
use raft::{Answer, ByteStream, Handle, Refused};

use crate::control;

/// Hands each call to the part that knows it.
pub struct Answers {
    handle: Handle,
    conductor: Arc<dyn Answer>,
}

impl Answers {
    /// Before the conductor's answers.
    pub fn new(handle: Handle, conductor: Arc<dyn Answer>) -> Self {
        Self { handle, conductor }
    }
}

impl std::fmt::Debug for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answers").finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl Answer for Answers {
    async fn call(&self, from: MemberId, method: &str, body: Bytes) -> Result<Bytes, Refused> {
        if method == control::METHOD {
            return Ok(control::own_view(&self.handle));
        }
        self.conductor.call(from, method, body).await
    }

    async fn stream(&self, from: MemberId, method: &str, body: Bytes) -> Result<ByteStream<Refused>, Refused> {
        self.conductor.stream(from, method, body).await
    }
}
