//! Owners change all the time, by death, sleep, draining and balancing, while bays and containers live and die.
//!
//! Behind the members stands the scripted backend in its troubled mood: slow, sometimes so late that the call acts under the caller's
//! successor, sometimes failing, sometimes silent after the effect. Once it is like Docker, which acts on what stale owners sent; once
//! it has a fence. In the end everything must be as the clients were told, and the journal must show that nothing was done twice, that
//! nothing removed came back, and, behind the fence, that no stale call had an effect. A run in which too few stale calls were even
//! tried says that it proved nothing.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::{
    Options, Stage,
    containers::as_told,
    failover::made,
    outside::{self, Ended},
};
use crate::{
    Chance, Error,
    backend::{Backend, Journal, Script},
    check::{Finding, Outcome, coverage::Coverage, inventory, operation, statuses::Statuses},
    nemesis::{Fault, Target},
    report::{Progress, Summary, Table},
    rest::{self, Endpoint, Roster, bay, baymodel, container},
    workload::{Load, bays::Bays, containers::Containers, load::Stop},
};

/// The size of the campaign.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Changes of owner in all; one half of them behind a fence.
    pub changes: u64,
    /// Bays that stay, each with a client that works on its containers.
    pub bays: usize,
    /// Clients that create and delete further bays.
    pub clients: usize,
    /// Stale calls that must at least have been tried.
    pub stale: u64,
    /// Only without a fence.
    pub short: bool,
}

/// How long a client goes on with one action: faults keep coming, and each costs a lease, a margin and what is still in flight.
const PATIENCE: Duration = Duration::from_secs(240);
/// How long a member may take over one action.
const ATTEMPT: Duration = Duration::from_secs(20);
/// How long everything may take to come to rest.
const REST: Duration = Duration::from_secs(120);
/// How long a drained member may keep bays.
const DRAINED: Duration = Duration::from_secs(60);
/// One of so many faults is a rebalance, which moves bays between members that are all well.
const EVEN: u64 = 4;
/// So many changes of owner for each rebalance that there must at least have been: the other faults change some twenty each.
const MOST_CHANGES: u64 = 200;
/// How long all changes together may make no progress.
const STUCK: Duration = Duration::from_secs(180);

/// Runs the campaign.
pub async fn run(options: &Options, plan: Plan) -> Result<Summary, Error> {
    let mut summary = Summary::default();
    let parts: &[bool] = if plan.short { &[false] } else { &[false, true] };
    for fence in parts {
        let changes = plan.changes.div_ceil(parts.len() as u64);
        let stale = plan.stale.div_ceil(parts.len() as u64);
        let name = if *fence { "churn-fence" } else { "churn" };
        summary.add(name, part(options, name, Plan { changes, stale, ..plan }, *fence).await);
    }
    Ok(summary)
}

async fn part(options: &Options, name: &str, plan: Plan, fence: bool) -> Result<Summary, Error> {
    let script = (Script { fence, ..Script::default() }, Journal::default());
    let (mut stage, backend) = Stage::with_backend(options, name, 3, &[("api.default_quota", "1000000")], script).await?;
    let mut work = Work::begin(&stage, &backend, &plan).await?;
    backend.play(Script::troubled(fence));
    let mut counts = Counts::default();
    let trouble = work.disturb(options, &mut stage, &backend, &plan, &mut counts).await;
    std::mem::take(&mut work.load).stop().await;
    backend.play(Script { fence, ..Script::default() });
    trouble?;
    let wrong = work.rest(&stage, &backend).await?;
    std::mem::take(&mut work.watch).stop().await;
    let mut summary = Summary::default();
    stage.last_questions(&mut summary).await?;
    summary.findings(&wrong, &[]);
    let operations = operation::pair(&stage.recorder.finish()?);
    let count = |outcome| operations.iter().filter(|one| one.outcome == outcome).count() as u64;
    let ended = Ended {
        statuses: work.seen.statuses(),
        accepted: count(Outcome::Ok) + work.bays.fates().len() as u64,
        unknown: count(Outcome::Unknown) + work.bays.unknown(),
        refusals: work.refusals,
        wrong,
    };
    let report = outside::judge(&backend, &stage.folder, &mut summary)?;
    if ended.unknown > 0 {
        summary.finding(format!("{} requests had no outcome within {} s", ended.unknown, PATIENCE.as_secs()));
    }
    summary.findings(&ended.refusals, &[]);
    summary.findings(ended.statuses.findings(), &[]);
    summary.table(outside::invariants(&report, &ended, fence));
    if report.stale_attempted < plan.stale {
        summary.note(format!("{name}: only {} stale calls were tried: this run proved nothing of them", report.stale_attempted));
    }
    summary.table(counts.table(name));
    if options.targets && counts.late > 0 {
        summary.missed(format!("{name}: {} drains were not done within {} s", counts.late, DRAINED.as_secs()));
    }
    let owners = backend.look(|_, journal| journal.changes_of_owner());
    summary.coverage(
        name,
        Coverage::default()
            .with("changes of owner", owners, plan.changes)
            .with("stale calls tried", report.stale_attempted, plan.stale)
            .with("rebalances", counts.rebalances, plan.changes.div_ceil(MOST_CHANGES))
            .with("lists of statuses", ended.statuses.seen(), counts.all() * 5)
            .with("bays and containers worked on", work.objects, plan.changes / 10),
    );
    stage.cluster.stop().await?;
    Ok(summary)
}

