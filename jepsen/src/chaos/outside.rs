//! The outside at the end of a run: the backend's world and journal against what the API lists.

use std::{collections::BTreeSet, path::Path, time::Duration};

use tokio::time::{Instant, sleep};

use crate::{
    Error,
    backend::{Backend, Journal},
    check::{Finding, coverage::Coverage, effects, statuses::Statuses},
    report::{Summary, Table},
    rest::{Roster, bay, bay::Bays},
};

/// The bays as the first member that answers lists them.
pub(super) async fn list(roster: &Roster) -> Option<Bays> {
    for member in roster.all() {
        if let Ok(bays) = bay::list(&member).await {
            return Some(bays);
        }
    }
    None
}

/// Changes of a member that have arrived and have not been judged yet.
pub(super) fn open_calls(journal: &Journal, member: u64) -> usize {
    let by = |call: &&crate::backend::Call| call.caller.as_ref().is_some_and(|caller| caller.member == member);
    journal.calls().iter().filter(|call| call.changes && call.judged.is_none()).filter(by).count()
}

/// Of all bays that are listed: the complete ones have exactly one network, and nothing is left of others.
pub(super) fn left_of(bays: &Bays, backend: &Backend) -> Vec<Finding> {
    let known: BTreeSet<String> = bays.all.iter().map(|bay| bay.uuid.clone()).collect();
    let live = bays.all.iter().filter(|bay| bay.status == "CREATE_COMPLETE").map(|bay| bay.uuid.clone()).collect();
    let (networks, clusters) = backend.look(|world, _| (world.networks(), world.clusters()));
    effects::check_left(&networks, &clusters, &live, &known)
}

/// What else there is to say in the table of invariants.
pub(super) struct Ended {
    /// Statuses that were seen.
    pub(super) statuses: Statuses,
    /// Sound requests that were refused.
    pub(super) refusals: Vec<Finding>,
    /// Requests that were accepted.
    pub(super) accepted: u64,
    /// Requests without an outcome.
    pub(super) unknown: u64,
    /// Things that were not as they should be at the end.
    pub(super) wrong: Vec<Finding>,
}

/// Each invariant, how often it could have been broken, and how often it was.
pub(super) fn invariants(report: &effects::Report, ended: &Ended, fence: bool) -> Table {
    let title = format!("invariants, fence {}", if fence { "on" } else { "off" });
    let mut table = Table::new(&title, &["invariant", "looked at", "broken"]);
    let mut row = |words: &str, looked: u64, broken: u64| table.row(&[words.to_owned(), looked.to_string(), broken.to_string()]);
    let orphans = ended.wrong.iter().filter(|one| one.invariant.contains("orphan")).count() as u64;
    let unlike = ended.wrong.len() as u64 - orphans + ended.refusals.len() as u64 + ended.unknown;
    row("I4 what was accepted ends as its client was told", ended.accepted, unlike);
    row("I5 nothing is made twice", report.effective, report.doubled);
    row("I6 no effect of a stale epoch (without a fence: counted)", report.stale_attempted, report.stale_effective);
    row("I7 nothing is left that the API does not know", report.effective, orphans);
    row("I8 no status goes backwards", ended.statuses.seen(), ended.statuses.findings().len() as u64);
    row("I9 what is removed stays removed", report.effective, report.risen);
    table
}

/// Every complete bay with this prefix has exactly one network, and nothing is left of bays that are not listed.
pub(super) async fn left(roster: &Roster, backend: &Backend, prefix: &str, summary: &mut Summary) -> Result<(), Error> {
    let bays = list(roster).await.ok_or_else(|| Error::Setup("no member lists the bays".to_owned()))?;
    let known: BTreeSet<String> = bays.all.iter().map(|bay| bay.uuid.clone()).collect();
    let live = |bay: &&bay::Bay| bay.name.starts_with(prefix) && bay.status == "CREATE_COMPLETE";
    let live = bays.all.iter().filter(live).map(|bay| bay.uuid.clone()).collect();
    // Other runs' bays are being removed meanwhile: what is left of them is looked at in the end.
    let (networks, clusters) = backend.look(|world, _| (world.networks(), world.clusters()));
    let clusters = clusters.intersection(&known).cloned().collect();
    summary.findings(&effects::check_left(&networks, &clusters, &live, &known), &[]);
    Ok(())
}

/// Waits until no bay is listed and nothing is left outside.
pub(super) async fn gone(roster: &Roster, backend: &Backend, limit: Duration) -> Result<(), Error> {
    let started = Instant::now();
    while started.elapsed() < limit {
        let listed = list(roster).await.is_none_or(|list| !list.all.is_empty());
        if !listed && backend.look(|world, _| world.clusters().is_empty()) {
            return Ok(());
        }
        sleep(Duration::from_millis(200)).await;
    }
    Err(Error::late("the removal of all bays, outside too,", limit))
}

/// Judges the journal, shows what it counted, and keeps it in the folder.
pub(super) fn judge(backend: &Backend, folder: &Path, summary: &mut Summary) -> Result<effects::Report, Error> {
    backend.write(folder)?;
    let fence = backend.script().fence;
    let (report, owners, nameless) =
        backend.look(|_, journal| (effects::check(journal.calls(), fence), journal.changes_of_owner(), journal.nameless()));
    summary.findings(&report.findings, &[]);
    let title = format!("what the backend saw, fence {}", if fence { "on" } else { "off" });
    let columns =
        ["changes of owner", "changes", "effective", "unanswered", "made twice", "made after removal", "stale tried", "stale effective"];
    let mut table = Table::new(&title, &columns);
    let counts = [
        owners,
        report.changes,
        report.effective,
        report.unanswered,
        report.doubled,
        report.risen,
        report.stale_attempted,
        report.stale_effective,
    ];
    table.row(&counts.map(|count| count.to_string()));
    summary.table(table);
    if nameless > 0 {
        summary.finding(format!("{nameless} calls did not say who makes them"));
    }
    summary.coverage("backend", Coverage::default().with("effective calls", report.effective, 1));
    Ok(report)
}
