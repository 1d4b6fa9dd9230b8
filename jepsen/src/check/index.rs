//! The index witness: the product's own revisions are the proof that it is linearizable.
//!
//! Every answer carries the object's revision, so nobody has to search for an order of the writes: the
//! product claims one. What is left is to check the claim, in time linear in the history:
//!
//! 1. no two writes have the same revision;
//! 2. a read with revision *r* shows the value of the write with revision *r*, and no value has two;
//! 3. real time: what begins after another has ended has at least its revision (a write: more);
//! 4. a conditional update follows *directly* upon the revision it demanded;
//! 5. a refused conditional update had a reason: another write after the revision it demanded;
//! 6. a patch of two fields is seen whole or not at all;
//! 7. the log index of linearizable answers never falls in real time, over all objects.
//!
//! If 1 to 5 hold, ordering the operations by revision *is* a linearization, so a product that lies about
//! its revisions cannot pass. Writes with unknown outcome get their revision from the first read that
//! shows their value; so do acknowledged ones whose answer was a replay, which shows the object as it is by then.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{Finding, Operation, Outcome, operation};
use crate::history::{Event, Value, Verb};

/// What the witness found.
#[derive(Debug, Default)]
pub struct Report {
    /// Operations judged.
    pub operations: usize,
    /// Objects judged.
    pub objects: usize,
    /// Operations with unknown outcome whose effect was seen.
    pub unknown_seen: usize,
    /// Acknowledged writes whose own revision was not in the answer (replayed after a lost one), placed by who saw them.
    pub replayed: usize,
    /// Reads without a revision: nothing can be proved about them.
    pub without_revision: usize,
    /// Violations.
    pub findings: Vec<Finding>,
}

/// Judges a whole history of registers.
#[must_use]
pub fn check(events: &[Event]) -> Report {
    let operations: Vec<_> = operation::pair(events).into_iter().filter(|one| is_register(one.f)).collect();
    let mut report = Report { operations: operations.len(), ..Report::default() };
    served_never_falls(&operations, &mut report);
    for (key, operations) in operation::by_key(operations) {
        report.objects += 1;
        Object::new(&key, &operations, &mut report).judge();
    }
    report
}

fn is_register(verb: Verb) -> bool {
    matches!(verb, Verb::Read | Verb::Write | Verb::Cas)
}

/// A write whose place in the order is known.
#[derive(Clone, Copy, Debug)]
struct Placed {
    value: u64,
    invoke: u64,
    expect: Option<u64>,
    /// Line where the revision was learned.
    at: u64,
}

struct Object<'a> {
    key: &'a Arc<str>,
    operations: &'a [Operation],
    /// Revision → write.
    order: BTreeMap<u64, Placed>,
    /// Value → every operation that tried to write it: (line of invocation, demanded revision).
    tried: HashMap<u64, (u64, Option<u64>, Outcome)>,
    /// Value → revision.
    places: HashMap<u64, u64>,
    report: &'a mut Report,
}

impl<'a> Object<'a> {
    fn new(key: &'a Arc<str>, operations: &'a [Operation], report: &'a mut Report) -> Self {
        Self { key, operations, order: BTreeMap::new(), tried: HashMap::new(), places: HashMap::new(), report }
    }

    fn judge(&mut self) {
        self.nothing_is_refused_for_nothing();
        self.place_writes();
        self.place_what_reads_show();
        self.reads_show_what_was_written();
        self.real_time();
        self.conditional_updates();
    }

    fn found(&mut self, invariant: &'static str, at: u64, words: String) {
        let key = Some(Arc::clone(self.key));
        self.report.findings.push(Finding { invariant, words, key, at: Some(at) });
    }

    /// Registers are never deleted and requests are well formed: only `If-Match` may refuse.
    fn nothing_is_refused_for_nothing(&mut self) {
        for one in self.operations.iter().filter(|one| one.outcome == Outcome::Fail) {
            if let Some(error) = &one.error {
                self.found("a register stays and answers", one.complete, error.to_string());
            }
        }
    }

    /// Acknowledged writes: their revision is in the answer.
    fn place_writes(&mut self) {
        for one in self.operations {
            let Some(value) = written(one) else { continue };
            self.tried.insert(value, (one.invoke, one.expect, one.outcome));
            if one.outcome != Outcome::Ok {
                continue;
            }
            match one.revision {
                Some(revision) => self.place(revision, value, one.invoke, one.expect, one.complete),
                None => self.report.replayed += 1,
            }
        }
    }

