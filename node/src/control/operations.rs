//! Operations as `jeroboam operation` shows and changes them.
//!
//! Whoever may use the socket acts for the whole cloud; the events say that it was an operator of this member.

use std::time::Duration;

use api::{held, orphans};
use model::{
    Actor, Command, Ident, Scope, View,
    cluster::{self, Cluster, Status},
    command::{ClusterDelete, ClusterReset, OperationCancel, OperationPause, OperationRetry},
    found::Found,
    id::{ClusterId, OperationId},
    member,
    operation::{Left, Operation, Roll, Step, Trouble, query, stuck::stuck},
};
use raft::{Consistency, Handle, handle::Write};
use tokio::time::Instant;

use super::{LeftRow, OperationRow, Orphans, RollRow, StepRow, TroubleRow};

/// How long one answer may take.
const SHORT: Duration = Duration::from_secs(10);

/// How long members may take to look outside.
const LOOK: Duration = Duration::from_secs(15);

/// Open operations that are looked at for those that do not get on.
const LOOKED_AT: usize = 100_000;

fn deadline() -> Instant {
    Instant::now() + SHORT
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Operations of one cluster, or open ones of all.
pub(super) async fn list(handle: &Handle, cluster: Option<&str>, only_stuck: bool, limit: u32) -> Result<Vec<OperationRow>, String> {
    let reading = handle.read(Consistency::Linearizable, deadline()).await.map_err(words)?;
    let (view, limit) = (&*reading.view, limit as usize);
    let mut operations = match cluster {
        None => query::all_open(view, if only_stuck { LOOKED_AT } else { limit }).map_err(words)?,
        Some(name) => query::of_cluster(view, id_of(view, name)?, usize::MAX).map_err(words)?,
    };
    if cluster.is_some() {
        let surplus = operations.len().saturating_sub(limit);
        operations.drain(..surplus);
    }
    let now_ms = handle.now_ms();
    let mut rows = Vec::new();
    for operation in &operations {
        let row = row(view, operation, now_ms)?;
        if rows.len() < limit && (!only_stuck || row.stuck.is_some()) {
            rows.push(row);
        }
    }
    Ok(rows)
}

/// What forced deletions have left, and what carries the tags of clusters that are not there.
pub(super) async fn orphans(handle: &Handle, limit: u32) -> Result<Orphans, String> {
    let reading = handle.read(Consistency::Linearizable, deadline()).await.map_err(words)?;
    let operations = query::with_left(&*reading.view, limit as usize).map_err(words)?;
    let left = operations.iter().map(|operation| row(&*reading.view, operation, handle.now_ms())).collect::<Result<_, _>>()?;
    let members = member::query::all(&*reading.view).map_err(words)?;
    drop(reading);
    Ok(Orphans { left, outside: orphans::outside(handle, &members, Instant::now() + LOOK).await })
}

/// One operation.
pub(super) async fn show(handle: &Handle, id: &str) -> Result<OperationRow, String> {
    shown(handle, operation_id(id)?).await
}

async fn shown(handle: &Handle, id: OperationId) -> Result<OperationRow, String> {
    let reading = handle.read(Consistency::Linearizable, deadline()).await.map_err(words)?;
    let operation = query::by_id(&*reading.view, id).map_err(words)?;
    let operation = operation.ok_or_else(|| format!("there is no operation {id}, or it is not kept any more"))?;
    row(&*reading.view, &operation, handle.now_ms())
}

/// Calls one off.
pub(super) async fn cancel(handle: &Handle, id: &str) -> Result<OperationRow, String> {
    let operation = operation_id(id)?;
    write(handle, Command::OperationCancel(OperationCancel { operation })).await?;
    shown(handle, operation).await
}

/// Pauses one, or lets it go on.
pub(super) async fn pause(handle: &Handle, id: &str, paused: bool) -> Result<OperationRow, String> {
    let operation = operation_id(id)?;
    write(handle, Command::OperationPause(OperationPause { operation, paused })).await?;
    shown(handle, operation).await
}

/// Does one again; the new one.
pub(super) async fn retry(handle: &Handle, id: &str) -> Result<OperationRow, String> {
    let (operation, retry) = (operation_id(id)?, OperationId::new(handle.seams().chance.uuid()));
    write(handle, Command::OperationRetry(OperationRetry { operation, retry })).await?;
    shown(handle, retry).await
}

/// Deletes a cluster by force; its deletion.
pub(super) async fn force_delete(handle: &Handle, name: &str) -> Result<OperationRow, String> {
    let id = found(handle, name).await?.id;
    let operation = OperationId::new(handle.seams().chance.uuid());
    let done = write(handle, Command::ClusterDelete(ClusterDelete { id, expected_revision: 0, operation, force: true })).await?;
    let begun = uuid::Uuid::from_slice(&done.operation).map_or(operation, OperationId::new);
    shown(handle, begun).await
}

/// Sets a cluster's status by hand.
pub(super) async fn reset_status(handle: &Handle, name: &str, word: &str, reason: String) -> Result<(), String> {
    let ends = cluster::reset::ENDS;
    let status = ends.into_iter().find(|status| status.word().eq_ignore_ascii_case(word));
    let status = status.ok_or_else(|| format!("the status must be one of {}", ends.map(Status::word).join(", ")))?;
    let id = found(handle, name).await?.id;
    write(handle, Command::ClusterReset(ClusterReset { id, status: status.into(), reason })).await?;
    Ok(())
}

async fn found(handle: &Handle, name: &str) -> Result<Cluster, String> {
    let reading = handle.read(Consistency::Linearizable, deadline()).await.map_err(words)?;
    match cluster::query::find(&*reading.view, Ident::parse(name), Scope::All).map_err(words)? {
        Found::One(cluster) => Ok(cluster),
        Found::Missing => Err(format!("there is no bay {name}")),
        Found::Several => Err(format!("several bays are called {name}; name one by its id")),
    }
}

/// The id of a cluster, which may be gone when it is named by that.
fn id_of(view: &dyn View, name: &str) -> Result<ClusterId, String> {
    match cluster::query::find(view, Ident::parse(name), Scope::All).map_err(words)? {
        Found::One(cluster) => Ok(cluster.id),
        Found::Several => Err(format!("several bays are called {name}; name one by its id")),
        Found::Missing => match Ident::parse(name) {
            Ident::Id(uuid) => Ok(ClusterId::new(uuid)),
            Ident::Name(_) => Err(format!("there is no bay {name}")),
        },
    }
}

fn operation_id(text: &str) -> Result<OperationId, String> {
    match Ident::parse(text) {
        Ident::Id(uuid) => Ok(OperationId::new(uuid)),
        Ident::Name(_) => Err(format!("{text:?} is no id of an operation; see: jeroboam operation list")),
    }
}

async fn write(handle: &Handle, command: Command) -> Result<model::Done, String> {
    let actor = Actor { user_id: format!("operator at member {}", handle.member().0), all_projects: true, ..Actor::default() };
    let written = handle.write(Write { command, actor: Some(actor), key: None }, deadline()).await.map_err(words)?;
    written.outcome.into_result().map_err(|refusal| refusal.message)
}

fn row(view: &dyn View, operation: &Operation, now_ms: u64) -> Result<OperationRow, String> {
    let since = |then: u64| now_ms.saturating_sub(then);
    let cluster = cluster::query::by_id(view, operation.cluster).map_err(words)?;
    let trouble = operation.last_trouble();
    let held = held::of_operation(view, operation).map_err(words)?;
    let trouble = trouble.filter(|_| held.is_none());
    let failure = if operation.open() { trouble.map(Trouble::failure) } else { Some(operation.failure()) };
    Ok(OperationRow {
        id: operation.id.to_string(),
        roll: operation.roll.as_ref().map(roll_row),
        kind: operation.kind().word().to_owned(),
        state: operation.state().word().to_owned(),
        stuck: stuck(view, operation, now_ms).map_err(words)?.map(|stuck| stuck.words().to_owned()),
        cluster: operation.cluster.to_string(),
        name: cluster.map(|cluster| cluster.wanted.name).unwrap_or_default(),
        container: operation.container.map(|container| container.to_string()),
        user: operation.user_id.clone(),
        project: operation.owner_id.clone(),
        request: operation.request_id.clone(),
        age_ms: since(operation.accepted_ms),
        took_ms: operation.ended_ms.map(|ended| ended.saturating_sub(operation.accepted_ms)),
        left_ms: operation.deadline_ms.saturating_sub(now_ms),
        attempts: operation.attempts(),
        retry_in_ms: Some(operation.retry_ms().saturating_sub(now_ms)).filter(|left| *left > 0 && operation.open()),
        reason: operation.reason.clone().or(held).or_else(|| trouble.filter(|_| operation.open()).map(|trouble| trouble.reason.clone())),
        failure: failure.filter(|failure| failure.outlook().is_some()).map(|failure| failure.word().to_owned()),
        retry_of: operation.retry_of.map(|old| old.to_string()),
        steps: operation.steps.iter().map(|step| step_row(step, now_ms)).collect(),
        left: operation.left.iter().map(left_row).collect(),
    })
}

fn roll_row(roll: &Roll) -> RollRow {
    RollRow {
        max_batch_size: roll.batch_max,
        paused: roll.paused,
        done: roll.done,
        batch: roll.batch.iter().map(|machine| machine.name.clone()).collect(),
        waiting: roll.waiting.len(),
    }
}

fn step_row(step: &Step, now_ms: u64) -> StepRow {
    let troubles = step.troubles.iter().map(|trouble| TroubleRow {
        attempt: trouble.attempt,
        age_ms: now_ms.saturating_sub(trouble.at_ms),
        failure: trouble.failure().word().to_owned(),
        reason: trouble.reason.clone(),
    });
    StepRow {
        name: step.name.clone(),
        target: step.target.clone(),
        outcome: step.outcome().word().to_owned(),
        attempts: step.attempts,
        epoch: step.epoch,
        external_id: step.external_id.clone(),
        age_ms: now_ms.saturating_sub(step.begun_ms),
        troubles: troubles.collect(),
    }
}

fn left_row(left: &Left) -> LeftRow {
    let Left { what, name, id } = left.clone();
    LeftRow { what, name, id }
}
