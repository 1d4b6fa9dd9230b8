//! The search checker: is there *any* order that explains what the clients saw?
//!
//! It ignores revisions and log indexes, so it also judges answers without them, and it cross-checks the
//! index witness. Just-in-time linearization: walk over the lines; keep every configuration (value of the
//! register, set of pending operations already linearized) that explains the walk so far; when an operation
//! ends, each configuration must be brought to one where it is linearized, by linearizing pending ones
//! before it in all possible orders. A configuration that cannot is dropped; no configuration left is a
//! violation at exactly that line. Operations that change nothing are linearized greedily, as soon as they
//! fit: waiting can never help them.
//!
//! **Unknown outcomes** stay pending for ever and would double the work each. So, as etcd's suite does: a
//! write whose unique value somebody saw certainly happened before that sighting ended, and gets that as its
//! end. One that nobody saw is left out; the only thing it could still explain is a refused conditional
//! update while it was pending, so those refusals are left out too, and counted.
//!
//! The cost is exponential in the number of operations in flight on one object: workloads keep that to 12.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasherDefault, Hasher},
    sync::Arc,
};

use super::{Finding, Operation, Outcome, index::written, operation};
use crate::history::{Event, Value, Verb};

/// Give up on an object with more configurations than this: the verdict is then unknown.
const MOST_CONFIGURATIONS: usize = 200_000;
/// Bits of the set of pending operations.
const SLOTS: usize = 64;

/// What the search found.
#[derive(Debug, Default)]
pub struct Report {
    /// Operations judged.
    pub operations: usize,
    /// Objects judged.
    pub objects: usize,
    /// The most configurations held at once: the price of concurrency.
    pub configurations: usize,
    /// Operations with unknown outcome that somebody saw.
    pub unknown_seen: usize,
    /// Operations with unknown outcome that nobody saw, left out.
    pub unknown_unseen: usize,
    /// Refused conditional updates that such an operation might explain, left out.
    pub relaxed: usize,
    /// Objects with too many operations in flight to be searched.
    pub given_up: usize,
    /// Violations.
    pub findings: Vec<Finding>,
}

/// Judges a whole history of registers, each object for itself.
#[must_use]
pub fn check(events: &[Event]) -> Report {
    let mut report = Report::default();
    for (key, operations) in operation::by_key(operation::pair(events)) {
        report.objects += 1;
        let steps = steps(&operations, &mut report);
        report.operations += steps.len();
        match walk(&steps) {
            Walked::Explained { configurations } => {
                report.configurations = report.configurations.max(configurations);
            }
            Walked::GivenUp => report.given_up += 1,
            Walked::Impossible { at, possible } => report.findings.push(Finding {
                invariant: "a linearization exists",
                words: format!("no order explains this answer; the value could be {possible:?}"),
                key: Some(Arc::clone(&key)),
                at: Some(at),
            }),
        }
    }
    report
}

/// What an operation does to a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Read(u64),
    Write(u64),
    Swap(u64, u64),
    /// A conditional update that was refused: the value was another.
    Refused(u64),
}

impl Action {
    /// Changes nothing and fits here.
    fn fits(self, value: u64) -> bool {
        match self {
            Self::Read(seen) => seen == value,
            Self::Refused(wanted) => wanted != value,
            Self::Write(_) | Self::Swap(..) => false,
        }
    }

