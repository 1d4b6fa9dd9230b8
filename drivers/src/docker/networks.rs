//! The network of a cluster.
//!
//! Names of networks are not unique in an engine, but names of bridge interfaces are: the engine refuses a second network with the same
//! one. So the interface is named after the cluster as well, and whoever is refused looks again for what has it. Going by age alone
//! would not do, because a network gets its time before it can be seen: two who list at the wrong moment keep different ones.
//!
//! Where several carry the label all the same (made by hand, or by an engine without that rule), the oldest stays, and a younger one
//! is removed unless something runs in it.

use std::time::Duration;

use bollard::{
    models::{Network, NetworkCreateRequest},
    query_parameters::ListNetworksOptionsBuilder,
};
use model::id::ClusterId;

use crate::{
    docker::{
        client::{Client, Fault},
        name,
    },
    error::Error,
    mark::{self, Mark},
    seen::Tagged,
};

/// The option that names the bridge interface.
const INTERFACE: &str = "com.docker.network.bridge.name";
/// How often a refused network is looked for before the create is given back as busy.
const LOOKS: u32 = 15;
/// Between two such looks.
const PAUSE: Duration = Duration::from_millis(200);

/// A network of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The engine's id.
    pub(crate) id: String,
    /// The epoch under which it was made.
    pub(crate) epoch: Option<u64>,
    made: Option<jiff::Timestamp>,
}

/// All that carry the cluster's label, the oldest first.
pub(crate) async fn list(client: &Client, cluster: ClusterId) -> Result<Vec<Found>, Error> {
    let options = ListNetworksOptionsBuilder::new().filters(&name::of_cluster(cluster)).build();
    let shown = client.docker()?.list_networks(Some(options)).await.map_err(|failure| Error::from(Fault::from(failure)))?;
    let mut found: Vec<Found> = shown.into_iter().filter_map(read).collect();
    // One whose time cannot be read counts as the youngest.
    found.sort_by(|a, b| (a.made.is_none(), a.made, &a.id).cmp(&(b.made.is_none(), b.made, &b.id)));
    Ok(found)
}

/// Whatever carries the label of any cluster.
pub(crate) async fn of_all(client: &Client) -> Result<Vec<Tagged>, Error> {
    let options = ListNetworksOptionsBuilder::new().filters(&name::of_any_cluster()).build();
    let shown = client.docker()?.list_networks(Some(options)).await.map_err(|failure| Error::from(Fault::from(failure)))?;
    let row = |shown: Network| {
        let cluster = shown.labels?.get(mark::CLUSTER)?.parse().ok()?;
        Some(Tagged { cluster, what: "network", name: shown.name.unwrap_or_default(), id: shown.id? })
    };
    Ok(shown.into_iter().filter_map(row).collect())
}

/// Finds it or makes it.
pub(crate) async fn create(client: &Client, mark: &Mark) -> Result<Found, Error> {
    let docker = client.docker()?;
    let mut last = String::new();
    for _ in 0..LOOKS {
        let mut found = list(client, mark.cluster).await?.into_iter();
        if let Some(oldest) = found.next() {
            return keep(client, oldest, found).await;
        }
        model::fault_point!("docker::network::before");
        let made = docker.create_network(wish(mark)).await;
        model::fault_point!("docker::network::made", Err(Error::Timeout("the answer was lost".to_owned())));
        match made.map_err(Fault::from) {
            Ok(_) => {}
            // Somebody has the interface, or the name, but cannot be seen yet, or not any more.
            Err(Fault::Answer(403 | 409, words)) => {
                last = words;
                tokio::time::sleep(PAUSE).await;
            }
            // Nothing was asked for that could be missing: the engine has no addresses left for one more network.
            Err(Fault::Answer(404, words)) => return Err(Error::Refused(words)),
            Err(fault) => return Err(fault.into()),
        }
    }
    Err(Error::Busy { reason: format!("the network cannot be made or seen: {last}"), retry_after: PAUSE })
}

fn wish(mark: &Mark) -> NetworkCreateRequest {
    NetworkCreateRequest {
        name: name::network(mark.cluster),
        driver: Some("bridge".to_owned()),
        labels: Some(mark.labels().into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        options: Some([(INTERFACE.to_owned(), name::interface(mark.cluster))].into()),
        ..NetworkCreateRequest::default()
    }
}

/// Keeps the oldest of several.
async fn keep(client: &Client, oldest: Found, others: impl Iterator<Item = Found>) -> Result<Found, Error> {
    for younger in others {
        match remove(client, &younger.id).await {
            Ok(()) | Err(Error::Refused(_) | Error::State(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(oldest)
}

/// Removes one by the engine's id; gone is success, one with running containers in it is refused by the engine.
pub(crate) async fn remove(client: &Client, id: &str) -> Result<(), Error> {
    match client.docker()?.remove_network(id).await.map_err(Fault::from) {
        Ok(()) | Err(Fault::Answer(404, _)) => Ok(()),
        Err(fault) => Err(fault.into()),
    }
}

fn read(shown: Network) -> Option<Found> {
    let labels = shown.labels.unwrap_or_default();
    let epoch = labels.get(mark::EPOCH).and_then(|epoch| epoch.parse().ok());
    Some(Found { id: shown.id?, epoch, made: shown.created.and_then(|made| made.parse().ok()) })
}
