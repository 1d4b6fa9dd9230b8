//! HTTP/1.1 over the simulated network: the product's own router on one side, a plain client on the other.

use std::{net::Ipv4Addr, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::task::JoinSet;

/// The REST port of every simulated member.
pub const PORT: u16 = 9511;

/// A complete answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// Serves `router` until the host ends.
pub async fn serve(router: axum::Router) -> std::io::Result<()> {
    let listener = turmoil::net::TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        let service = TowerToHyperService::new(router.clone());
        // A connection that breaks is the business of the client at its other end.
        connections
            .spawn(async move { hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.is_ok() });
        while connections.try_join_next().is_some() {}
    }
}

/// One request on a connection of its own. `None`: no complete answer within `within`, so nobody can tell what became of it.
pub async fn ask(host: &str, request: Request<Full<Bytes>>, within: Duration) -> Option<Answer> {
    tokio::time::timeout(within, exchange(host, request)).await.ok().flatten()
}

async fn exchange(host: &str, request: Request<Full<Bytes>>) -> Option<Answer> {
    let stream = turmoil::net::TcpStream::connect((host, PORT)).await.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { connection.await.is_ok() });
    let response = sender.send_request(request).await.ok()?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    Some(Answer { status: parts.status, headers: parts.headers, body })
}