    /// The value after it, when it changes something and can happen here.
    fn change(self, value: u64) -> Option<u64> {
        match self {
            Self::Write(new) => Some(new),
            Self::Swap(old, new) => (old == value).then_some(new),
            Self::Read(_) | Self::Refused(_) => None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Step {
    action: Action,
    /// Twice the line, plus one; a patched end lies just before the end of the sighting.
    begin: u64,
    end: u64,
}

/// Operations of one object as steps that all begin and end.
fn steps(operations: &[Operation], report: &mut Report) -> Vec<Step> {
    let sightings = sightings(operations);
    let mut unseen_since = u64::MAX;
    let mut steps = Vec::with_capacity(operations.len());
    for one in operations {
        match step(one, &sightings) {
            Patched::Certain(step) => steps.push(step),
            Patched::Seen(step) => {
                report.unknown_seen += 1;
                steps.push(step);
            }
            Patched::Unseen => {
                report.unknown_unseen += 1;
                unseen_since = unseen_since.min(one.invoke * 2 + 1);
            }
            Patched::Nothing => {}
        }
    }
    let before = steps.len();
    steps.retain(|step| !matches!(step.action, Action::Refused(_)) || step.end < unseen_since);
    report.relaxed += before - steps.len();
    steps
}

/// Value → the earliest line at which somebody had certainly seen it.
fn sightings(operations: &[Operation]) -> HashMap<u64, u64> {
    let mut first = HashMap::new();
    for one in operations.iter().filter(|one| one.outcome == Outcome::Ok) {
        let seen = match (&one.f, &one.input, &one.output) {
            (Verb::Read, _, Value::Number(value)) | (Verb::Cas, Value::Swap(value, _), _) => *value,
            _ => continue,
        };
        let line = first.entry(seen).or_insert(one.complete);
        *line = one.complete.min(*line);
    }
    first
}

enum Patched {
    Certain(Step),
    Seen(Step),
    Unseen,
    Nothing,
}

fn step(one: &Operation, sightings: &HashMap<u64, u64>) -> Patched {
    let action = match (one.f, &one.input, one.outcome) {
        (Verb::Read, _, Outcome::Ok) => match one.output {
            Value::Number(value) => Action::Read(value),
            _ => return Patched::Nothing,
        },
        (Verb::Write, Value::Number(value), Outcome::Ok | Outcome::Unknown) => Action::Write(*value),
        (Verb::Cas, Value::Swap(old, new), Outcome::Ok | Outcome::Unknown) => Action::Swap(*old, *new),
        (Verb::Cas, Value::Swap(old, _), Outcome::Fail) => Action::Refused(*old),
        _ => return Patched::Nothing,
    };
    let begin = one.invoke * 2 + 1;
    if one.outcome != Outcome::Unknown {
        return Patched::Certain(Step { action, begin, end: one.complete * 2 + 1 });
    }
    match written(one).and_then(|value| sightings.get(&value)) {
        Some(line) => Patched::Seen(Step { action, begin, end: (line * 2).max(begin + 1) }),
        None => Patched::Unseen,
    }
}

enum Walked {
    Explained { configurations: usize },
    Impossible { at: u64, possible: Vec<u64> },
    GivenUp,
}

/// The register's value and the pending operations that are linearized already.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Configuration {
    value: u64,
    done: u64,
}

type Set = HashSet<Configuration, BuildHasherDefault<Mix>>;

/// The operations in flight, by slot.
struct Pending {
    slots: [Option<Action>; SLOTS],
    used: u64,
    places: HashMap<usize, usize>,
}

fn walk(steps: &[Step]) -> Walked {
    let mut edges: Vec<(u64, usize, bool)> = Vec::with_capacity(steps.len() * 2);
    for (place, step) in steps.iter().enumerate() {
        edges.push((step.begin, place, true));
        edges.push((step.end, place, false));
    }
    edges.sort_unstable();
    let mut pending = Pending { slots: [None; SLOTS], used: 0, places: HashMap::new() };
    let mut current = Set::default();
    current.insert(Configuration { value: 0, done: 0 });
    let mut most = 1;
    for (line, place, begins) in edges {
        let Some(step) = steps.get(place) else { continue };
        if begins {
            if !pending.begin(place, step.action, &mut current) {
                return Walked::GivenUp;
            }
            continue;
        }
        let Some(slot) = pending.places.remove(&place) else { continue };
        let possible = current.clone();
        current = pending.end(slot, &current);
        pending.free(slot);
        most = most.max(current.len());
        if current.is_empty() {
            return Walked::Impossible { at: line / 2, possible: values(&possible) };
        }
        if most > MOST_CONFIGURATIONS {
            return Walked::GivenUp;
        }
    }
    Walked::Explained { configurations: most }
}

fn values(set: &Set) -> Vec<u64> {
    let mut values: Vec<u64> = set.iter().map(|one| one.value).collect();
    values.sort_unstable();
    values.dedup();
    values.truncate(8);
    values
}

impl Pending {
    /// Takes a slot; false when all are taken.
    fn begin(&mut self, place: usize, action: Action, current: &mut Set) -> bool {
        let slot = (!self.used).trailing_zeros() as usize;
        let Some(entry) = self.slots.get_mut(slot) else { return false };
        *entry = Some(action);
        self.used |= 1 << slot;
        self.places.insert(place, slot);
        if matches!(action, Action::Read(_) | Action::Refused(_)) {
            *current = current
                .iter()
                .map(|one| {
                    let fits = u64::from(action.fits(one.value));
                    Configuration { done: one.done | (fits << slot), ..*one }
                })
                .collect();
        }
        true
    }

    fn free(&mut self, slot: usize) {
        if let Some(entry) = self.slots.get_mut(slot) {
            *entry = None;
        }
        self.used &= !(1 << slot);
    }

    /// Every configuration in which the operation of this slot is linearized, with its bit cleared.
    fn end(&self, slot: usize, current: &Set) -> Set {
        let bit = 1 << slot;
        let mut after = Set::default();
        let mut seen = Set::default();
        let mut open: Vec<Configuration> = Vec::new();
        for one in current {
            if one.done & bit == 0 {
                seen.insert(*one);
                open.push(*one);
            } else {
                after.insert(Configuration { done: one.done & !bit, ..*one });
            }
        }
        while let Some(one) = open.pop() {
            for next in self.changes(one) {
                if next.done & bit != 0 {
                    after.insert(Configuration { done: next.done & !bit, ..next });
                } else if seen.insert(next) {
                    open.push(next);
                }
            }
        }
        after
    }

    /// The configurations one change further, with everything greedy linearized.
    fn changes(&self, from: Configuration) -> impl Iterator<Item = Configuration> {
        let mut left = self.used & !from.done;
        std::iter::from_fn(move || {
            while left != 0 {
                let slot = left.trailing_zeros() as usize;
                left &= left - 1;
                let action = self.slots.get(slot).copied().flatten();
                if let Some(value) = action.and_then(|action| action.change(from.value)) {
                    return Some(self.greedy(value, from.done | (1 << slot)));
                }
            }
            None
        })
    }

    fn greedy(&self, value: u64, mut done: u64) -> Configuration {
        let mut left = self.used & !done;
        while left != 0 {
            let slot = left.trailing_zeros() as usize;
            left &= left - 1;
            if self.slots.get(slot).copied().flatten().is_some_and(|action| action.fits(value)) {
                done |= 1 << slot;
            }
        }
        Configuration { value, done }
    }
}

/// A cheap hash: the sets hold two small numbers and are the hot spot.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(26) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::synthetic::{Bug, Register},
        *,
    };

