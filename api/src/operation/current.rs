//! Operations on the wire: `/v1/operations`, and those of a cluster.
//!
//! Times ending in `_ms` are log time, by which deadlines are kept; it runs with the wall clock as long as no clock is put wrong.

use std::borrow::Cow;

use http::StatusCode;
use model::{
    View,
    operation::{Left, Machine, Operation, Roll, Step, Trouble, stuck::stuck},
};
use serde::Serialize;

use super::{held, operations};
use crate::{admin, call::Call, error::Error, page::Listing, reply::Reply, time::Shown};

/// An operation.
#[derive(Debug, Serialize)]
pub(crate) struct Shape<'a> {
    operation: uuid::Uuid,
    cluster: uuid::Uuid,
    container: Option<uuid::Uuid>,
    kind: &'static str,
    state: &'static str,
    /// Why it does not get on, if it does not.
    stuck: Option<&'static str>,
    /// Why it ended as it did, or why it waits.
    reason: Option<Cow<'a, str>>,
    failure: Option<&'static str>,
    outlook: Option<&'static str>,
    attempts: u32,
    retry_of: Option<uuid::Uuid>,
    node_count: Option<u32>,
    /// Work on machines, batch by batch.
    roll: Option<RollShape<'a>>,
    force: bool,
    left: Vec<LeftShape<'a>>,
    accepted: u64,
    accepted_at: Shown,
    accepted_ms: u64,
    ended_ms: Option<u64>,
    deadline_at: Shown,
    deadline_ms: u64,
    request_id: &'a str,
    user_id: &'a str,
    project_id: &'a str,
    steps: Vec<StepShape<'a>>,
}

/// How far work on machines has come.
#[derive(Debug, Serialize)]
struct RollShape<'a> {
    max_batch_size: Option<u32>,
    paused: bool,
    done: u32,
    batches: u32,
    batch: Vec<&'a str>,
    waiting: Vec<&'a str>,
}

fn roll(roll: &Roll) -> RollShape<'_> {
    RollShape {
        max_batch_size: Some(roll.batch_max).filter(|max| *max != 0),
        paused: roll.paused,
        done: roll.done,
        batches: roll.batches,
        batch: names(&roll.batch),
        waiting: names(&roll.waiting),
    }
}

fn names(machines: &[Machine]) -> Vec<&str> {
    machines.iter().map(|machine| machine.name.as_str()).collect()
}

/// Something that was left outside.
#[derive(Debug, Serialize)]
pub(crate) struct LeftShape<'a> {
    what: &'a str,
    name: &'a str,
    id: &'a str,
}

#[derive(Debug, Serialize)]
struct StepShape<'a> {
    name: &'a str,
    target: &'a str,
    epoch: u64,
    attempts: u32,
    outcome: String,
    external_id: Option<&'a str>,
    reason: Option<&'a str>,
    failure: Option<&'static str>,
    begun_ms: u64,
    ended_ms: Option<u64>,
    /// Until when the call may take effect, whoever made it.
    effect_until_ms: u64,
    /// Before when nobody tries again.
    retry_ms: Option<u64>,
    troubles: Vec<TroubleShape<'a>>,
}

#[derive(Debug, Serialize)]
struct TroubleShape<'a> {
    at_ms: u64,
    attempt: u32,
    epoch: u64,
    failure: &'static str,
    reason: &'a str,
}

fn trouble(trouble: &Trouble) -> TroubleShape<'_> {
    let Trouble { at_ms, attempt, epoch, ref reason, .. } = *trouble;
    TroubleShape { at_ms, attempt, epoch, failure: trouble.failure().word(), reason }
}

fn step(step: &Step) -> StepShape<'_> {
    StepShape {
        name: &step.name,
        target: &step.target,
        epoch: step.epoch,
        attempts: step.attempts,
        outcome: step.outcome().word().to_uppercase(),
        external_id: step.external_id.as_deref(),
        reason: step.reason.as_deref(),
        failure: step.failure().outlook().map(|_| step.failure().word()),
        begun_ms: step.begun_ms,
        ended_ms: step.ended_ms,
        effect_until_ms: step.begun_ms.saturating_add(step.effect_ms),
        retry_ms: Some(step.retry_ms).filter(|retry| *retry != 0),
        troubles: step.troubles.iter().map(trouble).collect(),
    }
}

