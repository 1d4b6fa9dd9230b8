//! The network of a cluster.
//!
//! Names of networks are not unique in an engine, so the label decides: after one was made all are listed, and the oldest stays. All
//! who do so keep the same one, because age and id are the engine's. A younger one is removed unless something runs in it.

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
};

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

/// Finds it or makes it.
pub(crate) async fn create(client: &Client, mark: &Mark) -> Result<Found, Error> {
    let before = list(client, mark.cluster).await?;
    if before.is_empty() {
        let labels = mark.labels().into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let request = NetworkCreateRequest {
            name: name::network(mark.cluster),
            driver: Some("bridge".to_owned()),
            labels: Some(labels),
            ..NetworkCreateRequest::default()
        };
        match client.docker()?.create_network(request).await.map_err(Fault::from) {
            // 409: an engine that does keep names unique, and somebody was faster.
            Ok(_) | Err(Fault::Answer(409, _)) => {}
            // Nothing was asked for that could be missing: the engine has no addresses left for one more network.
            Err(Fault::Answer(404, words)) => return Err(Error::Refused(words)),
            Err(fault) => return Err(fault.into()),
        }
    }
    let mut found = list(client, mark.cluster).await?.into_iter();
    let oldest = found.next().ok_or_else(|| Error::Broken("the network vanished while it was made".to_owned()))?;
    for younger in found {
        match remove(client, &younger.id).await {
            Ok(()) | Err(Error::Refused(_)) => {}
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
