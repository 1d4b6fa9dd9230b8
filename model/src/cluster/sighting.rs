//! What an owner saw of its cluster. A sighting changes observed values only, and writes only what is different.
//!
//! The caller has checked the epoch.

use std::collections::BTreeMap;

use crate::{
    Change,
    cluster::{Cluster, Health, Observed, heal, query},
    command::{ContainerSighting, HealthLapse, Sighting},
    container::{self, Container, ContainerStatus},
    context::{Answer, Context},
    event::Note,
    node::{self, Node},
    nodegroup::{self, NodeGroup, ROLE_MASTER},
    outcome::Done,
    ownership, record,
    tables::Fault,
};

/// Applies a sighting; whether it changed anything.
pub(crate) fn apply(context: &mut Context<'_>, seen: &Sighting) -> Result<bool, Fault> {
    let Some(cluster) = query::by_id(context.tables, seen.cluster)? else {
        return Ok(false);
    };
    let mut changed = false;
    for container in &seen.containers {
        changed |= see_container(context, &cluster, container, seen.epoch)?;
    }
    changed |= see_nodes(context, &cluster, seen)?;
    if let Some(observed) = &seen.observed {
        changed |= see_cluster(context, &cluster, observed, seen.epoch)?;
    }
    Ok(changed)
}

/// Nobody looks at some clusters; the number of those whose health is unknown now is the outcome's `number`.
pub(crate) fn lapse(context: &mut Context<'_>, command: &HealthLapse) -> Answer {
    let mut number = 0;
    for lapsed in &command.clusters {
        let owner = ownership::query::of(context.tables, lapsed.cluster)?;
        let Some(previous) = query::by_id(context.tables, lapsed.cluster)?.filter(|_| owner.is_some_and(|row| row.epoch == lapsed.epoch))
        else {
            continue;
        };
        let Some(before) = previous.observed.clone().filter(|seen| seen.health.is_some() && seen.health() != Health::Unknown) else {
            continue;
        };
        let mut observed = Observed { at_ms: context.at_ms, ..before };
        observed.set_health(Health::Unknown);
        observed.health_reason = BTreeMap::from([("api".to_owned(), lapsed.reason.clone())]);
        store_cluster(context, &previous, observed, 0, true);
        number += 1;
    }
    Ok(Done { number, revision: context.index, ..Done::default() })
}

/// Whether nothing but the words about the health is different: no matter for the event log, or a storm of them would drive out all else.
fn only_words(before: &Observed, after: &Observed) -> bool {
    Observed { health_reason: before.health_reason.clone(), at_ms: before.at_ms, ..after.clone() } == *before
}

fn store_cluster(context: &mut Context<'_>, previous: &Cluster, observed: Observed, epoch: u64, told: bool) {
    let health = observed.health.map(|_| observed.health().word());
    let cluster = Cluster { revision: context.index, observed: Some(observed), updated_ms: Some(context.wall_ms), ..previous.clone() };
    record::replace(context.tables, Some(previous), &cluster);
    context.changes.push(Change::Cluster(cluster.id));
    if told {
        let words =
            cluster.observed.as_ref().and_then(|seen| seen.health_reason.values().find(|word| !matches!(word.as_str(), "ok" | "True")));
        let note = Note::cluster(&cluster, "observed").because(words.map(String::as_str)).epoch(epoch);
        context.event(note.outlook(health));
    }
}

fn see_cluster(context: &mut Context<'_>, previous: &Cluster, seen: &Observed, epoch: u64) -> Result<bool, Fault> {
    let before = previous.observed.clone().unwrap_or_default();
    let mut observed = Observed { at_ms: before.at_ms, ..seen.clone() };
    if seen.health.is_none() {
        // An owner that did not look at the health leaves it to who pushes it.
        observed.health = before.health;
        observed.health_reason.clone_from(&before.health_reason);
    }
    if previous.observed.is_some() && observed == before {
        return Ok(false);
    }
    observed.at_ms = context.at_ms;
    set_group_addresses(context, previous, &observed)?;
    let told = previous.observed.is_none() || !only_words(&before, &observed);
    store_cluster(context, previous, observed, epoch, told);
    Ok(true)
}

