//! What was accepted for a cluster, and how far it came.

use model::{
    Scope, cluster,
    operation::{Operation, Step, StepOutcome, query},
};
use serde::Serialize;

use super::RULE;
use crate::{
    call::{Call, ident, one},
    error::Error,
    page::Listing,
    reply::Reply,
};

#[derive(Serialize)]
struct Shape<'a> {
    operation: uuid::Uuid,
    cluster: uuid::Uuid,
    container: Option<uuid::Uuid>,
    kind: &'static str,
    state: &'static str,
    reason: Option<&'a str>,
    accepted: u64,
    accepted_ms: u64,
    ended_ms: Option<u64>,
    deadline_ms: u64,
    request_id: &'a str,
    steps: Vec<StepShape<'a>>,
}

#[derive(Serialize)]
struct StepShape<'a> {
    name: &'a str,
    target: &'a str,
    epoch: u64,
    attempts: u32,
    outcome: &'static str,
    external_id: Option<&'a str>,
    reason: Option<&'a str>,
    begun_ms: u64,
    ended_ms: Option<u64>,
}

fn step(step: &Step) -> StepShape<'_> {
    StepShape {
        name: &step.name,
        target: &step.target,
        epoch: step.epoch,
        attempts: step.attempts,
        outcome: match step.outcome() {
            StepOutcome::Begun => "BEGUN",
            StepOutcome::Done => "DONE",
            StepOutcome::Failed => "FAILED",
            StepOutcome::Unknown => "UNKNOWN",
        },
        external_id: step.external_id.as_deref(),
        reason: step.reason.as_deref(),
        begun_ms: step.begun_ms,
        ended_ms: step.ended_ms,
    }
}

fn shape(operation: &Operation) -> Shape<'_> {
    Shape {
        operation: operation.id.uuid(),
        cluster: operation.cluster.uuid(),
        container: operation.container.map(|container| container.uuid()),
        kind: operation.kind().word(),
        state: operation.state().word(),
        reason: operation.reason.as_deref(),
        accepted: operation.accepted,
        accepted_ms: operation.accepted_ms,
        ended_ms: operation.ended_ms,
        deadline_ms: operation.deadline_ms,
        request_id: &operation.request_id,
        steps: operation.steps.iter().map(step).collect(),
    }
}

/// `GET /v1/jeroboam/operations?cluster=`: in order of acceptance; by id also for a cluster that is gone.
pub(crate) async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow(RULE)?;
    let limit = super::limit(call)?;
    let name = call.query.get("cluster").ok_or_else(|| Error::invalid("cluster is mandatory: its uuid or name"))?;
    let reading = call.read().await?;
    let view = &*reading.view;
    let cluster = match ident(name) {
        model::Ident::Id(uuid) => model::id::ClusterId::new(uuid),
        by_name @ model::Ident::Name(_) => one(cluster::query::find(view, by_name, Scope::All)?, "cluster", name)?.id,
    };
    let operations = query::of_cluster(view, cluster, limit)?;
    Reply::ok(&Listing { name: "operations", rows: operations.iter().map(shape).collect(), next: None })
}
