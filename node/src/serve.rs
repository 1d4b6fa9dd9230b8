//! The REST listener: accepts, bounds, and closes gracefully. What is answered is `api`'s.
//!
//! HTTP/1.1 and HTTP/2 with prior knowledge on one port. Bounds: connections at once (further ones wait in the kernel's queue), the time
//! for the headers of a request; bodies and whole requests are bounded by `api`. A stop closes idle connections at once, lets requests that
//! run end, and after its limit closes what is left.

use std::{io, sync::Arc, time::Duration};

use axum::{Router, body::Body};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use raft::seam::{BoxedIo, Listener};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{config, first::First};

/// Streams of one HTTP/2 connection at once.
const STREAMS: u32 = 256;

/// A pause after an error of accept (out of file descriptors), so that it does not spin.
const PAUSE: Duration = Duration::from_millis(100);

/// The listener's task.
pub(crate) struct Serve {
    listener: Box<dyn Listener>,
    router: Router,
    settings: config::Api,
}

impl Serve {
    /// Answers what comes in on `listener` with `router`.
    pub(crate) fn new(listener: Box<dyn Listener>, router: Router, settings: config::Api) -> Self {
        Self { listener, router, settings }
    }

    /// Serves until `stop`; then closes gracefully within `limit`.
    pub(crate) async fn run(mut self, stop: CancellationToken, limit: Duration) {
        let free = Arc::new(Semaphore::new(self.settings.connections));
        let builder = builder(&self.settings);
        let graceful = GracefulShutdown::new();
        let mut connections = JoinSet::new();
        loop {
            while let Some(ended) = connections.try_join_next() {
                report(ended);
            }
            let (io, from, permit) = tokio::select! {
                () = stop.cancelled() => break,
                accepted = accept(&mut *self.listener, &free) => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        tracing::warn!(%error, "no connection can be accepted");
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                },
            };
            let service = TowerToHyperService::new(self.router.clone());
            let (io, came) = First::new(io);
            let connection = builder.serve_connection_with_upgrades::<_, _, Body>(TokioIo::new(io), service).into_owned();
            let connection = graceful.watch(connection);
            let patience = self.settings.header_timeout;
            connections.spawn(async move {
                tokio::select! {
                    ended = connection => if let Err(error) = ended {
                        tracing::debug!(error, from, "a connection ended badly");
                    },
                    () = came.silent(patience) => tracing::debug!(from, "a connection sent nothing and is closed"),
                }
                drop(permit);
            });
        }
        drop(self.listener);
        if timeout(limit, graceful.shutdown()).await.is_err() {
            tracing::warn!(open = connections.len(), "requests still run at the end of their time; their connections are closed");
        }
        connections.shutdown().await;
    }
}

type Accepted = (BoxedIo, String, OwnedSemaphorePermit);

/// Cancel safe: a connection is accepted only after its permit was taken, and nothing is awaited between the two ends.
async fn accept(listener: &mut dyn Listener, free: &Arc<Semaphore>) -> io::Result<Accepted> {
    let permit = free.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (io, from) = listener.accept().await?;
    Ok((io, from, permit))
}

fn builder(settings: &config::Api) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(settings.header_timeout).keep_alive(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20))
        .max_concurrent_streams(STREAMS);
    builder
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection's task ended badly");
    }
}
