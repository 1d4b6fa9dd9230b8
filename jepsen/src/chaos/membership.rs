//! Members come and go under load.
//!
//! 3 → 5 → 3 voters, two learners, the leader removed, a lagging member caught up by snapshot, a wiped one rejoined under
//! a new number. At the end all members, learners too, have the same state.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Options, Stage, durability::SHORT_LOG, failover::first_failure, outage};
use crate::{
    Error,
    check::{coverage::Coverage, operation, sets},
    clock::millis,
    cluster::Joins,
    history::Verb,
    report::{Progress, Summary, Table},
    workload::{Load, creates::Creates},
};

/// The size of the campaign.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Writes per second meanwhile.
    pub rate: u64,
    /// Only the steps that a short sample has time for.
    pub short: bool,
}

/// A write may wait this long while members change, and no longer.
const BOUNDED_WAIT: Duration = Duration::from_secs(3);
/// How long a lagging member may take to fall behind the purge, or to catch up.
const LAG: Duration = Duration::from_secs(60);

/// How long a member's log may take to say what it has done.
const SAID: Duration = Duration::from_secs(5);

/// One change of the membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    AddVoter,
    AddLearner,
    PromoteLearner,
    Lag,
    RemoveLeader,
    RemoveFollower,
    Wipe,
}

impl Step {
    /// Whether a member can only come back by snapshot.
    fn by_snapshot(self) -> bool {
        matches!(self, Self::Lag | Self::Wipe)
    }
}

const LONG: [Step; 9] = [
    Step::AddVoter,
    Step::AddVoter,
    Step::AddLearner,
    Step::AddLearner,
    Step::Lag,
    Step::RemoveLeader,
    Step::RemoveFollower,
    Step::Wipe,
    Step::PromoteLearner,
];
const SHORT: [Step; 4] = [Step::AddVoter, Step::AddLearner, Step::Lag, Step::RemoveLeader];

/// A step that was done.
struct Took {
    step: Step,
    words: String,
    from: u64,
    to: u64,
    /// A member came by snapshot, as it says itself.
    snapshot: bool,
}

/// Runs the campaign.
pub async fn run(options: &Options, plan: Plan) -> Result<Summary, Error> {
    let mut stage = Stage::set(options, "membership", 3, &SHORT_LOG).await?;
    let creates = Creates::new(stage.hopper.clone(), stage.recorder.clone());
    let mut load = Load::default();
    creates.run(&mut load, "member", plan.rate, stage.chance.fork("creates"));
    let steps = if plan.short { SHORT.as_slice() } else { LONG.as_slice() };
    let progress = Progress::new("membership", steps.len() as u64);
    let mut done = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        progress.at(number as u64, &format!("{step:?}"));
        sleep(Duration::from_millis(500)).await;
        done.push(take(&mut stage, *step).await?);
    }
    sleep(Duration::from_secs(1)).await;
    load.stop().await;
    let summary = judge(&mut stage, &done, steps.len()).await?;
    stage.cluster.stop().await?;
    Ok(summary)
}

async fn take(stage: &mut Stage, step: Step) -> Result<Took, Error> {
    let from = stage.recorder.nemesis(Verb::Break, &format!("{step:?}"));
    let (words, snapshot) = match step {
        Step::AddVoter => (format!("{} joined and votes", stage.cluster.add(Joins::AsVoter).await?), false),
        Step::AddLearner => (format!("{} joined as a learner", stage.cluster.add(Joins::AsLearner).await?), false),
        Step::PromoteLearner => promote(stage).await?,
        Step::Lag => lag(stage).await?,
        Step::RemoveLeader => {
            let leader = stage.cluster.leader(LAG).await?;
            stage.cluster.remove(&leader).await?;
            (format!("{leader}, the leader, was removed"), false)
        }
        Step::RemoveFollower => {
            let name = follower(stage).await?;
            stage.cluster.remove(&name).await?;
            (format!("{name} was removed"), false)
        }
        Step::Wipe => {
            let name = follower(stage).await?;
            let new = stage.cluster.wipe(&name).await?;
            let came = installed(stage, &new, 0).await?;
            (format!("{name} lost its disk and came back as {new}{}", how(came)), came)
        }
    };
    let to = stage.recorder.nemesis(Verb::Heal, &words);
    Ok(Took { step, words, from, to, snapshot })
}

/// A voter that does not lead.
async fn follower(stage: &mut Stage) -> Result<String, Error> {
    let leader = stage.cluster.leader(LAG).await?;
    let statuses = stage.cluster.statuses().await;
    let voters = statuses.iter().find(|one| one.name == leader).map(|one| one.voters.clone()).unwrap_or_default();
    let others: Vec<String> =
        statuses.into_iter().filter(|one| one.name != leader && voters.contains(&one.member)).map(|one| one.name).collect();
    stage.chance.pick(&others).cloned().ok_or_else(|| Error::Setup("there is no follower".to_owned()))
}

