//! A cluster is changed: its size begins an operation (`resize`), its health does not.

use crate::{
    Change,
    cluster::{
        Cluster, Observed, Status, query,
        resize::{Target, lead},
    },
    command::{ClusterUpdate, HealthReport},
    context::{Answer, Context, Stop, refuse, still_at},
    event::Note,
    id::ClusterId,
    operation::{self, Kind},
    outcome::{Class, Done},
    record,
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
        let target = Target {
            kind: Kind::ClusterUpdate,
            group: None,
            node_count,
            named: &[],
            batch_max: 0,
            operation: command.operation,
            retry_of: None,
        };
        return lead(context, (&previous, cluster), &target);
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
pub(super) fn changeable(cluster: &Cluster, resize: bool) -> Result<(), Stop> {
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
