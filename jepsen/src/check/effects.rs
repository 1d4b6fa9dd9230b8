//! What calls did to the outside, from the backend's journal alone.
//!
//! * **No double**: one operation makes a thing once, and nothing is made while a thing of that name is there.
//! * **Removed stays removed**: outside names come from ids that are never used again, so nothing is made of a name that was removed:
//!   that would be a late call of an operation that the deletion had ended.
//! * **One actor**: for each cluster the epochs of effective calls never fall. A call of an owner that had a successor by then is
//!   *stale*; behind a fence none may have an effect, without one they are counted.
//!
//! Ordered by the places at which calls were judged, whenever they were sent or answered.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::Finding;
use crate::backend::{Call, Outcome};

/// What the journal says.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Calls of kinds that change things.
    pub changes: u64,
    /// Those that did.
    pub effective: u64,
    /// Changes that arrived or acted although their owner had a successor.
    pub stale_attempted: u64,
    /// Those of them that did change something.
    pub stale_effective: u64,
    /// Those of them that a fence refused.
    pub fenced: u64,
    /// Effects whose answer nobody got.
    pub unanswered: u64,
    /// Things made twice.
    pub doubled: u64,
    /// Things made after their removal.
    pub risen: u64,
    /// Violations in words.
    pub findings: Vec<Finding>,
}

#[derive(Default)]
struct Past {
    there: BTreeSet<Arc<str>>,
    removed: BTreeSet<Arc<str>>,
    made: BTreeSet<(Arc<str>, Arc<str>)>,
    highest: BTreeMap<Arc<str>, u64>,
}

/// Judges the calls; `fence`: whether the backend refused stale ones.
#[must_use]
pub fn check(calls: &[Call], fence: bool) -> Report {
    let mut changes: Vec<&Call> = calls.iter().filter(|call| call.changes && call.judged.is_some()).collect();
    changes.sort_by_key(|call| call.judged);
    let (mut report, mut past) = (Report::default(), Past::default());
    for call in changes {
        report.changes += 1;
        report.stale_attempted += u64::from(call.stale());
        report.fenced += u64::from(call.outcome == Outcome::Fenced);
        if call.outcome.effective() {
            report.effective += 1;
            report.unanswered += u64::from(call.answered.is_none());
            report.of_epochs(call, &mut past, fence);
            report.of_names(call, &mut past);
        }
    }
    report
}

impl Report {
    fn of_epochs(&mut self, call: &Call, past: &mut Past, fence: bool) {
        let Some(caller) = &call.caller else {
            self.found("every call says who makes it", call, "no caller".to_owned());
            return;
        };
        let highest = past.highest.entry(Arc::clone(&caller.cluster)).or_default();
        if call.stale() || caller.epoch < *highest {
            self.stale_effective += 1;
            if fence {
                let words = format!("of epoch {} under epoch {}, behind a fence", caller.epoch, call.fence.max(*highest));
                self.found("one actor", call, words);
            }
        }
        *highest = caller.epoch.max(*highest);
    }

    fn of_names(&mut self, call: &Call, past: &mut Past) {
        match call.outcome {
            Outcome::Made => {
                let operation = call.caller.as_ref().and_then(|caller| caller.operation.clone()).unwrap_or_default();
                let again = !past.made.insert((operation, Arc::clone(&call.key)));
                if past.removed.contains(&call.key) {
                    self.risen += 1;
                    self.found("removed stays removed", call, "made after its removal".to_owned());
                }
                if !past.there.insert(Arc::clone(&call.key)) || again {
                    self.doubled += 1;
                    self.found("no double", call, "made a second time".to_owned());
                }
            }
            Outcome::Removed => {
                past.there.remove(&call.key);
                past.removed.insert(Arc::clone(&call.key));
            }
            _ => {}
        }
    }

    fn found(&mut self, invariant: &'static str, call: &Call, words: String) {
        let who = call.caller.as_ref().map_or_else(String::new, |caller| {
            let operation = caller.operation.as_deref().unwrap_or("-");
            format!(" by member {} under epoch {}, operation {operation}, step {}", caller.member, caller.epoch, caller.step)
        });
        let words = format!("{}{who}: {words} (call {} of the journal)", call.verb, call.arrival);
        self.findings.push(Finding { invariant, words, key: Some(Arc::clone(&call.key)), at: None });
    }
}

