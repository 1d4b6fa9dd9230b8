//! Very many bays on few members: what it costs, and how soon a lost member's share is somebody else's.
//!
//! The scripted backend answers at once, so that what is measured is ours. Figures are of this machine under its present load, all
//! members, backend and clients together on it.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::{Instant, sleep};

use super::{Options, Stage, failover::made, hang, outside};
use crate::{
    Error,
    backend::{Backend, Journal, Script},
    check::coverage::Coverage,
    clock::{millis, nanos},
    cluster::{Cluster, Joins},
    nemesis::{Fault, Target},
    report::{Progress, Summary, Table, quantile},
    rest::{Request, baymodel},
};

/// The size of the campaign.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Bays.
    pub bays: usize,
    /// Members that conduct without a vote, besides three that vote.
    pub learners: usize,
}

/// The interval between two looks at a bay: 30 s and up to a fifth more by chance.
const INTERVAL: Duration = Duration::from_secs(33);
/// How long looks are counted: three intervals.
const WINDOW: Duration = Duration::from_secs(99);
/// How long all bays may take to be complete.
const COMPLETE: Duration = Duration::from_secs(1800);
/// How long a lost member's bays may be without an owner before the run is given up.
const OWNERLESS: Duration = Duration::from_secs(60);
/// Bays on one page, and how often the page is asked for.
const PAGE: (usize, usize) = (1000, 200);

/// Runs the campaign.
pub async fn run(options: &Options, plan: Plan) -> Result<Summary, Error> {
    let script = (Script::default(), Journal::of_changes());
    let name = format!("scale-{}", plan.learners);
    let (mut stage, backend) = Stage::with_backend(options, &name, 3, &[("api.default_quota", "1000000")], script).await?;
    for _ in 0..plan.learners {
        stage.cluster.add(Joins::AsLearner).await?;
    }
    let progress = Progress::new("scale", 4);
    let mut rows: Vec<(String, String)> = Vec::new();
    progress.at(0, &format!("{} bays are created", plan.bays));
    create(&mut stage, &backend, &plan, &mut rows).await?;
    progress.at(1, "looks are counted");
    let looked = looks(&backend, &mut rows).await;
    memory(&mut stage, &mut rows)?;
    progress.at(2, "pages are asked for");
    pages(&stage, &plan, &mut rows).await?;
    progress.at(3, "kill -9 of a member");
    let moved = lose(options, &mut stage, &mut rows).await?;
    let mut summary = Summary::default();
    let mut table = Table::new(&format!("{} bays on 3 voters and {} learners", plan.bays, plan.learners), &["figure", "value"]);
    for (what, value) in rows {
        table.row(&[what, value]);
    }
    summary.table(table);
    if let Some(words) = moved.late {
        summary.missed(words);
    }
    let coverage = Coverage::default().with("looks counted", looked, plan.bays as u64).with("bays of the lost member", moved.bays, 1);
    summary.coverage("scale", coverage);
    stage.last_questions(&mut summary).await?;
    outside::judge(&backend, &stage.folder, &mut summary)?;
    stage.cluster.stop().await?;
    Ok(summary)
}

type Rows = Vec<(String, String)>;

async fn create(stage: &mut Stage, backend: &Backend, plan: &Plan, rows: &mut Rows) -> Result<(), Error> {
    let key = stage.chance.key();
    let model = made(stage, baymodel::create("scale", 0, key)).await?;
    let (cpu, started) = (cpu(&mut stage.cluster)?, Instant::now());
    hang::create_all(&stage.hopper, &mut stage.chance, &model, "scale-", plan.bays).await?;
    let accepted = started.elapsed();
    while !all_complete(stage, backend, plan.bays).await {
        if started.elapsed() > COMPLETE {
            return Err(Error::late("all bays being complete", COMPLETE));
        }
        sleep(Duration::from_millis(250)).await;
    }
    let complete = started.elapsed();
    let spent = self::cpu(&mut stage.cluster)?.saturating_sub(cpu);
    let bays = u32::try_from(plan.bays).unwrap_or(u32::MAX);
    let per_minute = |time: Duration| format!("{:.0}", f64::from(bays) * 60.0 / time.as_secs_f64());
    rows.push(("creates accepted per minute".to_owned(), per_minute(accepted)));
    rows.push(("creates completed per minute".to_owned(), per_minute(complete)));
    rows.push(("CPU of all members per create, ms".to_owned(), format!("{:.2}", spent.as_secs_f64() * 1e3 / f64::from(bays))));
    Ok(())
}

