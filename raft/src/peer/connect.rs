//! Opens one connection to one member: socket, and TLS on top unless the cluster runs without.

use std::{io, sync::Arc, time::Duration};

use hyper_util::rt::TokioIo;
use model::MemberId;
use tokio_rustls::TlsConnector;
use uuid::Uuid;

use crate::{
    PeerTls,
    seam::{BoxedIo, Network},
    tls,
};

/// What is needed to reach a member.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) network: Arc<dyn Network>,
    pub(crate) tls: Option<PeerTls>,
    pub(crate) cluster: Uuid,
    pub(crate) member: MemberId,
    pub(crate) address: Arc<str>,
    pub(crate) within: Duration,
}

/// Connects, within the target's time.
pub(crate) async fn open(target: Target) -> io::Result<TokioIo<BoxedIo>> {
    let within = target.within;
    tokio::time::timeout(within, shake_hands(target))
        .await
        .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "connecting took too long")))
        .map(TokioIo::new)
}

async fn shake_hands(target: Target) -> io::Result<BoxedIo> {
    let socket = target.network.connect(&target.address).await?;
    let Some(tls) = target.tls else { return Ok(socket) };
    let name = tls::server_name(target.cluster, target.member).map_err(io::Error::other)?;
    Ok(Box::new(TlsConnector::from(tls.client()).connect(name, socket).await?))
}
