//! The connections of this member to the others.
//!
//! A connection is opened when it is first used and again after it broke; a request over a broken one fails at once. All of a request's
//! waiting is under a deadline of the caller.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures::Stream;
use http::{HeaderName, Uri, uri::PathAndQuery};
use model::MemberId;
use tonic::{
    Request, Status, Streaming,
    client::Grpc,
    metadata::{Ascii, MetadataKey, MetadataValue},
    transport::{Channel, Endpoint},
};
use uuid::Uuid;

use super::{
    connect::{self, Target},
    raw::Raw,
};
use crate::{PeerTls, removal::Removal, seam::Seams};

/// Heads of every request.
pub(crate) const CLUSTER: HeaderName = HeaderName::from_static("jeroboam-cluster");
pub(crate) const FROM: HeaderName = HeaderName::from_static("jeroboam-from");
pub(crate) const TO: HeaderName = HeaderName::from_static("jeroboam-to");

/// What a connection is for; each has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// Replication, votes, transfer.
    Log,
    /// Heartbeats.
    Beat,
    /// Snapshots.
    Snapshot,
    /// Forwarded commands, read-index, calls, membership.
    Front,
}

/// Why a request came to nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// No answer in time.
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// The connection could not be made or broke, or the other end refused the request as such.
    #[error("{0}")]
    Failed(String),
}

impl From<Status> for CallError {
    fn from(status: Status) -> Self {
        Self::Failed(format!("{}: {}", status.code(), status.message()))
    }
}

/// Open connections with the address each goes to.
type Open = BTreeMap<(MemberId, Purpose), (Arc<str>, Channel)>;

/// The connections.
#[derive(Debug)]
pub(crate) struct Peers {
    seams: Seams,
    tls: Option<PeerTls>,
    cluster: Uuid,
    member: MemberId,
    connect_within: Duration,
    max_message: usize,
    open: Mutex<Open>,
    removal: Removal,
}

/// Whom a request goes to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Destination<'a> {
    pub(crate) member: MemberId,
    pub(crate) address: &'a str,
    pub(crate) purpose: Purpose,
}

/// What a set of connections is made from.
#[derive(Debug)]
pub(crate) struct PeersParts {
    pub(crate) seams: Seams,
    pub(crate) tls: Option<PeerTls>,
    pub(crate) cluster: Uuid,
    pub(crate) member: MemberId,
    pub(crate) connect_within: Duration,
    pub(crate) max_message: usize,
}

impl Peers {
    pub(crate) fn new(parts: PeersParts) -> Self {
        let PeersParts { seams, tls, cluster, member, connect_within, max_message } = parts;
        let removal = Removal::of(member);
        Self { seams, tls, cluster, member, connect_within, max_message, open: Mutex::default(), removal }
    }

    fn channel(&self, to: Destination<'_>) -> Result<Channel, CallError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (to.member, to.purpose);
        if let Some((address, channel)) = open.get(&key)
            && &**address == to.address
        {
            return Ok(channel.clone());
        }
        let address: Arc<str> = to.address.into();
        let channel = self.connect(to.member, address.clone())?;
        open.insert(key, (address, channel.clone()));
        Ok(channel)
    }

    fn connect(&self, member: MemberId, address: Arc<str>) -> Result<Channel, CallError> {
        let authority = crate::tls::certificate_name(self.cluster, member);
        let endpoint = Endpoint::from_shared(format!("http://{authority}"))
            .map_err(|error| CallError::Failed(error.to_string()))?
            .initial_stream_window_size(4 << 20)
            .initial_connection_window_size(16 << 20)
            .http2_keep_alive_interval(Duration::from_millis(500))
            .keep_alive_timeout(Duration::from_secs(1))
            .keep_alive_while_idle(true);
        let target = Target {
            network: self.seams.network.clone(),
            tls: self.tls.clone(),
            cluster: self.cluster,
            member,
            address,
            within: self.connect_within,
        };
        // The connection's tasks belong to Raft's runtime, whoever asks first.
        let _inside = self.seams.raft.handle().enter();
        Ok(endpoint.connect_with_connector_lazy(tower::service_fn(move |_: Uri| connect::open(target.clone()))))
    }

    /// Forgets the connections to a member that has left.
    pub(crate) fn forget(&self, member: MemberId) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).retain(|(to, _), _| *to != member);
    }

    fn head<T>(&self, to: MemberId, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let head = request.metadata_mut();
        let mut set = |name: &HeaderName, value: &str| {
            if let (Ok(name), Ok(value)) = (MetadataKey::<Ascii>::from_bytes(name.as_str().as_bytes()), MetadataValue::try_from(value)) {
                head.insert(name, value);
            }
        };
        set(&CLUSTER, &self.cluster.to_string());
        set(&FROM, &self.member.to_string());
        set(&TO, &to.to_string());
        request
    }

    /// Whether this member was told that it was removed.
    pub(crate) fn removal(&self) -> &Removal {
        &self.removal
    }

    /// Takes note of what a refusal says of this member.
    fn heard<T>(&self, answer: Result<T, Status>) -> Result<T, CallError> {
        answer.inspect_err(|status| self.removal.heard(status)).map_err(CallError::from)
    }

    async fn grpc(&self, to: Destination<'_>) -> Result<Grpc<Channel>, CallError> {
        let mut grpc = Grpc::new(self.channel(to)?).max_decoding_message_size(self.max_message).max_encoding_message_size(self.max_message);
        grpc.ready().await.map_err(|error| CallError::Failed(error.to_string()))?;
        Ok(grpc)
    }

    /// One message each way.
    pub(crate) async fn unary(&self, to: Destination<'_>, path: &'static str, body: Bytes, within: Duration) -> Result<Bytes, CallError> {
        in_time(within, async {
            let mut grpc = self.grpc(to).await?;
            let request = self.head(to.member, body);
            let answer = grpc.unary(request, PathAndQuery::from_static(path), Raw).await;
            Ok(self.heard(answer)?.into_inner())
        })
        .await
    }

    /// A stream there, one message back. `within` is for all of it.
    pub(crate) async fn unary_of_stream(
        &self,
        to: Destination<'_>,
        path: &'static str,
        messages: impl Stream<Item = Bytes> + Send + 'static,
        within: Duration,
    ) -> Result<Bytes, CallError> {
        in_time(within, async {
            let mut grpc = self.grpc(to).await?;
            let request = self.head(to.member, messages);
            let answer = grpc.client_streaming(request, PathAndQuery::from_static(path), Raw).await;
            Ok(self.heard(answer)?.into_inner())
        })
        .await
    }

    /// Streams both ways. `within` is for the beginning.
    pub(crate) async fn stream(
        &self,
        to: Destination<'_>,
        path: &'static str,
        messages: impl Stream<Item = Bytes> + Send + 'static,
        within: Duration,
    ) -> Result<Streaming<Bytes>, CallError> {
        in_time(within, async {
            let mut grpc = self.grpc(to).await?;
            let request = self.head(to.member, messages);
            let answer = grpc.streaming(request, PathAndQuery::from_static(path), Raw).await;
            Ok(self.heard(answer)?.into_inner())
        })
        .await
    }
}

async fn in_time<T>(within: Duration, work: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
    tokio::time::timeout(within, work).await.unwrap_or(Err(CallError::Timeout(within)))
}
