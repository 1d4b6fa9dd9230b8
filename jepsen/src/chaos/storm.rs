//! A storm of health changes must not be felt by those who write.
//!
//! Bays are looked at all the time; what a look finds to be otherwise is written into the log, together with what other looks have found
//! meanwhile. So ten times as many changes make larger entries and hardly more of them, a commit takes as long as ever, and no heartbeat is late.
//! A steady stream of writes through all members says whether that is so.
//!
//! Calm is not stillness: one look in twenty finds another health than the one before, in a storm one in two. Nothing else is different: looks are
//! due at fixed intervals, as many in a calm as in a storm, and about half of the bays are ill at any time, because all begins with a storm that is
//! not counted. A machine with other things to do is quicker at one time and slower at another; so spells come in rounds of four, calm, storm,
//! storm, calm, and the medians over all spells of a kind are compared.

use std::{collections::BTreeSet, fmt, time::Duration};

use tokio::time::sleep;

use super::{
    Options, Stage,
    failover::{first_failure, made},
    hang, outside,
};
use crate::{
    Error,
    backend::{Backend, Journal, Script},
    check::{Operation, Outcome, coverage::Coverage, operation, sets},
    clock::millis,
    report::{Progress, Summary, Table, quantile},
    rest::{admin, baymodel},
    workload::{Load, creates::Creates},
};

/// The size of the campaign.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Bays.
    pub bays: usize,
    /// Writes per second.
    pub rate: u64,
    /// Rounds of four spells.
    pub rounds: u64,
    /// How long a spell is.
    pub spell: Duration,
}

/// The interval between two looks at a bay, before the jitter of a fifth.
const INTERVAL: &str = "5s";
/// How long it takes until every bay has been looked at, and half of them are ill.
const WARM: Duration = Duration::from_secs(15);
/// What belongs to the spell before may take so long to be written.
const SETTLES: Duration = Duration::from_secs(2);
/// How many times as long a commit may take in a storm, at the 99th percentile.
const GOAL: f64 = 2.0;
/// Writes without which a percentile of a spell says nothing.
const WRITES: u64 = 100;
/// The name of the bays' baymodel, which is not one of the writes.
const OURS: &str = "chaos-storm";

/// What the weather is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weather {
    Calm,
    Storm,
}

impl Weather {
    /// One look in so many finds another health than the one before.
    fn flap(self) -> u64 {
        match self {
            Self::Calm => 20,
            Self::Storm => 2,
        }
    }

    fn script(self) -> Script {
        Script { flap: self.flap(), ..Script::default() }
    }
}

impl fmt::Display for Weather {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if *self == Self::Calm { "calm" } else { "storm" })
    }
}

/// What has been counted so far, at a moment.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    /// On the history's clock.
    at: u64,
    /// Health changes that the backend has shown.
    changes: u64,
    /// Entries that members have written about what they saw.
    entries: u64,
    /// Bays in them.
    reported: u64,
    /// The log.
    applied: u64,
    /// The highest term: each election begins another one.
    term: u64,
}

/// One spell: from when to when, and how long the writes took that began in it.
#[derive(Clone, Debug)]
struct Spell {
    weather: Weather,
    from: Counts,
    to: Counts,
    /// Sorted, in nanoseconds.
    took: Vec<u64>,
}

/// Runs the campaign.
pub async fn run(options: &Options, plan: Plan) -> Result<Summary, Error> {
    let tuning = [("api.default_quota", "1000000"), ("conductor.look_min", INTERVAL), ("conductor.look_max", INTERVAL)];
    let (mut stage, backend) = Stage::with_backend(options, "storm", 3, &tuning, (Script::default(), Journal::of_changes())).await?;
    let key = stage.chance.key();
    let model = made(&stage, baymodel::create(OURS, 0, key)).await?;
    let bays = hang::create_all(&stage.hopper, &mut stage.chance, &model, "storm-", plan.bays).await?;
    hang::all_complete(&stage, &backend, &bays.iter().collect::<BTreeSet<_>>()).await?;
    let creates = Creates::new(stage.hopper.clone(), stage.recorder.clone());
    let mut load = Load::default();
    creates.run(&mut load, "storm", plan.rate, stage.chance.fork("creates"));
    let mut spells = all_spells(&stage, &backend, plan).await?;
    let well = load.stop().await;
    // Members that go on writing what they see never come to rest.
    backend.play(Script::default());
    let mut summary = Summary::default();
    stage.last_questions(&mut summary).await?;
    writes(&stage, &mut spells, &mut summary).await?;
    judge(&spells, options.targets, &mut summary);
    let on_time = u64::from(well && creates.skipped() == 0);
    summary.coverage("harness", Coverage::default().with("arrivals not held up by the harness", on_time, 1));
    outside::judge(&backend, &stage.folder, &mut summary)?;
    stage.cluster.stop().await?;
    Ok(summary)
}

