//! Very many creates at once: rates, and what one costs.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Figure, Figures, Run, figures::number};
use crate::{
    Error,
    chaos::{Stage, failover::made, hang, outside},
    cluster::Cluster,
    rest::baymodel,
};

/// How long all bays may take to be complete.
const COMPLETE: Duration = Duration::from_secs(1800);

/// The model of all bays.
pub(super) async fn model(stage: &mut Stage) -> Result<String, Error> {
    let key = stage.chance.key();
    made(stage, baymodel::create("scale", 0, key)).await
}

/// Creates the bays and waits until they are complete.
pub(super) async fn measure(run: &mut Run<'_>, figures: &mut Figures) -> Result<(), Error> {
    figures.lease(run.options.lease().as_secs_f64());
    let (before, entries, calls) = (run.stage.cluster.cpu()?, applied(&run.stage.cluster).await, calls(run));
    let started = Instant::now();
    hang::create_all(&run.stage.hopper, &mut run.stage.chance, &run.model, "scale-", run.bays).await?;
    let accepted = started.elapsed();
    while !all_complete(run).await {
        if started.elapsed() > COMPLETE {
            return Err(Error::late("all bays being complete", COMPLETE));
        }
        sleep(Duration::from_millis(250)).await;
    }
    let complete = started.elapsed();
    let spent = run.stage.cluster.cpu()?.saturating_sub(before);
    let entries = applied(&run.stage.cluster).await.saturating_sub(entries);
    let calls = self::calls(run).saturating_sub(calls);
    let bays = number(run.bays);
    figures.put(Figure::Accepted, bays * 60.0 / accepted.as_secs_f64(), 0);
    figures.put(Figure::Completed, bays * 60.0 / complete.as_secs_f64(), 0);
    figures.put(Figure::CreateCpu, spent.as_secs_f64() * 1e3 / bays, 2);
    figures.put(Figure::CreateEntries, number(usize::try_from(entries).unwrap_or(usize::MAX)) / bays, 2);
    figures.put(Figure::CreateCalls, number(calls) / bays, 2);
    Ok(())
}

/// The backend is asked first: a list of so many is not a cheap question.
async fn all_complete(run: &Run<'_>) -> bool {
    if run.backend.look(|world, _| world.networks().len()) < run.bays {
        return false;
    }
    let list = outside::list(run.stage.hopper.roster()).await.unwrap_or_default();
    list.all.iter().filter(|bay| bay.status == "CREATE_COMPLETE").count() >= run.bays
}

/// Calls for operations so far; looks at what stands still are not among them.
fn calls(run: &Run<'_>) -> usize {
    run.backend.look(|_, journal| usize::try_from(journal.of_operations()).unwrap_or(usize::MAX))
}

/// The most memory that a member occupies.
pub(super) fn memory(run: &mut Run<'_>, figures: &mut Figures) -> Result<(), Error> {
    let sizes = run.stage.cluster.members().iter().map(|member| member.program.resident_bytes());
    let most = sizes.collect::<Result<Vec<_>, _>>()?.into_iter().max().unwrap_or(0);
    figures.put(Figure::Memory, number(usize::try_from(most >> 20).unwrap_or(usize::MAX)), 0);
    Ok(())
}

/// The furthest that any member has applied the log.
pub(super) async fn applied(cluster: &Cluster) -> u64 {
    cluster.statuses().await.iter().map(|one| one.applied).max().unwrap_or(0)
}
