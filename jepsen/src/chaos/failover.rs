//! So many writes per second through all members, and one member is broken again and again.
//!
//! Five kinds of faults, each on a cluster of its own: the load runs through all runs of a kind. What is shown per
//! kind: how long nobody got an acknowledgement, how long until bays had a new owner, and what was lost, made twice or
//! failed for clients that retry.

use std::{collections::BTreeMap, time::Duration};

use reqwest::Method;
use tokio::time::{Instant, sleep};

use super::{Options, Stage, outage};
use crate::{
    Error,
    check::{Operation, coverage, coverage::Coverage, operation, sets},
    clock::millis,
    docker,
    history::Event,
    nemesis::{Fault, Target},
    report::{Progress, Summary, Table, quantile},
    rest::{Answer, Request, bay, baymodel},
    workload::{Load, creates::Creates},
};

/// The size of the campaign.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Runs per kind.
    pub runs: u64,
    /// Writes per second.
    pub rate: u64,
    /// Only these kinds, by name; all when empty.
    pub only: Vec<String>,
    /// How long the load runs undisturbed before each fault.
    pub calm: Duration,
}

/// A fault, its target, and what is asked of the gap.
#[derive(Clone, Copy, Debug)]
struct Kind {
    name: &'static str,
    fault: Fault,
    target: Target,
    /// Median and worst gap in milliseconds.
    goal: Option<(u64, u64)>,
}

/// One fault and what came of it.
#[derive(Clone, Copy, Debug)]
struct Shot {
    at: u64,
    healing: u64,
    healed: u64,
    new_term: bool,
    /// Nanoseconds until every bay of the victim had a new epoch.
    owned_again: Option<u64>,
}

/// Bays of the owner kind: enough that each member is likely to own one.
const BAYS: usize = 3;
/// How long a bay may be without an owner.
const OWNERLESS: Duration = Duration::from_secs(20);

fn kinds(lease: Duration) -> [Kind; 5] {
    let kind = |name, fault, target, goal| Kind { name, fault, target, goal };
    [
        kind("kill-leader", Fault::Kill, Target::Leader, Some((700, 1500))),
        kind("kill-follower", Fault::Kill, Target::Follower, None),
        kind("kill-owner", Fault::Kill, Target::Owner, None),
        kind("term-leader", Fault::Terminate, Target::Leader, Some((200, 200))),
        kind("pause-leader", Fault::Pause(lease * 2), Target::Leader, None),
    ]
}

/// Names of the kinds, for the command line.
#[must_use]
pub fn names() -> Vec<&'static str> {
    kinds(Duration::ZERO).iter().map(|kind| kind.name).collect()
}

/// Runs the campaign.
pub async fn run(options: &Options, plan: &Plan) -> Result<Summary, Error> {
    let mut summary = Summary::default();
    let mut table = Table::new(
        &format!("{} runs of each fault at {} writes/s through all members", plan.runs, plan.rate),
        &[
            "fault",
            "runs",
            "new terms",
            "gap median",
            "gap worst",
            "gap at return",
            "new owner worst",
            "acknowledged",
            "lost",
            "twice",
            "failed",
        ],
    );
    let mut kinds = kinds(options.lease()).to_vec();
    kinds.retain(|kind| plan.only.is_empty() || plan.only.iter().any(|one| one == kind.name));
    if kinds.iter().any(|kind| kind.target == Target::Owner) && docker::is_there().await {
        docker::nothing_left().await?;
    }
    for kind in &kinds {
        let result = one_kind(options, plan, *kind, &mut table).await;
        summary.add(kind.name, result);
    }
    summary.note("gap: the longest time without an acknowledged write, counted from the fault; in ms");
    summary.table(table);
    Ok(summary)
}

async fn one_kind(options: &Options, plan: &Plan, kind: Kind, table: &mut Table) -> Result<Summary, Error> {
    Campaign::start(options, plan, kind).await?.run(table).await
}

struct Campaign<'a> {
    options: &'a Options,
    plan: &'a Plan,
    kind: Kind,
    stage: Stage,
    bays: Vec<String>,
}

impl<'a> Campaign<'a> {
    async fn start(options: &'a Options, plan: &'a Plan, kind: Kind) -> Result<Self, Error> {
        let stage = Stage::set(options, kind.name, 3, &[]).await?;
        Ok(Self { options, plan, kind, stage, bays: Vec::new() })
    }

    async fn run(mut self, table: &mut Table) -> Result<Summary, Error> {
        if self.kind.target == Target::Owner {
            self.make_bays().await?;
        }
        let outcome = self.shoot_all(table).await;
        for bay in &self.bays {
            if docker::is_there().await {
                docker::sweep(bay).await?;
            }
        }
        let summary = outcome?;
        self.stage.cluster.stop().await?;
        Ok(summary)
    }

