//! What is past its time by the log's own clock: no status stays in progress for ever, whatever became of an owner.

use crate::{
    context::Context,
    operation::{
        Operation, State,
        end::{End, end},
        history,
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
            let seconds = operation.deadline_ms.saturating_sub(operation.accepted_ms).div_ceil(1000);
            let reason = Some(format!("timed out after {seconds} s"));
            end(context, &operation, End { state: State::Failed, reason, epoch: 0, sighted: false })?;
        }
    }
    let keys = key::expire(context, limit)?;
    Ok(due.len() + keys + history::expire(context, limit)?)
}
