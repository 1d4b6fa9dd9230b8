//! Operations are called off. What a running call has done or may still do is reckoned with like after any other interruption.

use crate::{
    command::OperationCancel,
    context::{Answer, Context, Stop, refuse},
    id::OperationId,
    operation::{
        Operation, State,
        apply::{done, ended},
        end::{self, End},
        query,
    },
    outcome::Class,
};

/// The operation, if the asking one sees it: whose cluster or container it is about.
pub(super) fn visible(context: &Context<'_>, id: OperationId) -> Result<Operation, Stop> {
    match query::by_id(context.tables, id)? {
        Some(operation) if query::seen_by(context.tables, &operation, context.scope())? => Ok(operation),
        _ => refuse(Class::Missing, "operation-missing", format!("operation {id} could not be found")),
    }
}

/// Calls an operation off. Asked again, it answers the same.
pub(crate) fn cancel(context: &mut Context<'_>, command: &OperationCancel) -> Answer {
    let operation = visible(context, command.operation)?;
    match operation.state() {
        State::Open => {}
        State::Cancelled => return Ok(done(context, &operation)),
        _ => return Err(ended(&operation)),
    }
    if operation.kind().removes() {
        let message = format!("operation {} is a deletion: what it has removed does not come back, so it is not called off", operation.id);
        return refuse(Class::Conflict, "deletion-final", message);
    }
    let reason = Some("cancelled on request".to_owned());
    end::end(context, &operation, End { state: State::Cancelled, reason, ..End::default() })?;
    Ok(done(context, &operation))
}
