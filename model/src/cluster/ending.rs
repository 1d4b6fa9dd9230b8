//! What the end of an operation means for its cluster: its status word, and at the end of a deletion that it is gone.

use crate::{
    Change,
    cluster::{Cluster, Status, create::set_group_status, query, resize, upgrade},
    container,
    context::Context,
    event::Note,
    node, nodegroup,
    nodegroup::NodeGroup,
    operation::{
        Kind, Operation, State,
        end::{End, supersede},
        history,
    },
    ownership, quota, record,
    tables::Fault,
};

/// An operation on a cluster itself has ended.
pub(crate) fn ended(context: &mut Context<'_>, operation: &Operation, end: &End) -> Result<(), Fault> {
    let present = |cluster: &Cluster| cluster.operation == Some(operation.id) || crate::planted!("m17");
    let cluster = query::by_id(context.tables, operation.cluster)?.filter(present);
    let Some(cluster) = cluster else {
        return Ok(());
    };
    let succeeded = end.state == State::Succeeded;
    if succeeded && operation.kind() == Kind::ClusterDelete {
        return remove(context, &cluster, operation, end.epoch);
    }
    let status = match (operation.kind(), succeeded) {
        (kind, true) if kind.updates() => Status::UpdateComplete,
        (kind, false) if kind.updates() => Status::UpdateFailed,
        (Kind::ClusterDelete, _) => Status::DeleteFailed,
        (_, true) => Status::CreateComplete,
        (_, false) => Status::CreateFailed,
    };
    if status == Status::UpdateFailed
        && let Some(node_count) = operation.previous_node_count
    {
        resize::set_node_count(context, &cluster, operation.group, node_count)?;
    }
    settle(context, &cluster, operation, status, end)
}

/// Gives a cluster and the node groups that the operation was about the status it ended with.
fn settle(context: &mut Context<'_>, previous: &Cluster, operation: &Operation, status: Status, end: &End) -> Result<(), Fault> {
    let mut cluster = Cluster {
        revision: context.index,
        status: status.into(),
        status_reason: end.reason.clone(),
        operation: None,
        next_template_id: None,
        updated_ms: Some(context.wall_ms),
        ..previous.clone()
    };
    if end.state == State::Succeeded {
        match operation.kind() {
            Kind::ClusterUpgrade => cluster = upgrade::arrived(context, cluster, operation)?,
            Kind::ClusterRotate => cluster.credentials = operation.credentials,
            _ => {}
        }
    }
    record::replace(context.tables, Some(previous), &cluster);
    context.changes.push(Change::Cluster(cluster.id));
    context.event(Note::cluster(&cluster, "status").of(operation).because(end.reason.as_deref()).epoch(end.epoch));
    let groups = nodegroup::query::of_cluster(context.tables, cluster.id)?;
    let target = groups.iter().find(|group| resize::about(operation.group, group));
    let about = |group: &NodeGroup| match operation.kind() {
        Kind::ClusterUpgrade => target.is_some_and(|target| upgrade::about(target, group)),
        kind if kind.rolls() => target.is_some_and(|target| target.id == group.id),
        _ => true,
    };
    set_group_status(context, &cluster, status, end.reason.as_deref(), about)
}

/// A cluster has been deleted outside: now its records go. Its operations outlive it for a while.
fn remove(context: &mut Context<'_>, cluster: &Cluster, operation: &Operation, epoch: u64) -> Result<(), Fault> {
    supersede(context, cluster, "the cluster is gone", |_| true)?;
    for container in container::query::of_cluster(context.tables, cluster.id, &crate::Page::ALL)? {
        record::delete(context.tables, &container);
        context.changes.push(Change::Container(container.id, cluster.id));
        context.event(Note::container(&container, "deleted").of(operation).epoch(epoch));
    }
    for node in node::query::of_cluster(context.tables, cluster.id)? {
        record::delete(context.tables, &node);
        context.changes.push(Change::Node(node.id));
    }
    for group in nodegroup::query::of_cluster(context.tables, cluster.id)? {
        record::delete(context.tables, &group);
    }
    // While there is still somebody who owns it.
    context.event(Note::cluster(cluster, "deleted").of(operation).epoch(epoch));
    if let Some(ownership) = ownership::query::of(context.tables, cluster.id)? {
        record::delete(context.tables, &ownership);
    }
    history::outlive(context, cluster.id)?;
    record::delete(context.tables, cluster);
    quota::Usage::less(context.tables, &cluster.project_id)?;
    context.changes.extend([Change::Cluster(cluster.id), Change::Ownership(cluster.id)]);
    Ok(())
}