    async fn shoot_all(&mut self, table: &mut Table) -> Result<Summary, Error> {
        let progress = Progress::new(self.kind.name, self.plan.runs);
        let creates = Creates::new(self.stage.hopper.clone(), self.stage.recorder.clone());
        let mut load = Load::default();
        creates.run(&mut load, self.kind.name, self.plan.rate, self.stage.chance.fork("creates"));
        let mut shots = Vec::new();
        for number in 0..self.plan.runs {
            progress.at(number, &format!("{} on the {}", self.kind.fault, self.kind.target));
            shots.push(self.shoot(&creates).await?);
        }
        sleep(self.plan.calm).await;
        let well = load.stop().await;
        let mut summary = self.judge(&shots, table).await?;
        if !well || creates.skipped() > 0 {
            summary.coverage("harness", Coverage::default().with("arrivals not held up by the harness", 0, creates.skipped().max(1)));
        }
        Ok(summary)
    }

    async fn shoot(&mut self, creates: &Creates) -> Result<Shot, Error> {
        sleep(self.plan.calm).await;
        let stage = &mut self.stage;
        let victim = self.kind.target.find(&stage.cluster, &mut stage.chance).await?;
        let term = highest_term(stage).await;
        let owned = owned_by(stage, &victim).await;
        creates.until_busy().await;
        let at = self.kind.fault.install(&mut stage.cluster, &victim, &stage.recorder)?;
        let (owned_again, ()) =
            tokio::join!(owned_again(stage, owned, at), sleep(self.kind.fault.lasts().max(Duration::from_millis(2500))));
        let healing = stage.recorder.clock().now();
        self.kind.fault.heal(&mut stage.cluster, &victim, &stage.recorder).await?;
        sleep(Duration::from_millis(500)).await;
        let healed = stage.recorder.clock().now();
        let new_term = highest_term(stage).await > term;
        stage.cluster.settled(Duration::from_secs(60)).await?;
        Ok(Shot { at, healing, healed, new_term, owned_again })
    }

    async fn judge(&mut self, shots: &[Shot], table: &mut Table) -> Result<Summary, Error> {
        let mut summary = Summary::default();
        self.stage.last_questions(&mut summary).await?;
        let events = self.stage.recorder.finish()?;
        let operations = operation::pair(&events);
        let mut lists = self.stage.lists().await?;
        self.without_ours(&mut lists);
        let report = sets::check(&operations, &lists);
        summary.findings(&report.findings, &events);
        let failed = report.unknown + report.refused;
        if failed > 0 {
            summary.finding(format!("{}: {failed} requests failed: {}", self.kind.name, first_failure(&events)));
        }
        let gaps = Gaps::of(shots, &operations);
        self.goals(&gaps, &mut summary);
        summary.coverage(self.kind.name, self.coverage(shots, &operations));
        let cell = |value: u64| format!("{:.0}", millis(value));
        table.row(&[
            self.kind.name.to_owned(),
            shots.len().to_string(),
            shots.iter().filter(|one| one.new_term).count().to_string(),
            cell(quantile(&gaps.fault, 50)),
            cell(quantile(&gaps.fault, 100)),
            cell(quantile(&gaps.back, 100)),
            gaps.owner.last().map_or("-".to_owned(), |worst| cell(*worst)),
            report.acknowledged.to_string(),
            report.lost.to_string(),
            report.twice.to_string(),
            failed.to_string(),
        ]);
        Ok(summary)
    }

    fn goals(&self, gaps: &Gaps, summary: &mut Summary) {
        let Some((median, worst)) = self.kind.goal.filter(|_| self.options.targets) else { return };
        for (what, percent, goal) in [("median", 50, median), ("worst", 100, worst)] {
            let gap = millis(quantile(&gaps.fault, percent));
            if gap > Duration::from_millis(goal).as_secs_f64() * 1e3 {
                summary.missed(format!("{}: {what} gap {gap:.0} ms, goal {goal} ms", self.kind.name));
            }
        }
    }

