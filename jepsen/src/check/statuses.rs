//! Statuses never go backwards.
//!
//! Linearizable lists, read one after the other, show each bay in states that follow each other: made, perhaps changed, removed, gone.
//! An outcome stands: nothing that is complete or failed is in progress again by the same operation, and what is gone stays gone.

use std::{collections::BTreeMap, sync::Arc};

use super::Finding;

/// The word for a bay that is not listed any more.
const GONE: &str = "gone";

/// What has been seen of each bay so far.
#[derive(Clone, Debug, Default)]
pub struct Statuses {
    last: BTreeMap<String, String>,
    served: u64,
    seen: u64,
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
        if let Some(before) = before.filter(|before| before != status && !follows(before, status)) {
            let words = format!("{before}, then {status}, at index {}", self.served);
            self.findings.push(Finding { invariant: "statuses never go back", words, key: Some(Arc::from(uuid)), at: None });
        }
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
