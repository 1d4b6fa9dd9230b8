//! A cluster is to go: whatever its status, everything else that is under way gives way to its deletion.
//!
//! A deletion that is *forced* ends within [`FORCED_MS`] in any case. What could not be removed by then is left, and said.

use crate::{
    Change,
    cluster::{
        Cluster, Status,
        create::{accepted, begin, set_group_status, timeout_ms},
        update::visible,
    },
    command::ClusterDelete,
    container::{self, Container, Wanted},
    context::{Answer, Context, still_at},
    event::Note,
    id::OperationId,
    operation::{self, FORCED_MS, Kind, Operation, Request, end::supersede},
    record,
    tables::Fault,
};

/// Deletes a cluster. Asked again while the deletion runs, it answers with the same operation.
pub(crate) fn delete(context: &mut Context<'_>, command: &ClusterDelete) -> Answer {
    again(context, command, None)
}

/// Deletes a cluster, perhaps once more.
pub(crate) fn again(context: &mut Context<'_>, command: &ClusterDelete, retry_of: Option<OperationId>) -> Answer {
    let previous = visible(context, command.id)?;
    if let Some(running) = operation::query::open_deletion(context.tables, command.id)? {
        if command.force && !running.force {
            hasten(context, &previous, &running);
        }
        return Ok(accepted(&previous, running.id));
    }
    still_at(command.expected_revision, previous.revision)?;
    operation::free(context, command.operation)?;
    supersede(context, &previous, "the cluster is being deleted", |_| true)?;
    let cluster = begin(context, &previous, Status::DeleteInProgress, command.operation);
    set_group_status(context, &cluster, Status::DeleteInProgress, None, |_| true)?;
    condemn_containers(context, &cluster)?;
    let timeout_ms = if command.force { FORCED_MS } else { timeout_ms(&cluster.wanted) };
    let request = Request::new(command.operation, &cluster, Kind::ClusterDelete, timeout_ms);
    operation::accept(context, Request { retry_of, force: command.force, ..request })?;
    Ok(accepted(&cluster, command.operation))
}

/// Forces a deletion that runs already.
fn hasten(context: &mut Context<'_>, cluster: &Cluster, running: &Operation) {
    let soon = operation::deadline_ms(context, FORCED_MS);
    let operation = Operation { force: true, deadline_ms: running.deadline_ms.min(soon), ..running.clone() };
    record::replace(context.tables, Some(running), &operation);
    context.changes.push(Change::Operation(operation.id, operation.cluster));
    context.event(Note::operation(&operation, &cluster.project_id, "forced"));
}

/// The containers go with their cluster.
fn condemn_containers(context: &mut Context<'_>, cluster: &Cluster) -> Result<(), Fault> {
    for previous in container::query::of_cluster(context.tables, cluster.id, &crate::Page::ALL)? {
        if previous.wanted() != Wanted::Deleted {
            let container = Container {
                revision: context.index,
                wanted: Wanted::Deleted.into(),
                updated_ms: Some(context.wall_ms),
                ..previous.clone()
            };
            record::replace(context.tables, Some(&previous), &container);
            context.changes.push(Change::Container(container.id, cluster.id));
        }
    }
    Ok(())
}
