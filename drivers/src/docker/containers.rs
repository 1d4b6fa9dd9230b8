//! Containers: finding, listing, creating or adopting, removing.

use std::time::Duration;

use bollard::{
    models::ContainerSummary,
    query_parameters::{CreateContainerOptionsBuilder, ListContainersOptionsBuilder, RemoveContainerOptionsBuilder},
};
use futures::{StreamExt, TryStreamExt, stream};
use model::id::{ClusterId, ContainerId};

use crate::{
    docker::{
        client::{Client, Fault},
        images, name, sight, wish,
    },
    error::Error,
    limit,
    mark::{self, Mark},
    seen::{ContainerSeen, Tagged},
    spec::ContainerSpec,
};

/// Inspections and removals under way at once.
const AT_ONCE: usize = 8;
/// How often a taken name is looked at again before the create is given back as busy.
const LOOKS: u32 = 15;
/// Between two such looks.
const PAUSE: Duration = Duration::from_millis(200);
/// When to come back to what the engine is removing, or making, just now.
const SOON: Duration = Duration::from_millis(500);

/// The container, `None` when there is none. One of that name without our labels is refused.
pub(crate) async fn find(client: &Client, id: ContainerId) -> Result<Option<ContainerSeen>, Error> {
    let name = name::container(id);
    let seen = inspect(client, &name).await?;
    match seen {
        None => Ok(None),
        Some(Some(seen)) if seen.id == id => Ok(Some(seen)),
        Some(_) => Err(Error::Refused(format!("the engine has a container {name} which does not carry its labels: it is not ours"))),
    }
}

/// The container, which must be there and belong to the mark's cluster.
pub(crate) async fn ours(client: &Client, mark: &Mark, id: ContainerId) -> Result<ContainerSeen, Error> {
    let seen = find(client, id).await?.ok_or_else(|| gone(id))?;
    own(mark, seen)
}

/// That there is no such container.
pub(crate) fn gone(id: ContainerId) -> Error {
    Error::Gone(format!("the engine has no container {}", name::container(id)))
}

fn own(mark: &Mark, seen: ContainerSeen) -> Result<ContainerSeen, Error> {
    if seen.cluster == mark.cluster {
        return Ok(seen);
    }
    Err(Error::Refused(format!("the container {} belongs to the cluster {}", seen.id, seen.cluster)))
}

/// All containers of a cluster, in the order of their ids.
pub(crate) async fn list(client: &Client, cluster: ClusterId) -> Result<Vec<ContainerSeen>, Error> {
    let shown = tagged(client, cluster).await?;
    if shown.len() > limit::CONTAINERS {
        return Err(Error::Broken(format!("the cluster has {} containers, {} can be looked at", shown.len(), limit::CONTAINERS)));
    }
    let look = |shown: ContainerSummary| async move {
        if let Some(seen) = sight::listed(&shown) {
            return Ok(Some(seen));
        }
        Ok::<_, Error>(inspect(client, shown.id.as_deref().unwrap_or_default()).await?.flatten())
    };
    let looks: Vec<Option<ContainerSeen>> = stream::iter(shown).map(look).buffer_unordered(AT_ONCE).try_collect().await?;
    let mut seen: Vec<ContainerSeen> = looks.into_iter().flatten().filter(|seen| seen.cluster == cluster).collect();
    seen.sort_by_key(|seen| seen.id);
    Ok(seen)
}

