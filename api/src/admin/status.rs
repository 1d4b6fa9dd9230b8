//! How this member is, as it sees itself.

use http::StatusCode;
use model::{member, ownership::query::by_member};
use raft::Consistency;
use serde::Serialize;

use super::RULE;
use crate::{call::Call, error::Error, reply::Reply};

/// Clusters counted at most.
const OWNED_MAX: usize = 1_000_000;

#[derive(Serialize)]
struct Shape {
    member: u64,
    name: String,
    cluster: uuid::Uuid,
    incarnation: u64,
    role: &'static str,
    leader: Option<u64>,
    term: u64,
    applied: u64,
    committed: u64,
    last_log: u64,
    flushed: u64,
    snapshot: u64,
    purged: u64,
    voters: Vec<u64>,
    learners: Vec<u64>,
    changing: bool,
    draining: bool,
    ready: bool,
    version: &'static str,
    cluster_version: u32,
    uptime_s: u64,
    quorum_age_ms: Option<u64>,
    log_ms: u64,
    owned: usize,
    pending_writes: usize,
}

/// `GET /v1/jeroboam/status`: answered without a leader too.
pub(crate) async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow(RULE)?;
    let handle = &call.app.handle;
    let status = handle.status();
    let reading = handle.read(Consistency::Stale, call.deadline).await?;
    let record = member::query::by_number(&*reading.view, status.member)?.unwrap_or_default();
    let owned = by_member(&*reading.view, status.member, OWNED_MAX)?.len();
    let shape = Shape {
        member: status.member.0,
        name: call.app.settings.name.clone(),
        cluster: status.cluster,
        incarnation: status.incarnation,
        role: status.role.as_str(),
        leader: status.leader.map(|leader| leader.0),
        term: status.term,
        applied: status.applied,
        committed: status.committed,
        last_log: status.last_log,
        flushed: status.flushed,
        snapshot: status.snapshot,
        purged: status.purged,
        voters: status.voters.keys().map(|member| member.0).collect(),
        learners: status.learners.keys().map(|member| member.0).collect(),
        changing: status.changing,
        draining: record.draining,
        ready: status.leader.is_some() && !call.app.stopping.is_cancelled(),
        version: env!("CARGO_PKG_VERSION"),
        cluster_version: model::meta::cluster_version(&*reading.view)?,
        uptime_s: call.app.started.elapsed().as_secs(),
        quorum_age_ms: status.quorum_age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
        log_ms: status.log_ms,
        owned,
        pending_writes: status.pending_writes,
    };
    Reply::ok(&shape)
}

#[derive(Serialize)]
struct Digest {
    applied: u64,
    digest: String,
}

/// `GET /v1/jeroboam/digest`: equal on all members at the same index. Reads the whole state.
pub(crate) async fn digest(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow(RULE)?;
    let (applied, digest) = call.app.handle.digest()?;
    Reply::ok(&Digest { applied, digest })
}

/// `POST /v1/jeroboam/snapshot`
pub(crate) async fn snapshot(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow(RULE)?;
    call.no_body()?;
    call.app.handle.compact().await?;
    let status = call.app.handle.status();
    Reply::json(StatusCode::OK, &Taken { snapshot: status.snapshot, purged: status.purged })
}

#[derive(Serialize)]
struct Taken {
    snapshot: u64,
    purged: u64,
}
