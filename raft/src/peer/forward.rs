//! The leader's end of the forward stream: commands and read-index rounds of one follower.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use model::MemberId;
use tokio::sync::Notify;
use tonic::{Status, Streaming};

use super::wire::{self, ForwardAnswer, ForwardRejection, ForwardRequest, ForwardRound};
use crate::{
    inner::Inner,
    pending::Outgoing,
    proposer::{self, Author},
    read_index,
    types::{Proposer, Rejection},
};

/// What waits to be sent back. Bounded by the proposals that are under way and the one round of the other end.
#[derive(Debug, Default)]
struct Outbox {
    answer: Mutex<ForwardAnswer>,
    wake: Notify,
    closed: AtomicBool,
}

impl Outbox {
    fn put(&self, change: impl FnOnce(&mut ForwardAnswer)) {
        change(&mut self.answer.lock().unwrap_or_else(PoisonError::into_inner));
        self.wake.notify_one();
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// The next answer; `None` at the end.
    async fn next(&self) -> Option<ForwardAnswer> {
        loop {
            let answer = std::mem::take(&mut *self.answer.lock().unwrap_or_else(PoisonError::into_inner));
            if !answer.rejections.is_empty() || !answer.rounds.is_empty() {
                return Some(answer);
            }
            if self.closed.load(Ordering::Acquire) {
                return None;
            }
            self.wake.notified().await;
        }
    }
}

impl Proposer for Outbox {
    fn settled(&self, sequence: u64, rejection: Option<Rejection>) {
        if let Some(rejection) = rejection {
            self.put(|answer| answer.rejections.push(ForwardRejection::new(sequence, rejection)));
        }
    }
}

/// Closes the outbox when the stream's task ends, however it ends.
struct CloseAtEnd(Arc<Outbox>);

impl Drop for CloseAtEnd {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Serves one stream until either end closes it.
pub(crate) fn serve(
    inner: Arc<Inner>,
    from: MemberId,
    messages: Streaming<Bytes>,
) -> impl Stream<Item = Result<Bytes, Status>> + Send + 'static {
    let outbox = Arc::new(Outbox::default());
    let tasks = inner.shared.tasks.clone();
    let end = CloseAtEnd(outbox.clone());
    tasks.spawn(async move {
        if let Err(error) = receive(&inner, from, messages, &end.0).await {
            tracing::debug!(%from, %error, "a forward stream ended");
        }
    });
    futures::stream::unfold(outbox, |outbox| async move {
        let answer = outbox.next().await?;
        Some((Ok(wire::encode(&answer)), outbox))
    })
}

async fn receive(inner: &Arc<Inner>, from: MemberId, mut messages: Streaming<Bytes>, outbox: &Arc<Outbox>) -> Result<(), Status> {
    let proposer: Arc<dyn Proposer> = outbox.clone();
    while let Some(message) = messages.next().await {
        let ForwardRequest { incarnation, commands, round } = wire::read("forward request", message?)?;
        if round != 0 {
            let (inner, outbox) = (inner.clone(), outbox.clone());
            let tasks = inner.shared.tasks.clone();
            tasks.spawn(async move {
                let index = read_index::round(&inner).await;
                outbox.put(|answer| answer.rounds.push(ForwardRound { round, index }));
            });
        }
        let commands = commands
            .into_iter()
            // A slice would pin the connection's whole read buffer as long as the entry is kept.
            .map(|command| Outgoing { sequence: command.sequence, payload: Bytes::copy_from_slice(&command.payload) })
            .collect();
        let author = Author { member: from.0, incarnation };
        proposer::propose(inner, author, commands, &proposer).await.map_err(|error| Status::unavailable(error.to_string()))?;
    }
    Ok(())
}
