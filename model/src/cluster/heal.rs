//! A machine that has failed is replaced, if that is the cluster's policy: once for each failure, whoever owns the cluster meanwhile.
//!
//! The policy is Magnum's label `auto_healing_enabled`; `auto_healing_after` says for how many seconds of log time a machine is not ready before
//! it is replaced ([`AFTER_S`] where it does not say). Where `auto_healing_controller` names Magnum's auto-healer, an agent in the cluster does it,
//! and we do not.
//!
//! A failure begins when a machine is seen not to be ready and ends when it is seen ready, or gone. Its record keeps since when, by log time, and
//! which operation replaces it; so the owner may ask as often as it likes, and any owner may ask. An operation that fails is not begun again by
//! itself: it can be asked for again like any other.
//!
//! Deliberately absent: masters. To replace one takes more than a new machine.

use crate::{
    Change,
    cluster::{
        Cluster, Status,
        create::{accepted, begin, set_group_status, timeout_ms},
        query,
        update::visible,
        upgrade::idle,
    },
    command::ClusterHeal,
    context::{Answer, Context, Stop, refuse},
    event::Note,
    id::{NodeGroupId, OperationId},
    node::{self, Node},
    nodegroup,
    operation::{self, Kind, Machine, Operation, Request, Roll},
    outcome::Class,
    ownership, record,
};

/// How long a machine is not ready before it is replaced, where the cluster does not say: seconds of log time.
pub const AFTER_S: u64 = 300;

/// Whether a cluster replaces machines that have failed, and after which time of log time, milliseconds.
pub fn policy(cluster: &Cluster) -> Option<u64> {
    if !enabled(cluster) || has_agent(cluster) {
        return None;
    }
    let seconds = label(cluster, "auto_healing_after").and_then(|text| text.parse().ok()).unwrap_or(AFTER_S);
    Some(seconds.saturating_mul(1000))
}

/// Whether an agent in the cluster says how it is, and heals it: then nobody else does. The labels are Magnum's.
pub fn pushed(cluster: &Cluster) -> bool {
    enabled(cluster) && has_agent(cluster)
}

fn enabled(cluster: &Cluster) -> bool {
    label(cluster, "auto_healing_enabled").is_some_and(|value| matches!(value.as_str(), "true" | "1" | "yes" | "on" | "t" | "y"))
}

fn has_agent(cluster: &Cluster) -> bool {
    label(cluster, "auto_healing_controller").is_some_and(|value| value == "magnum-auto-healer")
}

fn label(cluster: &Cluster, name: &str) -> Option<String> {
    cluster.wanted.labels.get(name).map(|value| value.trim().to_ascii_lowercase())
}

/// Log time at which a machine of a cluster with this policy is to be replaced; `None`: it is well, is being replaced, or is a master.
pub fn due_ms(node: &Node, after_ms: u64) -> Option<u64> {
    let ours = node.not_ready && node.healed_by.is_none() && !node.master && Machine::of(node).is_some();
    ours.then(|| node.not_ready_ms.saturating_add(after_ms))
}

/// Replaces a machine, if it is time.
pub(crate) fn heal(context: &mut Context<'_>, command: &ClusterHeal) -> Answer {
    ownership::apply::current(context.tables, command.id, command.epoch)?;
    let Some(cluster) = query::by_id(context.tables, command.id)? else {
        return refuse(Class::Missing, "cluster-missing", format!("cluster {} could not be found", command.id));
    };
    let found = node::query::by_id(context.tables, command.node)?.filter(|node| node.cluster == Some(cluster.id));
    let Some(node) = found else {
        return refuse(Class::Missing, "node-missing", format!("cluster {} has no machine {}", cluster.id, command.node));
    };
    let due = policy(&cluster).and_then(|after_ms| due_ms(&node, after_ms)).is_some_and(|due_ms| due_ms <= context.at_ms);
    let Some(machine) = Machine::of(&node).filter(|_| due) else {
        return refuse(Class::Conflict, "node-not-due", format!("machine {} is not to be replaced now", node.id));
    };
    idle(&cluster)?;
    operation::free(context, command.operation)?;
    operation::room(context, &cluster)?;
    let group = group_of(context, &cluster, &machine)?;
    let marked = Node { revision: context.index, healed_by: Some(command.operation), ..node.clone() };
    record::replace(context.tables, Some(&node), &marked);
    context.changes.push(Change::Node(node.id));
    context.event(Note::node(&marked, "replacing").epoch(command.epoch));
    start(context, &cluster, (machine, group), (command.operation, None))
}

/// Tries again to replace a machine.
pub(crate) fn again(context: &mut Context<'_>, old: &Operation, id: OperationId) -> Answer {
    let cluster = visible(context, old.cluster)?;
    idle(&cluster)?;
    operation::room(context, &cluster)?;
    let machine = old.roll.clone().unwrap_or_default().resume().into_iter().next();
    let Some(machine) = machine else {
        return refuse(Class::Conflict, "operation-unrepeatable", format!("operation {} has no machine left to replace", old.id));
    };
    let group = group_of(context, &cluster, &machine)?;
    for node in node::query::of_cluster(context.tables, cluster.id)?.iter().filter(|node| machine.is(node) && node.not_ready) {
        let marked = Node { revision: context.index, healed_by: Some(id), ..node.clone() };
        record::replace(context.tables, Some(node), &marked);
        context.changes.push(Change::Node(node.id));
    }
    start(context, &cluster, (machine, group), (id, Some(old.id)))
}

/// The node group of a machine.
fn group_of(context: &Context<'_>, cluster: &Cluster, machine: &Machine) -> Result<NodeGroupId, Stop> {
    let groups = nodegroup::query::of_cluster(context.tables, cluster.id)?;
    match groups.into_iter().find(|group| group.name == machine.group) {
        Some(group) => Ok(group.id),
        None => refuse(Class::Missing, "nodegroup-missing", format!("node group {} of the machine is not there", machine.group)),
    }
}

fn start(
    context: &mut Context<'_>,
    previous: &Cluster,
    (machine, group): (Machine, NodeGroupId),
    (id, retry_of): (OperationId, Option<OperationId>),
) -> Answer {
    let cluster = begin(context, previous, Status::UpdateInProgress, id);
    set_group_status(context, &cluster, Status::UpdateInProgress, None, |other| other.id == group)?;
    let request = Request {
        retry_of,
        group: Some(group),
        roll: Some(Roll::new(1, vec![machine])),
        ..Request::new(id, &cluster, Kind::ClusterHeal, timeout_ms(&cluster.wanted))
    };
    operation::accept(context, request)?;
    Ok(accepted(&cluster, id))
}
