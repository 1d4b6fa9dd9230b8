//! Real containers while their bay's owner is killed at random moments.
//!
//! Docker's own listing is the judge: sampled all the time (never two containers for one object), and compared with the API
//! when everything has come to rest (no orphan, none stuck, and each as its client was told).

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::{Options, Stage, failover::made};
use crate::{
    Error,
    check::{
        Finding, Outcome, coverage,
        coverage::Coverage,
        inventory::{self, Wanted},
        operation,
    },
    docker,
    history::Verb,
    nemesis::{Fault, Target},
    report::{Progress, Summary, Table},
    rest::{bay, baymodel, container},
    workload::{
        Load,
        containers::{Containers, Fate},
        load::Stop,
    },
};

/// The size of the campaign.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How often the owner is killed.
    pub kills: u64,
    /// Clients, each with one container at a time.
    pub clients: usize,
}

/// How long a bay may take to be made.
const BAY: Duration = Duration::from_secs(60);
/// How long everything may take to come to rest after the last kill.
const REST: Duration = Duration::from_secs(60);
/// How long a client goes on with one action: kills keep coming, and each costs a lease, a margin and what is still in flight.
const PATIENCE: Duration = Duration::from_secs(180);
/// How long all clients together may be without an acknowledged action.
const PROGRESS: Duration = Duration::from_secs(120);
/// So many kills hit an action of each kind at least once, however short it is.
const ENOUGH: u64 = 50;
/// How long a member may take over one action.
const ATTEMPT: Duration = Duration::from_secs(20);

/// Docker's listing, sampled.
#[derive(Clone, Debug, Default)]
struct Sampler {
    samples: Arc<AtomicU64>,
    findings: Arc<Mutex<Vec<Finding>>>,
}

impl Sampler {
    async fn run(self, bay: String, stop: Stop) {
        while !stop.is_told() {
            if let Ok(seen) = docker::containers(&bay).await {
                self.samples.fetch_add(1, Ordering::Relaxed);
                let mut findings = self.findings.lock().unwrap_or_else(PoisonError::into_inner);
                for finding in inventory::check_sample(&seen) {
                    if !findings.iter().any(|one| one.key == finding.key) {
                        findings.push(finding);
                    }
                }
            }
            sleep(Duration::from_millis(150)).await;
        }
    }
}

/// Runs the campaign.
pub async fn run(options: &Options, plan: Plan) -> Result<Summary, Error> {
    if !docker::is_there().await {
        return Err(Error::Setup("no Docker Engine answers: containers cannot be judged".to_owned()));
    }
    if !docker::has_image(&options.image).await {
        return Err(Error::Setup(format!("Docker has no image {}", options.image)));
    }
    docker::nothing_left().await?;
    let mut stage = Stage::set(options, "containers", 3, &[]).await?;
    let bay = make_bay(&mut stage).await?;
    let outcome = kill_owners(options, &mut stage, &bay, plan).await;
    docker::sweep(&bay).await?;
    let summary = outcome?;
    stage.cluster.stop().await?;
    Ok(summary)
}

