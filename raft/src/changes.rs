//! What was committed, told to whoever listens.
//!
//! Published after the batch with the changes is visible in the state. Bounded: who is slow is told that it lagged and reads everything
//! again. An installed snapshot has no list of changes: all listeners are told that they lagged.

use std::sync::Arc;

use model::Change;
use tokio::sync::broadcast;

/// The changes of one applied entry.
#[derive(Clone, Debug)]
pub struct Committed {
    /// The entry's log index. Visible here since before this was sent.
    pub index: u64,
    /// What it changed; may be empty only if [`Self::everything`] is set.
    pub changes: Vec<Change>,
    /// The whole state was replaced by a snapshot that ends at `index`.
    pub everything: bool,
}

/// The next thing heard.
#[derive(Clone, Debug)]
pub enum Changed {
    /// The changes of one entry, in log order.
    Some(Arc<Committed>),
    /// Changes were missed: read everything again. Later calls go on with what is newer.
    Lagged,
    /// The member has stopped; nothing follows.
    Closed,
}

/// One listener.
#[derive(Debug)]
pub struct Changes {
    receiver: broadcast::Receiver<Arc<Committed>>,
}

impl Changes {
    pub(crate) const fn new(receiver: broadcast::Receiver<Arc<Committed>>) -> Self {
        Self { receiver }
    }

    /// Waits for the next change. Cancel safe.
    pub async fn recv(&mut self) -> Changed {
        match self.receiver.recv().await {
            Ok(committed) if committed.everything => Changed::Lagged,
            Ok(committed) => Changed::Some(committed),
            Err(broadcast::error::RecvError::Lagged(_)) => Changed::Lagged,
            Err(broadcast::error::RecvError::Closed) => Changed::Closed,
        }
    }
}