    #[test]
    fn a_valid_history_of_100_000_operations_passes() {
        let report = check(&Register::default().generate(100_000));
        assert_eq!(report.findings, []);
        assert_eq!((report.operations, report.given_up), (100_000, 0));
    }

    #[test]
    fn twelve_clients_that_are_always_busy_are_still_searched() {
        let report = check(&Register { clients: 12, ..Register::default() }.generate(10_000));
        assert_eq!(report.findings, []);
        assert_eq!(report.given_up, 0);
    }

    #[test]
    fn unknown_outcomes_pass() {
        let report = check(&Register { unknown: 4, ..Register::default() }.generate(20_000));
        assert_eq!(report.findings, []);
        assert!(report.unknown_seen > 50 && report.unknown_unseen > 50, "{report:?}");
        assert_eq!(report.given_up, 0);
    }

    #[test]
    fn planted_bugs_are_caught() {
        for bug in [Bug::StaleRead, Bug::LostWrite, Bug::WrittenTwice, Bug::SkippedCas, Bug::RefusedWithoutReason] {
            let report = check(&Register { bug: Some(bug), ..Register::default() }.generate(20_000));
            assert_eq!(report.findings.len(), 1, "{bug:?} was not found");
        }
    }

    #[test]
    fn a_stale_read_is_caught_at_the_exact_line() {
        let mut register = Register { bug: Some(Bug::StaleRead), ..Register::default() };
        let events = register.generate(100_000);
        let report = check(&events);
        assert_eq!(report.findings.first().and_then(|one| one.at), register.planted_at);
    }
}
