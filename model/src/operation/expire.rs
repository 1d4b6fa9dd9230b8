//! What is past its time by the log's own clock: no status stays in progress for ever, whatever became of an owner.

use crate::{
    cluster,
    context::Context,
    operation::{
        Failure, Kind, Operation, State,
        end::{End, end},
        history, left,
    },
    record::{self, Index},
    remember::key,
    tables::Fault,
};

/// Ends operations that are over their deadline, forgets keys and operations of clusters that are gone; `limit` of each at most.
/// How many there were.
pub(super) fn expire(context: &mut Context<'_>, limit: usize) -> Result<usize, Fault> {
    let due = history::due_keys(context, Index::OperationByDeadline, limit)?;
    for id in &due {
        if let Some(operation) = record::get::<Operation>(context.tables, id)? {
            let how = overdue(context, &operation)?;
            end(context, &operation, how)?;
        }
    }
    let keys = key::expire(context, limit)?;
    Ok(due.len() + keys + history::expire(context, limit)?)
}

/// How an operation ends that is over its deadline. A forced deletion has succeeded even so: that is what it was forced for.
/// Of the others the last thing that went wrong says more than the time.
fn overdue(context: &Context<'_>, operation: &Operation) -> Result<End, Fault> {
    let seconds = operation.deadline_ms.saturating_sub(operation.accepted_ms).div_ceil(1000);
    if operation.force && operation.kind() == Kind::ClusterDelete {
        let cluster = cluster::query::by_id(context.tables, operation.cluster)?;
        let left = cluster.map(|cluster| left::recorded(context, &cluster)).transpose()?.unwrap_or_default();
        return Ok(End { state: State::Succeeded, reason: left::words(&left), left, ..End::default() });
    }
    let (failure, words) = match operation.last_trouble() {
        Some(trouble) => (trouble.failure(), format!(": {}", trouble.reason)),
        None => (Failure::Late, String::new()),
    };
    let reason = Some(format!("timed out after {seconds} s{words}"));
    // What runs at most once and was begun has perhaps run.
    let state = if operation.kind().at_most_once() && operation.open_step().is_some() { State::Unknown } else { State::Failed };
    Ok(End { state, failure, reason, ..End::default() })
}