    fn place(&mut self, revision: u64, value: u64, invoke: u64, expect: Option<u64>, at: u64) {
        if let Some(other) = self.order.get(&revision)
            && other.value != value
        {
            let words = format!("revision {revision} was given to the writes of {} and {value}", other.value);
            self.found("revisions are unique", at, words);
            return;
        }
        if let Some(other) = self.places.insert(value, revision)
            && other != revision
        {
            let words = format!("value {value} has the revisions {other} and {revision}");
            self.found("a write happens once", at, words);
            return;
        }
        self.order.insert(revision, Placed { value, invoke, expect, at });
    }

    /// Writes with unknown outcome: a read that shows their value tells their revision.
    fn place_what_reads_show(&mut self) {
        for one in self.operations {
            let Some((revision, value)) = shown(one) else { continue };
            if self.order.contains_key(&revision) {
                continue;
            }
            match self.tried.get(&value).copied() {
                Some((invoke, expect, Outcome::Unknown)) => {
                    self.report.unknown_seen += usize::from(!self.places.contains_key(&value));
                    self.place(revision, value, invoke, expect, one.complete);
                }
                Some((invoke, expect, Outcome::Ok)) if !self.places.contains_key(&value) => {
                    self.place(revision, value, invoke, expect, one.complete);
                }
                Some((_, _, Outcome::Fail)) => self.found(
                    "a refused write leaves no trace",
                    one.complete,
                    format!("value {value} is shown at revision {revision} but was refused"),
                ),
                Some((_, _, Outcome::Ok)) => self.found(
                    "a write happens once",
                    one.complete,
                    format!(
                        "value {value} is shown at revision {revision}, its write was acknowledged \
                         at {:?}",
                        self.places.get(&value)
                    ),
                ),
                None => {
                    self.found("no value from nowhere", one.complete, format!("value {value} at revision {revision} was never written"))
                }
            }
        }
    }

    fn reads_show_what_was_written(&mut self) {
        for one in self.operations {
            if one.f != Verb::Read || one.outcome != Outcome::Ok {
                continue;
            }
            if let Value::Swap(name, label) = one.output {
                let words = format!("the name is {name} and the label is {label}: half of a patch");
                self.found("a patch is atomic", one.complete, words);
                continue;
            }
            let Some((revision, value)) = shown(one) else {
                self.report.without_revision += 1;
                continue;
            };
            // A revision that could not be placed has been reported by the caller before this.
            let Some(write) = self.order.get(&revision).copied() else { continue };
            if write.value != value {
                let words = format!("revision {revision} is {}, but {value} was read", write.value);
                self.found("reads show what was written", one.complete, words);
            } else if write.invoke > one.complete {
                let words = format!("value {value} was read before its write began");
                self.found("no value from the future", one.complete, words);
            }
        }
    }

    /// A sweep over both ends of every operation, in the order of the lines.
    fn real_time(&mut self) {
        let mut begins: Vec<&Operation> = self.operations.iter().collect();
        begins.sort_by_key(|one| one.invoke);
        let mut ends: Vec<&Operation> = begins.iter().copied().filter(|one| one.complete != u64::MAX).collect();
        ends.sort_by_key(|one| one.complete);
        let mut ended = ends.into_iter().peekable();
        let mut floor = (0, 0);
        for one in begins {
            while let Some(before) = ended.next_if(|before| before.complete < one.invoke) {
                floor = floor.max((self.witnessed(before).unwrap_or(0), before.complete));
            }
            let Some(revision) = self.witnessed(one) else { continue };
            let behind = if written(one).is_some() { revision <= floor.0 } else { revision < floor.0 };
            if behind {
                let verb = if written(one).is_some() { "write" } else { "read" };
                let words = format!(
                    "a {verb} at revision {revision} began at line {} after revision {} had been \
                     acknowledged at line {}",
                    one.invoke, floor.0, floor.1
                );
                let at = if one.complete == u64::MAX { one.invoke } else { one.complete };
                self.found("real time", at, words);
            }
        }
    }

    /// The revision an operation stands for, from its answer or from who saw its value.
    fn witnessed(&self, one: &Operation) -> Option<u64> {
        match (one.outcome, written(one)) {
            (Outcome::Fail, _) | (Outcome::Unknown, None) => None,
            (Outcome::Ok, None) => one.revision,
            (Outcome::Ok | Outcome::Unknown, Some(value)) => one.revision.or(self.places.get(&value).copied()),
        }
    }

