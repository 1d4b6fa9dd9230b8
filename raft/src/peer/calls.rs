//! Calls between members that are not Raft's. What answers them runs on the rest of the process' runtime; only bytes pass here.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use model::MemberId;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::AbortOnDropHandle;
use tonic::Status;

use super::{
    client::{CallError, Destination, Purpose},
    method,
    wire::{self, CallAnswer, CallRequest},
};
use crate::{Answer, ByteStream, Error, Refused, inner::Inner};

/// Messages of a stream under way before its reader is waited for.
const STREAM_QUEUE: usize = 16;

/// Asks `to`.
pub(crate) async fn call(inner: &Arc<Inner>, to: MemberId, method: &str, body: Bytes, deadline: Instant) -> Result<Bytes, Error> {
    if to == inner.shared.identity.member {
        let answer = answerer(inner).map_err(refused)?;
        let method = method.to_owned();
        let work = inner.shared.seams.rest.spawn(async move { answer.call(to, &method, body).await });
        return match timeout_at(deadline, AbortOnDropHandle::new(work)).await {
            Ok(Ok(answer)) => answer.map_err(refused),
            Ok(Err(_)) => Err(inner.gone()),
            Err(_) => Err(Error::Timeout),
        };
    }
    let address = address(inner, to)?;
    let destination = Destination { member: to, address: &address, purpose: Purpose::Front };
    let request = wire::encode(&CallRequest { method: method.to_owned(), body });
    let within = deadline.saturating_duration_since(Instant::now());
    let answer = inner.peers.unary(destination, method::CALL, request, within).await.map_err(|error| unreachable(to, error))?;
    read_answer(to, answer)
}

/// Asks `to` for a stream.
pub(crate) async fn call_stream(
    inner: &Arc<Inner>,
    to: MemberId,
    method: &str,
    body: Bytes,
    deadline: Instant,
) -> Result<ByteStream<Error>, Error> {
    if to == inner.shared.identity.member {
        let answer = answerer(inner).map_err(refused)?;
        let stream = timeout_at(deadline, answer.stream(to, method, body)).await.map_err(|_| Error::Timeout)?;
        return Ok(stream.map_err(refused)?.map(|item| item.map_err(refused)).boxed());
    }
    let address = address(inner, to)?;
    let destination = Destination { member: to, address: &address, purpose: Purpose::Front };
    let request = wire::encode(&CallRequest { method: method.to_owned(), body });
    let within = deadline.saturating_duration_since(Instant::now());
    let messages = futures::stream::once(std::future::ready(request));
    let answers = inner.peers.stream(destination, method::CALL_STREAM, messages, within).await.map_err(|error| unreachable(to, error))?;
    Ok(answers
        .map(move |answer| match answer {
            Ok(bytes) => read_answer(to, bytes),
            Err(status) => Err(unreachable(to, status.into())),
        })
        .boxed())
}

fn read_answer(to: MemberId, bytes: Bytes) -> Result<Bytes, Error> {
    let answer: CallAnswer =
        wire::read("call answer", bytes).map_err(|status| Error::Unreachable { to, reason: status.message().to_owned() })?;
    match answer.body {
        // A slice would pin the connection's whole read buffer as long as it is kept.
        Some(body) => Ok(Bytes::copy_from_slice(&body)),
        None => Err(refused(Refused { reason: answer.refusal, retryable: answer.retryable })),
    }
}

fn refused(refused: Refused) -> Error {
    if refused.retryable { Error::NotNow(refused.reason) } else { Error::Refused(refused.reason) }
}

fn unreachable(to: MemberId, error: CallError) -> Error {
    match error {
        CallError::Timeout(_) => Error::Timeout,
        CallError::Failed(reason) => Error::Unreachable { to, reason },
    }
}

fn address(inner: &Inner, to: MemberId) -> Result<String, Error> {
    let addresses = inner.addresses(to).ok_or_else(|| Error::Unreachable { to, reason: String::from("it is not a member") })?;
    Ok(addresses.peer)
}

fn answerer(inner: &Inner) -> Result<Arc<dyn Answer>, Refused> {
    inner.shared.answers.get().ok_or_else(|| Refused::for_now("this member is starting"))
}

fn encode_answer(answer: Result<Bytes, Refused>) -> Bytes {
    wire::encode(&match answer {
        Ok(body) => CallAnswer { body: Some(body), ..CallAnswer::default() },
        Err(Refused { reason, retryable }) => CallAnswer { body: None, refusal: reason, retryable },
    })
}

/// Answers a question of another member.
pub(crate) async fn answer(inner: &Inner, from: MemberId, body: Bytes) -> Result<Bytes, Status> {
    let CallRequest { method, body } = wire::read("call", body)?;
    let answer = match answerer(inner) {
        Ok(answerer) => {
            let body = Bytes::copy_from_slice(&body);
            // Dropped, and with it the work, when the caller goes away.
            let work = AbortOnDropHandle::new(inner.shared.seams.rest.spawn(async move { answerer.call(from, &method, body).await }));
            work.await.unwrap_or_else(|_| Err(Refused::for_now("the answer broke off")))
        }
        Err(refused) => Err(refused),
    };
    Ok(encode_answer(answer))
}

/// Answers another member with a stream.
pub(crate) async fn answer_stream(inner: &Inner, from: MemberId, body: Bytes) -> Result<BoxStream<'static, Result<Bytes, Status>>, Status> {
    let CallRequest { method, body } = wire::read("call", body)?;
    let body = Bytes::copy_from_slice(&body);
    let (sender, receiver) = mpsc::channel(STREAM_QUEUE);
    let answerer = answerer(inner);
    inner.shared.tasks.spawn_on(&inner.shared.seams.rest, async move {
        let gone = sender.clone();
        tokio::select! {
            () = pump(answerer, from, method, body, sender) => {}
            () = gone.closed() => {}
        }
    });
    Ok(ReceiverStream::new(receiver).map(|answer| Ok(encode_answer(answer))).boxed())
}

async fn pump(
    answerer: Result<Arc<dyn Answer>, Refused>,
    from: MemberId,
    method: String,
    body: Bytes,
    sender: mpsc::Sender<Result<Bytes, Refused>>,
) {
    let stream = match answerer {
        Ok(answerer) => answerer.stream(from, &method, body).await,
        Err(refused) => Err(refused),
    };
    let mut stream = match stream {
        Ok(stream) => stream,
        Err(refused) => futures::stream::once(std::future::ready(Err(refused))).boxed(),
    };
    while let Some(item) = stream.next().await {
        if sender.send(item).await.is_err() {
            return;
        }
    }
}
