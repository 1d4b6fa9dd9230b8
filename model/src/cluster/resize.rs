//! A node group is led to a size. Machines that are named go first; of the others those that are down, then the youngest.
//!
//! A second change of size of the same group takes the place of one that runs: the later target counts, and should it fail, the size from
//! before both is back. Machines that the first one had begun to remove are removed by the second: they are half gone already.
//!
//! Where nobody knows the machines of a group (a driver that keeps none in groups), only the number is changed.

use crate::{
    cluster::{
        Cluster, Status,
        create::{accepted, begin, set_group_status, timeout_ms},
        update::{changeable, visible},
    },
    command::ClusterResize,
    context::{Answer, Context, Stop, refuse, still_at},
    id::{NodeGroupId, OperationId},
    node::{self, Node},
    nodegroup::{self, DEFAULT_WORKER, NodeGroup, ROLE_MASTER},
    operation::{self, Kind, Machine, Operation, Request, Roll, end::supersede},
    outcome::Class,
    record,
    tables::Fault,
};

/// A change of size that may be accepted.
pub(super) struct Target<'a> {
    pub(super) kind: Kind,
    pub(super) group: Option<NodeGroupId>,
    pub(super) node_count: u32,
    /// What the machines are called that go first.
    pub(super) named: &'a [String],
    pub(super) batch_max: u32,
    pub(super) operation: OperationId,
    pub(super) retry_of: Option<OperationId>,
}

/// Leads a node group to a size.
pub(crate) fn resize(context: &mut Context<'_>, command: &ClusterResize) -> Answer {
    let cluster = visible(context, command.id)?;
    still_at(command.expected_revision, cluster.revision)?;
    operation::free(context, command.operation)?;
    let group = group(context, &cluster, command.group)?;
    bounded(&group, command.node_count)?;
    changeable(&cluster, true)?;
    operation::room(context, &cluster)?;
    let target = Target {
        kind: Kind::ClusterResize,
        group: Some(group.id),
        node_count: command.node_count,
        named: &command.remove,
        batch_max: command.max_batch_size,
        operation: command.operation,
        retry_of: None,
    };
    lead(context, (&cluster, cluster.clone()), &target)
}

/// Leads to the size again that could not be reached.
pub(crate) fn again(context: &mut Context<'_>, old: &Operation, id: OperationId) -> Answer {
    let cluster = visible(context, old.cluster)?;
    changeable(&cluster, true)?;
    operation::room(context, &cluster)?;
    let Some(node_count) = old.node_count else {
        return refuse(Class::Conflict, "operation-unrepeatable", format!("operation {} does not say which size it led to", old.id));
    };
    let roll = old.roll.clone().unwrap_or_default();
    let named: Vec<String> = roll.resume().into_iter().map(|machine| machine.external_id).collect();
    let target = Target {
        kind: old.kind(),
        group: old.group,
        node_count,
        named: &named,
        batch_max: roll.batch_max,
        operation: id,
        retry_of: Some(old.id),
    };
    lead(context, (&cluster, cluster.clone()), &target)
}

/// Whether a node group is the one that a change of size is about.
pub(super) fn about(target: Option<NodeGroupId>, group: &NodeGroup) -> bool {
    target.map_or(group.name == DEFAULT_WORKER, |id| group.id == id)
}

/// The node group that is meant.
pub(super) fn group(context: &Context<'_>, cluster: &Cluster, target: Option<NodeGroupId>) -> Result<NodeGroup, Stop> {
    let groups = nodegroup::query::of_cluster(context.tables, cluster.id)?;
    match groups.into_iter().find(|group| about(target, group)) {
        Some(group) => Ok(group),
        None => refuse(Class::Missing, "nodegroup-missing", "the cluster has no such node group"),
    }
}

/// Refuses a size that the group may not have.
fn bounded(group: &NodeGroup, node_count: u32) -> Result<(), Stop> {
    if group.role == ROLE_MASTER {
        return refuse(Class::Invalid, "masters-fixed", "the number of masters is fixed when a cluster is made");
    }
    let max = group.max_node_count.filter(|max| *max != 0);
    if node_count < group.min_node_count || max.is_some_and(|max| node_count > max) {
        let most = max.map_or_else(|| "any number of".to_owned(), |max| format!("at most {max}"));
        let message = format!("node group {} has at least {} and {most} nodes, not {node_count}", group.name, group.min_node_count);
        return refuse(Class::Invalid, "node-count-out-of-bounds", message);
    }
    Ok(())
}

