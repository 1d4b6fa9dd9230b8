//! The suite that every driver must pass.
//!
//! It speaks to the traits only and makes no difference between backends, so a driver's own tests consist of starting its backend and
//! calling these functions; a backend scripted for a test has to pass them too. Each returns the first sentence that does not hold.
//! An engine that refuses a group of calls altogether (pausing in swarm mode) leaves that group out, and says so where it is tested.
//!
//! The ids are the caller's, so that the suite draws no random numbers; they must never have been used with the same backend.

mod containers;
mod nodes;
mod output;
mod provision;

use std::{sync::Arc, time::Duration};

use model::{
    container::ContainerWish,
    id::{ClusterId, ContainerId, OperationId},
};
use tokio::time::Instant;
use uuid::Uuid;

pub use containers::{adoption, interruption, life, ownership, pausing, refusals};
pub use nodes::{nodes, without_nodes};
pub use output::{executions, logs};
pub use provision::provisioner;

use crate::{engine::Engine, error::Error, mark::Mark, spec::ContainerSpec};

/// What the suite works with.
#[derive(Clone)]
pub struct Place {
    /// The engine.
    pub engine: Arc<dyn Engine>,
    /// An image that the engine has or can bring, with `sh` and the ordinary small programs.
    pub image: String,
    /// The cluster that the engine was provisioned for.
    pub cluster: ClusterId,
    /// Base of the ids of this run; a hundred after it are used.
    pub seed: u128,
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place").field("image", &self.image).field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

/// A command line that runs until it is told to end, and then ends at once.
const LONG: &str = "sh -c 'trap \"exit 0\" TERM; while true; do sleep 0.1; done'";

impl Place {
    /// The mark of an epoch.
    fn mark(&self, epoch: u64) -> Mark {
        let operation = OperationId::new(Uuid::from_u128(self.seed.wrapping_add(99)));
        Mark { cluster: self.cluster, epoch, operation }
    }

    /// The id with this number.
    fn id(&self, number: u8) -> ContainerId {
        ContainerId::new(Uuid::from_u128(self.seed.wrapping_add(u128::from(number))))
    }

    /// A container that runs `command`.
    fn spec(&self, number: u8, command: &str) -> ContainerSpec {
        let wish = ContainerWish {
            name: format!("contract {number}"),
            image: self.image.clone(),
            command: Some(command.to_owned()),
            ..ContainerWish::default()
        };
        ContainerSpec { id: self.id(number), wish }
    }

    /// Creates and starts it.
    async fn run(&self, number: u8, command: &str) -> Verdict {
        let mark = self.mark(1);
        said("create", self.engine.create(&mark, &self.spec(number, command)).await)?;
        said("start", self.engine.start(&mark, self.id(number)).await)?;
        Ok(())
    }

    /// Removes it, as often as the engine says that it is busy with that.
    async fn end(&self, number: u8) -> Verdict {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            match self.engine.remove(&self.mark(1), self.id(number)).await {
                Err(Error::Busy { retry_after, .. }) if Instant::now() < end => tokio::time::sleep(retry_after).await,
                answer => return said("remove", answer),
            }
        }
    }
}

/// `Err`: the sentence that does not hold.
pub type Verdict = Result<(), String>;

/// Looking at the engine itself.
pub async fn looks(place: &Place) -> Verdict {
    let first = said("look", place.engine.look().await)?;
    must(first.coe_version.as_ref().is_some_and(|version| !version.is_empty()), "an engine knows its version")?;
    must(!first.nodes.is_empty(), "a cluster has a node")?;
    let nodes = |seen: &crate::seen::EngineSeen| seen.nodes.iter().map(|node| node.external_id.clone()).collect::<Vec<_>>();
    let mut ids = nodes(&first);
    must(ids.iter().all(|id| !id.is_empty()), "a node has an id of the engine's")?;
    must(first.nodes.is_sorted_by(|a, b| a.name <= b.name), "nodes come in the order of their names")?;
    let again = said("look again", place.engine.look().await)?;
    must(nodes(&again) == ids, "two looks show the same nodes in the same order")?;
    ids.dedup();
    must(ids.len() == again.nodes.len(), "no node is shown twice")
}

/// Turns a call that must succeed into a verdict.
fn said<T>(what: &str, result: Result<T, Error>) -> Result<T, String> {
    result.map_err(|error| format!("{what} must succeed, but: {error:?}"))
}

/// Turns a condition into a verdict.
fn must(holds: bool, sentence: &str) -> Verdict {
    if holds { Ok(()) } else { Err(format!("does not hold: {sentence}")) }
}

/// The error of a call that must fail.
fn failed<T: std::fmt::Debug>(what: &str, result: Result<T, Error>) -> Result<Error, String> {
    match result {
        Ok(value) => Err(format!("{what} must fail, but answered {value:?}")),
        Err(error) => Ok(error),
    }
}

/// Waits until `look` answers true, for `seconds` at most.
async fn until<F: Future<Output = Result<bool, String>>>(seconds: u64, sentence: &str, mut look: impl FnMut() -> F) -> Verdict {
    let end = Instant::now() + Duration::from_secs(seconds);
    while !look().await? {
        must(Instant::now() < end, sentence)?;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
