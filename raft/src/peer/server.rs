//! Accepts connections of other members and takes each request to whoever answers it.
//!
//! A request passes the gate first: it must name this cluster, this member, and a sender whose certificate (with TLS) says the same.

use std::{
    convert::Infallible,
    io,
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::{Stream, StreamExt, stream::BoxStream};
use http::{HeaderMap, HeaderName};
use hyper::{body::Incoming, server::conn::http2};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use model::MemberId;
use rustls_pki_types::CertificateDer;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tonic::{Request, Response, Status, Streaming, body::Body, server::Grpc};
use tower::Service;
use uuid::Uuid;

use super::{
    calls,
    client::{CLUSTER, FROM, TO},
    forward, method, raft_server,
    raw::Raw,
    snapshot,
};
use crate::{
    PeerTls,
    inner::Inner,
    membership, removal,
    seam::{BoxedIo, Listener},
    tasks::Tasks,
    tls,
};

/// How many connections may be open at once.
const CONNECTIONS: usize = 1_024;
/// How long a hand-shake may take.
const HAND_SHAKE: Duration = Duration::from_secs(5);
/// A pause after a failed accept (out of file descriptors, for example).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Who may come in, and to whom.
pub(crate) struct Gate {
    pub(crate) cluster: Uuid,
    pub(crate) member: MemberId,
    pub(crate) tls: Option<PeerTls>,
    pub(crate) max_message: usize,
    /// Weak, so that the server does not keep a stopped member alive.
    pub(crate) inner: Weak<Inner>,
    pub(crate) tasks: Arc<Tasks>,
}

/// Accepts until the member stops.
pub(crate) async fn accept(gate: Arc<Gate>, mut listener: Box<dyn Listener>) {
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(permit) = free.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((socket, from)) => {
                let gate = gate.clone();
                let tasks = gate.tasks.clone();
                tasks.spawn(async move {
                    let _permit = permit;
                    if let Err(error) = serve(gate, socket).await {
                        tracing::debug!(%from, %error, "a peer connection ended");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a peer connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(gate: Arc<Gate>, socket: BoxedIo) -> io::Result<()> {
    let (socket, certificate) = shake_hands(&gate, socket).await?;
    let desk = Desk { gate, certificate };
    http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(16 << 20)
        .max_concurrent_streams(4_096)
        .max_header_list_size(16 << 10)
        .keep_alive_interval(Some(Duration::from_secs(5)))
        .keep_alive_timeout(Duration::from_secs(10))
        .serve_connection(TokioIo::new(socket), TowerToHyperService::new(desk))
        .await
        .map_err(io::Error::other)
}

type Certificate = Option<CertificateDer<'static>>;

async fn shake_hands(gate: &Gate, socket: BoxedIo) -> io::Result<(BoxedIo, Certificate)> {
    let Some(tls) = &gate.tls else { return Ok((socket, None)) };
    let accepted = tokio::time::timeout(HAND_SHAKE, TlsAcceptor::from(tls.server()).accept(socket));
    let stream = accepted.await.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the hand-shake took too long"))??;
    let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first().cloned()).map(CertificateDer::into_owned);
    Ok((Box::new(stream), certificate))
}

/// Answers the requests of one connection.
#[derive(Clone)]
struct Desk {
    gate: Arc<Gate>,
    certificate: Certificate,
}

impl Desk {
    /// Who asks, if they may.
    fn admit(&self, head: &HeaderMap) -> Result<MemberId, Status> {
        let text = |name: &HeaderName| head.get(name).and_then(|value| value.to_str().ok());
        let gate = &self.gate;
        if text(&CLUSTER).and_then(|id| Uuid::parse_str(id).ok()) != Some(gate.cluster) {
            return Err(Status::permission_denied(format!("this member belongs to cluster {}", gate.cluster)));
        }
        if text(&TO).and_then(|id| id.parse().ok()) != Some(gate.member.0) {
            return Err(Status::failed_precondition(format!("this is member {}", gate.member)));
        }
        let from = text(&FROM).and_then(|id| id.parse().ok()).map(MemberId);
        let from = from.filter(|from| *from != gate.member).ok_or_else(|| Status::invalid_argument("no sender"))?;
        if gate.tls.is_some() && !self.certificate.as_ref().is_some_and(|certificate| tls::is_for(certificate, gate.cluster, from)) {
            return Err(Status::unauthenticated(format!("the certificate is not the one of member {from}")));
        }
        Ok(from)
    }
}

impl Service<http::Request<Incoming>> for Desk {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Incoming>) -> Self::Future {
        let desk = self.clone();
        let tasks = self.gate.tasks.clone();
        Box::pin(tasks.seeded(async move {
            let from = match desk.admit(request.headers()) {
                Ok(from) => from,
                Err(status) => return Ok(status.into_http()),
            };
            let max = desk.gate.max_message;
            let mut grpc = Grpc::new(Raw).max_decoding_message_size(max).max_encoding_message_size(max);
            let path = request.uri().path().to_owned();
            let answer = tower::service_fn(move |messages: Request<Streaming<Bytes>>| {
                let (desk, path) = (desk.clone(), path.clone());
                async move { desk.answer(from, &path, messages.into_inner()).await.map(Response::new) }
            });
            Ok(grpc.streaming(answer, request).await)
        }))
    }
}

/// What goes back.
pub(crate) type Answers = BoxStream<'static, Result<Bytes, Status>>;

impl Desk {
    async fn answer(&self, from: MemberId, path: &str, messages: Streaming<Bytes>) -> Result<Answers, Status> {
        let inner = self.gate.inner.upgrade().ok_or_else(|| Status::unavailable("this member is starting or stopping"))?;
        // The membership's own questions are answered in its own words.
        if !matches!(path, method::JOIN | method::CHANGE) && removal::was_removed(&inner, from) {
            return Err(removal::refusal(from));
        }
        match path {
            method::APPEND_STREAM => return Ok(raft_server::append_stream(inner, messages).boxed()),
            method::FORWARD => return Ok(forward::serve(inner, from, messages).boxed()),
            method::CALL_STREAM => return calls::answer_stream(&inner, from, first(messages).await?).await,
            _ => {}
        }
        let answer = match path {
            method::APPEND => raft_server::append(&inner, first(messages).await?).await?,
            method::VOTE => raft_server::vote(&inner, first(messages).await?).await?,
            method::PRE_VOTE => raft_server::pre_vote(&inner, first(messages).await?).await?,
            method::TRANSFER => raft_server::transfer(&inner, first(messages).await?).await?,
            method::SNAPSHOT => snapshot::receive(&inner, messages).await?,
            method::CALL => calls::answer(&inner, from, first(messages).await?).await?,
            method::CHANGE => membership::answer_change(&inner, first(messages).await?).await?,
            method::JOIN => membership::answer_join(&inner, from, first(messages).await?).await?,
            _ => return Err(Status::unimplemented("no such method")),
        };
        Ok(futures::stream::once(std::future::ready(Ok(answer))).boxed())
    }
}

/// The one message of a unary request.
async fn first(mut messages: impl Stream<Item = Result<Bytes, Status>> + Unpin) -> Result<Bytes, Status> {
    messages.next().await.unwrap_or_else(|| Err(Status::invalid_argument("no message")))
}
