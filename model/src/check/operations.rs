//! An operation in progress and a status in progress are the same thing seen twice.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    cluster::Cluster,
    container::{Container, Wanted},
    id::ContainerId,
    node::Node,
    nodegroup::NodeGroup,
    operation::{Failure, Kind, Operation, Roll, State, StepOutcome, TROUBLES},
    record,
    tables::{Fault, View},
};

pub(super) fn check(view: &(impl View + ?Sized), wrong: &mut Vec<String>) -> Result<(), Fault> {
    let operations: Vec<Operation> = record::all(view)?;
    let clusters: Vec<Cluster> = record::all(view)?;
    let ids: BTreeSet<_> = clusters.iter().map(|cluster| cluster.id).collect();
    let containers: BTreeMap<ContainerId, Container> =
        record::all::<Container>(view)?.into_iter().map(|container| (container.id, container)).collect();
    let mut places = BTreeSet::new();
    for operation in &operations {
        alone(operation, wrong);
        if !places.insert((operation.accepted, operation.part)) {
            wrong.push(format!("operation {} shares its place in the queue", operation.id));
        }
        if ids.contains(&operation.cluster) == (operation.forget_ms != 0) {
            wrong.push(format!("operation {} does not know whether its cluster is there", operation.id));
        }
        if operation.open() {
            of_container(operation, &containers, wrong);
        }
    }
    let groups: Vec<NodeGroup> = record::all(view)?;
    for node in record::all::<Node>(view)? {
        healed(&node, &operations, wrong);
    }
    for cluster in &clusters {
        in_progress(cluster, &operations, wrong);
        if groups.iter().any(|group| group.cluster == cluster.id && group.status().in_progress()) != cluster.status().in_progress() {
            wrong.push(format!("cluster {} and its node groups disagree on whether something is in progress", cluster.id));
        }
    }
    Ok(())
}

/// What holds of an operation by itself.
fn alone(operation: &Operation, wrong: &mut Vec<String>) {
    if operation.open() == operation.ended_ms.is_some() || (operation.open() && operation.forget_ms != 0) {
        wrong.push(format!("operation {} is both open and ended", operation.id));
    }
    let left = operation.steps.iter().any(|step| step.outcome() == StepOutcome::Begun);
    // Time ends what its owner has not: then a step stays open, of which nobody knows.
    let overtaken = operation.deadline_ms <= operation.ended_ms.unwrap_or_default();
    let by_time = overtaken && (operation.force || operation.kind().at_most_once());
    if left && !by_time && matches!(operation.state(), State::Succeeded | State::Unknown) {
        wrong.push(format!("operation {} was ended by its owner with an open step", operation.id));
    }
    if operation.deadline_ms == 0 {
        wrong.push(format!("operation {} would be in progress for ever", operation.id));
    }
    if operation.force && operation.kind() != Kind::ClusterDelete {
        wrong.push(format!("operation {} is forced and no deletion of a cluster", operation.id));
    }
    if !operation.left.is_empty() && (!operation.force || operation.state() != State::Succeeded) {
        wrong.push(format!("operation {} has left something behind without being forced", operation.id));
    }
    if operation.state() == State::Succeeded && operation.failure() != Failure::None {
        wrong.push(format!("operation {} has succeeded and failed", operation.id));
    }
    if operation.steps.iter().any(|step| step.troubles.len() > TROUBLES || (step.outcome() == StepOutcome::Begun && step.retry_ms != 0)) {
        wrong.push(format!("a step of operation {} remembers too much of what went wrong", operation.id));
    }
    if let Some(words) = operation.roll.as_ref().and_then(Roll::wrong) {
        wrong.push(format!("operation {} {words}", operation.id));
    }
    if operation.roll.is_some() && !operation.kind().rolls() {
        wrong.push(format!("operation {} works on machines and is none that does", operation.id));
    }
    if operation.retry_of == Some(operation.id) {
        wrong.push(format!("operation {} does itself again", operation.id));
    }
    let names: BTreeSet<&str> = operation.steps.iter().map(|step| step.name.as_str()).collect();
    if names.len() != operation.steps.len() {
        wrong.push(format!("operation {} has two steps of one name", operation.id));
    }
}

/// An open operation on a container has one, and one that is to go has no other operation than its deletion.
fn of_container(operation: &Operation, containers: &BTreeMap<ContainerId, Container>, wrong: &mut Vec<String>) {
    let Some(id) = operation.container else {
        return;
    };
    match containers.get(&id) {
        None => wrong.push(format!("operation {} waits for container {id}, which is gone", operation.id)),
        Some(container) if container.cluster != operation.cluster => {
            wrong.push(format!("operation {} is about a container of another cluster", operation.id));
        }
        Some(container) if container.wanted() == Wanted::Deleted && operation.kind() != Kind::ContainerDelete => {
            wrong.push(format!("operation {} waits for container {id}, which is to go", operation.id));
        }
        Some(_) => {}
    }
}

/// The status of a cluster is in progress exactly while one operation on the cluster itself is open, and it names that one.
fn in_progress(cluster: &Cluster, operations: &[Operation], wrong: &mut Vec<String>) {
    let open: Vec<_> = operations
        .iter()
        .filter(|operation| operation.cluster == cluster.id && operation.open() && operation.container.is_none())
        .map(|operation| operation.id)
        .collect();
    let named: Vec<_> = cluster.operation.into_iter().collect();
    if open != named || cluster.status().in_progress() == open.is_empty() {
        wrong.push(format!("cluster {} is {}, names {named:?}, and these are open: {open:?}", cluster.id, cluster.status().word()));
    }
}

/// A failure of a machine has a beginning; at most one open operation replaces it, and its record names that one.
fn healed(node: &Node, operations: &[Operation], wrong: &mut Vec<String>) {
    if node.not_ready == (node.not_ready_ms == 0) || (node.healed_by.is_some() && !node.not_ready) {
        wrong.push(format!("node {} does not know since when it is not ready", node.id));
    }
    let replaces = |operation: &&Operation| {
        let roll = operation.roll.as_ref().filter(|_| operation.open() && operation.kind() == Kind::ClusterHeal);
        Some(operation.cluster) == node.cluster
            && roll.is_some_and(|roll| roll.batch.iter().chain(&roll.waiting).any(|machine| machine.is(node)))
    };
    let open: Vec<_> = operations.iter().filter(replaces).map(|operation| operation.id).collect();
    if open.len() > 1 || (node.not_ready && open.first().is_some_and(|open| node.healed_by.is_some_and(|healed| healed != *open))) {
        wrong.push(format!("node {} is replaced by {open:?}, and names {:?}", node.id, node.healed_by));
    }
}
