//! A cluster is to go: whatever its status, everything else that is under way gives way to its deletion.

use crate::{
    Change,
    cluster::{
        Cluster, Status,
        create::{set_group_status, timeout_ms},
        update::visible,
    },
    command::ClusterDelete,
    container::{self, Container, Wanted},
    context::{Answer, Context, still_at},
    event::Note,
    id::OperationId,
    operation::{self, Kind, Request, end::supersede},
    outcome::Done,
    record,
    tables::Fault,
};

/// Deletes a cluster. Asked again while the deletion runs, it answers with the same operation.
pub(crate) fn delete(context: &mut Context<'_>, command: &ClusterDelete) -> Answer {
    let previous = visible(context, command.id)?;
    if let Some(running) = operation::query::open_deletion(context.tables, command.id)? {
        return Ok(done(&previous, running.id));
    }
    still_at(command.expected_revision, previous.revision)?;
    operation::free(context, command.operation)?;
    supersede(context, &previous, "the cluster is being deleted", |_| true)?;
    let cluster = Cluster {
        revision: context.index,
        status: Status::DeleteInProgress.into(),
        status_reason: None,
        operation: Some(command.operation),
        updated_ms: Some(context.wall_ms),
        ..previous.clone()
    };
    record::replace(context.tables, Some(&previous), &cluster);
    context.changes.push(Change::Cluster(cluster.id));
    context.event(Note::cluster(&cluster, "deleting"));
    set_group_status(context, &cluster, Status::DeleteInProgress, None, |_| true)?;
    condemn_containers(context, &cluster)?;
    let request = Request {
        id: command.operation,
        cluster: &cluster,
        container: None,
        kind: Kind::ClusterDelete,
        timeout_ms: timeout_ms(&cluster.wanted),
        command: None,
        previous_node_count: None,
    };
    operation::accept(context, request)?;
    Ok(done(&cluster, command.operation))
}

fn done(cluster: &Cluster, operation: OperationId) -> Done {
    Done { object: cluster.id.bytes().to_vec(), revision: cluster.revision, operation: operation.bytes().to_vec(), number: 0 }
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
