//! What the conductor counts. Plain atomics; whoever shows them gives them names.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use model::{
    cluster::Status,
    defaults,
    operation::{Kind, State, StepOutcome, stuck::Stuck},
    ownership::Reason,
};

/// Counters of one conductor.
#[derive(Debug, Default)]
pub struct Metrics {
    owned: AtomicU64,
    unowned: AtomicU64,
    homeless: AtomicU64,
    unmet: AtomicU64,
    fenced: AtomicU64,
    interrupted: AtomicU64,
    orphans: AtomicU64,
    grants: AtomicU64,
    grants_refused: AtomicU64,
    lapses: AtomicU64,
    moves: Mutex<BTreeMap<Reason, u64>>,
    steps: Mutex<BTreeMap<StepOutcome, u64>>,
    retries: Mutex<BTreeMap<&'static str, u64>>,
    bays: Mutex<Bays>,
    open: AtomicU64,
    stuck: Mutex<BTreeMap<Stuck, u64>>,
    ended: Mutex<BTreeMap<(Kind, State), Times>>,
    sinks: Mutex<BTreeMap<String, SinkCounts>>,
    looks: AtomicU64,
    looks_failed: AtomicU64,
    reports: AtomicU64,
    sightings: AtomicU64,
}

/// Clusters by status and by the engine that runs on them; an engine that is not known counts as `other`, so that nobody can make series.
pub type Bays = BTreeMap<(Status, &'static str), u64>;

/// Upper bounds of the times, milliseconds: from a container's start to a cluster that takes all of its hour.
pub const BOUNDS_MS: [u64; 12] = [250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 900_000, 1_800_000, 3_600_000];

/// How many there were, and how long they took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// How many.
    pub count: u64,
    /// Milliseconds of log time from acceptance to the end, of all together.
    pub sum_ms: u64,
    /// How many took no longer than the bound of the same place in [`BOUNDS_MS`].
    pub within: [u64; BOUNDS_MS.len()],
}

impl Times {
    /// One more.
    pub fn add(&mut self, ms: u64) {
        self.count += 1;
        self.sum_ms = self.sum_ms.saturating_add(ms);
        for (within, bound) in self.within.iter_mut().zip(BOUNDS_MS) {
            *within += u64::from(ms <= bound);
        }
    }
}

/// The engine as it is counted.
pub(crate) fn counted_coe(coe: &str) -> &'static str {
    defaults::COES.into_iter().find(|known| *known == coe).unwrap_or("other")
}

/// What is known of one sink of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SinkCounts {
    /// Records that this member delivered.
    pub records: u64,
    /// Deliveries of this member that failed.
    pub failures: u64,
    /// While this member delivers: events that the sink has still to be given.
    pub lag: Option<u64>,
    /// While this member delivers: events that were forgotten before the sink was given them.
    pub lost: Option<u64>,
}

/// The counters as they stood at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Clusters that this member acts for now.
    pub owned: u64,
    /// Clusters that nobody acts for, as the leader sees it; 0 on others.
    pub unowned: u64,
    /// Clusters that must or should leave their owner and that nobody can take, as the leader sees it; 0 on others.
    pub homeless: u64,
    /// Pins that cannot be obeyed, as the leader sees it; 0 on others.
    pub unmet: u64,
    /// Reports of this member that the log refused because their epoch was over.
    pub fenced: u64,
    /// Outside calls that were dropped because the right to act ran out.
    pub interrupted: u64,
    /// Outside things without a record that were removed.
    pub orphans: u64,
    /// Leases that this member granted as the leader.
    pub grants: u64,
    /// Leases that it refused as the leader.
    pub grants_refused: u64,
    /// How often this member's own lease ran out while it owned clusters.
    pub lapses: u64,
    /// Assignments that this member proposed as the leader, by reason.
    pub moves: BTreeMap<Reason, u64>,
    /// Steps of this member, by what became of them.
    pub steps: BTreeMap<StepOutcome, u64>,
    /// Attempts of this member that are made again, by the step.
    pub retries: BTreeMap<&'static str, u64>,
    /// Clusters by status and engine, as the leader last saw them; empty on others.
    pub bays: Bays,
    /// Open operations of all clusters, as the leader last saw them; 0 on others.
    pub open: u64,
    /// Those of them that do not get on.
    pub stuck: BTreeMap<Stuck, u64>,
    /// Operations that this member ended.
    pub ended: BTreeMap<(Kind, State), Times>,
    /// Sinks of events, by name.
    pub sinks: BTreeMap<String, SinkCounts>,
    /// Full looks at clusters by this member.
    pub looks: u64,
    /// Of those, looks that were not answered as they should be.
    pub looks_failed: u64,
    /// Entries that this member wrote about what it saw.
    pub reports: u64,
    /// Clusters in them.
    pub sightings: u64,
}