/// Creates or adopts. The name is what decides: whoever is refused it looks again for what has it.
pub(crate) async fn create(client: &Client, mark: &Mark, spec: &ContainerSpec, network: Option<&str>) -> Result<ContainerSeen, Error> {
    let body = wish::body(mark, spec, network)?;
    let options = CreateContainerOptionsBuilder::new().name(&name::container(spec.id)).build();
    let docker = client.docker()?;
    let mut pulled = false;
    for _ in 0..LOOKS {
        if let Some(seen) = find(client, spec.id).await? {
            if model::planted!("m9") && seen.epoch != mark.epoch {
                let other = format!("{}-{}", name::container(spec.id), mark.epoch);
                drop(docker.create_container(Some(CreateContainerOptionsBuilder::new().name(&other).build()), body).await);
            }
            return own(mark, seen);
        }
        model::fault_point!("docker::container::before");
        let made = docker.create_container(Some(options.clone()), body.clone()).await;
        model::fault_point!("docker::container::made", Err(Error::Timeout("the answer was lost".to_owned())));
        match made.map_err(Fault::from) {
            Ok(_) => {}
            // Somebody has the name but cannot be seen yet, or not any more.
            Err(Fault::Answer(409, _)) => tokio::time::sleep(PAUSE).await,
            Err(Fault::Answer(404, words)) if pulled => return Err(Error::Refused(words)),
            Err(Fault::Answer(404, words)) => {
                images::bring(&docker, body.image.as_deref().unwrap_or_default(), words).await?;
                pulled = true;
            }
            Err(fault) => return Err(fault.into()),
        }
    }
    Err(Error::Busy { reason: format!("the name of {} is taken by something that cannot be seen", spec.id), retry_after: SOON })
}

/// Removes one container by the engine's own id; gone is success.
pub(crate) async fn remove(client: &Client, external_id: &str) -> Result<(), Error> {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    let removed = client.docker()?.remove_container(external_id, Some(options)).await;
    model::fault_point!("docker::container::removed", Err(Error::Timeout("the answer was lost".to_owned())));
    match removed.map_err(Fault::from) {
        Ok(()) | Err(Fault::Answer(404, _)) => Ok(()),
        Err(Fault::Answer(409, reason)) => Err(Error::Busy { reason, retry_after: SOON }),
        Err(fault) => Err(fault.into()),
    }
}

/// Removes whatever carries the cluster's label, readable or not; answers how many there were.
pub(crate) async fn sweep(client: &Client, cluster: ClusterId) -> Result<usize, Error> {
    let shown = tagged(client, cluster).await?;
    let ids: Vec<String> = shown.into_iter().filter_map(|shown| shown.id).collect();
    let count = ids.len();
    let remove = |id: String| async move { remove(client, &id).await };
    stream::iter(ids).map(remove).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
    Ok(count)
}

/// Whatever carries the label of any cluster.
pub(crate) async fn of_all(client: &Client) -> Result<Vec<Tagged>, Error> {
    let options = ListContainersOptionsBuilder::new().all(true).filters(&name::of_any_cluster()).build();
    let shown = client.docker()?.list_containers(Some(options)).await.map_err(|failure| Error::from(Fault::from(failure)))?;
    let row = |shown: ContainerSummary| {
        let cluster = shown.labels?.get(mark::CLUSTER)?.parse().ok()?;
        let name = shown.names.unwrap_or_default().first().map(|name| name.trim_start_matches('/').to_owned());
        Some(Tagged { cluster, what: "container", name: name.unwrap_or_default(), id: shown.id? })
    };
    Ok(shown.into_iter().filter_map(row).collect())
}

async fn tagged(client: &Client, cluster: ClusterId) -> Result<Vec<ContainerSummary>, Error> {
    let options = ListContainersOptionsBuilder::new().all(true).filters(&name::of_cluster(cluster)).build();
    client.docker()?.list_containers(Some(options)).await.map_err(|failure| Fault::from(failure).into())
}

/// `None`: there is nothing. `Some(None)`: there is something, and it is not ours.
async fn inspect(client: &Client, name: &str) -> Result<Option<Option<ContainerSeen>>, Error> {
    match client.docker()?.inspect_container(name, None).await.map_err(Fault::from) {
        Ok(shown) => Ok(Some(sight::container(shown))),
        Err(Fault::Answer(404, _)) => Ok(None),
        Err(fault) => Err(fault.into()),
    }
}
