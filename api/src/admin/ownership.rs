//! Which member acts for which cluster, and which it is bound to.

use std::time::Duration;

use model::{
    Command, Ident, Scope, View, cluster,
    command::Pin,
    id::ClusterId,
    peer::plan::{PlanRequest, Question},
};
use raft::Handle;
use serde::Serialize;
use tokio::time::Instant;

use super::{
    RULE,
    map::{leases, map},
    plan::plan,
};
use crate::{
    call::{Call, ident, one},
    error::Error,
    reply::Reply,
};

/// How long the leader is asked whether a pin can be obeyed.
const REMARK: Duration = Duration::from_secs(1);

/// `GET /v1/jeroboam/ownership?member=`: the map; with a member only the clusters it owns (0: nobody).
pub(crate) async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow(RULE)?;
    let member = call.query.get("member").map(|text| super::number("member", text)).transpose()?;
    let leases = leases(&call.app.handle, call.deadline).await;
    let reading = call.read().await?;
    let leader = call.app.handle.leadership().borrow().leader.map(|leader| leader.0);
    let mut map = map(&*reading.view, leader, leases.as_deref())?;
    if let Some(member) = member {
        map.ownership.retain(|row| row.member.unwrap_or(0) == member);
    }
    Reply::ok(&map)
}

fn found(view: &(impl View + ?Sized), name: &str) -> Result<ClusterId, Error> {
    Ok(match ident(name) {
        Ident::Id(uuid) => ClusterId::new(uuid),
        by_name @ Ident::Name(_) => one(cluster::query::find(view, by_name, Scope::All)?, "cluster", name)?.id,
    })
}

#[derive(Serialize)]
struct Pinned {
    cluster: uuid::Uuid,
    pin: Option<u64>,
    /// Why it is not obeyed just now.
    remark: Option<String>,
}

/// Why the pin of a cluster is not obeyed just now, as the leader says; `None`: it is, or the leader cannot be asked.
pub async fn remark(handle: &Handle, cluster: ClusterId, deadline: Instant) -> Option<String> {
    let request = PlanRequest { question: Question::Now.into(), member: 0, limit: 0 };
    let planned = plan(handle, request, deadline.min(Instant::now() + REMARK)).await.ok()?;
    planned.unmet.into_iter().find(|one| one.cluster == cluster.uuid()).map(|one| one.why)
}

async fn set(call: &Call<'_>, member: u64) -> Result<Reply, Error> {
    let reading = call.read_newest().await?;
    let cluster = found(&*reading.view, call.param(0))?;
    drop(reading);
    call.write(Command::Pin(Pin { cluster, member })).await?;
    let remark = if member == 0 { None } else { remark(&call.app.handle, cluster, call.deadline).await };
    Reply::ok(&Pinned { cluster: cluster.uuid(), pin: (member != 0).then_some(member), remark })
}

/// `POST /v1/jeroboam/ownership/{cluster}/pin` with `{"member": <number>}`.
pub(crate) async fn pin(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow(RULE)?;
    let mut fields = call.fields()?;
    let member = fields.integer("member", 1, u32::MAX).some();
    fields.finish()?;
    let member = member.ok_or_else(|| Error::invalid("member is mandatory: the number of the member to bind it to"))?;
    set(call, member.into()).await
}

/// `POST /v1/jeroboam/ownership/{cluster}/unpin`
pub(crate) async fn unpin(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow(RULE)?;
    call.no_body()?;
    set(call, 0).await
}
