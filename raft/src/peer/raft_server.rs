//! Requests of leaders and candidates, handed to openraft.

use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream::BoxStream};
use openraft::raft::{AppendEntriesRequest, TransferLeaderError};
use tonic::{Status, Streaming};

use super::wire;
use crate::{
    inner::Inner,
    types::{Types, index_of},
};

fn fatal(error: impl std::fmt::Display) -> Status {
    Status::unavailable(error.to_string())
}

fn decode_append(inner: &Inner, bytes: Bytes) -> Result<AppendEntriesRequest<Types>, Status> {
    let request: AppendEntriesRequest<Types> = wire::read::<wire::AppendRequest>("append", bytes)?
        .try_into()
        .map_err(|error: crate::codec::Undecodable| Status::invalid_argument(error.to_string()))?;
    // Whether this leader is the present one is openraft's matter; an old one cannot say anything about commits that is not true.
    // A read-index round says nothing about them.
    if let Some(committed) = &request.leader_commit {
        inner.shared.contact.heard(index_of(Some(committed)), inner.shared.progress.applied());
    }
    Ok(request)
}

/// A stream of appends. Ends with the first that does not fit, or that cannot be read.
pub(crate) fn append_stream(inner: Arc<Inner>, messages: Streaming<Bytes>) -> impl Stream<Item = Result<Bytes, Status>> + Send + 'static {
    let raft = inner.raft.clone();
    let requests = messages
        .map(move |message| message.and_then(|bytes| decode_append(&inner, bytes)))
        .take_while(|request| {
            if let Err(status) = request {
                tracing::debug!(%status, "a stream of appends ended");
            }
            std::future::ready(request.is_ok())
        })
        .filter_map(|request| std::future::ready(request.ok()));
    let answers: BoxStream<'static, _> = raft.stream_append(requests).boxed();
    answers.map(|result| match result {
        Ok(result) => Ok(wire::encode(&wire::AppendAnswer::from(result))),
        Err(error) => Err(fatal(error)),
    })
}

/// One append.
pub(crate) async fn append(inner: &Inner, body: Bytes) -> Result<Bytes, Status> {
    let request = decode_append(inner, body)?;
    let answer = inner.raft.append_entries(request).await.map_err(fatal)?;
    Ok(wire::encode(&wire::AppendAnswer::from(answer)))
}

/// A request for a vote.
pub(crate) async fn vote(inner: &Inner, body: Bytes) -> Result<Bytes, Status> {
    let request = wire::read::<wire::VoteRequest>("vote request", body)?;
    let answer = inner.raft.vote(request.into()).await.map_err(fatal)?;
    Ok(wire::encode(&wire::VoteAnswer::from(answer)))
}

/// The question whether a vote would be given.
pub(crate) async fn pre_vote(inner: &Inner, body: Bytes) -> Result<Bytes, Status> {
    let request = wire::read::<wire::VoteRequest>("vote request", body)?;
    let answer = inner.raft.pre_vote(request.into()).await.map_err(fatal)?;
    Ok(wire::encode(&wire::VoteAnswer::from(answer)))
}

/// The leader wants somebody to take over.
pub(crate) async fn transfer(inner: &Inner, body: Bytes) -> Result<Bytes, Status> {
    let request = wire::read::<wire::TransferRequest>("transfer request", body)?;
    let answer = match inner.raft.handle_transfer_leader(request.into()).await.map_err(fatal)? {
        Ok(()) => wire::TransferAnswer::default(),
        Err(TransferLeaderError::VoteChanged { actual, .. }) => {
            wire::TransferAnswer { other_vote: Some(actual.into()), ..Default::default() }
        }
        Err(TransferLeaderError::LogNotFlushed { actual, .. }) => {
            wire::TransferAnswer { behind: true, last_log_id: actual.map(Into::into), ..Default::default() }
        }
    };
    Ok(wire::encode(&answer))
}