/// What was left outside.
pub(crate) fn left(left: &[Left]) -> Vec<LeftShape<'_>> {
    left.iter().map(|left| LeftShape { what: &left.what, name: &left.name, id: &left.id }).collect()
}

fn reason<'a>(view: &(impl View + ?Sized), operation: &'a Operation) -> Result<Option<Cow<'a, str>>, Error> {
    Ok(match &operation.reason {
        Some(reason) => Some(Cow::Borrowed(reason)),
        None => held::of_operation(view, operation)?.map(Cow::Owned),
    })
}

/// An operation as it is shown; `view` and `now_ms` say whether it gets on.
pub(crate) fn shape<'a>(view: &(impl View + ?Sized), operation: &'a Operation, now_ms: u64) -> Result<Shape<'a>, Error> {
    let outlook = operation.failure().outlook();
    Ok(Shape {
        operation: operation.id.uuid(),
        cluster: operation.cluster.uuid(),
        container: operation.container.map(|container| container.uuid()),
        kind: operation.kind().word(),
        state: operation.state().word(),
        stuck: stuck(view, operation, now_ms)?.map(|stuck| stuck.words()),
        reason: reason(view, operation)?,
        failure: outlook.map(|_| operation.failure().word()),
        outlook: outlook.map(|outlook| outlook.word()),
        attempts: operation.attempts(),
        retry_of: operation.retry_of.map(|old| old.uuid()),
        node_count: operation.node_count,
        roll: operation.roll.as_ref().map(roll),
        force: operation.force,
        left: left(&operation.left),
        accepted: operation.accepted,
        accepted_at: Shown(operation.accepted_ms),
        accepted_ms: operation.accepted_ms,
        ended_ms: operation.ended_ms,
        deadline_at: Shown(operation.deadline_ms),
        deadline_ms: operation.deadline_ms,
        request_id: &operation.request_id,
        user_id: &operation.user_id,
        project_id: &operation.project_id,
        steps: operation.steps.iter().map(step).collect(),
    })
}

/// One operation as the answer.
async fn reply(call: &Call<'_>, status: StatusCode, operation: &Operation) -> Result<Reply, Error> {
    let reading = call.app.handle.read(raft::Consistency::Stale, call.deadline).await?;
    Reply::json(status, &shape(&*reading.view, operation, call.app.handle.now_ms())?)
}

/// `GET /v1/clusters/{cluster}/operations?state=&limit=`: the newest first.
pub(crate) async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    let operations = operations::of_cluster(call, call.param(0), admin::limit(call)?).await?;
    let reading = call.app.handle.read(raft::Consistency::Stale, call.deadline).await?;
    let now_ms = call.app.handle.now_ms();
    let rows = operations.iter().map(|operation| shape(&*reading.view, operation, now_ms)).collect::<Result<_, _>>()?;
    Reply::ok(&Listing { name: "operations", rows, next: None })
}

/// `GET /v1/operations/{operation}`
pub(crate) async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    let operation = operations::show(call, call.param(0)).await?;
    reply(call, StatusCode::OK, &operation).await
}

/// `POST /v1/operations/{operation}/cancel`
pub(crate) async fn cancel(call: &Call<'_>) -> Result<Reply, Error> {
    let changed = operations::cancel(call, call.param(0)).await?;
    Ok(reply(call, StatusCode::OK, &changed.operation).await?.replayed(changed.replayed))
}

/// `POST /v1/operations/{operation}/pause`: no further batch of machines is begun.
pub(crate) async fn pause(call: &Call<'_>) -> Result<Reply, Error> {
    let changed = operations::pause(call, call.param(0), true).await?;
    Ok(reply(call, StatusCode::OK, &changed.operation).await?.replayed(changed.replayed))
}

/// `POST /v1/operations/{operation}/resume`
pub(crate) async fn resume(call: &Call<'_>) -> Result<Reply, Error> {
    let changed = operations::pause(call, call.param(0), false).await?;
    Ok(reply(call, StatusCode::OK, &changed.operation).await?.replayed(changed.replayed))
}

/// `POST /v1/operations/{operation}/retry`: the new operation.
pub(crate) async fn retry(call: &Call<'_>) -> Result<Reply, Error> {
    let changed = operations::retry(call, call.param(0)).await?;
    let href = format!("{}/v1/operations/{}", call.base, changed.operation.id);
    Ok(reply(call, StatusCode::ACCEPTED, &changed.operation).await?.location(&href).replayed(changed.replayed))
}
