//! openraft's side of the connections: what a leader or candidate sends.
//!
//! A broken connection is reported as `Network`, never as `Unreachable`: the latter makes openraft back off for long, and all that is known
//! of most failures is that this attempt came to nothing.

use std::{future::Future, io, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use model::MemberId;
use openraft::{
    RPCTypes, RaftNetworkFactory, RaftNetworkV2,
    base::{BoxFuture, BoxStream as RaftStream},
    errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Timeout},
    network::RPCOption,
    raft::{
        AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult, TransferLeaderError, TransferLeaderRequest,
        TransferLeaderResponse, VoteRequest, VoteResponse,
    },
};

use super::{
    client::{CallError, Destination, Peers, Purpose},
    method, snapshot, wire,
};
use crate::{
    Settings,
    codec::Undecodable,
    membership::Addresses,
    state_machine::SnapshotData,
    types::{Snapshot, Types, Vote},
};

/// Makes connections for openraft.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    peers: Arc<Peers>,
    settings: Settings,
    member: MemberId,
}

impl Network {
    pub(crate) const fn new(peers: Arc<Peers>, settings: Settings, member: MemberId) -> Self {
        Self { peers, settings, member }
    }

    fn connection(&self, to: u64, addresses: &Addresses, purpose: Purpose) -> Connection {
        Connection {
            peers: self.peers.clone(),
            settings: self.settings.clone(),
            member: self.member,
            to: MemberId(to),
            address: addresses.peer.as_str().into(),
            purpose,
        }
    }
}

impl RaftNetworkFactory<Types> for Network {
    type Network = Connection;

    async fn new_client(&mut self, target: u64, node: &Addresses) -> Connection {
        self.connection(target, node, Purpose::Log)
    }

    async fn new_heartbeat_client(&mut self, target: u64, node: &Addresses) -> Connection {
        self.connection(target, node, Purpose::Beat)
    }

    async fn new_snapshot_client(&mut self, target: u64, node: &Addresses) -> Connection {
        self.connection(target, node, Purpose::Snapshot)
    }
}

/// One connection to one member for one purpose.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    peers: Arc<Peers>,
    settings: Settings,
    member: MemberId,
    to: MemberId,
    address: Arc<str>,
    purpose: Purpose,
}

type Result<T, E = RPCError<Types>> = std::result::Result<T, E>;

impl Connection {
    fn destination(&self) -> Destination<'_> {
        Destination { member: self.to, address: &self.address, purpose: self.purpose }
    }

    fn failed(&self, action: RPCTypes, error: CallError) -> RPCError<Types> {
        match error {
            CallError::Timeout(timeout) => Timeout { action, id: self.member.0, target: self.to.0, timeout }.into(),
            CallError::Failed(reason) => NetworkError::from_string(format!("member {}: {reason}", self.to)).into(),
        }
    }

    async fn ask(&self, action: RPCTypes, path: &'static str, body: Bytes, within: Duration) -> Result<Bytes> {
        self.peers.unary(self.destination(), path, body, within).await.map_err(|error| self.failed(action, error))
    }
}

fn undecodable(error: &Undecodable) -> RPCError<Types> {
    NetworkError::new(error).into()
}

fn read<M: prost::Message + Default>(what: &'static str, bytes: Bytes) -> Result<M> {
    crate::codec::decode(what, bytes).map_err(|error| undecodable(&error))
}

impl RaftNetworkV2<Types> for Connection {
    type SnapshotData = SnapshotData;

    async fn append_entries(&mut self, rpc: AppendEntriesRequest<Types>, option: RPCOption) -> Result<AppendEntriesResponse<Types>> {
        let body = wire::encode(&wire::AppendRequest::from(rpc));
        let answer = self.ask(RPCTypes::AppendEntries, method::APPEND, body, option.hard_ttl()).await?;
        read::<wire::AppendAnswer>("append answer", answer)?.try_into().map_err(|error| undecodable(&error))
    }

