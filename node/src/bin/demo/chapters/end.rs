//! Everything is taken away again.

use std::time::{Duration, Instant};

use super::{Stage, death::call, until};
use crate::{
    Failure,
    rest::Ask,
    story::{chapter, line, took},
    witness,
};

pub(super) async fn clean_up(stage: &mut Stage) -> Result<(), Failure> {
    chapter("7. Cleaning up");
    let (rest, address, bay) = (stage.rest.clone(), stage.any()?, stage.bay()?);
    let started = Instant::now();
    call(&rest, &address, "DELETE", &format!("/v1/containers/{}", stage.container)).await?;
    took("container deleted", started.elapsed());
    let bays: Vec<String> = stage.others.iter().cloned().chain([bay]).collect();
    for bay in &bays {
        call(&rest, &address, "DELETE", &format!("/v1/bays/{bay}")).await?;
    }
    for bay in &bays {
        let path = format!("/v1/bays/{bay}");
        let ask = Ask { method: "GET", path: &path, ..Ask::default() };
        until(Duration::from_secs(60), "the bays' end", async || {
            let answer = rest.ask(&address, &ask, Duration::from_secs(5)).await.ok()?;
            (answer.status == 404).then_some(())
        })
        .await?;
        let (containers, networks) = (witness::containers(bay).await?, witness::networks(bay).await?);
        if !containers.is_empty() || !networks.is_empty() {
            return Err(format!("docker still lists {} containers and {} networks of bay {bay}", containers.len(), networks.len()));
        }
    }
    took("all bays deleted", started.elapsed());
    stage.bay = None;
    stage.others.clear();
    line("docker lists no container and no network of the bays any more");
    let stopped = stage.members()?.stop().await?;
    took("all members stopped", stopped);
    stage.members()?.remove_folder()
}
