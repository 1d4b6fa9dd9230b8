//! An operation ends: once, and what it was about follows it in the same entry.

use crate::{
    Change, cluster,
    cluster::Cluster,
    container,
    context::Context,
    event::Note,
    operation::{Failure, Kind, Left, Operation, State, StepOutcome, query},
    record,
    tables::Fault,
};

/// How an operation ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct End {
    /// Its last state.
    pub(crate) state: State,
    /// Why it failed, in one word.
    pub(crate) failure: Failure,
    /// Why, in words.
    pub(crate) reason: Option<String>,
    /// Epoch of the owner that says so; 0: nobody did, it was overtaken by time or by a deletion.
    pub(crate) epoch: u64,
    /// Whether the same entry said what its container looks like.
    pub(crate) sighted: bool,
    /// What a forced deletion leaves outside.
    pub(crate) left: Vec<Left>,
}

/// Ends an operation and draws the consequences.
pub(crate) fn end(context: &mut Context<'_>, previous: &Operation, end: End) -> Result<(), Fault> {
    let operation = close(context, previous, &end)?;
    match operation.kind() {
        Kind::ClusterCreate | Kind::ClusterDelete => cluster::ending::ended(context, &operation, &end),
        kind if kind.updates() => cluster::ending::ended(context, &operation, &end),
        _ => container::ending::ended(context, &operation, &end),
    }
}

/// Ends the open operations that `which` picks because another one takes their place. What they were about is the other one's matter.
pub(crate) fn supersede(
    context: &mut Context<'_>,
    cluster: &Cluster,
    reason: &str,
    which: impl Fn(&Operation) -> bool,
) -> Result<(), Fault> {
    for operation in query::open(context.tables, cluster.id)? {
        if which(&operation) {
            close(context, &operation, &End { state: State::Superseded, reason: Some(reason.to_owned()), ..End::default() })?;
        }
    }
    Ok(())
}

/// Ends an operation without consequences for what it was about: the caller draws them.
pub(crate) fn close(context: &mut Context<'_>, previous: &Operation, end: &End) -> Result<Operation, Fault> {
    let mut operation = previous.clone();
    operation.set_state(end.state);
    if end.state != State::Succeeded {
        operation.set_failure(end.failure);
    }
    operation.reason.clone_from(&end.reason);
    operation.ended_ms = Some(context.at_ms);
    operation.left.clone_from(&end.left);
    if end.epoch != 0 {
        // An owner that ends an operation has looked: it leaves no step behind of which nothing is said.
        for step in operation.steps.iter_mut().filter(|step| step.outcome() == StepOutcome::Begun) {
            step.set_outcome(StepOutcome::Unknown);
            step.ended_ms = Some(context.at_ms);
        }
    }
    record::replace(context.tables, Some(previous), &operation);
    context.changes.push(Change::Operation(operation.id, operation.cluster));
    let project = project_of(context, &operation)?;
    let words = [operation.kind().word(), end.state.word(), end.reason.as_deref().unwrap_or_default()].join(" ");
    let note = Note::operation(&operation, &project, "ended").end(end.state).because(end.reason.as_deref());
    context.event(note.detail(words.trim_end()).epoch(end.epoch));
    Ok(operation)
}

/// The project that owns an operation's cluster.
pub(super) fn project_of(context: &Context<'_>, operation: &Operation) -> Result<String, Fault> {
    let cluster = record::get::<Cluster>(context.tables, operation.cluster.bytes())?;
    Ok(cluster.map(|cluster| cluster.project_id).unwrap_or_default())
}