/// What was done to members.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    kills: u64,
    pauses: u64,
    drains: u64,
    rebalances: u64,
    /// Drains that were not done within their limit.
    late: u64,
    /// The longest drain.
    longest: Duration,
}

impl Counts {
    fn all(self) -> u64 {
        self.kills + self.pauses + self.drains + self.rebalances
    }

    fn table(self, name: &str) -> Table {
        let mut table = Table::new(
            &format!("{name}: what was done to members"),
            &["kill -9", "SIGSTOP beyond the lease", "drain and undrain", "rebalance", "drains not done", "longest drain, s"],
        );
        let mut row = [self.kills, self.pauses, self.drains, self.rebalances, self.late].map(|count| count.to_string()).to_vec();
        row.push(format!("{:.1}", self.longest.as_secs_f64()));
        table.row(&row);
        table
    }
}

/// Lists of bays, sampled from all members in turn.
#[derive(Clone, Debug, Default)]
pub(super) struct Sampler {
    statuses: Arc<Mutex<Statuses>>,
    turn: Arc<AtomicU64>,
}

impl Sampler {
    pub(super) async fn run(self, roster: Roster, stop: Stop) {
        while !stop.is_told() {
            let turn = usize::try_from(self.turn.fetch_add(1, Ordering::Relaxed)).unwrap_or(0);
            if let Some(member) = roster.at(turn)
                && let Ok(bays) = bay::list(&member).await
            {
                let list = bays.all.iter().map(|bay| (bay.uuid.as_str(), bay.status.as_str()));
                self.lock().see(bays.served, list);
                self.ask_for_updates(&member).await;
            }
            sleep(Duration::from_millis(150)).await;
        }
    }

