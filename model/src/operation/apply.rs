//! What owners report: steps, ends, sightings. Everything passes the fence of the cluster's present epoch first.

use crate::{
    Change,
    cluster::{self, sighting},
    command::{Expire, Observe, OperationEnd, Sighting, StepBegin, StepEnd},
    context::{Answer, Context, Stop, refuse},
    event::Note,
    id::OperationId,
    operation::{
        Failure, LEFT_LIMIT, Left, Operation, State, Step, StepOutcome, TROUBLES, Trouble,
        end::{self, End},
        expire, left, query, roll,
    },
    outcome::{Class, Done, Refusal},
    ownership, record,
    tables::Fault,
};

/// How many steps one operation may have.
pub const STEP_LIMIT: usize = 256;

/// The operation, if `epoch` may report on it.
fn reported(context: &Context<'_>, id: OperationId, epoch: u64) -> Result<Operation, Stop> {
    let Some(operation) = query::by_id(context.tables, id)? else {
        return refuse(Class::Missing, "operation-missing", format!("there is no operation {id}"));
    };
    ownership::apply::current(context.tables, operation.cluster, epoch)?;
    Ok(operation)
}

/// The refusal of what only an open operation takes.
pub(super) fn ended(operation: &Operation) -> Stop {
    let message = format!("operation {} has ended: {}", operation.id, operation.state().word());
    Stop::Refused(Refusal::new(Class::Conflict, "operation-ended", message))
}

/// Done to what an operation is about.
pub(super) fn done(context: &Context<'_>, operation: &Operation) -> Done {
    Done {
        object: operation.container.map_or(*operation.cluster.bytes(), |container| *container.bytes()).to_vec(),
        revision: context.index,
        operation: operation.id.bytes().to_vec(),
        number: 0,
    }
}

fn record_step(
    context: &mut Context<'_>,
    previous: &Operation,
    operation: &Operation,
    action: &'static str,
    step: &Step,
) -> Result<(), Fault> {
    record::replace(context.tables, Some(previous), operation);
    context.changes.push(Change::Operation(operation.id, operation.cluster));
    let project = end::project_of(context, operation)?;
    let words = match action {
        "step.begun" => format!("{} {} attempt {}", operation.kind().word(), step.name, step.attempts),
        _ => format!("{} {} {}", operation.kind().word(), step.name, step.outcome().word()),
    };
    context.event(Note::operation(operation, &project, action).step(step).detail(words).epoch(step.epoch));
    Ok(())
}

/// An intent, before the outside call.
pub(crate) fn step_begin(context: &mut Context<'_>, command: &StepBegin) -> Answer {
    let previous = reported(context, command.operation, command.epoch)?;
    if !previous.open() {
        return Err(ended(&previous));
    }
    let mut operation = previous.clone();
    let known = operation.steps.iter().position(|step| step.name == command.name);
    if known.is_none() && operation.steps.len() >= STEP_LIMIT {
        return refuse(Class::Invalid, "too-many-steps", format!("an operation has {STEP_LIMIT} steps at most"));
    }
    if command.goes_on {
        return goes_on(context, command, &previous);
    }
    if command.batch {
        roll::begin(context, &mut operation, &command.name)?;
    }
    let earlier = known.map(|place| operation.steps.remove(place)).unwrap_or_default();
    let step = Step {
        name: command.name.clone(),
        target: command.target.clone(),
        epoch: command.epoch,
        attempts: earlier.attempts.saturating_add(1),
        outcome: StepOutcome::Begun.into(),
        external_id: earlier.external_id,
        reason: None,
        effect_ms: command.effect_ms,
        begun_ms: context.at_ms,
        ended_ms: None,
        failure: Failure::None.into(),
        retry_ms: 0,
        troubles: earlier.troubles,
    };
    operation.steps.push(step.clone());
    record_step(context, &previous, &operation, "step.begun", &step)?;
    Ok(done(context, &operation))
}

/// A backend takes its time and is called again and again: each call may take effect for as long as the intent says, so the intent is
/// renewed.
fn goes_on(context: &mut Context<'_>, command: &StepBegin, previous: &Operation) -> Answer {
    let mut operation = previous.clone();
    let step = operation.steps.iter_mut().find(|step| step.name == command.name && step.outcome() == StepOutcome::Begun);
    let Some(step) = step.filter(|step| step.epoch == command.epoch) else {
        let message = format!("operation {} is at no step {} of this epoch", previous.id, command.name);
        return refuse(Class::Conflict, "step-not-open", message);
    };
    step.begun_ms = context.at_ms;
    step.effect_ms = command.effect_ms;
    record::replace(context.tables, Some(previous), &operation);
    context.changes.push(Change::Operation(operation.id, operation.cluster));
    Ok(done(context, &operation))
}