async fn promote(stage: &mut Stage) -> Result<(String, bool), Error> {
    let statuses = stage.cluster.statuses().await;
    let learners = statuses.iter().max_by_key(|one| one.applied).map(|one| one.learners.clone()).unwrap_or_default();
    let learner = statuses.iter().find(|one| learners.contains(&one.member)).map(|one| one.name.clone());
    let name = learner.ok_or_else(|| Error::Setup("there is no learner".to_owned()))?;
    stage.cluster.promote(&name).await?;
    Ok((format!("{name}, a learner, votes now"), false))
}

/// A follower is down until the others have purged what it would need; then it can only come back by snapshot.
async fn lag(stage: &mut Stage) -> Result<(String, bool), Error> {
    let name = follower(stage).await?;
    let applied = |statuses: &[crate::rest::admin::Status]| statuses.iter().find(|one| one.name == name).map_or(0, |one| one.applied);
    let stood = applied(&stage.cluster.statuses().await);
    stage.cluster.member(&name)?.program.kill().await?;
    let started = Instant::now();
    // Entries written between the last look and the kill: far fewer than are written in a second.
    let beyond = stood + 400;
    while stage.cluster.statuses().await.iter().any(|one| one.purged <= beyond) {
        if started.elapsed() > LAG {
            return Err(Error::late(format!("the others purging beyond {beyond}"), LAG));
        }
        sleep(Duration::from_millis(500)).await;
        stage.cluster.compact().await;
    }
    let before = installs(stage, &name)?;
    stage.cluster.restart(&name).await?;
    let target = stage.cluster.statuses().await.iter().map(|one| one.applied).max().unwrap_or(0);
    let started = Instant::now();
    while applied(&stage.cluster.statuses().await) < target {
        if started.elapsed() > LAG {
            return Err(Error::late(format!("{name} catching up by snapshot"), LAG));
        }
        sleep(Duration::from_millis(50)).await;
    }
    let came = installed(stage, &name, before).await?;
    Ok((format!("{name} stood at {stood}, the others had purged more; it caught up{}", how(came)), came))
}

fn how(by_snapshot: bool) -> &'static str {
    if by_snapshot { " by snapshot" } else { ", not by snapshot" }
}

/// Whether a member has installed one snapshot more than so many; its log may say so a moment after it has caught up.
async fn installed(stage: &mut Stage, name: &str, before: usize) -> Result<bool, Error> {
    let started = Instant::now();
    while started.elapsed() < SAID {
        if installs(stage, name)? > before {
            return Ok(true);
        }
        sleep(Duration::from_millis(100)).await;
    }
    Ok(false)
}

/// How many snapshots of others a member has installed, as its log says.
fn installs(stage: &mut Stage, name: &str) -> Result<usize, Error> {
    let path = stage.cluster.member(name)?.program.log();
    let log = std::fs::read(path).map_err(Error::file("read", path))?;
    Ok(String::from_utf8_lossy(&log).matches("the snapshot is installed").count())
}

async fn judge(stage: &mut Stage, done: &[Took], steps: usize) -> Result<Summary, Error> {
    let mut summary = Summary::default();
    stage.last_questions(&mut summary).await?;
    let events = stage.recorder.finish()?;
    let operations = operation::pair(&events);
    let report = sets::check(&operations, &stage.lists().await?);
    summary.findings(&report.findings, &events);
    let failed = report.unknown + report.refused;
    if failed > 0 {
        summary.finding(format!("{failed} requests failed: {}", first_failure(&events)));
    }
    let moments = outage::acknowledged(&operations);
    let mut table = Table::new("membership under load", &["step", "what", "took ms", "longest gap ms"]);
    for one in done {
        let gap = outage::longest(&moments, one.from, one.to);
        if gap > crate::clock::nanos(BOUNDED_WAIT) {
            summary.finding(format!("{:?}: nobody got an answer for {:.0} ms", one.step, millis(gap)));
        }
        table.row(&[
            format!("{:?}", one.step),
            one.words.clone(),
            format!("{:.0}", millis(one.to.saturating_sub(one.from))),
            format!("{:.0}", millis(gap)),
        ]);
    }
    summary.table(table);
    summary.note(format!(
        "acknowledged {}, lost {}, twice {}, failed {failed}; states equal on {} members",
        report.acknowledged,
        report.lost,
        report.twice,
        stage.cluster.names().len()
    ));
    let snapshots = done.iter().filter(|one| one.step.by_snapshot() && one.snapshot).count() as u64;
    let needed = done.iter().filter(|one| one.step.by_snapshot()).count() as u64;
    summary.coverage(
        "membership",
        Coverage::default().with("steps", done.len() as u64, steps as u64).with("members that came by snapshot", snapshots, needed).with(
            "writes acknowledged",
            report.acknowledged as u64,
            100,
        ),
    );
    Ok(summary)
}
