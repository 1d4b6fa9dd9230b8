//! Statuses never go backwards.
//!
//! Linearizable lists, read one after the other, show each bay in states that follow each other: made, perhaps changed, removed, gone.
//! An outcome stands: nothing that is complete or failed is in progress again by the same operation, and what is gone stays gone.
//!
//! A list of bays does not say by which operation one is being updated, so whoever reads it asks for the updates of those that are. A bay that
//! was at rest in one list and is being updated in the next must have an update by then that it did not have when it was asked for before.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::Finding;

/// The word for a bay that is not listed any more.
const GONE: &str = "gone";
/// The word for a bay that is being updated.
const UPDATING: &str = "UPDATE_IN_PROGRESS";

/// What has been seen of each bay so far.
#[derive(Clone, Debug, Default)]
pub struct Statuses {
    last: BTreeMap<String, String>,
    served: u64,
    seen: u64,
    /// Updates that were listed, by bay.
    updates: BTreeMap<String, BTreeSet<String>>,
    /// Bays that are being updated again, by an operation that is still to be told.
    again: BTreeSet<String>,
    findings: Vec<Finding>,
}

impl Statuses {
    /// One whole list, uuid and status, served at a log index.
    pub fn see<'a>(&mut self, served: u64, list: impl IntoIterator<Item = (&'a str, &'a str)>) {
        if served < self.served {
            let words = format!("a list was served at index {served} after one at {}", self.served);
            self.findings.push(Finding { invariant: "reads never go back", words, key: None, at: None });
        }
        self.served = self.served.max(served);
        let now: BTreeMap<&str, &str> = list.into_iter().collect();
        self.seen += 1;
        let before: Vec<String> = self.last.keys().filter(|uuid| !now.contains_key(uuid.as_str())).cloned().collect();
        for uuid in before {
            self.step(&uuid, GONE);
        }
        for (uuid, status) in now {
            self.step(uuid, status);
        }
    }

    fn step(&mut self, uuid: &str, status: &str) {
        let before = self.last.insert(uuid.to_owned(), status.to_owned());
        if status != UPDATING {
            self.again.remove(uuid);
        } else if before.as_ref().is_some_and(|before| before != UPDATING) {
            self.again.insert(uuid.to_owned());
        }
        if let Some(before) = before.filter(|before| before != status && !follows(before, status)) {
            let words = format!("{before}, then {status}, at index {}", self.served);
            self.findings.push(Finding { invariant: "statuses never go back", words, key: Some(Arc::from(uuid)), at: None });
        }
    }

    /// Bays that are being updated as the last list says; [`Self::see_updates`] is to be told of each before the next list is asked for.
    #[must_use]
    pub fn updating(&self) -> Vec<String> {
        self.last.iter().filter(|(_, status)| *status == UPDATING).map(|(uuid, _)| uuid.clone()).collect()
    }

    /// The updates of a bay, ended ones, too, asked for after the last list.
    pub fn see_updates(&mut self, uuid: &str, updates: impl IntoIterator<Item = String>) {
        let known = self.updates.entry(uuid.to_owned()).or_default();
        let before = known.len();
        known.extend(updates);
        if known.len() == before && self.again.contains(uuid) {
            let words = format!("{UPDATING} again, and by no new operation, at index {}", self.served);
            self.findings.push(Finding { invariant: "statuses never go back", words, key: Some(Arc::from(uuid)), at: None });
        }
        self.again.remove(uuid);
    }

    /// How many updates were told of.
    #[must_use]
    pub fn updates(&self) -> u64 {
        self.updates.values().map(|updates| updates.len() as u64).sum()
    }

    /// How many lists were looked at.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Violations so far.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

/// How far a bay is in its life.
fn rank(status: &str) -> u8 {
    match status {
        "CREATE_IN_PROGRESS" => 0,
        "CREATE_COMPLETE" | "CREATE_FAILED" => 1,
        "DELETE_IN_PROGRESS" | "DELETE_FAILED" => 3,
        "DELETE_COMPLETE" => 4,
        GONE => 5,
        _ => 2,
    }
}

fn follows(before: &str, now: &str) -> bool {
    let (from, to) = (rank(before), rank(now));
    // Updates and deletions may be tried again; a creation has one outcome.
    from < to || (from == to && matches!(from, 2 | 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(statuses: &[&str]) -> usize {
        let mut seen = Statuses::default();
        for (served, status) in (1..).zip(statuses) {
            seen.see(served, (*status != GONE).then_some(("a", *status)));
        }
        seen.findings().len()
    }

    #[test]
    fn a_life_passes() {
        let life = ["CREATE_IN_PROGRESS", "CREATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "DELETE_IN_PROGRESS", GONE];
        assert_eq!(walk(&life), 0);
        assert_eq!(walk(&["DELETE_FAILED", "DELETE_IN_PROGRESS", GONE]), 0);
    }

    #[test]
    fn an_update_in_progress_again_is_another_one() {
        let told = |steps: &[(&str, &[&str])]| {
            let mut seen = Statuses::default();
            for (served, (status, updates)) in (1..).zip(steps) {
                seen.see(served, [("a", *status)]);
                if !updates.is_empty() {
                    assert_eq!(seen.updating(), ["a"]);
                    seen.see_updates("a", updates.iter().map(|one| (*one).to_owned()));
                }
            }
            (seen.findings().len(), seen.updates())
        };
        let (made, done) = (("CREATE_COMPLETE", [].as_slice()), ("UPDATE_COMPLETE", [].as_slice()));
        let first: (&str, &[&str]) = (UPDATING, &["u1"]);
        assert_eq!(told(&[made, first, first, done, (UPDATING, &["u1", "u2"]), done]), (0, 2));
        assert_eq!(told(&[made, first, done, first]), (1, 1));
        // Nobody answered while it was new, and then it was listed.
        assert_eq!(told(&[made, first, done, (UPDATING, &[]), (UPDATING, &["u1", "u2"])]), (0, 2));
        // It goes on with what it was at when it was seen first.
        assert_eq!(told(&[first, first]), (0, 1));
    }

    #[test]
    fn steps_back_are_found() {
        for back in [
            ["CREATE_COMPLETE", "CREATE_IN_PROGRESS"],
            ["CREATE_FAILED", "CREATE_COMPLETE"],
            ["DELETE_IN_PROGRESS", "CREATE_COMPLETE"],
            [GONE, "DELETE_IN_PROGRESS"],
            ["UPDATE_COMPLETE", "CREATE_COMPLETE"],
        ] {
            // What was never there cannot be gone.
            let seen = if back[0] == GONE { walk(&["CREATE_COMPLETE", back[0], back[1]]) } else { walk(&back) };
            assert_eq!(seen, 1, "{back:?}");
        }
        let mut seen = Statuses::default();
        seen.see(7, []);
        seen.see(6, []);
        assert_eq!(seen.findings().len(), 1);
    }
}