impl Metrics {
    /// All counters.
    pub fn counts(&self) -> Counts {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            owned: get(&self.owned),
            unowned: get(&self.unowned),
            homeless: get(&self.homeless),
            unmet: get(&self.unmet),
            fenced: get(&self.fenced),
            interrupted: get(&self.interrupted),
            orphans: get(&self.orphans),
            grants: get(&self.grants),
            grants_refused: get(&self.grants_refused),
            lapses: get(&self.lapses),
            moves: self.moves.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            steps: self.steps.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            retries: self.retries.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            bays: self.bays.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            open: get(&self.open),
            stuck: self.stuck.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            ended: self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            looks: get(&self.looks),
            looks_failed: get(&self.looks_failed),
            reports: get(&self.reports),
            sightings: get(&self.sightings),
            sinks: self.sinks.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    pub(crate) fn set_owned(&self, clusters: usize) {
        self.owned.store(u64::try_from(clusters).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
    /// What the leader sees of the whole; all zero when it leads no longer.
    pub(crate) fn set_overview(&self, unowned: usize, homeless: usize, unmet: usize) {
        for (gauge, count) in [(&self.unowned, unowned), (&self.homeless, homeless), (&self.unmet, unmet)] {
            gauge.store(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }
    pub(crate) fn fenced(&self) {
        self.fenced.fetch_add(1, Ordering::Relaxed);
    }
    pub(crate) fn interrupted(&self) {
        self.interrupted.fetch_add(1, Ordering::Relaxed);
    }
    pub(crate) fn orphan(&self) {
        self.orphans.fetch_add(1, Ordering::Relaxed);
    }
    pub(crate) fn granted(&self, granted: bool) {
        let counter = if granted { &self.grants } else { &self.grants_refused };
        counter.fetch_add(1, Ordering::Relaxed);
    }
    pub(crate) fn lapsed(&self) {
        self.lapses.fetch_add(1, Ordering::Relaxed);
    }
    pub(crate) fn moved(&self, reason: Reason) {
        *self.moves.lock().unwrap_or_else(PoisonError::into_inner).entry(reason).or_default() += 1;
    }
    pub(crate) fn retried(&self, step: &'static str) {
        *self.retries.lock().unwrap_or_else(PoisonError::into_inner).entry(step).or_default() += 1;
    }
    pub(crate) fn set_bays(&self, bays: Bays) {
        *self.bays.lock().unwrap_or_else(PoisonError::into_inner) = bays;
    }
    pub(crate) fn set_open(&self, open: usize, stuck: BTreeMap<Stuck, u64>) {
        self.open.store(u64::try_from(open).unwrap_or(u64::MAX), Ordering::Relaxed);
        *self.stuck.lock().unwrap_or_else(PoisonError::into_inner) = stuck;
    }
    pub(crate) fn ended(&self, kind: Kind, state: State, ms: u64) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.entry((kind, state)).or_default().add(ms);
    }
    pub(crate) fn step(&self, outcome: StepOutcome) {
        *self.steps.lock().unwrap_or_else(PoisonError::into_inner).entry(outcome).or_default() += 1;
    }
    pub(crate) fn looked(&self, well: bool) {
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.looks_failed.fetch_add(u64::from(!well), Ordering::Relaxed);
    }
    pub(crate) fn reported(&self, clusters: usize) {
        self.reports.fetch_add(1, Ordering::Relaxed);
        self.sightings.fetch_add(u64::try_from(clusters).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
    fn sink(&self, name: &str, change: impl FnOnce(&mut SinkCounts)) {
        let mut sinks = self.sinks.lock().unwrap_or_else(PoisonError::into_inner);
        change(sinks.entry(name.to_owned()).or_default());
    }
    pub(crate) fn sink_took(&self, name: &str, records: u64) {
        self.sink(name, |sink| sink.records = sink.records.saturating_add(records));
    }
    pub(crate) fn sink_failed(&self, name: &str) {
        self.sink(name, |sink| sink.failures = sink.failures.saturating_add(1));
    }
    pub(crate) fn sink_stands(&self, name: &str, lag: u64, lost: u64) {
        self.sink(name, |sink| (sink.lag, sink.lost) = (Some(lag), Some(lost)));
    }
    /// This member delivers no more.
    pub(crate) fn sinks_idle(&self) {
        for sink in self.sinks.lock().unwrap_or_else(PoisonError::into_inner).values_mut() {
            (sink.lag, sink.lost) = (None, None);
        }
    }
}
