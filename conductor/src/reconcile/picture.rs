//! What the state says of one cluster, read at one moment.

use std::{collections::BTreeMap, time::Duration};

use drivers::{ClusterSpec, Phase, Provisioned};
use model::{
    View,
    cluster::{self, Cluster},
    container::{self, Container},
    id::{ClusterId, ContainerId},
    node::{self, Node},
    nodegroup,
    operation::{self, Kind, Operation},
    tables::Fault,
    template,
};

use crate::reconcile::hazard;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    pub(crate) cluster: Cluster,
    pub(crate) spec: ClusterSpec,
    /// Open operations in the order in which they run.
    pub(crate) open: Vec<Operation>,
    /// All operations that are kept, if they were asked for and matter.
    pub(crate) history: Vec<Operation>,
    /// Its machines, where something is or may be done about them.
    pub(crate) nodes: Vec<Node>,
    /// Containers that open operations are about.
    pub(crate) containers: BTreeMap<ContainerId, Container>,
}

impl Picture {
    /// Reads it; `None`: the cluster is gone. The history is read only if somebody waits for the end of one of its operations (`waited`), or
    /// if old calls may still act (`young`) and something is open that has to wait for them: making does not.
    pub(crate) fn read(view: &dyn View, id: ClusterId, (young, waited): (bool, bool)) -> Result<Option<Self>, Fault> {
        let Some(cluster) = cluster::query::by_id(view, id)? else { return Ok(None) };
        let template = template::query::by_id(view, cluster.template_id)?.map(|template| template.wish).unwrap_or_default();
        let groups = nodegroup::query::of_cluster(view, id)?;
        let spec = ClusterSpec::new(&cluster, template, groups);
        let open = operation::query::open(view, id)?;
        let mut containers = BTreeMap::new();
        for container in open.iter().filter_map(|operation| operation.container) {
            if let Some(record) = container::query::by_id(view, container)? {
                containers.insert(container, record);
            }
        }
        let minded = cluster::heal::policy(&cluster).is_some() || open.iter().any(|operation| operation.roll.is_some());
        let nodes = if minded { node::query::of_cluster(view, id)? } else { Vec::new() };
        let waits = open.iter().any(|operation| operation.kind() != Kind::ClusterCreate);
        let history = if waited || (young && waits) { operation::query::of_cluster(view, id, usize::MAX)? } else { Vec::new() };
        Ok(Some(Self { cluster, spec, open, history, nodes, containers }))
    }

    /// How long calls from before a worker that concern what `operation` concerns may still act; `age`: the worker's, `now_ms`: log time.
    pub(crate) fn unclear(&self, operation: &Operation, tail: Duration, age: Duration, now_ms: u64) -> Duration {
        // A repetition leads where the call before it led, whichever of them acts last: it need not wait. What comes after it does.
        let repeated = |other: &Operation| other.id == operation.id && operation.container.is_some() && !operation.kind().at_most_once();
        // A cluster's deletion takes all its containers along, so every call concerns it.
        let same = self.history.iter().filter(|other| operation.container.is_none() || other.container == operation.container);
        hazard::of_steps(same.filter(|other| !repeated(other)), tail, age, now_ms)
    }

    /// What the provisioner made, as recorded; `None` until it has been seen.
    pub(crate) fn provisioned(&self) -> Option<Provisioned> {
        provisioned(&self.cluster)
    }
}

/// What the provisioner made of a cluster, as recorded; `None` until it has been seen.
pub(crate) fn provisioned(cluster: &Cluster) -> Option<Provisioned> {
    let observed = cluster.observed.as_ref()?;
    observed.api_address.as_ref()?;
    Some(Provisioned {
        backend_id: observed.backend_id.clone().unwrap_or_default(),
        phase: Phase::Ready,
        api_address: observed.api_address.clone(),
        network: observed.network.clone(),
        master_addresses: observed.master_addresses.clone(),
        node_addresses: observed.node_addresses.clone(),
        epoch: None,
    })
}
