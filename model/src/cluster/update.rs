//! A cluster is changed: its size begins an operation, its health does not.

use crate::{
    Change,
    cluster::{
        Cluster, Observed, Status,
        create::{set_group_status, timeout_ms},
        query,
    },
    command::{ClusterUpdate, HealthReport},
    context::{Answer, Context, Stop, refuse, still_at},
    event::Note,
    id::ClusterId,
    nodegroup::{self, DEFAULT_WORKER, NodeGroup},
    operation::{self, Kind, Request},
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
    if !previous.status().idle() {
        let message = format!("cluster {} cannot be changed while its status is {}", previous.id, previous.status().word());
        return refuse(Class::Invalid, "cluster-not-idle", message);
    }
    if command.node_count.is_some() {
        operation::free(context, command.operation)?;
        operation::room(context, &previous)?;
    }
    let mut cluster = previous.clone();
    if let Some(report) = &command.health {
        push_health(context, &mut cluster, report);
    }
    if command.node_count.is_some() {
        cluster.set_status(Status::UpdateInProgress);
        cluster.status_reason = None;
        cluster.operation = Some(command.operation);
    }
    if cluster == previous {
        return Ok(done);
    }
    cluster.revision = context.index;
    cluster.updated_ms = Some(context.wall_ms);
    record::replace(context.tables, Some(&previous), &cluster);
    context.changes.push(Change::Cluster(cluster.id));
    context.event(Note::cluster(&cluster, "updated"));
    if let Some(node_count) = command.node_count {
        resize(context, command, &cluster, node_count)?;
        done.operation = command.operation.bytes().to_vec();
    }
    done.revision = cluster.revision;
    Ok(done)
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

fn resize(context: &mut Context<'_>, command: &ClusterUpdate, cluster: &Cluster, node_count: u32) -> Result<(), Fault> {
    let is_worker = |group: &NodeGroup| group.name == DEFAULT_WORKER;
    set_group_status(context, cluster, Status::UpdateInProgress, None, is_worker)?;
    let previous_node_count = set_node_count(context, cluster, node_count)?;
    let request = Request {
        id: command.operation,
        cluster,
        container: None,
        kind: Kind::ClusterUpdate,
        timeout_ms: timeout_ms(&cluster.wanted),
        command: None,
        previous_node_count,
    };
    operation::accept(context, request)
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