    fn stream_append<'s, S>(
        &'s mut self,
        mut input: S,
        _option: RPCOption,
    ) -> BoxFuture<'s, Result<RaftStream<'s, Result<StreamAppendResult<Types>>>>>
    where
        S: Stream<Item = AppendEntriesRequest<Types>> + Send + Unpin + 'static,
    {
        Box::pin(async move {
            // openraft waits out its back-off where the first request is taken. Connecting before that would make attempts at a member
            // that refuses connections go round as fast as they fail.
            let Some(first) = input.next().await else {
                return Ok(stream::empty().boxed() as BoxStream<'s, _>);
            };
            let requests = stream::iter([first]).chain(input).map(|request| wire::encode(&wire::AppendRequest::from(request)));
            // The stream lives as long as it is used; keep-alive pings of the connection end it when the other member falls silent.
            let answers = self
                .peers
                .stream(self.destination(), method::APPEND_STREAM, requests, self.settings.election_min)
                .await
                .map_err(|error| self.failed(RPCTypes::AppendEntries, error))?;
            let to = self.to;
            let answers = answers.map(move |answer| match answer {
                Ok(bytes) => read::<wire::AppendAnswer>("append answer", bytes)?.into_stream_result().map_err(|error| undecodable(&error)),
                Err(status) => Err(NetworkError::from_string(format!("member {to}: {}: {}", status.code(), status.message())).into()),
            });
            let answers: BoxStream<'s, _> = answers.boxed();
            Ok(answers)
        })
    }

    async fn vote(&mut self, rpc: VoteRequest<Types>, option: RPCOption) -> Result<VoteResponse<Types>> {
        let body = wire::encode(&wire::VoteRequest::from(rpc));
        let answer = self.ask(RPCTypes::Vote, method::VOTE, body, option.soft_ttl()).await?;
        read::<wire::VoteAnswer>("vote answer", answer).map(Into::into)
    }

    async fn pre_vote(&mut self, rpc: VoteRequest<Types>, option: RPCOption) -> Result<VoteResponse<Types>> {
        let body = wire::encode(&wire::VoteRequest::from(rpc));
        let answer = self.ask(RPCTypes::Vote, method::PRE_VOTE, body, option.soft_ttl()).await?;
        read::<wire::VoteAnswer>("vote answer", answer).map(Into::into)
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let within = self.settings.snapshot_timeout;
        let parts = snapshot::parts(vote, snapshot, self.settings.snapshot_bytes_per_second)
            .map_err(|error| NetworkError::new(&io::Error::other(error)))?;
        let sent = self.peers.unary_of_stream(self.destination(), method::SNAPSHOT, parts, within);
        let answer = tokio::select! {
            closed = cancel => return Err(closed.into()),
            answer = sent => answer.map_err(|error| self.failed(RPCTypes::InstallSnapshot, error))?,
        };
        let answer: wire::SnapshotAnswer = read("snapshot answer", answer)?;
        Ok(SnapshotResponse::new(answer.vote.into()))
    }

    async fn transfer_leader(&mut self, req: TransferLeaderRequest<Types>, option: RPCOption) -> Result<TransferLeaderResponse<Types>> {
        let expected = *req.from_leader();
        let last = req.last_log_id().copied();
        let body = wire::encode(&wire::TransferRequest::from(req));
        let answer = self.ask(RPCTypes::TransferLeader, method::TRANSFER, body, option.soft_ttl()).await?;
        let answer: wire::TransferAnswer = read("transfer answer", answer)?;
        Ok(match answer {
            wire::TransferAnswer { other_vote: Some(actual), .. } => {
                Err(TransferLeaderError::VoteChanged { expected, actual: actual.into() })
            }
            wire::TransferAnswer { behind: true, last_log_id, .. } => {
                Err(TransferLeaderError::LogNotFlushed { expected: last, actual: last_log_id.map(Into::into) })
            }
            wire::TransferAnswer { .. } => Ok(()),
        })
    }
}