/// The backend is asked first: a list of so many is not a cheap question.
async fn all_complete(stage: &Stage, backend: &Backend, bays: usize) -> bool {
    if backend.look(|world, _| world.networks().len()) < bays {
        return false;
    }
    let list = outside::list(stage.hopper.roster()).await.unwrap_or_default();
    list.all.iter().filter(|bay| bay.status == "CREATE_COMPLETE").count() >= bays
}

async fn looks(backend: &Backend, rows: &mut Rows) -> u64 {
    backend.begin_window();
    sleep(WINDOW).await;
    let (looks, most) = backend.look(|_, journal| {
        let window = journal.window();
        let most = window.values().map(|one| one.members.len()).max().unwrap_or(0);
        (window.values().map(|one| one.looks).sum::<u64>(), (window.len(), most))
    });
    let count = u32::try_from(looks).unwrap_or(u32::MAX);
    let bays = u32::try_from(most.0.max(1)).unwrap_or(u32::MAX);
    let due = WINDOW.as_secs_f64() / INTERVAL.as_secs_f64();
    rows.push(("looks per bay per interval".to_owned(), format!("{:.2}", f64::from(count) / f64::from(bays) / due)));
    rows.push(("members that looked at one bay, most".to_owned(), most.1.to_string()));
    looks
}

async fn pages(stage: &Stage, plan: &Plan, rows: &mut Rows) -> Result<(), Error> {
    let leader = stage.cluster.leader(OWNERLESS).await?;
    let follower = stage.hopper.roster().all().into_iter().find(|one| *one.name != leader);
    let follower = follower.ok_or_else(|| Error::Setup("there is no follower".to_owned()))?;
    let mut times = Vec::new();
    for _ in 0..PAGE.1 {
        let started = Instant::now();
        follower.ask(&Request::get(format!("/v1/bays?limit={}", PAGE.0)), OWNERLESS).await?;
        times.push(nanos(started.elapsed()));
    }
    times.sort_unstable();
    let title = |which: &str| format!("list of {} of {} from a follower, {which}, ms", PAGE.0.min(plan.bays), plan.bays);
    rows.push((title("median"), format!("{:.1}", millis(quantile(&times, 50)))));
    rows.push((title("p99"), format!("{:.1}", millis(quantile(&times, 99)))));
    Ok(())
}

struct Moved {
    bays: u64,
    late: Option<String>,
}

/// Kills a member that does not lead and waits until everything it had has another owner.
async fn lose(options: &Options, stage: &mut Stage, rows: &mut Rows) -> Result<Moved, Error> {
    let victim = Target::Follower.find(&stage.cluster, &mut stage.chance).await?;
    let number = stage.cluster.member(&victim)?.number;
    let owned: BTreeMap<String, u64> =
        stage.cluster.ownership().await.into_iter().filter(|row| row.member == number).map(|row| (row.cluster, row.epoch)).collect();
    let applied = applied(&stage.cluster).await;
    let started = Instant::now();
    Fault::Kill.install(&mut stage.cluster, &victim, &stage.recorder)?;
    loop {
        let left = stage.cluster.ownership().await.iter().filter(|row| owned.get(&row.cluster) == Some(&row.epoch)).count();
        if left == 0 {
            break;
        }
        if started.elapsed() > OWNERLESS {
            return Err(Error::late(format!("a new owner for {left} bays"), OWNERLESS));
        }
        sleep(Duration::from_millis(50)).await;
    }
    let took = started.elapsed();
    let entries = self::applied(&stage.cluster).await.saturating_sub(applied);
    Fault::Kill.heal(&mut stage.cluster, &victim, &stage.recorder).await?;
    rows.push(("bays of the killed member".to_owned(), owned.len().to_string()));
    rows.push(("until all have another owner, s".to_owned(), format!("{:.2}", took.as_secs_f64())));
    rows.push(("log entries written meanwhile".to_owned(), entries.to_string()));
    let goal = options.lease() + Duration::from_secs(2);
    let late = (options.targets && took > goal)
        .then(|| format!("another owner after {:.1} s, goal {:.1} s", took.as_secs_f64(), goal.as_secs_f64()));
    Ok(Moved { bays: owned.len() as u64, late })
}

async fn applied(cluster: &Cluster) -> u64 {
    cluster.statuses().await.iter().map(|one| one.applied).max().unwrap_or(0)
}

fn memory(stage: &mut Stage, rows: &mut Rows) -> Result<(), Error> {
    let mut sizes = Vec::new();
    for member in stage.cluster.members() {
        sizes.push(format!("{} {}", member.endpoint.name, member.program.resident_bytes()? >> 20));
    }
    rows.push(("memory of each member, MiB".to_owned(), sizes.join(", ")));
    Ok(())
}

fn cpu(cluster: &mut Cluster) -> Result<Duration, Error> {
    cluster.members().iter().map(|member| member.program.cpu()).sum()
}
