//! The full look at one cluster: the net under all signals, and a new owner's first act.
//!
//! A cluster that has no endpoint yet, or is being deleted, has nothing to look at. Its new owner only asks the provisioner what carries the
//! tag ([`list`]): a backend or proxy that fences learns of the new epoch from that before anything is changed under it, so what a former
//! owner sent comes too late from then on.
//!
//! Looks at the endpoint and lists everything that carries the cluster's tag. Two things come of it: what is different from the records is
//! observed, and what has no record is removed. Only the owner sweeps, under its lease, and only what a linearizable read shows to have no
//! record: an owner that does not know yet that it is none any more would take its successor's containers for orphans.
//!
//! A late call of an earlier owner may bring an orphan after this look; the next one finds it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use drivers::{ContainerSeen, Engine, EngineSeen, Error, Mark, NodeSeen};
use model::{
    Page,
    cluster::{self, Cluster, Health, heal},
    command::{ContainerSighting, Sighting},
    container::{self, Container, ContainerStatus, Wanted},
    id::{ClusterId, ContainerId},
    node::{self, Node},
    operation,
};
use raft::handle::SharedView;
use tokio::time::timeout;

use crate::{
    cluster::look,
    error::Halt,
    reconcile::picture::{self, Picture},
    shared::Shared,
    workload,
};

/// Containers removed in one pass: an accident with records must not become one with containers at once.
const SWEEP: usize = 16;

/// What one pass saw.
pub(crate) struct Seen {
    engine: Result<EngineSeen, Error>,
    containers: Option<Vec<ContainerSeen>>,
    /// Machines that the provisioner keeps in groups, where it was asked: while something is done about them, or would be.
    kept: Option<Vec<NodeSeen>>,
    /// Revisions of the containers' records before the look.
    before: BTreeMap<ContainerId, u64>,
}

impl Seen {
    /// Whether nobody answered in time: that may be the network's fault, or a moment's.
    pub(crate) fn unanswered(&self) -> bool {
        matches!(self.engine, Err(Error::Timeout(_)))
    }

    /// Whether there is nothing to worry about.
    pub(crate) fn well(&self) -> bool {
        let ready = self.kept.as_ref().is_none_or(|kept| kept.iter().all(|node| node.ready));
        ready && self.engine.as_ref().is_ok_and(|engine| matches!(engine.health, None | Some(Health::Healthy)))
    }
}

/// Looks. `None`: there is no endpoint to look at yet.
pub(crate) async fn look(shared: &Shared, picture: &Picture) -> Result<Option<Seen>, Halt> {
    let Some(provisioned) = picture.provisioned() else { return Ok(None) };
    let before = records(&shared.view().await?, picture.cluster.id)?;
    let before = before.into_iter().map(|container| (container.id, container.revision)).collect();
    let bound = drivers::limit::LOOK + Duration::from_secs(1);
    let late = || Error::Timeout("the look took too long".to_owned());
    let engine = match shared.registry.connect(&picture.spec, &provisioned) {
        Ok(engine) => engine,
        Err(error) => return Ok(Some(Seen { engine: Err(error), containers: None, kept: None, before })),
    };
    let seen = timeout(bound, engine.look()).await.map_err(|_| late()).and_then(|seen| seen);
    let containers = match &seen {
        Ok(_) => timeout(bound, engine.containers(picture.cluster.id)).await.map_err(|_| late()).and_then(|seen| seen).ok(),
        Err(_) => None,
    };
    shared.metrics.looked(seen.is_ok());
    let kept = if seen.is_ok() && minds_machines(picture) { kept(shared, picture, bound).await } else { None };
    Ok(Some(Seen { engine: seen, containers, kept, before }))
}

/// Whether it matters just now which machines are ready.
fn minds_machines(picture: &Picture) -> bool {
    heal::policy(&picture.cluster).is_some() || picture.open.iter().any(|operation| operation.roll.is_some())
}

/// The machines as their provisioner keeps them. Should it not answer, they are as they were last seen.
async fn kept(shared: &Shared, picture: &Picture, bound: Duration) -> Option<Vec<NodeSeen>> {
    let provisioner = shared.registry.provisioner(&picture.spec).ok()?;
    match timeout(bound, provisioner.nodes(&picture.spec)).await {
        Ok(Ok(kept)) => kept,
        Ok(Err(error)) => {
            tracing::debug!(cluster = %picture.cluster.id, %error, "the machines could not be looked at");
            None
        }
        Err(_) => None,
    }
}