async fn make_bay(stage: &mut Stage) -> Result<String, Error> {
    let key = stage.chance.key();
    let model = made(stage, baymodel::create("chaos-bay", 0, key)).await?;
    let key = stage.chance.key();
    let bay = made(stage, bay::create("chaos", &model, key)).await?;
    let started = Instant::now();
    loop {
        let member = stage.hopper.roster().at(0).ok_or_else(|| Error::Setup("no member".to_owned()))?;
        match bay::status(&member, &bay).await?.as_str() {
            "CREATE_COMPLETE" => return Ok(bay),
            "CREATE_FAILED" => return Err(Error::Setup("the bay could not be made".to_owned())),
            _ if started.elapsed() > BAY => return Err(Error::late("the bay being made", BAY)),
            _ => sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn kill_owners(options: &Options, stage: &mut Stage, bay: &str, plan: Plan) -> Result<Summary, Error> {
    let hopper = stage.hopper.with_attempt(ATTEMPT).with_patience(PATIENCE);
    let containers = Containers::new(hopper, stage.recorder.clone(), bay, &options.image);
    let sampler = Sampler::default();
    let mut load = Load::default();
    let mut watch = Load::default();
    containers.run(&mut load, plan.clients, &stage.chance.fork("containers"));
    watch.add(sampler.clone().run(bay.to_owned(), watch.stop_signal()));
    let progress = Progress::new("containers", plan.kills);
    let mut moments = Vec::new();
    for number in 0..plan.kills {
        progress.at(number, "kill -9 of the bay's owner");
        moments.push(kill(stage, &containers).await?);
    }
    load.stop().await;
    progress.at(plan.kills, "waiting for rest, then judging");
    let end = rest(stage, bay, &containers).await?;
    watch.stop().await;
    judge(stage, &Run { containers, sampler, moments, end, plan }).await
}

/// At a random moment of the clients' work the owner dies, and comes back: half of the time before its lease is over, half of
/// the time after another has taken over. The next one dies only when something was done again: a cluster that never gets
/// anything done would pass otherwise.
async fn kill(stage: &mut Stage, containers: &Containers) -> Result<u64, Error> {
    let (before, started) = (containers.done(), Instant::now());
    while containers.done() <= before {
        if started.elapsed() > PROGRESS {
            return Err(Error::late("an action after the last kill", PROGRESS));
        }
        sleep(Duration::from_millis(20)).await;
    }
    sleep(Duration::from_millis(stage.chance.between(0, 1500))).await;
    let victim = Target::Owner.find(&stage.cluster, &mut stage.chance).await?;
    let (from, to) = if stage.chance.percent(50) { (0, 1500) } else { (6000, 7500) };
    let down = Duration::from_millis(stage.chance.between(from, to));
    Fault::Kill.run(&mut stage.cluster, &victim, &stage.recorder, down).await
}

/// Both listings, once they agree or the time is over.
async fn rest(stage: &Stage, bay: &str, containers: &Containers) -> Result<Vec<Finding>, Error> {
    let started = Instant::now();
    stage.cluster.settled(REST).await?;
    loop {
        let mut findings = Vec::new();
        for member in stage.hopper.roster().all() {
            let wanted = container::list(&member, bay).await?;
            let seen = docker::containers(bay).await?;
            findings.extend(inventory::check_end(&seen, &wanted));
            findings.extend(as_told(&containers.fates(), &wanted));
        }
        if findings.is_empty() || started.elapsed() > REST {
            return Ok(findings);
        }
        sleep(Duration::from_millis(500)).await;
    }
}

/// Each container is as the last acknowledged action of its client left it.
pub(super) fn as_told(fates: &BTreeMap<String, Fate>, wanted: &[Wanted]) -> Vec<Finding> {
    let status = |uuid: &str| wanted.iter().find(|one| one.uuid == uuid).map(|one| one.status.as_str());
    let broken = fates.iter().filter(|(uuid, fate)| !fate.allows(status(uuid)));
    broken
        .map(|(uuid, fate)| Finding {
            invariant: "as acknowledged",
            words: format!("the client was told {fate:?}, the API says {:?}", status(uuid)),
            key: Some(uuid.as_str().into()),
            at: None,
        })
        .collect()
}

struct Run {
    containers: Containers,
    sampler: Sampler,
    moments: Vec<u64>,
    end: Vec<Finding>,
    plan: Plan,
}

async fn judge(stage: &mut Stage, run: &Run) -> Result<Summary, Error> {
    let mut summary = Summary::default();
    stage.last_questions(&mut summary).await?;
    let events = stage.recorder.finish()?;
    let operations = operation::pair(&events);
    let twice = run.sampler.findings.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let refusals = run.containers.refusals();
    for findings in [&twice, &run.end, &refusals] {
        summary.findings(findings, &events);
    }
    let unknown = operations.iter().filter(|one| one.outcome == Outcome::Unknown).count();
    if unknown > 0 {
        summary.finding(format!("{unknown} actions had no outcome within {} s", PATIENCE.as_secs()));
    }
    let done = |verb| operations.iter().filter(|one| one.f == verb && one.outcome == Outcome::Ok).count();
    let kept = run.containers.fates().values().filter(|fate| **fate != Fate::Gone).count();
    let mut table = Table::new(
        "containers while the owner of their bay is killed",
        &["kills", "created", "started", "stopped", "deleted", "kept", "two at once", "wrong at the end", "unknown"],
    );
    table.row(&[
        run.moments.len().to_string(),
        done(Verb::Create).to_string(),
        done(Verb::Start).to_string(),
        done(Verb::Stop).to_string(),
        done(Verb::Delete).to_string(),
        kept.to_string(),
        twice.len().to_string(),
        run.end.len().to_string(),
        unknown.to_string(),
    ]);
    summary.table(table);
    let struck = |verb| {
        let of_verb: Vec<_> = operations.iter().filter(|one| one.f == verb).cloned().collect();
        run.moments.iter().filter(|at| coverage::in_flight(&of_verb, **at) > 0).count() as u64
    };
    let each = run.plan.kills / ENOUGH;
    let busy = run.moments.iter().filter(|at| coverage::in_flight(&operations, **at) > 0).count() as u64;
    summary.coverage(
        "containers",
        Coverage::default()
            .with("kills", run.moments.len() as u64, run.plan.kills)
            .with("kills with actions in flight", busy, run.plan.kills.div_ceil(2))
            .with("kills with a create in flight", struck(Verb::Create), each)
            .with("kills with a start in flight", struck(Verb::Start), each)
            .with("kills with a stop in flight", struck(Verb::Stop), each)
            .with("kills with a delete in flight", struck(Verb::Delete), each)
            .with("containers created", done(Verb::Create) as u64, run.plan.kills / 2)
            .with("listings by Docker", run.sampler.samples.load(Ordering::Relaxed), run.plan.kills * 5),
    );
    Ok(summary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_that_is_not_as_its_client_was_told_is_found() {
        let wanted = [Wanted { uuid: "a".into(), status: "Running".into() }];
        let told = |fate| as_told(&BTreeMap::from([("a".to_owned(), fate)]), &wanted).len();
        assert_eq!((told(Fate::Runs), told(Fate::Open)), (0, 0));
        assert_eq!((told(Fate::Stopped), told(Fate::Gone)), (1, 1));
    }
}
