//! All members are drained, stopped and started again, one after the other, while bays work: nobody must notice.
//!
//! Behind the members stands the scripted backend, slow and honest, so that something is always under way. What became of every operation is
//! read from the members' own lists, again and again, because they keep what ended for a while only; what the members did outside is judged
//! from the backend's journal as everywhere.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::{Options, Stage, containers::as_told, failover::made, outside};
use crate::{
    Error,
    backend::{Backend, Journal, Script},
    check::{coverage::Coverage, inventory, undisturbed},
    report::{Progress, Summary, Table, quantile},
    rest::{
        Roster, bay, baymodel, container,
        operation::{self, Operation},
    },
    workload::{Load, containers::Containers, load::Stop},
};

/// The size of the campaign.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How often each member goes.
    pub rounds: u64,
    /// Bays.
    pub bays: usize,
    /// Clients of each bay, each with one container at a time.
    pub clients: usize,
    /// Only the first member goes.
    pub short: bool,
}

/// What an operation may wait for its new owner.
const WAIT: Duration = Duration::from_secs(2);
/// How long a client goes on with one action: members are away for a moment only.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a member may take over one action.
const ATTEMPT: Duration = Duration::from_secs(20);
/// How long a member may keep bays that it should hand over, or none that it should get.
const MOVED: Duration = Duration::from_secs(60);
/// How long a member may take to stop.
const STOP: Duration = Duration::from_secs(30);
/// How long everything may take to come to rest.
const REST: Duration = Duration::from_secs(60);
/// The work goes on for so long before a member goes, and after it is back.
const CALM: Duration = Duration::from_secs(3);
/// How often operations are read: well within the minute for which all of them are kept.
const READ: Duration = Duration::from_secs(5);

/// Runs the campaign.
pub async fn run(options: &Options, plan: Plan) -> Result<Summary, Error> {
    let slow = Script { change: (Duration::from_millis(50), Duration::from_millis(450)), ..Script::default() };
    let script = (slow, Journal::of_changes());
    let (mut stage, backend) = Stage::with_backend(options, "rolling", 3, &[("api.default_quota", "1000000")], script).await?;
    let mut work = Work::begin(&stage, &backend, &plan).await?;
    let names: Vec<String> = stage.cluster.names().into_iter().take(if plan.short { 1 } else { usize::MAX }).collect();
    let progress = Progress::new("rolling", plan.rounds * names.len() as u64);
    let mut table = Table::new(
        "one member after the other",
        &["round", "member", "bays handed over", "drain ms", "stop ms", "start ms", "takes bays again ms"],
    );
    let mut handed = 0;
    for round in 0..plan.rounds {
        for (at, name) in names.iter().enumerate() {
            progress.at(round * names.len() as u64 + at as u64, &format!("{name} goes, {} actions done", work.done()));
            let gone = roll(&mut stage, name).await?;
            handed += gone.bays;
            let times = [gone.drained, gone.stopped, gone.started, gone.back].map(|time| time.as_millis().to_string());
            table.row(&[vec![round.to_string(), name.clone(), gone.bays.to_string()], times.to_vec()].concat());
        }
    }
    work.end(&stage).await?;
    let mut summary = Summary::default();
    summary.table(table);
    judge(options, &mut stage, &backend, &work, &mut summary).await?;
    let ended = work.ledger.all().len() as u64;
    let coverage = Coverage::default().with("bays handed over", handed, names.len() as u64).with("operations", ended, 100);
    summary.coverage("rolling", coverage);
    stage.cluster.stop().await?;
    Ok(summary)
}

/// How one member went and came back.
struct Gone {
    bays: u64,
    drained: Duration,
    stopped: Duration,
    started: Duration,
    back: Duration,
}

async fn roll(stage: &mut Stage, name: &str) -> Result<Gone, Error> {
    sleep(CALM).await;
    let bays = owned(stage, name).await?;
    let began = Instant::now();
    stage.cluster.drain(name, true).await?;
    until(stage, name, "handing all its bays over", |owned| owned == 0).await?;
    let drained = began.elapsed();
    let began = Instant::now();
    let program = &mut stage.cluster.member(name)?.program;
    program.ask_to_stop()?;
    program.wait(STOP).await?;
    let stopped = began.elapsed();
    let began = Instant::now();
    stage.cluster.restart(name).await?;
    stage.cluster.settled(REST).await?;
    let started = began.elapsed();
    let began = Instant::now();
    stage.cluster.drain(name, false).await?;
    until(stage, name, "being given bays again", |owned| owned > 0).await?;
    let back = began.elapsed();
    sleep(CALM).await;
    Ok(Gone { bays, drained, stopped, started, back })
}

/// How many bays a member owns.
async fn owned(stage: &mut Stage, name: &str) -> Result<u64, Error> {
    let number = stage.cluster.member(name)?.number;
    Ok(stage.cluster.ownership().await.iter().filter(|row| row.member == number).count() as u64)
}

