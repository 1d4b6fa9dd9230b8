//! The contract of provisioners.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use model::id::OperationId;
use uuid::Uuid;

use crate::{
    contract::{LONG, Place, Verdict, failed, must, said},
    error::{Class, Error},
    mark::Mark,
    provision::{Progress, Provisioner},
    registry::Registry,
    seen::{Phase, Provisioned},
    spec::ClusterSpec,
};

/// How often a call that says "working" is made again.
pub(super) const PATIENCE: u32 = 600;

/// One cluster is made once, whoever asks and how often; it is found by tag; all of it goes, and nothing else does.
///
/// The specs are of two clusters that were never made, of a driver and a coe that the registry has; `image` is as in [`Place`].
pub async fn provisioner(registry: &Registry, specs: [&ClusterSpec; 2], image: &str, seed: u128) -> Verdict {
    let [one, other] = specs;
    let provisioner = said("finding the driver", registry.provisioner(one))?;
    let mark = |spec: &ClusterSpec, epoch| Mark { cluster: spec.id, epoch, operation: OperationId::new(Uuid::from_u128(seed)) };
    must(said("look", provisioner.look(one).await)?.is_none(), "what was not made is not there")?;
    let error = failed("an update of what is not there", provisioner.update(&mark(one, 1), one).await)?;
    must(error.class() == Class::Gone, "an update of what is not there is gone")?;
    said("delete of what is not there", gone(&provisioner, &mark(one, 1), one).await)?;

    let marks: Vec<Mark> = (1..=6).map(|epoch| mark(one, epoch)).collect();
    let mut made = Vec::new();
    for race in join_all(marks.iter().map(|mark| ready(&provisioner, mark, one))).await {
        made.push(said("a racing create", race)?);
    }
    let seen = said("look", provisioner.look(one).await)?.ok_or("does not hold: what was made is there")?;
    must(made.iter().all(|made| made.backend_id == seen.backend_id), "six racing creates make one cluster")?;
    must(seen.phase == Phase::Ready && seen.api_address.is_some(), "it is ready and has an address")?;
    let again = said("create again", ready(&provisioner, &mark(one, 9), one).await)?;
    must(again == seen, "a later create adopts what is there")?;
    let updated = said("update", provisioner.update(&mark(one, 9), one).await)?;
    must(updated == Progress::Done(seen.clone()), "an update without a difference changes nothing")?;

    let beside = said("create beside it", ready(&provisioner, &mark(other, 1), other).await)?;
    must(beside.backend_id != seen.backend_id, "another cluster is another")?;
    inhabited(registry, one, &seen, image, seed.wrapping_add(1)).await?;
    inhabited(registry, other, &beside, image, seed.wrapping_add(1000)).await?;

    said("delete", gone(&provisioner, &mark(one, 9), one).await)?;
    must(said("look", provisioner.look(one).await)?.is_none(), "what was deleted is gone")?;
    let engine = said("connect", registry.connect(one, &seen))?;
    must(said("list", engine.containers(one.id).await)?.is_empty(), "its containers are gone with it")?;
    must(said("list", engine.containers(other.id).await)?.len() == 1, "another cluster's are not")?;
    must(said("look", provisioner.look(other).await)? == Some(beside), "nor is the other cluster")?;
    interrupted(&provisioner, one, &mark).await?;
    said("delete again", gone(&provisioner, &mark(one, 9), one).await)?;
    said("delete the other", gone(&provisioner, &mark(other, 1), other).await)
}

/// An owner dies at any moment of a call, and its successor makes the same call again.
async fn interrupted(provisioner: &Arc<dyn Provisioner>, spec: &ClusterSpec, mark: &impl Fn(&ClusterSpec, u64) -> Mark) -> Verdict {
    for moment in 0..10 {
        let (former, successor) = (mark(spec, 2 * moment + 10), mark(spec, 2 * moment + 11));
        let died = Duration::from_millis(3 * moment);
        drop(tokio::time::timeout(died, provisioner.create(&former, spec)).await);
        let made = said("create after a death", ready(provisioner, &successor, spec).await)?;
        let seen = said("look", provisioner.look(spec).await)?;
        must(seen == Some(made), "a create that was cut short leaves one cluster")?;
        drop(tokio::time::timeout(died, provisioner.delete(&former, spec)).await);
        said("delete after a death", gone(provisioner, &successor, spec).await)?;
        must(said("look", provisioner.look(spec).await)?.is_none(), "a deletion that was cut short is completed")?;
    }
    Ok(())
}

/// Puts a running container into a cluster.
async fn inhabited(registry: &Registry, spec: &ClusterSpec, seen: &Provisioned, image: &str, seed: u128) -> Verdict {
    let engine = said("connect", registry.connect(spec, seen))?;
    let place = Place { engine, image: image.to_owned(), cluster: spec.id, seed };
    place.run(1, LONG).await
}

/// Creates until it is done.
async fn ready(provisioner: &Arc<dyn Provisioner>, mark: &Mark, spec: &ClusterSpec) -> Result<Provisioned, Error> {
    for _ in 0..PATIENCE {
        match provisioner.create(mark, spec).await {
            Ok(Progress::Done(seen)) => return Ok(seen),
            Ok(Progress::Working { look_again: wait }) | Err(Error::Busy { retry_after: wait, .. }) => tokio::time::sleep(wait).await,
            Err(error) => return Err(error),
        }
    }
    Err(Error::Timeout("it is never ready".to_owned()))
}

/// Deletes until it is done.
async fn gone(provisioner: &Arc<dyn Provisioner>, mark: &Mark, spec: &ClusterSpec) -> Result<(), Error> {
    for _ in 0..PATIENCE {
        match provisioner.delete(mark, spec).await {
            Ok(Progress::Done(())) => return Ok(()),
            Ok(Progress::Working { look_again: wait }) | Err(Error::Busy { retry_after: wait, .. }) => tokio::time::sleep(wait).await,
            Err(error) => return Err(error),
        }
    }
    Err(Error::Timeout("it is never gone".to_owned()))
}