/// Asks the provisioner what carries the tag, before the first change under an epoch; whether it answered. What is there is adopted, or removed,
/// by the step that comes next.
pub(crate) async fn list(shared: &Shared, picture: &Picture) -> bool {
    let asked = async { shared.registry.provisioner(&picture.spec)?.look(&picture.spec).await };
    let bound = drivers::limit::LOOK + Duration::from_secs(1);
    let listed = timeout(bound, asked).await.map_err(|_| Error::Timeout("the look took too long".to_owned())).and_then(|listed| listed);
    match &listed {
        Ok(Some(found)) => {
            tracing::info!(cluster = %picture.cluster.id, id = found.backend_id, made_under = found.epoch, "a former owner has made something")
        }
        Ok(None) => {}
        Err(error) => tracing::debug!(cluster = %picture.cluster.id, %error, "what carries the tag could not be listed"),
    }
    listed.is_ok()
}

fn records(view: &SharedView, cluster: ClusterId) -> Result<Vec<Container>, Halt> {
    Ok(container::query::of_cluster(&**view, cluster, &Page::ALL)?)
}

/// What of it is different from the records now; `busy`: containers that are being acted on, whose end says what they look like.
pub(crate) fn news(
    view: &SharedView,
    cluster: &Cluster,
    epoch: u64,
    seen: &Seen,
    busy: &dyn Fn(ContainerId) -> bool,
) -> Result<Option<Sighting>, Halt> {
    let mut sighting = Sighting { cluster: cluster.id, epoch, ..Sighting::default() };
    let acted: Vec<_> = operation::query::open(&**view, cluster.id)?.into_iter().filter_map(|operation| operation.container).collect();
    if let Some(containers) = &seen.containers {
        for record in records(view, cluster.id)? {
            let untouched = seen.before.get(&record.id) == Some(&record.revision);
            if untouched && !busy(record.id) && !acted.contains(&record.id) {
                sighting.containers.extend(container_news(&record, containers));
            }
        }
    }
    // While an operation is open its end says what there is; but work on machines has to know which of them are ready.
    let rolls = operation::query::open(&**view, cluster.id)?.iter().any(|operation| operation.roll.is_some());
    if cluster.operation.is_none() || rolls {
        cluster_news(view, cluster, seen, &mut sighting)?;
        sighting.observed = sighting.observed.filter(|_| cluster.operation.is_none());
    }
    let nothing = sighting.observed.is_none() && sighting.containers.is_empty() && !sighting.nodes_seen;
    Ok((!nothing).then_some(sighting))
}

fn container_news(record: &Container, seen: &[ContainerSeen]) -> Option<ContainerSighting> {
    let Some(seen) = seen.iter().find(|seen| seen.id == record.id) else {
        let gone = record.engine_id.is_some() && record.status() != ContainerStatus::Error && record.wanted() != Wanted::Deleted;
        return gone.then(|| ContainerSighting {
            id: record.id,
            status: ContainerStatus::Error.into(),
            reason: Some("the engine has no such container any more".to_owned()),
            engine_id: None,
        });
    };
    let sighting = workload::act::sighting(seen);
    let same = record.status == sighting.status && record.engine_id == sighting.engine_id && record.status_reason == sighting.reason;
    // The words of a failed operation stay until the status itself changes.
    let told = record.status == sighting.status && record.engine_id == sighting.engine_id && sighting.reason.is_none();
    (!same && !told).then_some(sighting)
}

