//! A cluster is changed: its size begins an operation, its health does not.
//!
//! A second resize takes the place of one that runs: the later target counts, and should it fail, the size from before both is back.

use crate::{
    Change,
    cluster::{
        Cluster, Observed, Status,
        create::{accepted, begin, set_group_status, timeout_ms},
        query,
    },
    command::{ClusterUpdate, HealthReport},
    context::{Answer, Context, Stop, refuse, still_at},
    event::Note,
    id::{ClusterId, OperationId},
    nodegroup::{self, DEFAULT_WORKER, NodeGroup},
    operation::{self, Kind, Operation, Request, end::supersede},
    outcome::{Class, Done},
    record,
    tables::Fault,
};

/// The cluster if the asking one sees it.
pub(super) fn visible(context: &Context<'_>, id: ClusterId) -> Result<Cluster, Stop> {
    match query::by_id(context.tables, id)?.filter(|cluster| context.scope().sees(&cluster.project_id)) {
        Some(cluster) => Ok(cluster),
        None => refuse(Class::Missing, "cluster-missing", format!("cluster {id} could not be found")),
    }
}

/// Changes a cluster. A size that is the present one runs through the same states, so that a client sees them.
pub(crate) fn update(context: &mut Context<'_>, command: &ClusterUpdate) -> Answer {
    let previous = visible(context, command.id)?;
    still_at(command.expected_revision, previous.revision)?;
    let mut done = Done { object: previous.id.bytes().to_vec(), revision: previous.revision, ..Done::default() };
    if command.node_count.is_none() && command.health.is_none() {
        return Ok(done);
    }
    changeable(&previous, command.node_count.is_some())?;
    if command.node_count.is_some() {
        operation::free(context, command.operation)?;
        operation::room(context, &previous)?;
    }
    let mut cluster = previous.clone();
    if let Some(report) = &command.health {
        push_health(context, &mut cluster, report);
    }
    if let Some(node_count) = command.node_count {
        return resize(context, (&previous, cluster), node_count, (command.operation, None));
    }
    if cluster != previous {
        cluster.revision = context.index;
        cluster.updated_ms = Some(context.wall_ms);
        record::replace(context.tables, Some(&previous), &cluster);
        context.changes.push(Change::Cluster(cluster.id));
        context.event(Note::cluster(&cluster, "updated"));
        done.revision = cluster.revision;
    }
    Ok(done)
}

/// Refuses a change in a status that does not take it.
fn changeable(cluster: &Cluster, resize: bool) -> Result<(), Stop> {
    let status = cluster.status();
    if status.idle() || status == Status::UpdateFailed || (resize && status == Status::UpdateInProgress) {
        return Ok(());
    }
    let way_on = match status {
        Status::CreateFailed => "; retry its operation or delete it",
        Status::DeleteFailed => "; delete it again",
        _ => "",
    };
    let message = format!("cluster {} cannot be changed while its status is {}{way_on}", cluster.id, status.word());
    refuse(Class::Invalid, "cluster-not-idle", message)
}

/// Leads to the size again that could not be reached.
pub(crate) fn again(context: &mut Context<'_>, old: &Operation, id: OperationId) -> Answer {
    let previous = visible(context, old.cluster)?;
    changeable(&previous, true)?;
    operation::room(context, &previous)?;
    let Some(node_count) = old.node_count else {
        return refuse(Class::Conflict, "operation-unrepeatable", format!("operation {} does not say which size it led to", old.id));
    };
    resize(context, (&previous, previous.clone()), node_count, (id, Some(old.id)))
}

fn push_health(context: &Context<'_>, cluster: &mut Cluster, report: &HealthReport) {
    let previous = cluster.observed.clone().unwrap_or_default();
    let mut observed = Observed { health: report.health.or(previous.health), ..previous.clone() };
    if report.has_reason {
        observed.health_reason.clone_from(&report.reason);
    }
    if observed != previous {
        observed.at_ms = context.at_ms;
        cluster.observed = Some(observed);
    }
}

/// Begins an operation that leads to a size; one that runs gives way. `cluster` is what else is new of `previous`.
fn resize(
    context: &mut Context<'_>,
    (previous, cluster): (&Cluster, Cluster),
    node_count: u32,
    (id, retry_of): (OperationId, Option<OperationId>),
) -> Answer {
    let running = match previous.operation {
        Some(running) => operation::query::by_id(context.tables, running)?,
        None => None,
    };
    supersede(context, previous, "a later change of size took its place", |other| Some(other.id) == previous.operation)?;
    record::replace(context.tables, Some(previous), &cluster);
    let cluster = begin(context, &cluster, Status::UpdateInProgress, id);
    set_group_status(context, &cluster, Status::UpdateInProgress, None, |group| group.name == DEFAULT_WORKER)?;
    let present = set_node_count(context, &cluster, node_count)?;
    let request = Request {
        previous_node_count: running.and_then(|running| running.previous_node_count).or(present),
        node_count: Some(node_count),
        retry_of,
        ..Request::new(id, &cluster, Kind::ClusterUpdate, timeout_ms(&cluster.wanted))
    };
    operation::accept(context, request)?;
    Ok(accepted(&cluster, id))
}

/// Sets the size of `default-worker`; the one before.
pub(super) fn set_node_count(context: &mut Context<'_>, cluster: &Cluster, node_count: u32) -> Result<Option<u32>, Fault> {
    let groups = nodegroup::query::of_cluster(context.tables, cluster.id)?;
    let Some(previous) = groups.into_iter().find(|group| group.name == DEFAULT_WORKER) else {
        return Ok(None);
    };
    let group = NodeGroup { node_count, revision: context.index, ..previous.clone() };
    record::replace(context.tables, Some(&previous), &group);
    Ok(Some(previous.node_count))
}
