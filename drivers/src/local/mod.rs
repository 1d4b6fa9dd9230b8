//! The provisioner `local`: a cluster on a Docker Engine that is there already.
//!
//! How many clusters fit is the engine's address pools' matter: Docker's own default has room for about thirty networks, and then says
//! so; `default-address-pools` in its configuration gives more.
//!
//! A cluster is a network of its own on the engine, and the engine's host is its one node, whatever node counts were asked for. Several
//! clusters share the engine and are kept apart by their networks and labels; this is for machines of one's own and for trials, not a
//! wall between tenants who distrust each other.
//!
//! So a change of size changes nothing but the number that is asked for; and machines cannot be removed, replaced or upgraded here, nor has the
//! cluster an authority of its own: whoever runs the host does these things.
//!
//! Deleting removes every container that carries the cluster's label, then its networks, then looks once more: a create that a former
//! owner had on its way when it lost the cluster may have landed in between.

use std::sync::Arc;

use async_trait::async_trait;
use model::template::TemplateWish;

use crate::{
    docker::{Client, containers, networks, within},
    error::Error,
    limit,
    mark::Mark,
    provision::{Progress, Provisioner},
    seen::{Phase, Provisioned, Tagged},
    spec::ClusterSpec,
};

/// Its name: what clusters and members call it.
pub const NAME: &str = "local";

/// How often deletion looks for what is left before it answers "working".
const ROUNDS: u32 = 3;
/// When to call again for a deletion that is not finished.
const SOON: std::time::Duration = std::time::Duration::from_secs(1);

/// Clusters on one Docker Engine.
#[derive(Debug)]
pub struct Local {
    client: Arc<Client>,
}

impl Local {
    /// Clusters on the engine behind this client.
    pub fn new(client: Arc<Client>) -> Self {
        Self { client }
    }

    fn provisioned(&self, network: networks::Found) -> Provisioned {
        let host = self.client.host();
        Provisioned {
            backend_id: network.id.clone(),
            phase: Phase::Ready,
            api_address: Some(self.client.address().to_owned()),
            network: Some(network.id),
            master_addresses: vec![host.clone()],
            node_addresses: vec![host],
            epoch: network.epoch,
        }
    }

    async fn find(&self, cluster: &ClusterSpec) -> Result<Option<Provisioned>, Error> {
        let found = networks::list(&self.client, cluster.id).await?.into_iter().next();
        Ok(found.map(|network| self.provisioned(network)))
    }

    async fn all(&self) -> Result<Vec<Tagged>, Error> {
        let mut all = networks::of_all(&self.client).await?;
        all.extend(containers::of_all(&self.client).await?);
        Ok(all)
    }

    async fn clear(&self, cluster: &ClusterSpec) -> Result<Progress<()>, Error> {
        for _ in 0..ROUNDS {
            let containers = containers::sweep(&self.client, cluster.id).await?;
            let networks = networks::list(&self.client, cluster.id).await?;
            if containers == 0 && networks.is_empty() {
                return Ok(Progress::Done(()));
            }
            model::fault_point!("docker::cluster::emptied");
            for network in networks {
                networks::remove(&self.client, &network.id).await?;
            }
        }
        Ok(Progress::Working { look_again: SOON })
    }
}

#[async_trait]
impl Provisioner for Local {
    fn coes(&self) -> &[&'static str] {
        &["swarm"]
    }

    async fn look(&self, cluster: &ClusterSpec) -> Result<Option<Provisioned>, Error> {
        within(limit::LOOK, "list the networks", self.find(cluster)).await
    }

    async fn create(&self, mark: &Mark, _cluster: &ClusterSpec) -> Result<Progress<Provisioned>, Error> {
        let network = within(limit::PROVISION, "create the network", networks::create(&self.client, mark)).await?;
        Ok(Progress::Done(self.provisioned(network)))
    }

    async fn update(&self, _mark: &Mark, cluster: &ClusterSpec) -> Result<Progress<Provisioned>, Error> {
        let found = self.look(cluster).await?;
        found.map(Progress::Done).ok_or_else(|| Error::Gone(format!("the engine has no network of the cluster {}", cluster.id)))
    }

    async fn delete(&self, _mark: &Mark, cluster: &ClusterSpec) -> Result<Progress<()>, Error> {
        match within(limit::PROVISION, "remove the cluster", self.clear(cluster)).await {
            // Removing many containers takes long, and every one removed is progress.
            Err(Error::Timeout(_) | Error::Busy { .. }) => Ok(Progress::Working { look_again: SOON }),
            result => result,
        }
    }

    async fn tagged(&self) -> Result<Vec<Tagged>, Error> {
        within(limit::LOOK, "list what carries our labels", self.all()).await
    }

    async fn remove_nodes(&self, _mark: &Mark, _cluster: &ClusterSpec, _nodes: &[String]) -> Result<Progress<()>, Error> {
        Err(cannot("its only node is the host of the Docker Engine, which stays as long as the engine does"))
    }

    async fn replace_node(&self, _mark: &Mark, _cluster: &ClusterSpec, _node: &str) -> Result<Progress<()>, Error> {
        Err(cannot("its only node is the host of the Docker Engine; repair the host"))
    }

    async fn upgrade(&self, _mark: &Mark, _cluster: &ClusterSpec, _to: &TemplateWish, _nodes: &[String]) -> Result<Progress<()>, Error> {
        Err(cannot("the Docker Engine is upgraded on its host, for all clusters there at once"))
    }

    async fn rotate(&self, _mark: &Mark, _cluster: &ClusterSpec, _credentials: u64) -> Result<Progress<()>, Error> {
        Err(cannot("all clusters there share the certificates of the Docker Engine, which are replaced on its host"))
    }
}

/// What a single Docker Engine cannot do for one cluster.
fn cannot(why: &str) -> Error {
    Error::Refused(format!("a cluster of the driver \"local\" is a part of one Docker Engine: {why}"))
}
