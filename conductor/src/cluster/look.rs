//! What drivers see of a cluster, turned into what is recorded.

use std::{collections::BTreeMap, time::Duration};

use drivers::{ClusterSpec, EngineSeen, Error, Provisioned, limit, seen::NodeSeen};
use model::{
    cluster::{Cluster, Health, Observed, heal},
    command::Sighting,
    id::{ClusterId, NodeId},
    node::Node,
    operation::Left,
};
use tokio::time::timeout;
use uuid::Uuid;

use crate::shared::Shared;

/// How long a look may take: the provisioner's and the engine's. A driver keeps to it by itself; a worker does not rely on that.
const BOUND: Duration = limit::LOOK.saturating_mul(2).saturating_add(Duration::from_secs(1));

/// A cluster as it was seen.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) observed: Observed,
    pub(crate) nodes: Vec<Node>,
}

impl Look {
    /// As an owner reports it.
    pub(crate) fn sighting(self, cluster: ClusterId, epoch: u64) -> Sighting {
        let Self { observed, nodes } = self;
        Sighting { cluster, epoch, observed: Some(observed), nodes, nodes_seen: true, ..Sighting::default() }
    }
}

/// What a cluster still has outside, by tag.
pub(crate) async fn left(shared: &Shared, spec: &ClusterSpec, target: &str) -> Result<Vec<Left>, Error> {
    let look = async {
        let Some(provisioned) = shared.registry.provisioner(spec)?.look(spec).await? else { return Ok(Vec::new()) };
        let mut left = vec![Left { what: spec.driver.clone(), name: target.to_owned(), id: provisioned.backend_id.clone() }];
        for container in shared.registry.connect(spec, &provisioned)?.containers(spec.id).await? {
            left.push(Left { what: "container".to_owned(), name: container.name, id: container.external_id });
        }
        Ok(left)
    };
    timeout(BOUND, look).await.map_err(|_| Error::Timeout("the look took too long".to_owned()))?
}

/// Looks at the endpoint afresh: what the provisioner has, and what answers there.
pub(crate) async fn whole(shared: &Shared, spec: &ClusterSpec) -> Result<Look, Error> {
    timeout(BOUND, look_whole(shared, spec)).await.map_err(|_| Error::Timeout("the look took too long".to_owned()))?
}

/// The machines of a cluster, if its provisioner keeps them in groups: ready are those that it and the engine find so.
pub(crate) async fn nodes(shared: &Shared, spec: &ClusterSpec) -> Result<Option<Vec<Node>>, Error> {
    let look = async {
        let provisioner = shared.registry.provisioner(spec)?;
        let Some(kept) = provisioner.nodes(spec).await? else { return Ok(None) };
        let Some(provisioned) = provisioner.look(spec).await? else { return Ok(None) };
        let engine = shared.registry.connect(spec, &provisioned)?.look().await?;
        Ok(Some(merged(kept, &engine.nodes).iter().map(|node| record(spec.id, node)).collect()))
    };
    timeout(BOUND, look).await.map_err(|_| Error::Timeout("the look took too long".to_owned()))?
}

async fn look_whole(shared: &Shared, spec: &ClusterSpec) -> Result<Look, Error> {
    let provisioned = shared.registry.provisioner(spec)?.look(spec).await?;
    let provisioned = provisioned.ok_or_else(|| Error::Gone("the provisioner has no such cluster".to_owned()))?;
    if let drivers::Phase::Failed(reason) = &provisioned.phase {
        return Err(Error::Refused(reason.clone()));
    }
    look_endpoint(shared, spec, &provisioned).await
}

/// Looks only at what answers where something was just provisioned.
pub(crate) async fn endpoint(shared: &Shared, spec: &ClusterSpec, provisioned: &Provisioned) -> Result<Look, Error> {
    timeout(BOUND, look_endpoint(shared, spec, provisioned)).await.map_err(|_| Error::Timeout("the look took too long".to_owned()))?
}

async fn look_endpoint(shared: &Shared, spec: &ClusterSpec, provisioned: &Provisioned) -> Result<Look, Error> {
    let kept = shared.registry.provisioner(spec)?.nodes(spec).await?;
    let seen = shared.registry.connect(spec, provisioned)?.look().await?;
    Ok(look(spec.id, provisioned, seen, kept))
}

