//! A member is gone: how soon its bays are others', what that costs, and that its work goes on.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::{Figure, Figures, Run, create::applied, figures::number};
use crate::{
    Error,
    backend::Script,
    chaos::{hang, outside},
    nemesis::{Fault, Target},
};

/// How long a lost member's bays may be without an owner before the run is given up.
const OWNERLESS: Duration = Duration::from_secs(60);
/// How long after that looks are watched: less than an interval, so that each new owner looks once.
const WATCHED: Duration = Duration::from_secs(20);
/// How long a member that came back may be without its share.
const EVEN: Duration = Duration::from_secs(300);
/// So much of the mean, and one more, the one with most may have then.
const UNEVEN: f64 = 1.02;
/// How long the backend takes over a creation while a member dies in the midst of many.
const SLOW: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(5));
/// Creations in whose midst it dies: so many for each hundred bays, but some.
const OPEN: (usize, usize) = (3, 60);
/// How long they may take to be complete.
const COMPLETE: Duration = Duration::from_secs(120);

/// Kills a member that does not lead, all bays being at rest; how many it had.
pub(super) async fn at_rest(run: &mut Run<'_>, figures: &mut Figures) -> Result<u64, Error> {
    let victim = Target::Follower.find(&run.stage.cluster, &mut run.stage.chance).await?;
    let number_of = run.stage.cluster.member(&victim)?.number;
    let owned: BTreeMap<String, u64> =
        run.stage.cluster.ownership().await.into_iter().filter(|row| row.member == number_of).map(|row| (row.cluster, row.epoch)).collect();
    let before = applied(&run.stage.cluster).await;
    run.backend.begin_window();
    let started = Instant::now();
    Fault::Kill.install(&mut run.stage.cluster, &victim, &run.stage.recorder)?;
    reowned(run, &owned, started).await?;
    figures.put(Figure::Lost, number(owned.len()), 0);
    figures.put(Figure::Reowned, started.elapsed().as_secs_f64(), 2);
    let entries = applied(&run.stage.cluster).await.saturating_sub(before);
    figures.put(Figure::Entries, number(usize::try_from(entries).unwrap_or(usize::MAX)), 0);
    sleep(WATCHED).await;
    let (listings, twice) = run.backend.look(|_, journal| {
        let sights = owned.iter().map(|(bay, epoch)| {
            let looks = journal.window().get(bay.as_str());
            looks.map_or(0, |looks| looks.sights.iter().filter(|sight| sight.epoch > *epoch).count())
        });
        sights.fold((0, 0), |(listings, twice), of_bay| (listings + of_bay, twice + usize::from(of_bay > 1)))
    });
    figures.put(Figure::Listings, number(listings) / number(owned.len().max(1)), 3);
    figures.put(Figure::Twice, number(twice), 0);
    Fault::Kill.heal(&mut run.stage.cluster, &victim, &run.stage.recorder).await?;
    even_again(run, figures).await?;
    Ok(owned.len() as u64)
}