async fn all_spells(stage: &Stage, backend: &Backend, plan: Plan) -> Result<Vec<Spell>, Error> {
    let progress = Progress::new("storm", plan.rounds);
    progress.at(0, "a storm that is not counted");
    backend.play(Weather::Storm.script());
    sleep(WARM).await;
    let mut spells = Vec::new();
    for round in 0..plan.rounds {
        for weather in [Weather::Calm, Weather::Storm, Weather::Storm, Weather::Calm] {
            progress.at(round, &format!("{} writes/s in a {weather}", plan.rate));
            backend.play(weather.script());
            sleep(SETTLES).await;
            let from = counts(stage, backend).await?;
            sleep(plan.spell).await;
            let to = counts(stage, backend).await?;
            spells.push(Spell { weather, from, to, took: Vec::new() });
        }
    }
    Ok(spells)
}

async fn counts(stage: &Stage, backend: &Backend) -> Result<Counts, Error> {
    let (at, changes) = (stage.recorder.clock().now(), backend.health_changes());
    let mut counts = Counts { at, changes, ..Counts::default() };
    for member in stage.hopper.roster().all() {
        let [entries, reported] = admin::counters(&member, ["conductor_reports_total", "conductor_reported_clusters_total"]).await?;
        counts.entries += entries;
        counts.reported += reported;
        let status = admin::status(&member).await?;
        (counts.applied, counts.term) = (counts.applied.max(status.applied), counts.term.max(status.term));
    }
    Ok(counts)
}

/// Gives each spell the writes that began in it, and judges all of them: what was acknowledged is there, once.
async fn writes(stage: &Stage, spells: &mut [Spell], summary: &mut Summary) -> Result<(), Error> {
    let events = stage.recorder.finish()?;
    let operations = operation::pair(&events);
    spells.iter_mut().for_each(|spell| spell.took = took(&operations, spell.from.at, spell.to.at));
    let mut lists = stage.lists().await?;
    lists.values_mut().for_each(|list| list.retain(|one| one.name != OURS));
    let report = sets::check(&operations, &lists);
    summary.findings(&report.findings, &events);
    let failed = report.unknown + report.refused;
    if failed > 0 {
        summary.finding(format!("{failed} requests failed: {}", first_failure(&events)));
    }
    Ok(())
}

/// How long the acknowledged ones took that began in a window; sorted.
fn took(operations: &[Operation], from: u64, to: u64) -> Vec<u64> {
    let within = operations.iter().filter(|one| one.outcome == Outcome::Ok && (from..to).contains(&one.began));
    let mut took: Vec<u64> = within.map(|one| one.ended.saturating_sub(one.began)).collect();
    took.sort_unstable();
    took
}

impl Spell {
    fn difference(&self, of: fn(&Counts) -> u64) -> u64 {
        of(&self.to).saturating_sub(of(&self.from))
    }

    fn row(&self, number: usize) -> Vec<String> {
        let mut cells = vec![(number + 1).to_string(), self.took.len().to_string()];
        cells.extend([50, 99].map(|percent| shown(quantile(&self.took, percent))));
        cells.extend(COUNTED.map(|(_, of)| self.difference(of).to_string()));
        cells
    }
}