fn cluster_news(view: &SharedView, cluster: &Cluster, seen: &Seen, sighting: &mut Sighting) -> Result<(), Halt> {
    let before = cluster.observed.clone().unwrap_or_default();
    let observed = match (&seen.engine, picture::provisioned(cluster)) {
        (Ok(engine), Some(provisioned)) => {
            let nodes = node::query::of_cluster(&**view, cluster.id)?;
            let look = look::look(cluster.id, &provisioned, engine.clone(), machines(&nodes, seen));
            let same = nodes.len() == look.nodes.len() && look.nodes.iter().all(|node| nodes.iter().any(|old| alike(old, node)));
            if !same {
                sighting.nodes = look.nodes;
                sighting.nodes_seen = true;
            }
            let mut observed = look.observed;
            if heal::pushed(cluster) {
                observed.health = None;
            }
            Some(observed)
        }
        (Err(error), _) => look::silent(cluster, error),
        (Ok(_), None) => None,
    };
    sighting.observed = observed.filter(|observed| {
        let health = if observed.health.is_none() { before.health } else { observed.health };
        let reason = if observed.health.is_none() { &before.health_reason } else { &observed.health_reason };
        cluster::Observed { at_ms: before.at_ms, health, health_reason: reason.clone(), ..observed.clone() } != before
    });
    Ok(())
}

/// The machines of groups: as the provisioner keeps them, or else as they are recorded.
fn machines(nodes: &[Node], seen: &Seen) -> Option<Vec<NodeSeen>> {
    let recorded = || nodes.iter().map(look::kept).collect::<Option<Vec<_>>>().filter(|kept| !kept.is_empty());
    seen.kept.clone().or_else(recorded)
}

/// Machines that were seen not to be ready, by the own ids of their provisioner; `None`: it was not asked, or did not answer.
pub(crate) fn down(seen: &Seen, nodes: &[Node]) -> Option<BTreeSet<String>> {
    let engine = seen.engine.as_ref().ok()?;
    let kept = look::merged(seen.kept.clone()?, &engine.nodes);
    let known = |id: &String| nodes.iter().any(|node| node.external_id.as_ref() == Some(id));
    Some(kept.into_iter().filter(|node| !node.ready).map(|node| node.external_id).filter(known).collect())
}

fn alike(old: &Node, new: &Node) -> bool {
    let shown = |node: &Node| (node.id, node.name.clone(), node.address.clone(), node.image_id.clone());
    let kept = |node: &Node| (node.external_id.clone(), node.group.clone(), node.master, node.not_ready);
    shown(old) == shown(new) && kept(old) == kept(new)
}

/// Removes what carries the cluster's tag and has no record; how many there were.
pub(crate) async fn sweep(shared: &Arc<Shared>, picture: &Picture, epoch: u64, seen: &Seen) -> Result<usize, Halt> {
    let Some(containers) = &seen.containers else { return Ok(0) };
    let suspects: Vec<_> =
        containers.iter().filter(|found| found.cluster == picture.cluster.id && !seen.before.contains_key(&found.id)).collect();
    let Some(provisioned) = picture.provisioned().filter(|_| !suspects.is_empty()) else { return Ok(0) };
    let Some(hold) = shared.lease.hold(epoch) else { return Ok(0) };
    let view = shared.fresh_view().await?;
    if shared.epoch_in(&view, picture.cluster.id)? != Some(epoch) {
        return Err(Halt::Stale);
    }
    let Ok(engine) = shared.registry.connect(&picture.spec, &provisioned) else { return Ok(0) };
    let mut removed = 0;
    for orphan in suspects {
        if container::query::by_id(&*view, orphan.id)?.is_some() || removed >= SWEEP {
            continue;
        }
        let mark = Mark { cluster: picture.cluster.id, epoch, operation: orphan.operation.unwrap_or_default() };
        model::fault_point!("sweep::orphan::before");
        let swept = shared.lease.guard(hold, engine.remove(&mark, orphan.id)).await;
        model::fault_point!("sweep::orphan::after", Ok(removed));
        match swept {
            Ok(Ok(())) => {
                shared.metrics.orphan();
                removed += 1;
                tracing::warn!(cluster = %picture.cluster.id, container = %orphan.id, made_under = orphan.epoch, "an orphan was removed");
            }
            Ok(Err(error)) => {
                tracing::warn!(cluster = %picture.cluster.id, container = %orphan.id, %error, "an orphan could not be removed")
            }
            Err(_) => return Ok(removed),
        }
    }
    Ok(removed)
}

/// The engine of a cluster whose endpoint is known.
pub(crate) fn engine(shared: &Shared, picture: &Picture) -> Result<Arc<dyn Engine>, Error> {
    let provisioned = picture.provisioned().ok_or_else(|| Error::Refused("the cluster has no endpoint".to_owned()))?;
    shared.registry.connect(&picture.spec, &provisioned)
}
