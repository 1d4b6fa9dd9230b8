//! The engine trait over the Docker API: bounds here, the doing in the neighbouring files.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use model::id::{ClusterId, ContainerId};

use crate::{
    docker::{
        changes::{self, Change},
        client::{Client, Fault, within},
        containers, events, output, sight,
    },
    engine::{Connector, Engine, Execution, LogOptions, Watch},
    error::Error,
    limit,
    mark::Mark,
    seen::{ContainerSeen, EngineSeen, Provisioned},
    spec::ContainerSpec,
};

/// One cluster's Docker endpoint.
#[derive(Clone, Debug)]
pub struct DockerEngine {
    client: Arc<Client>,
    /// The network its containers are put into; the engine's default network when there is none.
    network: Option<String>,
}

impl DockerEngine {
    /// An engine that puts its containers into `network`.
    pub fn new(client: Arc<Client>, network: Option<String>) -> Self {
        Self { client, network }
    }

    async fn change(&self, mark: &Mark, id: ContainerId, change: Change) -> Result<ContainerSeen, Error> {
        let limit = if matches!(change, Change::Stop | Change::Reboot) { limit::STOP } else { limit::CHANGE };
        let what = match change {
            Change::Start => "start the container",
            Change::Stop => "stop the container",
            Change::Pause => "pause the container",
            Change::Unpause => "unpause the container",
            Change::Reboot => "restart the container",
        };
        within(limit, what, changes::make(&self.client, mark, id, change)).await
    }
}

#[async_trait]
impl Engine for DockerEngine {
    async fn look(&self) -> Result<EngineSeen, Error> {
        let look = async {
            let shown = self.client.docker()?.info().await.map_err(|failure| Error::from(Fault::from(failure)))?;
            Ok(sight::engine(shown, Some(self.client.host())))
        };
        within(limit::LOOK, "describe itself", look).await
    }

    fn watch(&self) -> Option<Watch> {
        Some(Watch { endpoint: self.client.address().to_owned(), hints: events::hints(&self.client) })
    }

    async fn containers(&self, cluster: ClusterId) -> Result<Vec<ContainerSeen>, Error> {
        within(limit::LOOK, "list the containers", containers::list(&self.client, cluster)).await
    }

    async fn container(&self, id: ContainerId) -> Result<Option<ContainerSeen>, Error> {
        within(limit::LOOK, "show the container", containers::find(&self.client, id)).await
    }

    async fn create(&self, mark: &Mark, container: &ContainerSpec) -> Result<ContainerSeen, Error> {
        let create = containers::create(&self.client, mark, container, self.network.as_deref());
        within(limit::CREATE, "create the container", create).await
    }

    async fn start(&self, mark: &Mark, id: ContainerId) -> Result<ContainerSeen, Error> {
        self.change(mark, id, Change::Start).await
    }

    async fn stop(&self, mark: &Mark, id: ContainerId) -> Result<ContainerSeen, Error> {
        self.change(mark, id, Change::Stop).await
    }

    async fn pause(&self, mark: &Mark, id: ContainerId) -> Result<ContainerSeen, Error> {
        self.change(mark, id, Change::Pause).await
    }

    async fn unpause(&self, mark: &Mark, id: ContainerId) -> Result<ContainerSeen, Error> {
        self.change(mark, id, Change::Unpause).await
    }

    async fn reboot(&self, mark: &Mark, id: ContainerId) -> Result<ContainerSeen, Error> {
        self.change(mark, id, Change::Reboot).await
    }

    async fn remove(&self, mark: &Mark, id: ContainerId) -> Result<(), Error> {
        let remove = async {
            match containers::ours(&self.client, mark, id).await {
                Ok(seen) => containers::remove(&self.client, &seen.external_id).await,
                Err(Error::Gone(_)) => Ok(()),
                Err(error) => Err(error),
            }
        };
        within(limit::REMOVE, "remove the container", remove).await
    }

    async fn logs(&self, id: ContainerId, options: &LogOptions) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
        let open = async {
            let seen = containers::find(&self.client, id).await?.ok_or_else(|| containers::gone(id))?;
            Ok(output::logs(&self.client.docker()?, &seen.external_id, options))
        };
        within(limit::OPEN, "open the logs", open).await
    }

    async fn execute(&self, mark: &Mark, id: ContainerId, command: &str) -> Result<Execution, Error> {
        let open = async {
            let seen = containers::ours(&self.client, mark, id).await?;
            output::execute(&self.client.docker()?, &seen.external_id, command).await
        };
        within(limit::OPEN, "begin the command", open).await
    }
}

/// Connects to Docker endpoints: the coe `swarm`.
///
/// A provisioner that has a client for the address already shares it by being made with the same one. Others are made when they are needed and kept,
/// so that looks at the same endpoint share connections.
#[derive(Debug, Default)]
pub struct DockerConnector {
    known: Vec<Arc<Client>>,
    made: Mutex<BTreeMap<String, Arc<Client>>>,
}

/// Clients that are kept; where there are more endpoints, all are forgotten and made again as they are needed.
const KEPT: usize = 1024;

impl DockerConnector {
    /// A connector that uses these clients for their addresses and makes new ones for others.
    pub fn new(known: Vec<Arc<Client>>) -> Self {
        Self { known, made: Mutex::default() }
    }

    fn client(&self, address: &str) -> Result<Arc<Client>, Error> {
        if let Some(known) = self.known.iter().find(|client| client.address() == address) {
            return Ok(Arc::clone(known));
        }
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = made.get(address) {
            return Ok(Arc::clone(client));
        }
        let client = Arc::new(Client::new(address)?);
        if made.len() >= KEPT {
            made.clear();
        }
        made.insert(address.to_owned(), Arc::clone(&client));
        Ok(client)
    }
}

impl Connector for DockerConnector {
    fn connect(&self, _cluster: ClusterId, provisioned: &Provisioned) -> Result<Arc<dyn Engine>, Error> {
        let address = provisioned.api_address.as_deref();
        let address = address.ok_or_else(|| Error::Broken("the address of the cluster's engine is not known yet".to_owned()))?;
        Ok(Arc::new(DockerEngine::new(self.client(address)?, provisioned.network.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_has_one_client_and_not_too_many_are_kept() {
        let known = Arc::new(Client::new("unix:///run/docker.sock").unwrap());
        let connector = DockerConnector::new(vec![Arc::clone(&known)]);
        assert!(Arc::ptr_eq(&connector.client("unix:///run/docker.sock").unwrap(), &known));
        let first = connector.client("tcp://10.0.0.1:2375").unwrap();
        assert!(Arc::ptr_eq(&connector.client("tcp://10.0.0.1:2375").unwrap(), &first));
        assert!(connector.client("nonsense").is_err());
        for port in 1..=KEPT {
            connector.client(&format!("tcp://10.0.0.2:{port}")).unwrap();
        }
        assert!(connector.made.lock().unwrap().len() <= KEPT);
    }
}