/// A name and where its number stands.
type Counted = (&'static str, fn(&Counts) -> u64);

/// What is counted in a spell.
const COUNTED: [Counted; 5] = [
    ("health changes", |counts| counts.changes),
    ("entries about what was seen", |counts| counts.entries),
    ("bays in them", |counts| counts.reported),
    ("log entries", |counts| counts.applied),
    ("elections", |counts| counts.term),
];

fn shown(took: u64) -> String {
    format!("{:.1}", millis(took))
}

/// The median over spells of a percentile of each.
fn median(spells: &[&Spell], percent: usize) -> u64 {
    let mut all: Vec<u64> = spells.iter().map(|spell| quantile(&spell.took, percent)).collect();
    all.sort_unstable();
    quantile(&all, 50)
}

fn table(weather: Weather, spells: &[&Spell]) -> Table {
    let title = format!("{weather}: one look in {} finds another health than the one before; commits in ms", weather.flap());
    let columns: Vec<&str> = ["spell", "writes", "p50", "p99"].into_iter().chain(COUNTED.map(|(name, _)| name)).collect();
    let mut table = Table::new(&title, &columns);
    spells.iter().enumerate().for_each(|(number, spell)| table.row(&spell.row(number)));
    let sum = |of: &dyn Fn(&Spell) -> u64| spells.iter().map(|spell| of(spell)).sum::<u64>().to_string();
    let mut last = vec!["median, or all".to_owned(), sum(&|spell| spell.took.len() as u64)];
    last.extend([50, 99].map(|percent| shown(median(spells, percent))));
    last.extend(COUNTED.map(|(_, of)| sum(&|spell| spell.difference(of))));
    table.row(&last);
    table
}

/// Both tables, and whether the goals were reached.
fn judge(spells: &[Spell], targets: bool, summary: &mut Summary) {
    let of = |weather: Weather| spells.iter().filter(|spell| spell.weather == weather).collect::<Vec<_>>();
    let (calm, storm) = (of(Weather::Calm), of(Weather::Storm));
    summary.table(table(Weather::Calm, &calm));
    summary.table(table(Weather::Storm, &storm));
    let (before, then) = (median(&calm, 99), median(&storm, 99));
    let ratio = millis(then) / millis(before.max(1));
    let words = format!("commit p99 in a storm {} ms, in a calm {} ms: {ratio:.2} times, goal {GOAL:.0}", shown(then), shown(before));
    summary.note(&words);
    // Also between two spells.
    let elections = spells.first().zip(spells.last()).map_or(0, |(first, last)| last.to.term.saturating_sub(first.from.term));
    summary.note(format!("elections: {elections}, goal 0"));
    if targets && ratio > GOAL {
        summary.missed(words);
    }
    if targets && elections > 0 {
        summary.missed(format!("{elections} elections, goal 0"));
    }
    let sum = |spells: &[&Spell], of: fn(&Counts) -> u64| spells.iter().map(|spell| spell.difference(of)).sum::<u64>();
    let changes = |counts: &Counts| counts.changes;
    let least = spells.iter().map(|spell| spell.took.len() as u64).min().unwrap_or(0);
    let coverage = Coverage::default()
        .with("writes in the spell with fewest", least, WRITES)
        // Ten times as many but for what is lost at the ends of spells.
        .with("health changes in storms", sum(&storm, changes), (sum(&calm, changes) * 8).max(1))
        .with("bays reported in storms", sum(&storm, |counts| counts.reported), sum(&storm, changes) / 2);
    summary.coverage("storm", coverage);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;

    /// A spell whose writes all take so many milliseconds.
    fn spell(weather: Weather, ms: u64, changes: u64, term: u64) -> Spell {
        let to = Counts { changes, reported: changes, term, ..Counts::default() };
        let from = Counts { term: 1, ..Counts::default() };
        Spell { weather, from, to, took: vec![ms * 1_000_000; 200] }
    }

    fn verdict(spells: &[Spell]) -> Verdict {
        let mut summary = Summary::default();
        judge(spells, true, &mut summary);
        summary.verdict()
    }

    #[test]
    fn a_storm_that_is_felt_or_costs_a_leader_or_is_none_does_not_pass() {
        let calm = |ms| spell(Weather::Calm, ms, 10, 1);
        let storm = |ms| spell(Weather::Storm, ms, 100, 1);
        assert_eq!(verdict(&[calm(5), storm(9), storm(9), calm(5)]), Verdict::True);
        assert_eq!(verdict(&[calm(5), storm(11), storm(11), calm(5)]), Verdict::False);
        assert_eq!(verdict(&[calm(5), storm(50), storm(9), storm(9), calm(5), calm(5)]), Verdict::True, "one slow spell of three is noise");
        assert_eq!(verdict(&[calm(5), storm(9), storm(9), spell(Weather::Calm, 5, 10, 2)]), Verdict::False);
        assert_eq!(verdict(&[calm(5), spell(Weather::Storm, 9, 20, 1)]), Verdict::Unknown, "no storm");
        let silent = Spell { took: Vec::new(), ..storm(9) };
        assert_eq!(verdict(&[calm(5), storm(9), silent, calm(5)]), Verdict::Unknown, "nobody wrote");
    }
}
