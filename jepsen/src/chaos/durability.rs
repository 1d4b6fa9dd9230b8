//! kill -9 of all members at once, right after a purge and a snapshot: everything acknowledged is there.
//!
//! First form: the operating system survives, so its page cache does too. What is found here is a purge beyond what was
//! flushed, a snapshot that is not whole, a log that is not continuous. A missing fsync is *not* found this way.
//! Second form: the disk of all members loses its power at the same moment, and everything that was not flushed is gone.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Options, Stage, failover::first_failure};
use crate::{
    Error,
    check::{coverage::Coverage, operation, sets},
    clock::millis,
    history::Verb,
    process::Disk,
    report::{Progress, Summary, Table, quantile},
    workload::{Load, creates::Creates},
};

/// The size of the campaign.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How often all members are killed.
    pub rounds: u64,
    /// Writes per second.
    pub rate: u64,
    /// Whether their disk loses power, too.
    pub power_loss: bool,
}

/// Megabytes of that disk.
const DISK: u64 = 2048;

/// A short log: when a member is told to compact, little of it stays.
pub(super) const SHORT_LOG: [(&str, &str); 2] = [("raft.keep_entries", "100"), ("raft.lag_threshold", "200")];
/// How long a purge may take to come.
const PURGE: Duration = Duration::from_secs(30);

/// What a round saw.
struct Round {
    purged: u64,
    snapshot: bool,
    /// Nanoseconds between seeing the purge and the last signal.
    struck_after: u64,
    /// Nanoseconds until all members served again.
    back_after: u64,
}

/// Runs the campaign.
pub async fn run(options: &Options, plan: Plan) -> Result<Summary, Error> {
    let name = if plan.power_loss { "power-loss" } else { "durability" };
    let folder = options.folder.join(format!("{name}-disk"));
    let disk = if plan.power_loss { Some(Disk::create(&folder, DISK).await?) } else { None };
    let mut stage = Stage::on(options, name, 3, &SHORT_LOG, disk.as_ref()).await?;
    let hopper = stage.hopper.with_patience(Duration::from_secs(90));
    let creates = Creates::new(hopper, stage.recorder.clone());
    let mut load = Load::default();
    creates.run(&mut load, "durable", plan.rate, stage.chance.fork("creates"));
    let progress = Progress::new("durability", plan.rounds);
    let mut rounds = Vec::new();
    for number in 0..plan.rounds {
        progress
            .at(number, if plan.power_loss { "waiting for a purge, then no power" } else { "waiting for a purge, then kill -9 of all" });
        rounds.push(round(&mut stage, disk.as_ref()).await?);
    }
    sleep(Duration::from_secs(1)).await;
    load.stop().await;
    let summary = judge(&mut stage, &rounds, plan).await?;
    stage.cluster.stop().await?;
    Ok(summary)
}

async fn round(stage: &mut Stage, disk: Option<&Disk>) -> Result<Round, Error> {
    let before = marks(stage).await;
    let started = Instant::now();
    let after = loop {
        sleep(Duration::from_millis(500)).await;
        stage.cluster.compact().await;
        let now = marks(stage).await;
        if now.0 > before.0 {
            break now;
        }
        if started.elapsed() > PURGE {
            return Err(Error::late("a purge of the log", PURGE));
        }
    };
    // Not always the same moment after the purge.
    sleep(Duration::from_millis(stage.chance.between(0, 30))).await;
    let clock = stage.recorder.clock();
    let seen = clock.now();
    stage.recorder.nemesis(Verb::Break, if disk.is_some() { "no power for all" } else { "kill -9 of all" });
    for member in stage.cluster.members() {
        member.program.strike()?;
    }
    if let Some(disk) = disk {
        disk.cut().await?;
    }
    let struck = clock.now();
    for member in stage.cluster.members() {
        member.program.kill().await?;
    }
    if let Some(disk) = disk {
        disk.restore().await?;
    }
    for member in stage.cluster.members() {
        member.program.start()?;
    }
    for name in stage.cluster.names() {
        stage.cluster.serving(&name, Duration::from_secs(60)).await?;
    }
    stage.recorder.nemesis(Verb::Heal, "all are back");
    Ok(Round {
        purged: after.0,
        snapshot: after.1 > before.1,
        struck_after: struck.saturating_sub(seen),
        back_after: clock.now().saturating_sub(struck),
    })
}

/// The highest purged and snapshot index of any member.
async fn marks(stage: &Stage) -> (u64, u64) {
    let statuses = stage.cluster.statuses().await;
    statuses.iter().fold((0, 0), |(purged, snapshot), one| (purged.max(one.purged), snapshot.max(one.snapshot)))
}

async fn judge(stage: &mut Stage, rounds: &[Round], plan: Plan) -> Result<Summary, Error> {
    let mut summary = Summary::default();
    stage.last_questions(&mut summary).await?;
    let events = stage.recorder.finish()?;
    let report = sets::check(&operation::pair(&events), &stage.lists().await?);
    summary.findings(&report.findings, &events);
    if report.unknown + report.refused > 0 {
        summary.finding(format!("{} requests failed: {}", report.unknown + report.refused, first_failure(&events)));
    }
    let purges = rounds.iter().filter(|one| one.purged > 0).count() as u64;
    summary.coverage(
        "durability",
        Coverage::default().with("losses of all right after a purge", purges, plan.rounds).with(
            "writes acknowledged",
            report.acknowledged as u64,
            100 * plan.rounds,
        ),
    );
    let worst = |pick: fn(&Round) -> u64| {
        let mut all: Vec<u64> = rounds.iter().map(pick).collect();
        all.sort_unstable();
        format!("{:.1}", millis(quantile(&all, 100)))
    };
    let mut table = Table::new(
        if plan.power_loss { "power loss of all members right after a purge" } else { "kill -9 of all members right after a purge" },
        &["rounds", "snapshots seen", "signals within ms", "all back worst ms", "acknowledged", "lost", "twice", "failed"],
    );
    table.row(&[
        rounds.len().to_string(),
        rounds.iter().filter(|one| one.snapshot).count().to_string(),
        worst(|one| one.struck_after),
        worst(|one| one.back_after),
        report.acknowledged.to_string(),
        report.lost.to_string(),
        report.twice.to_string(),
        (report.unknown + report.refused).to_string(),
    ]);
    summary.table(table);
    Ok(summary)
}
