//! What carries the tags of clusters that are not there: left by a deletion that was forced, by a backend that acted very late, or by hand.
//!
//! Nobody owns a cluster that is gone, so nothing here is removed: it is shown to operators, by the member that can see it. Other installations
//! may share an endpoint; then their clusters stand in the list too, which is one more reason to let people decide.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use drivers::{Error, Provisioner, Tagged};
use model::{
    cluster::Cluster,
    id::ClusterId,
    peer::{Stray, Strays},
    record,
    tables::Visit,
};
use tokio::time::timeout;

use crate::{error::Halt, shared::Shared};

/// Things that are named at most.
const SHOWN: usize = 1000;

/// Asks every driver of this member.
pub(crate) async fn look(shared: &Shared) -> Result<Strays, Halt> {
    // Known before or after the look: a cluster that was made or deleted meanwhile is none of those that are missing.
    let mut known = clusters(shared).await?;
    let (mut found, mut unseen) = (Vec::new(), Vec::new());
    for (driver, provisioner) in shared.registry.provisioners() {
        match listed(provisioner).await {
            Ok(things) => found.extend(things.into_iter().map(|thing| (driver, thing))),
            Err(error) => unseen.push(format!("{driver}: {error}")),
        }
    }
    known.extend(clusters(shared).await?);
    let strays = found.into_iter().filter(|(_, thing)| !known.contains(&thing.cluster));
    let mut things: Vec<Stray> = strays.map(|(driver, thing)| stray(driver, thing)).collect();
    things.sort();
    things.truncate(SHOWN);
    Ok(Strays { things, unseen })
}

async fn listed(provisioner: &Arc<dyn Provisioner>) -> Result<Vec<Tagged>, Error> {
    let bound = drivers::limit::LOOK + Duration::from_secs(1);
    timeout(bound, provisioner.tagged()).await.map_err(|_| Error::Timeout("the look took too long".to_owned()))?
}

async fn clusters(shared: &Shared) -> Result<BTreeSet<ClusterId>, Halt> {
    let view = shared.fresh_view().await?;
    let mut ids = BTreeSet::new();
    record::each(&*view, &mut |cluster: Cluster| {
        ids.insert(cluster.id);
        Visit::Continue
    })?;
    Ok(ids)
}

fn stray(driver: &str, thing: Tagged) -> Stray {
    Stray { cluster: thing.cluster, driver: driver.to_owned(), what: thing.what.to_owned(), name: thing.name, id: thing.id }
}