/// Begins an operation that leads to a size; one that runs gives way. `cluster` is what else is new of `previous`.
pub(super) fn lead(context: &mut Context<'_>, (previous, cluster): (&Cluster, Cluster), target: &Target<'_>) -> Answer {
    let running = gives_way(context, previous, target)?;
    let known = group(context, previous, target.group)?;
    let begun = running.as_ref().and_then(|running| running.roll.clone()).map(|roll| roll.batch).unwrap_or_default();
    let condemned = condemned(context, &known, target, begun)?;
    supersede(context, previous, "a later change of size took its place", |other| Some(other.id) == previous.operation)?;
    record::replace(context.tables, Some(previous), &cluster);
    let cluster = begin(context, &cluster, Status::UpdateInProgress, target.operation);
    set_group_status(context, &cluster, Status::UpdateInProgress, None, |group| group.id == known.id)?;
    let present = set_node_count(context, &cluster, target.group, target.node_count)?;
    let request = Request {
        previous_node_count: running.and_then(|running| running.previous_node_count).or(present),
        node_count: Some(target.node_count),
        retry_of: target.retry_of,
        group: target.group,
        roll: (!condemned.is_empty()).then(|| Roll::new(target.batch_max, condemned)),
        ..Request::new(target.operation, &cluster, target.kind, timeout_ms(&cluster.wanted))
    };
    operation::accept(context, request)?;
    Ok(accepted(&cluster, target.operation))
}

/// The change of size that runs, if one does; anything else that runs does not give way.
fn gives_way(context: &Context<'_>, cluster: &Cluster, target: &Target<'_>) -> Result<Option<Operation>, Stop> {
    let Some(id) = cluster.operation else { return Ok(None) };
    let Some(running) = operation::query::by_id(context.tables, id)? else { return Ok(None) };
    let same = running.kind().resizes() && group(context, cluster, running.group)?.id == group(context, cluster, target.group)?.id;
    if !same {
        let message = format!(
            "cluster {} cannot be changed while operation {id} ({}) is in progress; wait for its end, or cancel it",
            cluster.id,
            running.kind().word()
        );
        return refuse(Class::Invalid, "cluster-not-idle", message);
    }
    Ok(Some(running))
}

/// The machines that go: those half gone, those that were named, and as many others as are too many.
fn condemned(context: &Context<'_>, group: &NodeGroup, target: &Target<'_>, begun: Vec<Machine>) -> Result<Vec<Machine>, Fault> {
    let mut nodes = node::query::of_cluster(context.tables, group.cluster)?;
    nodes.retain(|node| node.group.as_ref() == Some(&group.name) && node.external_id.is_some());
    let known = nodes.len();
    let mut condemned = begun;
    let condemn = |condemned: &mut Vec<Machine>, node: &Node| {
        if let Some(machine) = Machine::of(node).filter(|_| !condemned.iter().any(|other| other.is(node))) {
            condemned.push(machine);
        }
    };
    for node in nodes.iter().filter(|node| target.named.iter().any(|name| called(node, name))) {
        condemn(&mut condemned, node);
    }
    nodes.sort_by_key(|node| (!node.not_ready, std::cmp::Reverse(node.serial)));
    let wanted = usize::try_from(target.node_count).unwrap_or(usize::MAX);
    for node in &nodes {
        let stay = known.saturating_sub(condemned.iter().filter(|machine| nodes.iter().any(|node| machine.is(node))).count());
        if stay <= wanted {
            break;
        }
        condemn(&mut condemned, node);
    }
    Ok(condemned)
}

/// Whether somebody may mean this machine by that word.
fn called(node: &Node, word: &str) -> bool {
    let is = |name: &Option<String>| name.as_deref() == Some(word);
    is(&node.external_id) || is(&node.name) || uuid::Uuid::parse_str(word).is_ok_and(|uuid| uuid == node.id.uuid())
}

/// Sets the size of a node group; the one before.
pub(super) fn set_node_count(
    context: &mut Context<'_>,
    cluster: &Cluster,
    target: Option<NodeGroupId>,
    node_count: u32,
) -> Result<Option<u32>, Fault> {
    let groups = nodegroup::query::of_cluster(context.tables, cluster.id)?;
    let Some(previous) = groups.into_iter().find(|group| about(target, group)) else {
        return Ok(None);
    };
    let group = NodeGroup { node_count, revision: context.index, ..previous.clone() };
    record::replace(context.tables, Some(&previous), &group);
    Ok(Some(previous.node_count))
}
