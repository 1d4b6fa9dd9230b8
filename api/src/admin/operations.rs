//! What is going on, what does not get on, what was left behind; and the status that is set by hand.

use model::{
    Command, Scope,
    cluster::{self, Status},
    command::ClusterReset,
    operation::{Operation, query, stuck::stuck},
};
use serde::Serialize;

use super::RULE;
use crate::{
    call::{Call, ident, one},
    error::Error,
    operation::current::{LeftShape, left, shape},
    page::Listing,
    reply::Reply,
    time::Shown,
};

/// Open operations that are looked at for those that do not get on.
const LOOKED_AT: usize = 100_000;

/// `GET /v1/jeroboam/operations?cluster=&stuck=`: of a cluster in order of acceptance, by id also when it is gone; without one all that are
/// open.
pub(crate) async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow(RULE)?;
    let limit = super::limit(call)?;
    let only_stuck = call.query.flag("stuck")?.unwrap_or(false);
    let reading = call.read().await?;
    let view = &*reading.view;
    let now_ms = call.app.handle.now_ms();
    let mut operations: Vec<Operation> = match call.query.get("cluster") {
        None => query::all_open(view, if only_stuck { LOOKED_AT } else { limit })?,
        Some(name) => {
            let cluster = match ident(name) {
                model::Ident::Id(uuid) => model::id::ClusterId::new(uuid),
                by_name @ model::Ident::Name(_) => one(cluster::query::find(view, by_name, Scope::All)?, "cluster", name)?.id,
            };
            query::of_cluster(view, cluster, limit)?
        }
    };
    if only_stuck {
        let mut kept = Vec::new();
        for operation in operations {
            if kept.len() < limit && stuck(view, &operation, now_ms)?.is_some() {
                kept.push(operation);
            }
        }
        operations = kept;
    }
    let rows = operations.iter().map(|operation| shape(view, operation, now_ms)).collect::<Result<_, _>>()?;
    Reply::ok(&Listing { name: "operations", rows, next: None })
}

/// What a forced deletion has left outside.
#[derive(Serialize)]
pub(super) struct Orphans<'a> {
    operation: uuid::Uuid,
    cluster: uuid::Uuid,
    project_id: &'a str,
    user_id: &'a str,
    reason: Option<&'a str>,
    deleted_at: Shown,
    left: Vec<LeftShape<'a>>,
}

impl<'a> Orphans<'a> {
    pub(super) fn of(operation: &'a Operation) -> Self {
        Self {
            operation: operation.id.uuid(),
            cluster: operation.cluster.uuid(),
            project_id: &operation.owner_id,
            user_id: &operation.user_id,
            reason: operation.reason.as_deref(),
            deleted_at: Shown(operation.ended_ms.unwrap_or_default()),
            left: left(&operation.left),
        }
    }
}

#[derive(Serialize)]
struct Reset {
    cluster: uuid::Uuid,
    status: &'static str,
}

/// `POST /v1/jeroboam/clusters/{cluster}/reset-status` with `{"status": "UPDATE_COMPLETE", "reason": "…"}`
pub(crate) async fn reset(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow(RULE)?;
    let mut fields = call.fields()?;
    let word = fields.required("status");
    let reason = fields.required("reason");
    fields.finish()?;
    let status = cluster::reset::ENDS.into_iter().find(|status: &Status| status.word() == word);
    let status = status.ok_or_else(|| {
        let words = cluster::reset::ENDS.map(Status::word).join(", ");
        Error::invalid(format!("status must be one of {words}"))
    })?;
    let name = call.param(0);
    let reading = call.read_newest().await?;
    if let Some(applied) = call.remembered(&reading)? {
        return Ok(Reply::ok(&Reset { cluster: applied.object(), status: status.word() })?.replayed(true));
    }
    let cluster = one(cluster::query::find(&*reading.view, ident(name), Scope::All)?, "cluster", name)?;
    drop(reading);
    let command = ClusterReset { id: cluster.id, status: status.into(), reason };
    let applied = call.write(Command::ClusterReset(command)).await?;
    Ok(Reply::ok(&Reset { cluster: applied.object(), status: status.word() })?.replayed(applied.replayed))
}