async fn until(stage: &mut Stage, name: &str, what: &str, done: impl Fn(u64) -> bool) -> Result<(), Error> {
    let started = Instant::now();
    while !done(owned(stage, name).await?) {
        if started.elapsed() > MOVED {
            return Err(Error::late(format!("{name} {what}"), MOVED));
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Every operation that was seen, as it was seen last.
#[derive(Clone, Debug, Default)]
struct Ledger {
    operations: Arc<Mutex<BTreeMap<String, Operation>>>,
}

impl Ledger {
    /// Reads the operations of these bays, each from the first member that answers.
    async fn read(&self, roster: &Roster, bays: &[String]) {
        for bay in bays {
            for member in roster.all() {
                let Ok(operations) = operation::of_bay(&member, bay).await else { continue };
                let mut known = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
                known.extend(operations.into_iter().map(|operation| (operation.id.clone(), operation)));
                break;
            }
        }
    }

    async fn keep(self, roster: Roster, bays: Vec<String>, stop: Stop) {
        while !stop.is_told() {
            self.read(&roster, &bays).await;
            let pause = Instant::now() + READ;
            while !stop.is_told() && Instant::now() < pause {
                sleep(Duration::from_millis(100)).await;
            }
        }
    }

    fn all(&self) -> Vec<Operation> {
        self.operations.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

/// What goes on meanwhile.
struct Work {
    load: Load,
    watch: Load,
    ledger: Ledger,
    bays: Vec<String>,
    containers: Vec<(String, Containers)>,
}

impl Work {
    async fn begin(stage: &Stage, backend: &Backend, plan: &Plan) -> Result<Self, Error> {
        let mut chance = stage.chance.fork("work");
        let model = made(stage, baymodel::create("rolling", 0, chance.key())).await?;
        let mut bays = Vec::new();
        for number in 0..plan.bays {
            bays.push(made(stage, bay::create(&format!("rolling-{number}"), &model, chance.key())).await?);
        }
        let started = Instant::now();
        while backend.look(|world, _| world.networks().len()) < plan.bays {
            if started.elapsed() > REST {
                return Err(Error::late("the bays being made", REST));
            }
            sleep(Duration::from_millis(100)).await;
        }
        let hopper = stage.hopper.with_attempt(ATTEMPT).with_patience(PATIENCE);
        let (mut load, mut watch, ledger) = (Load::default(), Load::default(), Ledger::default());
        let mut containers = Vec::new();
        for bay in &bays {
            let clients = Containers::new(hopper.clone(), Arc::clone(&stage.recorder), bay, "scripted:1");
            clients.run(&mut load, plan.clients, &chance.fork(bay));
            containers.push((bay.clone(), clients));
        }
        watch.add(ledger.clone().keep(stage.hopper.roster().clone(), bays.clone(), watch.stop_signal()));
        Ok(Self { load, watch, ledger, bays, containers })
    }

    fn done(&self) -> u64 {
        self.containers.iter().map(|(_, clients)| clients.done()).sum()
    }

    /// Lets what is under way end, and reads the operations once more.
    async fn end(&mut self, stage: &Stage) -> Result<(), Error> {
        std::mem::take(&mut self.load).stop().await;
        std::mem::take(&mut self.watch).stop().await;
        stage.cluster.settled(REST).await?;
        self.ledger.read(stage.hopper.roster(), &self.bays).await;
        Ok(())
    }
}

async fn judge(options: &Options, stage: &mut Stage, backend: &Backend, work: &Work, summary: &mut Summary) -> Result<(), Error> {
    let report = undisturbed::check(&work.ledger.all());
    summary.findings(&report.findings, &[]);
    let worst = report.waits_ms.last().copied().unwrap_or(0);
    let columns = ["operations ended", "failed", "steps repeated", "wait p50 ms", "p99 ms", "longest ms"];
    let mut table = Table::new("what operations went through", &columns);
    let waits = &report.waits_ms;
    let counts = [report.ended, report.failed, report.repeated, quantile(waits, 50), quantile(waits, 99), worst];
    table.row(&counts.map(|count| count.to_string()));
    summary.table(table);
    if let Some(longest) = &report.longest {
        summary.note(format!("the longest wait, {worst} ms: {} {} of bay {}", longest.kind, longest.id, longest.bay));
    }
    if options.targets && u128::from(worst) > WAIT.as_millis() {
        summary.missed(format!("an operation waited {worst} ms for its owner, goal {} ms", WAIT.as_millis()));
    }
    for (bay, clients) in &work.containers {
        summary.findings(&clients.refusals(), &[]);
        let member = stage.hopper.roster().at(0).ok_or_else(|| Error::Setup("no member".to_owned()))?;
        let wanted = container::list(&member, bay).await?;
        let seen = backend.look(|world, _| world.inventory(bay));
        summary.findings(&inventory::check_end(&seen, &wanted), &[]);
        summary.findings(&as_told(&clients.fates(), &wanted), &[]);
    }
    stage.last_questions(summary).await?;
    let outside = outside::judge(backend, &stage.folder, summary)?;
    if outside.stale_attempted > 0 {
        summary.finding(format!("{} calls came from an owner that had handed over", outside.stale_attempted));
    }
    Ok(())
}