/// What is left outside against what the API lists: `networks` by cluster, `clusters` that anything is left of, `live` bays that are
/// there and complete, `known` ones that are there at all.
#[must_use]
pub fn check_left(
    networks: &BTreeMap<String, usize>,
    clusters: &BTreeSet<String>,
    live: &BTreeSet<String>,
    known: &BTreeSet<String>,
) -> Vec<Finding> {
    let finding = |invariant, cluster: &str, words: String| Finding { invariant, words, key: Some(cluster.into()), at: None };
    let orphans = clusters.difference(known).map(|cluster| {
        let count = networks.get(cluster).copied().unwrap_or(0);
        finding("no orphan", cluster, format!("{count} networks, and perhaps containers, of a bay that the API does not know"))
    });
    let wrong = live.iter().filter(|cluster| networks.get(*cluster) != Some(&1)).map(|cluster| {
        let count = networks.get(cluster).copied().unwrap_or(0);
        finding("exactly one", cluster, format!("a complete bay has {count} networks"))
    });
    orphans.chain(wrong).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Caller;

    fn call(place: u64, key: &str, epoch: u64, fence: u64, outcome: Outcome) -> Call {
        let (cluster, operation) = ("c".into(), Some(format!("o{epoch}").as_str().into()));
        Call {
            arrival: place,
            at: place,
            judged: Some(place),
            answered: Some(place),
            caller: Some(Caller { member: 1, incarnation: 1, cluster, epoch, operation, step: "s".into() }),
            verb: "container.create",
            changes: true,
            key: key.into(),
            fence,
            outcome,
        }
    }

    fn found(calls: &[Call], fence: bool) -> Vec<&'static str> {
        check(calls, fence).findings.iter().map(|one| one.invariant).collect()
    }

    #[test]
    fn a_life_under_rising_epochs_passes() {
        let calls = [call(1, "a", 4, 4, Outcome::Made), call(2, "a", 6, 6, Outcome::Changed), call(3, "a", 6, 6, Outcome::Removed)];
        assert!(found(&calls, true).is_empty());
        assert_eq!(check(&calls, true).effective, 3);
    }

    #[test]
    fn what_is_made_twice_or_after_its_removal_is_found() {
        let made = call(1, "a", 4, 4, Outcome::Made);
        assert_eq!(found(&[made.clone(), call(2, "a", 5, 5, Outcome::Made)], false), ["no double"]);
        let risen = [made.clone(), call(2, "a", 5, 5, Outcome::Removed), call(3, "a", 6, 6, Outcome::Made)];
        assert_eq!(found(&risen, false), ["removed stays removed"]);
        let again = [made, call(2, "a", 5, 5, Outcome::Removed), call(3, "a", 4, 5, Outcome::Made)];
        assert_eq!(found(&again, false), ["removed stays removed", "no double"]);
    }

    #[test]
    fn a_stale_effect_is_a_violation_behind_a_fence_and_counted_without_one() {
        let calls = [call(1, "a", 7, 7, Outcome::Made), call(2, "a", 5, 7, Outcome::Changed), call(3, "a", 5, 7, Outcome::Fenced)];
        assert_eq!(found(&calls, true), ["one actor"]);
        let report = check(&calls, false);
        assert!(report.findings.is_empty());
        assert_eq!((report.stale_attempted, report.stale_effective, report.fenced), (2, 1, 1));
    }

    #[test]
    fn the_order_is_that_of_the_effects() {
        // Sent first, acted last: the journal's own order of arrival would hide it.
        let late = Call { arrival: 1, ..call(9, "a", 5, 7, Outcome::Changed) };
        assert_eq!(found(&[late, call(2, "a", 7, 7, Outcome::Made)], true), ["one actor"]);
        let mut nameless = call(1, "a", 1, 1, Outcome::Made);
        nameless.caller = None;
        assert_eq!(found(&[nameless], false), ["every call says who makes it"]);
    }

    #[test]
    fn orphans_and_missing_networks_are_found() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let networks = [("a".to_owned(), 1), ("b".to_owned(), 2)].into();
        let words = |live: &[&str], known: &[&str]| -> Vec<_> {
            check_left(&networks, &set(&["a", "b"]), &set(live), &set(known)).iter().map(|one| one.invariant).collect()
        };
        assert!(words(&["a"], &["a", "b"]).is_empty());
        assert_eq!(words(&["a", "c"], &["a", "c"]), ["no orphan", "exactly one"]);
        assert_eq!(words(&["a", "b"], &["a", "b"]), ["exactly one"]);
    }
}