async fn reowned(run: &Run<'_>, owned: &BTreeMap<String, u64>, started: Instant) -> Result<(), Error> {
    loop {
        let rows = run.stage.cluster.ownership().await;
        let left = rows.iter().filter(|row| row.member == 0 || owned.get(&row.cluster) == Some(&row.epoch)).count();
        if left == 0 && !rows.is_empty() {
            return Ok(());
        }
        if started.elapsed() > OWNERLESS {
            return Err(Error::late(format!("a new owner for {left} bays"), OWNERLESS));
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Asks for an even share for all, as an operator does after a repair, and waits until it is there.
async fn even_again(run: &mut Run<'_>, figures: &mut Figures) -> Result<(), Error> {
    let started = Instant::now();
    run.stage.cluster.rebalance().await?;
    loop {
        let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
        run.stage.cluster.ownership().await.iter().for_each(|row| *counts.entry(row.member).or_default() += 1);
        let most = counts.values().max().copied().unwrap_or(0);
        let mean = number(counts.values().sum()) / number(run.shape.members());
        if counts.len() == run.shape.members() && number(most) <= mean * UNEVEN + 1.0 {
            figures.put(Figure::Even, started.elapsed().as_secs_f64(), 1);
            return Ok(());
        }
        if started.elapsed() > EVEN {
            return Err(Error::late("an even share for the member that came back", EVEN));
        }
        sleep(Duration::from_secs(1)).await;
    }
}

/// Kills a member that does not lead while the backend is busy with creations of its; how many of them were open.
pub(super) async fn at_work(run: &mut Run<'_>, figures: &mut Figures) -> Result<u64, Error> {
    run.backend.play(Script { change: SLOW, ..Script::default() });
    let more = (run.bays * OPEN.0 / 100).max(OPEN.1);
    let victim = Target::Follower.find(&run.stage.cluster, &mut run.stage.chance).await?;
    let uuids = hang::create_all(&run.stage.hopper, &mut run.stage.chance, &run.model, "open-", more).await?;
    let open = under_way(run, &victim, &uuids).await?;
    let started = Instant::now();
    Fault::Kill.install(&mut run.stage.cluster, &victim, &run.stage.recorder)?;
    while !gone_on(run, &open) {
        if started.elapsed() > OWNERLESS {
            return Err(Error::late("new owners going on with the creations of a lost member", OWNERLESS));
        }
        sleep(Duration::from_millis(20)).await;
    }
    figures.put(Figure::Open, number(open.len()), 0);
    figures.put(Figure::GoOn, started.elapsed().as_secs_f64(), 2);
    let wanted: BTreeSet<&String> = uuids.iter().collect();
    loop {
        let list = outside::list(run.stage.hopper.roster()).await.unwrap_or_default();
        let complete = list.all.iter().filter(|bay| bay.status == "CREATE_COMPLETE" && wanted.contains(&bay.uuid)).count();
        if complete == uuids.len() {
            break;
        }
        if started.elapsed() > COMPLETE {
            return Err(Error::late(format!("{} bays being complete ({complete} are)", uuids.len()), COMPLETE));
        }
        sleep(Duration::from_millis(250)).await;
    }
    figures.put(Figure::Complete, started.elapsed().as_secs_f64(), 1);
    run.backend.play(Script::default());
    Fault::Kill.heal(&mut run.stage.cluster, &victim, &run.stage.recorder).await?;
    Ok(open.len() as u64)
}

/// Waits until calls of the victim are under way; of which bays, and under which epoch.
async fn under_way(run: &mut Run<'_>, victim: &str, uuids: &[String]) -> Result<BTreeMap<String, u64>, Error> {
    let number = run.stage.cluster.member(victim)?.number;
    let ours: BTreeSet<&str> = uuids.iter().map(String::as_str).collect();
    let started = Instant::now();
    loop {
        let open: BTreeMap<String, u64> = run.backend.look(|_, journal| {
            let pending = journal.calls().iter().filter(|call| call.judged.is_none());
            let callers = pending.filter_map(|call| call.caller.as_ref()).filter(|caller| caller.member == number);
            let callers = callers.filter(|caller| ours.contains(&*caller.cluster));
            callers.map(|caller| (caller.cluster.to_string(), caller.epoch)).collect()
        });
        if !open.is_empty() {
            return Ok(open);
        }
        if started.elapsed() > SLOW.1 * 2 {
            return Err(Error::Setup("no creation of the member that was to die was under way".to_owned()));
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// Whether each of these bays has been asked for under a later epoch.
fn gone_on(run: &Run<'_>, open: &BTreeMap<String, u64>) -> bool {
    let later = |journal: &crate::backend::Journal, (bay, epoch): (&String, &u64)| journal.fence(bay) > *epoch;
    run.backend.look(|_, journal| open.iter().all(|one| later(journal, one)))
}
