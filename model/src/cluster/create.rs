//! A cluster is accepted: the record, its two default node groups, its place among the unowned and its create operation are one entry.

use crate::{
    Change,
    cluster::{Cluster, ClusterWish, Status, query, update::visible},
    command::ClusterCreate,
    context::{Answer, Context, Stop, refuse},
    event::Note,
    id::{NodeGroupId, OperationId},
    nodegroup::{DEFAULT_MASTER, DEFAULT_WORKER, NodeGroup, ROLE_MASTER, ROLE_WORKER},
    operation::{self, Kind, Operation, Request},
    outcome::{Class, Done},
    ownership::Ownership,
    quota::{self, CLUSTER},
    record,
    tables::Fault,
    template::{self, Template},
};

/// Minutes an operation of a cluster may take when the cluster does not say.
pub const DEFAULT_TIMEOUT_MIN: u32 = 60;

/// How long an operation on a cluster may take, milliseconds; 0: as long as any.
pub(super) fn timeout_ms(wish: &ClusterWish) -> u64 {
    u64::from(wish.create_timeout.unwrap_or(DEFAULT_TIMEOUT_MIN)).saturating_mul(60_000)
}

/// Makes again what could not be made: whatever the first attempt left is adopted.
pub(crate) fn again(context: &mut Context<'_>, old: &Operation, id: OperationId) -> Answer {
    let previous = visible(context, old.cluster)?;
    if previous.status() != Status::CreateFailed {
        let message = format!("cluster {} is not to be made again: its status is {}", previous.id, previous.status().word());
        return refuse(Class::Conflict, "cluster-made", message);
    }
    let cluster = begin(context, &previous, Status::CreateInProgress, id);
    set_group_status(context, &cluster, Status::CreateInProgress, None, |_| true)?;
    let request = Request { retry_of: Some(old.id), ..Request::new(id, &cluster, Kind::ClusterCreate, timeout_ms(&cluster.wanted)) };
    operation::accept(context, request)?;
    Ok(accepted(&cluster, id))
}

/// Puts a cluster into progress under an operation that the caller accepts in the same entry.
pub(super) fn begin(context: &mut Context<'_>, previous: &Cluster, status: Status, operation: OperationId) -> Cluster {
    let cluster = Cluster {
        revision: context.index,
        status: status.into(),
        status_reason: None,
        operation: Some(operation),
        next_template_id: None,
        updated_ms: Some(context.wall_ms),
        ..previous.clone()
    };
    record::replace(context.tables, Some(previous), &cluster);
    context.changes.push(Change::Cluster(cluster.id));
    let action = if status == Status::DeleteInProgress { "deleting" } else { "updated" };
    context.event(Note::cluster(&cluster, action));
    cluster
}

/// Accepted: an operation on a cluster itself.
pub(super) fn accepted(cluster: &Cluster, operation: OperationId) -> Done {
    Done { object: cluster.id.bytes().to_vec(), revision: cluster.revision, operation: operation.bytes().to_vec(), number: 0 }
}

/// Makes a cluster.
pub(crate) fn create(context: &mut Context<'_>, command: &ClusterCreate) -> Answer {
    let template = allowed(context, command)?;
    let cluster = Cluster {
        id: command.id,
        serial: context.serial(|meta| &mut meta.clusters),
        revision: context.index,
        project_id: context.actor.project_id.clone(),
        user_id: context.actor.user_id.clone(),
        template_id: template.id,
        coe: template.wish.coe.clone(),
        driver: command.driver.clone(),
        wanted: command.wish.clone(),
        observed: None,
        status: Status::CreateInProgress.into(),
        status_reason: None,
        operation: Some(command.operation),
        created_ms: context.wall_ms,
        ..Cluster::default()
    };
    record::replace(context.tables, None, &cluster);
    quota::Usage::more(context.tables, &cluster.project_id)?;
    context.changes.push(Change::Cluster(cluster.id));
    context.event(Note::cluster(&cluster, "created"));
    for group in [master(context, command, &cluster, &template), worker(context, command, &cluster, &template)] {
        record::replace(context.tables, None, &group);
    }
    let ownership = Ownership { cluster: cluster.id, since_ms: context.at_ms, ..Ownership::default() };
    record::replace(context.tables, None, &ownership);
    let request = Request::new(command.operation, &cluster, Kind::ClusterCreate, timeout_ms(&cluster.wanted));
    operation::accept(context, request)?;
    Ok(Done { number: cluster.serial, ..accepted(&cluster, command.operation) })
}

