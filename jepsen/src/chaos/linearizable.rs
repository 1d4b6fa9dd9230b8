//! Registers under kills: is the history linearizable?
//!
//! Judged twice: by the index witness, which believes no revision without checking it, and by a search that ignores
//! them. Both read the same history; neither knows the other's result.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Options, Stage};
use crate::{
    Error,
    check::{coverage, coverage::Coverage, index, operation, search},
    history::Event,
    nemesis::{Fault, Target, chaos},
    report::{Progress, Summary, Table},
    workload::{
        Load,
        registers::{Registers, Shape},
    },
};

/// The size of the campaign.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Operations at least.
    pub operations: u64,
    /// Clients, in groups of eight that share registers.
    pub clients: usize,
    /// Faults at least.
    pub faults: u64,
}

/// Runs the campaign.
pub async fn run(options: &Options, plan: Plan) -> Result<Summary, Error> {
    let mut stage = Stage::set(options, "linearizable", 3, &super::durability::SHORT_LOG).await?;
    let shape = Shape { clients: plan.clients, operations: u64::MAX, pause: Duration::from_millis(2) };
    let registers = Registers::new(stage.hopper.clone(), stage.recorder.clone(), shape);
    let mut load = Load::default();
    registers.run(&mut load, &stage.chance.fork("registers"));
    let progress = Progress::new("linearizable", plan.operations);
    let mut chance = stage.chance.fork("nemesis");
    let begun = registers.clone();
    let finished = |faults| {
        progress.at(begun.begun(), &format!("{faults} faults"));
        begun.begun() >= plan.operations && faults >= plan.faults
    };
    let recorder = stage.recorder.clone();
    let done = chaos::until(&mut stage.cluster, &recorder, &mut chance, options.lease(), finished).await?;
    sleep(Duration::from_secs(1)).await;
    load.stop().await;
    progress.at(registers.begun(), "reading every register from every member, then judging");
    let answered = registers.read_all(&stage.chance).await;
    let mut summary = Summary::default();
    stage.last_questions(&mut summary).await?;
    let events = recorder.finish()?;
    let members = stage.cluster.names().len() as u64;
    judge(&events, &mut summary);
    summary.coverage("linearizable", covered(&events, &done, plan).with("final reads answered", answered, registers.made() * members));
    stage.cluster.stop().await?;
    Ok(summary)
}

/// Judges a history with both checkers; also used for a history from a file.
pub fn judge(events: &[Event], summary: &mut Summary) {
    let mut table =
        Table::new("linearizability of registers", &["checker", "operations", "registers", "unknown outcomes", "violations", "seconds"]);
    let started = Instant::now();
    let witness = index::check(events);
    summary.findings(&witness.findings, events);
    table.row(&[
        "index witness".to_owned(),
        witness.operations.to_string(),
        witness.objects.to_string(),
        format!("{} placed, {} replayed", witness.unknown_seen, witness.replayed),
        witness.findings.len().to_string(),
        format!("{:.2}", started.elapsed().as_secs_f64()),
    ]);
    if witness.without_revision > 0 {
        summary.finding(format!("{} reads without a revision", witness.without_revision));
    }
    let started = Instant::now();
    let searched = search::check(events);
    summary.findings(&searched.findings, events);
    table.row(&[
        format!("search (at most {} states)", searched.configurations),
        searched.operations.to_string(),
        searched.objects.to_string(),
        format!("{} seen, {} not, {} refusals relaxed", searched.unknown_seen, searched.unknown_unseen, searched.relaxed),
        searched.findings.len().to_string(),
        format!("{:.2}", started.elapsed().as_secs_f64()),
    ]);
    summary.table(table);
    summary.coverage(
        "checkers",
        Coverage::default().with("registers searched", (searched.objects - searched.given_up) as u64, searched.objects as u64),
    );
}

fn covered(events: &[Event], done: &[chaos::Done], plan: Plan) -> Coverage {
    let operations = operation::pair(events);
    let judged = operations.iter().filter(|one| one.ended != u64::MAX).count() as u64;
    let leaders = done.iter().filter(|one| one.target == Target::Leader && !matches!(one.fault, Fault::Pause(_))).count() as u64;
    let busy = done.iter().filter(|one| coverage::in_flight(&operations, one.at) > 0).count() as u64;
    let compacted = done.iter().filter(|one| one.compacted).count() as u64;
    let last = done.last().map_or(u64::MAX, |one| one.at);
    let after = operations.iter().filter(|one| one.began > last && one.ended != u64::MAX).count();
    Coverage::default()
        .with("operations", judged, plan.operations)
        .with("faults", done.len() as u64, plan.faults)
        .with("leaders ended", leaders, plan.faults.div_ceil(4))
        .with("faults that hit operations in flight", busy, plan.faults.div_ceil(2))
        // A handful of faults may all hit members that have missed nothing when they come back.
        .with("logs shortened while a member was down", compacted, u64::from(plan.faults >= 8))
        .with("operations after the last fault", after as u64, 100)
}
