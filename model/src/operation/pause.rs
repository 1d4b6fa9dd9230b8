//! Work on machines stands still between two batches, as long as somebody wants it to.
//!
//! A batch that was begun is ended: a machine does not stay half done. The clock of the operation stands while it is paused, but a day after it
//! was accepted it ends in any case: no status is in progress for ever.

use crate::{
    Change,
    command::OperationPause,
    context::{Answer, Context, refuse},
    event::Note,
    operation::{
        Kind, LONGEST_MS, Operation, Roll,
        apply::{done, ended},
        cancel::visible,
        end::project_of,
    },
    outcome::Class,
    record,
};

/// Pauses an operation, or lets it go on. Asked again, it answers the same.
pub(crate) fn pause(context: &mut Context<'_>, command: &OperationPause) -> Answer {
    let previous = visible(context, command.operation)?;
    if !previous.open() {
        return Err(ended(&previous));
    }
    let roll = previous.roll.as_ref().filter(|_| previous.kind() != Kind::ClusterHeal);
    let Some(roll) = roll else {
        let message = format!("{} does not go batch by batch, so it cannot be paused; cancel it instead", previous.kind().word());
        return refuse(Class::Invalid, "operation-unpausable", message);
    };
    if roll.paused == command.paused {
        return Ok(done(context, &previous));
    }
    let last = previous.accepted_ms.saturating_add(LONGEST_MS);
    let (left_ms, deadline_ms) = if command.paused {
        (previous.deadline_ms.saturating_sub(context.at_ms), last)
    } else {
        (0, context.at_ms.saturating_add(roll.left_ms).min(last))
    };
    let operation = Operation { roll: Some(Roll { paused: command.paused, left_ms, ..roll.clone() }), deadline_ms, ..previous.clone() };
    record::replace(context.tables, Some(&previous), &operation);
    context.changes.push(Change::Operation(operation.id, operation.cluster));
    let project = project_of(context, &operation)?;
    context.event(Note::operation(&operation, &project, if command.paused { "paused" } else { "resumed" }));
    Ok(done(context, &operation))
}