/// With default groups only, whose address is whose follows from the role.
fn set_group_addresses(context: &mut Context<'_>, cluster: &Cluster, observed: &Observed) -> Result<(), Fault> {
    for previous in nodegroup::query::of_cluster(context.tables, cluster.id)?.into_iter().filter(|group| group.is_default) {
        let addresses = if previous.role == ROLE_MASTER { &observed.master_addresses } else { &observed.node_addresses };
        if previous.node_addresses != *addresses {
            let group = NodeGroup { revision: context.index, node_addresses: addresses.clone(), ..previous.clone() };
            record::replace(context.tables, Some(&previous), &group);
        }
    }
    Ok(())
}

fn see_container(context: &mut Context<'_>, cluster: &Cluster, seen: &ContainerSighting, epoch: u64) -> Result<bool, Fault> {
    let previous = container::query::by_id(context.tables, seen.id)?.filter(|container| container.cluster == cluster.id);
    let Some(previous) = previous else {
        return Ok(false);
    };
    let mut container = previous.clone();
    container.set_status(ContainerStatus::try_from(seen.status).unwrap_or(ContainerStatus::Unknown));
    container.status_reason.clone_from(&seen.reason);
    if seen.engine_id.is_some() {
        container.engine_id.clone_from(&seen.engine_id);
    }
    if container == previous {
        return Ok(false);
    }
    container.revision = context.index;
    container.updated_ms = Some(context.wall_ms);
    store(context, &previous, &container, epoch);
    Ok(true)
}

fn store(context: &mut Context<'_>, previous: &Container, container: &Container, epoch: u64) {
    record::replace(context.tables, Some(previous), container);
    context.changes.push(Change::Container(container.id, container.cluster));
    context.event(Note::container(container, "observed").epoch(epoch));
}

fn see_nodes(context: &mut Context<'_>, cluster: &Cluster, seen: &Sighting) -> Result<bool, Fault> {
    let mut changed = false;
    if seen.nodes_seen {
        for node in node::query::of_cluster(context.tables, cluster.id)? {
            if !seen.nodes.iter().any(|other| other.id == node.id) {
                record::delete(context.tables, &node);
                context.changes.push(Change::Node(node.id));
                context.event(Note::node(&node, "deleted").epoch(seen.epoch));
                changed = true;
            }
        }
    }
    for node in &seen.nodes {
        changed |= see_node(context, cluster, node, seen.epoch)?;
    }
    Ok(changed)
}

fn see_node(context: &mut Context<'_>, cluster: &Cluster, seen: &Node, epoch: u64) -> Result<bool, Fault> {
    let previous = node::query::by_id(context.tables, seen.id)?;
    if previous.as_ref().is_some_and(|previous| previous.cluster != Some(cluster.id)) {
        // The id is somebody else's; ids of machines are derived, so this is an owner's mistake and changes nothing.
        return Ok(false);
    }
    let failing = previous.as_ref().filter(|previous| previous.not_ready && seen.not_ready);
    let mut node = Node {
        not_ready_ms: failing.map_or(if seen.not_ready { context.at_ms.max(1) } else { 0 }, |previous| previous.not_ready_ms),
        healed_by: failing.and_then(|previous| previous.healed_by),
        serial: previous.as_ref().map_or(0, |previous| previous.serial),
        revision: previous.as_ref().map_or(0, |previous| previous.revision),
        project_id: cluster.project_id.clone(),
        user_id: cluster.user_id.clone(),
        cluster: Some(cluster.id),
        created_ms: previous.as_ref().map_or(context.wall_ms, |previous| previous.created_ms),
        updated_ms: previous.as_ref().and_then(|previous| previous.updated_ms),
        ..seen.clone()
    };
    if previous.as_ref() == Some(&node) {
        return Ok(false);
    }
    match &previous {
        None => node.serial = context.serial(|meta| &mut meta.nodes),
        Some(_) => node.updated_ms = Some(context.wall_ms),
    }
    node.revision = context.index;
    record::replace(context.tables, previous.as_ref(), &node);
    context.changes.push(Change::Node(node.id));
    // Machines that come and go matter to nobody's log, unless something is done about them.
    let told = previous.is_none_or(|previous| node != other_readiness(&previous, &node));
    if told || heal::policy(cluster).is_some() {
        let word = if node.not_ready { "not ready" } else { "ready" };
        context.event(Note::node(&node, "observed").detail(word).epoch(epoch));
    }
    Ok(true)
}

/// The earlier record with the readiness of the later one.
fn other_readiness(previous: &Node, node: &Node) -> Node {
    let Node { not_ready, not_ready_ms, healed_by, revision, updated_ms, .. } = *node;
    Node { not_ready, not_ready_ms, healed_by, revision, updated_ms, ..previous.clone() }
}