    fn conditional_updates(&mut self) {
        let mut skipped = Vec::new();
        for (revision, write) in &self.order {
            let Some(expect) = write.expect else { continue };
            // Values from before the first write (the creation) have no placed predecessor.
            let below = self.order.range(..revision).next_back().map(|(below, _)| *below);
            if expect >= *revision || below.is_some_and(|below| below > expect) {
                skipped.push((write.at, *revision, expect, below));
            }
        }
        for (at, revision, expect, below) in skipped {
            let words = format!("the update to revision {revision} demanded {expect} but follows upon {below:?}");
            self.found("If-Match is exact", at, words);
        }
        self.refusals_had_a_reason();
    }

    fn refusals_had_a_reason(&mut self) {
        // A write nobody has seen may be the reason of anything after it.
        let unseen = (self.tried.iter())
            .filter(|(value, (_, _, outcome))| *outcome != Outcome::Fail && !self.places.contains_key(value))
            .map(|(_, (invoke, _, _))| *invoke)
            .min()
            .unwrap_or(u64::MAX);
        for one in self.operations {
            let (Verb::Cas, Outcome::Fail, Some(expect)) = (one.f, one.outcome, one.expect) else {
                continue;
            };
            let later = self.order.range(expect + 1..).any(|(_, write)| write.invoke < one.complete);
            if !later && unseen > one.complete {
                let words = format!("refused although revision {expect} was the last");
                self.found("a refusal has a reason", one.complete, words);
            }
        }
    }
}

/// The value an operation tries to write.
pub(super) fn written(one: &Operation) -> Option<u64> {
    match (one.f, &one.input) {
        (Verb::Write, Value::Number(value)) | (Verb::Cas, Value::Swap(_, value)) => Some(*value),
        _ => None,
    }
}

/// Revision and value of a successful read.
fn shown(one: &Operation) -> Option<(u64, u64)> {
    match (one.f, one.outcome, one.revision, &one.output) {
        (Verb::Read, Outcome::Ok, Some(revision), Value::Number(value)) => Some((revision, *value)),
        _ => None,
    }
}

/// Invariant 7, over all objects together.
fn served_never_falls(operations: &[Operation], report: &mut Report) {
    let mut ends: Vec<&Operation> = operations.iter().filter(|one| one.complete != u64::MAX).collect();
    ends.sort_by_key(|one| one.complete);
    let mut ended = ends.into_iter().peekable();
    let mut floor = (0, 0);
    for one in operations {
        while let Some(before) = ended.next_if(|before| before.complete < one.invoke) {
            floor = floor.max((before.served.unwrap_or(0), before.complete));
        }
        if let Some(served) = one.served
            && served < floor.0
        {
            let words = format!("served at log index {served} although index {} had been seen at line {}", floor.0, floor.1);
            let at = Some(one.complete);
            report.findings.push(Finding { invariant: "the log index never falls", words, key: one.key.clone(), at });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::synthetic::Register, *};

    #[test]
    fn a_valid_history_of_100_000_operations_passes() {
        let events = Register::default().generate(100_000);
        let report = check(&events);
        assert_eq!(report.findings, []);
        assert_eq!(report.operations, 100_000);
        assert_eq!(report.without_revision, 0);
    }

    #[test]
    fn unknown_outcomes_pass_and_are_placed_by_who_saw_them() {
        let events = Register { unknown: 4, ..Register::default() }.generate(20_000);
        let report = check(&events);
        assert_eq!(report.findings, []);
        assert!(report.unknown_seen > 100 && report.replayed > 100, "{report:?}");
    }

    #[test]
    fn planted_bugs_are_caught() {
        use super::super::synthetic::Bug;
        for (bug, invariant) in [
            (Bug::StaleRead, "real time"),
            (Bug::LostWrite, "real time"),
            (Bug::WrittenTwice, "a write happens once"),
            (Bug::SkippedCas, "If-Match is exact"),
            (Bug::RefusedWithoutReason, "a refusal has a reason"),
        ] {
            let events = Register { bug: Some(bug), ..Register::default() }.generate(20_000);
            let found = check(&events).findings;
            assert!(found.iter().any(|one| one.invariant == invariant), "{bug:?} was not found: {found:?}");
        }
    }

    #[test]
    fn a_falling_log_index_is_caught() {
        let mut events = Register::default().generate(1_000);
        let last = events.iter_mut().rev().find(|event| event.line.served.is_some());
        if let Some(event) = last {
            event.line.served = Some(1);
        }
        let found = check(&events).findings;
        assert!(found.iter().any(|one| one.invariant == "the log index never falls"), "{found:?}");
    }
}
