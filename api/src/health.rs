//! Is this member alive, and may clients be sent to it?
//!
//! *Alive* is answered by whoever can answer at all: a member without a leader must not be killed for it. *Ready* means a leader is known
//! and this member is not stopping and was not removed.

use axum::body::Body;
use http::StatusCode;
use serde::Serialize;

use crate::{call::Call, error::Error, reply::Reply};

#[derive(Serialize)]
struct Health {
    name: &'static str,
    healthy: bool,
    reason: &'static str,
}

/// `GET /livez`
pub(crate) async fn live(_: &Call<'_>) -> Result<Reply, Error> {
    Reply::ok(&Health { name: "jeroboam", healthy: true, reason: "alive" })
}

/// `GET /readyz` and `GET /healthcheck`
pub(crate) async fn ready(call: &Call<'_>) -> Result<Reply, Error> {
    let leader = call.app.handle.leadership().borrow().leader;
    let (healthy, reason) = match leader {
        _ if call.app.stopping.is_cancelled() => (false, "stopping"),
        _ if call.app.handle.removed() => (false, "this member was removed from the cluster"),
        None => (false, "no leader is known"),
        Some(_) => (true, "ready"),
    };
    let status = if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let reply = Reply::json(status, &Health { name: "jeroboam", healthy, reason })?;
    Ok(if healthy { reply } else { reply.with(http::header::RETRY_AFTER, "1") })
}

/// `GET /metrics`
pub(crate) async fn metrics(call: &Call<'_>) -> Result<Reply, Error> {
    let text = call.app.metrics.render(&call.app.handle);
    Ok(Reply::of(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", Body::from(text)))
}