    /// By which operations bays are being updated.
    async fn ask_for_updates(&self, member: &Endpoint) {
        let updating = self.lock().updating();
        for bay in updating {
            if let Ok(operations) = rest::operation::of_bay(member, &bay).await {
                let updates = operations.into_iter().filter(rest::operation::Operation::updates).map(|one| one.id);
                self.lock().see_updates(&bay, updates);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Statuses> {
        self.statuses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn statuses(&self) -> Statuses {
        self.lock().clone()
    }
}

/// Everything that goes on beside the faults.
struct Work {
    load: Load,
    watch: Load,
    seen: Sampler,
    bays: Bays,
    containers: Vec<(String, Containers)>,
    refusals: Vec<Finding>,
    objects: u64,
}

impl Work {
    async fn begin(stage: &Stage, backend: &Backend, plan: &Plan) -> Result<Self, Error> {
        let mut chance = stage.chance.fork("work");
        let model = made(stage, baymodel::create("churn", 0, chance.key())).await?;
        let mut kept = Vec::new();
        for number in 0..plan.bays {
            kept.push(made(stage, bay::create(&format!("kept-{number}"), &model, chance.key())).await?);
        }
        let started = Instant::now();
        while backend.look(|world, _| world.networks().len()) < plan.bays {
            if started.elapsed() > REST {
                return Err(Error::late("the first bays being made", REST));
            }
            sleep(Duration::from_millis(100)).await;
        }
        let hopper = stage.hopper.with_attempt(ATTEMPT).with_patience(PATIENCE);
        let (mut load, mut watch, seen) = (Load::default(), Load::default(), Sampler::default());
        let bays = Bays::new(hopper.clone(), &model);
        bays.run(&mut load, plan.clients, &chance);
        let mut containers = Vec::new();
        for bay in kept {
            let clients = Containers::new(hopper.clone(), Arc::clone(&stage.recorder), &bay, "scripted:1");
            clients.run(&mut load, 1, &chance.fork(&bay));
            containers.push((bay, clients));
        }
        watch.add(seen.clone().run(stage.hopper.roster().clone(), watch.stop_signal()));
        Ok(Self { load, watch, seen, bays, containers, refusals: Vec::new(), objects: 0 })
    }

    /// Faults, one after the other, until owners have changed often enough.
    async fn disturb(
        &self,
        options: &Options,
        stage: &mut Stage,
        backend: &Backend,
        plan: &Plan,
        counts: &mut Counts,
    ) -> Result<(), Error> {
        let progress = Progress::new("churn", plan.changes);
        let (mut last, mut since) = (0, Instant::now());
        loop {
            let owners = backend.look(|_, journal| journal.changes_of_owner());
            if owners >= plan.changes {
                return Ok(());
            }
            if owners > last {
                (last, since) = (owners, Instant::now());
            } else if since.elapsed() > STUCK {
                return Err(Error::late("another change of owner", STUCK));
            }
            let words = format!("changes of owner, {} actions on containers", self.done());
            progress.at(owners, &words);
            one_fault(options, stage, counts).await?;
            sleep(Duration::from_millis(stage.chance.between(500, 2000))).await;
        }
    }

    fn done(&self) -> u64 {
        self.containers.iter().map(|(_, clients)| clients.done()).sum()
    }

    /// What is still wrong when everything has come to rest, or when the time for that is over.
    async fn rest(&mut self, stage: &Stage, backend: &Backend) -> Result<Vec<Finding>, Error> {
        stage.cluster.settled(REST).await?;
        let started = Instant::now();
        let wrong = loop {
            let wrong = self.wrong(stage, backend).await?;
            if wrong.is_empty() || started.elapsed() > REST {
                break wrong;
            }
            sleep(Duration::from_millis(500)).await;
        };
        self.refusals = self.bays.refusals();
        self.objects = self.bays.fates().len() as u64;
        for (_, clients) in &self.containers {
            self.refusals.extend(clients.refusals());
            self.objects += clients.fates().len() as u64;
        }
        Ok(wrong)
    }

    async fn wrong(&self, stage: &Stage, backend: &Backend) -> Result<Vec<Finding>, Error> {
        let roster = stage.hopper.roster();
        let bays = outside::list(roster).await.ok_or_else(|| Error::Setup("no member lists the bays".to_owned()))?;
        let mut findings = self.bays.wrong(&bays.all);
        findings.extend(outside::left_of(&bays, backend));
        for (bay, clients) in &self.containers {
            let member = roster.at(0).ok_or_else(|| Error::Setup("no member".to_owned()))?;
            let wanted = container::list(&member, bay).await?;
            let seen = backend.look(|world, _| world.inventory(bay));
            findings.extend(inventory::check_end(&seen, &wanted));
            findings.extend(as_told(&clients.fates(), &wanted));
        }
        Ok(findings)
    }
}

/// A rebalance when it is its turn; else a kill, a sleep beyond the lease, or a drain that is taken back.
async fn one_fault(options: &Options, stage: &mut Stage, counts: &mut Counts) -> Result<(), Error> {
    // The second, so that a short run has one, and what the first has made uneven is moved.
    if counts.all() % EVEN == 1 {
        counts.rebalances += 1;
        return stage.cluster.rebalance().await;
    }
    let target = if stage.chance.percent(30) { Target::Leader } else { Target::Follower };
    let victim = target.find(&stage.cluster, &mut stage.chance).await?;
    match stage.chance.between(0, 100) {
        0..45 => {
            counts.kills += 1;
            let down = away(&mut stage.chance, options.lease());
            Fault::Kill.run(&mut stage.cluster, &victim, &stage.recorder, down).await?;
        }
        45..75 => {
            counts.pauses += 1;
            let asleep = options.lease() + Duration::from_millis(stage.chance.between(1000, 5000));
            Fault::Pause(asleep).run(&mut stage.cluster, &victim, &stage.recorder, Duration::ZERO).await?;
        }
        _ => {
            counts.drains += 1;
            let (done, took) = drain(stage, &victim).await?;
            counts.late += u64::from(!done);
            counts.longest = counts.longest.max(took);
        }
    }
    Ok(())
}

/// Back before the lease is over, or after others have taken over.
fn away(chance: &mut Chance, lease: Duration) -> Duration {
    let back_soon = chance.percent(50);
    let millis = chance.between(0, 1500);
    Duration::from_millis(millis) + if back_soon { Duration::ZERO } else { lease + Duration::from_millis(1500) }
}

/// The member hands its bays over, and takes new ones again; whether it had none left, and after how long.
async fn drain(stage: &mut Stage, victim: &str) -> Result<(bool, Duration), Error> {
    stage.cluster.drain(victim, true).await?;
    let number = stage.cluster.member(victim)?.number;
    let started = Instant::now();
    let mut left = usize::MAX;
    while started.elapsed() < DRAINED && left > 0 {
        left = stage.cluster.ownership().await.iter().filter(|row| row.member == number).count();
        sleep(Duration::from_millis(100)).await;
    }
    let took = started.elapsed();
    stage.cluster.drain(victim, false).await?;
    Ok((left == 0, took))
}