/// The template, if the cluster may be made from it.
fn allowed(context: &Context<'_>, command: &ClusterCreate) -> Result<Template, Stop> {
    // An id is taken, too, while operations of a cluster that had it are kept.
    let known = !operation::query::of_cluster(context.tables, command.id, 1)?.is_empty();
    if known || record::exists::<Cluster>(context.tables, command.id.bytes())? {
        return refuse(Class::Conflict, "cluster-exists", format!("there is a cluster {} already", command.id));
    }
    for group in [command.master_group, command.worker_group] {
        if command.master_group == command.worker_group || record::exists::<NodeGroup>(context.tables, group.bytes())? {
            return refuse(Class::Conflict, "nodegroup-exists", format!("there is a node group {group} already"));
        }
    }
    operation::free(context, command.operation)?;
    let template = template::query::by_id(context.tables, command.template_id)?;
    let Some(template) = template.filter(|template| template::query::visible(template, context.scope())) else {
        return refuse(Class::Missing, "template-missing", format!("template {} could not be found", command.template_id));
    };
    within_quota(context, command)?;
    if template.wish.hidden && !context.actor.all_projects {
        return refuse(Class::Forbidden, "template-hidden", format!("template {} is hidden; no cluster can be made from it", template.id));
    }
    Ok(template)
}

fn within_quota(context: &Context<'_>, command: &ClusterCreate) -> Result<(), Stop> {
    if crate::planted!("m16") {
        return Ok(());
    }
    let project = &context.actor.project_id;
    let limit = quota::query::limit(context.tables, project, CLUSTER)?.unwrap_or(command.default_quota);
    if query::count_of_project(context.tables, project)? >= u64::from(limit) {
        return refuse(Class::OverQuota, "quota-exceeded", format!("the project may have {limit} clusters and has them"));
    }
    Ok(())
}

fn group(context: &mut Context<'_>, id: NodeGroupId, cluster: &Cluster, template: &Template) -> NodeGroup {
    NodeGroup {
        id,
        serial: context.serial(|meta| &mut meta.node_groups),
        revision: context.index,
        cluster: cluster.id,
        is_default: true,
        image_id: Some(template.wish.image_id.clone()),
        docker_volume_size: cluster.wanted.docker_volume_size,
        labels: cluster.wanted.labels.clone(),
        status: Status::CreateInProgress.into(),
        created_ms: context.wall_ms,
        ..NodeGroup::default()
    }
}

fn master(context: &mut Context<'_>, command: &ClusterCreate, cluster: &Cluster, template: &Template) -> NodeGroup {
    NodeGroup {
        name: DEFAULT_MASTER.to_owned(),
        role: ROLE_MASTER.to_owned(),
        node_count: command.master_count,
        min_node_count: 1,
        flavor_id: cluster.wanted.master_flavor_id.clone(),
        ..group(context, command.master_group, cluster, template)
    }
}

fn worker(context: &mut Context<'_>, command: &ClusterCreate, cluster: &Cluster, template: &Template) -> NodeGroup {
    let least = cluster.wanted.labels.get("min_node_count").and_then(|text| text.parse().ok()).unwrap_or(0);
    NodeGroup {
        name: DEFAULT_WORKER.to_owned(),
        role: ROLE_WORKER.to_owned(),
        node_count: command.node_count,
        min_node_count: least,
        flavor_id: cluster.wanted.flavor_id.clone(),
        ..group(context, command.worker_group, cluster, template)
    }
}

/// Sets the status of the node groups that `which` picks; addresses and counts stay.
pub(super) fn set_group_status(
    context: &mut Context<'_>,
    cluster: &Cluster,
    status: Status,
    reason: Option<&str>,
    which: impl Fn(&NodeGroup) -> bool,
) -> Result<(), Fault> {
    for previous in crate::nodegroup::query::of_cluster(context.tables, cluster.id)? {
        if which(&previous) {
            let group = NodeGroup {
                revision: context.index,
                status: status.into(),
                status_reason: reason.map(str::to_owned),
                updated_ms: Some(context.wall_ms),
                ..previous.clone()
            };
            record::replace(context.tables, Some(&previous), &group);
        }
    }
    Ok(())
}