/// Machines as their provisioner keeps them; one that the engine knows, too, by its name or its address, must be ready there as well.
pub(crate) fn merged(kept: Vec<NodeSeen>, engine: &[NodeSeen]) -> Vec<NodeSeen> {
    let known = |node: &NodeSeen| {
        let same = |other: &&NodeSeen| other.name == node.name || (other.address.is_some() && other.address == node.address);
        engine.iter().find(same).is_none_or(|other| other.ready)
    };
    kept.into_iter().map(|node| NodeSeen { ready: node.ready && known(&node), ..node }).collect()
}

/// A recorded machine of a group as it was last seen.
pub(crate) fn kept(node: &Node) -> Option<NodeSeen> {
    Some(NodeSeen {
        external_id: node.external_id.clone()?,
        name: node.name.clone().unwrap_or_default(),
        address: node.address.clone(),
        image: node.image_id.clone(),
        group: Some(node.group.clone()?),
        master: node.master,
        ready: true,
        ..NodeSeen::default()
    })
}

/// What is recorded of what was seen; `kept`: the machines that the provisioner keeps in groups, if it does.
pub(crate) fn look(cluster: ClusterId, provisioned: &Provisioned, mut seen: EngineSeen, kept: Option<Vec<NodeSeen>>) -> Look {
    let machines = match kept {
        Some(kept) => {
            let machines = merged(kept, &seen.nodes);
            tell(&mut seen, &machines);
            machines
        }
        None => seen.nodes,
    };
    let nodes = machines.iter().map(|node| record(cluster, node)).collect();
    let observed = Observed {
        backend_id: Some(provisioned.backend_id.clone()),
        api_address: provisioned.api_address.clone(),
        coe_version: seen.coe_version,
        container_version: seen.container_version,
        node_addresses: provisioned.node_addresses.clone(),
        master_addresses: provisioned.master_addresses.clone(),
        health: seen.health.map(i32::from),
        health_reason: seen.health_reason,
        at_ms: 0, // apply sets it, and compares without it
        network: provisioned.network.clone(),
    };
    Look { observed, nodes }
}

/// Says of machines that the engine does not know whether they are ready.
fn tell(seen: &mut EngineSeen, machines: &[NodeSeen]) {
    for node in machines {
        let word = if node.ready { "True" } else { "False" };
        seen.health_reason.insert(format!("{}.Ready", node.name), word.to_owned());
    }
    if seen.health.is_some() && machines.iter().any(|node| !node.ready) {
        seen.health = Some(Health::Unhealthy);
    }
}

/// A cluster whose endpoint says no, or nothing: everything as last seen but the health. Where nothing was heard, nobody can tell how it is.
pub(crate) fn silent(cluster: &Cluster, error: &Error) -> Option<Observed> {
    let mut observed = cluster.observed.clone()?;
    if heal::pushed(cluster) {
        return Some(observed);
    }
    let health = if matches!(error, Error::Timeout(_)) { Health::Unknown } else { Health::Unhealthy };
    observed.health = Some(health.into());
    observed.health_reason = BTreeMap::from([("api".to_owned(), error.to_string())]);
    Some(observed)
}

/// A machine's record. Its id follows from the cluster and the engine's own id, so that every owner gives it the same.
fn record(cluster: ClusterId, seen: &NodeSeen) -> Node {
    Node {
        id: NodeId::new(Uuid::new_v5(&cluster.uuid(), seen.external_id.as_bytes())),
        cluster: Some(cluster),
        name: Some(seen.name.clone()),
        address: seen.address.clone(),
        image_id: seen.image.clone(),
        external_id: Some(seen.external_id.clone()),
        group: seen.group.clone(),
        master: seen.master,
        not_ready: !seen.ready,
        ..Node::default()
    }
}

/// What is to be said of a success: that fewer or more machines are there than were asked for, because the driver cannot change that.
pub(crate) fn remark(spec: &ClusterSpec, look: &Look) -> Option<String> {
    let asked = model::nodegroup::query::counts(&spec.groups).nodes;
    let grouped = look.nodes.iter().any(|node| node.group.is_some());
    let there = match grouped {
        true => look.nodes.iter().filter(|node| !node.master).count(),
        false => look.observed.node_addresses.len().max(look.nodes.len().saturating_sub(look.observed.master_addresses.len())),
    };
    (usize::try_from(asked) != Ok(there))
        .then(|| format!("{asked} nodes were asked for; the driver {:?} has {there} and cannot change that", spec.driver))
}