/// What became of the outside call.
///
/// A step of an operation that was superseded or timed out may still be ended: that its call is over is worth knowing. The operation
/// stays as it ended.
pub(crate) fn step_end(context: &mut Context<'_>, command: &StepEnd) -> Answer {
    let previous = reported(context, command.operation, command.epoch)?;
    seen_of(&previous, command.epoch, command.seen.as_ref())?;
    let ends = command.ends.map(last_state).transpose()?;
    leaves(&previous, command, ends)?;
    let outcome = StepOutcome::try_from(command.outcome).ok().filter(|outcome| *outcome != StepOutcome::Begun);
    let Some(outcome) = outcome else {
        return refuse(Class::Invalid, "outcome-invalid", "a step ends as done, failed or unknown");
    };
    let mut operation = previous.clone();
    let Some(step) = operation.steps.iter_mut().find(|step| step.name == command.name) else {
        return refuse(Class::Missing, "step-missing", format!("operation {} has not begun a step {}", previous.id, command.name));
    };
    if step.outcome() != StepOutcome::Begun && step.outcome() != outcome {
        return refuse(Class::Conflict, "step-ended", format!("step {} has ended: {}", step.name, step.outcome().word()));
    }
    let first = step.outcome() == StepOutcome::Begun;
    step.set_outcome(outcome);
    step.reason.clone_from(&command.reason);
    step.ended_ms = Some(context.at_ms);
    if first && outcome != StepOutcome::Done {
        went_wrong(context.at_ms, step, command);
    }
    if command.external_id.is_some() {
        step.external_id.clone_from(&command.external_id);
    }
    if first && outcome == StepOutcome::Done && previous.open() {
        roll::complete(&mut operation, &command.name);
    }
    let Some(step) = operation.steps.iter().find(|step| step.name == command.name) else {
        return Ok(done(context, &previous));
    };
    let step = Step { epoch: command.epoch, ..step.clone() };
    record_step(context, &previous, &operation, "step.ended", &step)?;
    let sighted = look(context, &operation, command.seen.as_ref())?;
    if let Some(state) = ends.filter(|_| operation.open() || crate::planted!("m17")) {
        let left = what_is_left(context, &operation, command)?;
        let reason = left::words(&left).or_else(|| command.reason.clone());
        let failure = command.failure();
        end::end(context, &operation, End { state, failure, reason, epoch: command.epoch, sighted, left })?;
    }
    Ok(done(context, &operation))
}

/// Keeps why an attempt went wrong, and when the next one may come.
fn went_wrong(at_ms: u64, step: &mut Step, command: &StepEnd) {
    step.set_failure(command.failure());
    step.retry_ms = if command.pause_ms == 0 { 0 } else { at_ms.saturating_add(command.pause_ms) };
    step.troubles.push(Trouble {
        at_ms,
        attempt: step.attempts,
        epoch: command.epoch,
        failure: step.failure,
        reason: command.reason.clone().unwrap_or_default(),
    });
    let surplus = step.troubles.len().saturating_sub(TROUBLES);
    step.troubles.drain(..surplus);
}

/// An owner ends an operation.
pub(crate) fn end(context: &mut Context<'_>, command: &OperationEnd) -> Answer {
    let operation = reported(context, command.operation, command.epoch)?;
    seen_of(&operation, command.epoch, command.seen.as_ref())?;
    let state = last_state(command.state)?;
    if operation.open() || crate::planted!("m17") {
        let sighted = look(context, &operation, command.seen.as_ref())?;
        let reason = command.reason.clone();
        let failure = command.failure();
        end::end(context, &operation, End { state, failure, reason, epoch: command.epoch, sighted, ..End::default() })?;
    } else if operation.state() != state {
        return Err(ended(&operation));
    }
    Ok(done(context, &operation))
}

/// The state in which an owner lets an operation end.
fn last_state(state: i32) -> Result<State, Refusal> {
    match State::try_from(state) {
        Ok(state @ (State::Succeeded | State::Failed | State::Unknown)) => Ok(state),
        _ => Err(Refusal::new(Class::Invalid, "state-invalid", "an owner ends an operation as succeeded, failed or unknown")),
    }
}

/// Refuses a report that leaves something behind but does not end a forced deletion.
fn leaves(operation: &Operation, command: &StepEnd, ends: Option<State>) -> Result<(), Refusal> {
    let leaves = command.left_unseen || !command.left.is_empty();
    if leaves && !(operation.force && ends == Some(State::Succeeded)) {
        return Err(Refusal::new(Class::Invalid, "left-unforced", "only a forced deletion ends and leaves something behind"));
    }
    Ok(())
}

/// What an owner that gives up says is left, or what the records say where it could not look.
fn what_is_left(context: &Context<'_>, operation: &Operation, command: &StepEnd) -> Result<Vec<Left>, Fault> {
    if command.left_unseen
        && let Some(cluster) = cluster::query::by_id(context.tables, operation.cluster)?
    {
        return left::recorded(context, &cluster);
    }
    Ok(command.left.iter().take(LEFT_LIMIT).cloned().collect())
}

/// A report may carry a sighting of its own cluster under its own epoch, no other.
fn seen_of(operation: &Operation, epoch: u64, seen: Option<&Sighting>) -> Result<(), Refusal> {
    if seen.is_none_or(|seen| seen.cluster == operation.cluster && seen.epoch == epoch) {
        return Ok(());
    }
    Err(Refusal::new(Class::Invalid, "sighting-foreign", "a report carries sightings of its own cluster and epoch only"))
}

/// Applies what was seen by the way; whether the operation's container was among it.
fn look(context: &mut Context<'_>, operation: &Operation, seen: Option<&Sighting>) -> Result<bool, Fault> {
    let Some(seen) = seen else {
        return Ok(false);
    };
    sighting::apply(context, seen)?;
    Ok(seen.containers.iter().any(|container| Some(container.id) == operation.container))
}

/// What owners saw; stale sightings are skipped, the number of the others that changed something is the outcome's `number`.
pub(crate) fn observe(context: &mut Context<'_>, command: &Observe) -> Answer {
    let mut number = 0;
    for seen in &command.sightings {
        if ownership::query::is_current(context.tables, seen.cluster, seen.epoch)? && sighting::apply(context, seen)? {
            number += 1;
        }
    }
    Ok(Done { number, revision: context.index, ..Done::default() })
}

/// Time passes; the number of things that expired is the outcome's `number`.
pub(crate) fn expire(context: &mut Context<'_>, command: &Expire) -> Answer {
    let limit = usize::try_from(command.limit).unwrap_or(usize::MAX);
    let number = u64::try_from(expire::expire(context, limit)?).unwrap_or(u64::MAX);
    Ok(Done { number, revision: context.index, ..Done::default() })
}