    fn coverage(&self, shots: &[Shot], operations: &[Operation]) -> Coverage {
        let moments = outage::acknowledged(operations);
        let count = |test: &dyn Fn(&Shot) -> bool| shots.iter().filter(|one| test(one)).count() as u64;
        let busy = count(&|one| coverage::in_flight(operations, one.at) > 0);
        let alive = count(&|one| outage::count(&moments, one.at, one.healing) > 0);
        let last = shots.last().map_or(u64::MAX, |one| one.healed);
        let terms = if self.kind.target == Target::Leader { self.plan.runs } else { 0 };
        let mut coverage = Coverage::default()
            .with("faults installed", shots.len() as u64, self.plan.runs)
            .with("new terms", count(&|one| one.new_term), terms)
            .with("faults that hit requests in flight", busy, self.plan.runs.div_ceil(2))
            .with("faults with writes acknowledged meanwhile", alive, self.plan.runs)
            .with("writes acknowledged after the last heal", outage::count(&moments, last, u64::MAX), 100);
        if self.kind.target == Target::Owner {
            let moved = count(&|one| one.owned_again.is_some());
            coverage = coverage.with("bays with a new owner", moved, self.plan.runs);
        }
        coverage
    }

    /// The bays' own baymodel is not one of the creates.
    fn without_ours(&self, lists: &mut BTreeMap<String, Vec<sets::Listed>>) {
        for list in lists.values_mut() {
            list.retain(|one| one.name != OURS);
        }
    }

    async fn make_bays(&mut self) -> Result<(), Error> {
        let stage = &mut self.stage;
        let key = stage.chance.key();
        let model = made(stage, baymodel::create(OURS, 0, key)).await?;
        for number in 0..BAYS {
            let key = stage.chance.key();
            let request = bay::create(&format!("bay-{number}"), &model, key);
            self.bays.push(made(stage, request).await?);
        }
        let started = Instant::now();
        while stage.cluster.ownership().await.len() < BAYS {
            if started.elapsed() > OWNERLESS {
                return Err(Error::late("bays having an owner", OWNERLESS));
            }
            sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }
}

/// The name of the bays' baymodel.
const OURS: &str = "chaos-bays";

/// Creates something the campaign needs, and gives its uuid.
pub(super) async fn made(stage: &Stage, request: Request) -> Result<String, Error> {
    let what = format!("{} {}", Method::POST, request.path);
    match stage.hopper.send(&request).await {
        Answer::Done(reply) => baymodel::uuid(&reply).map(str::to_owned).ok_or_else(|| Error::Answer {
            member: reply.member.to_string(),
            request: what,
            reason: "no uuid".to_owned(),
        }),
        other => Err(Error::Setup(format!("{what}: {other:?}"))),
    }
}

/// Gaps in nanoseconds, sorted.
struct Gaps {
    /// From the fault to its healing.
    fault: Vec<u64>,
    /// While the member comes back.
    back: Vec<u64>,
    /// Until bays had a new owner.
    owner: Vec<u64>,
}

impl Gaps {
    fn of(shots: &[Shot], operations: &[Operation]) -> Self {
        let moments = outage::acknowledged(operations);
        let sorted = |values: &mut dyn Iterator<Item = u64>| {
            let mut values: Vec<u64> = values.collect();
            values.sort_unstable();
            values
        };
        Self {
            fault: sorted(&mut shots.iter().map(|one| outage::longest(&moments, one.at, one.healing))),
            back: sorted(&mut shots.iter().map(|one| outage::longest(&moments, one.healing, one.healed))),
            owner: sorted(&mut shots.iter().filter_map(|one| one.owned_again)),
        }
    }
}

async fn highest_term(stage: &Stage) -> u64 {
    stage.cluster.statuses().await.iter().map(|one| one.term).max().unwrap_or(0)
}

/// Cluster → epoch of what the member owns.
async fn owned_by(stage: &Stage, name: &str) -> BTreeMap<String, u64> {
    let statuses = stage.cluster.statuses().await;
    let number = statuses.iter().find(|one| one.name == name).map(|one| one.member);
    let owned = stage.cluster.ownership().await.into_iter();
    owned.filter(|one| Some(one.member) == number).map(|one| (one.cluster, one.epoch)).collect()
}

/// Waits until everything the victim owned has a later epoch. `None` when it owned nothing or it took too long.
async fn owned_again(stage: &Stage, owned: BTreeMap<String, u64>, at: u64) -> Option<u64> {
    let started = Instant::now();
    while !owned.is_empty() && started.elapsed() < OWNERLESS {
        let now = stage.cluster.ownership().await;
        let moved = |cluster: &String, epoch: &u64| now.iter().any(|one| one.cluster == *cluster && one.epoch > *epoch);
        if owned.iter().all(|(cluster, epoch)| moved(cluster, epoch)) {
            return Some(stage.recorder.clock().now().saturating_sub(at));
        }
        sleep(Duration::from_millis(50)).await;
    }
    None
}

/// Why the first failed create failed.
pub(super) fn first_failure(events: &[Event]) -> String {
    let failed = events.iter().find_map(|event| event.line.error.as_deref().map(|error| (event.index, error)));
    failed.map_or_else(String::new, |(line, error)| format!("line {line}: {error}"))
}
