//! Docker's own listing against the API's.
//!
//! For each container object: never two Docker containers, at any sample of the run. At the end, when nothing
//! moves any more: none in Docker that the API does not know (an orphan), none in the API that Docker does not
//! have, none that is stuck (its status is not a final one, or is not what Docker says).

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;

/// A line of Docker's listing, read from the labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Docker's id.
    pub id: String,
    /// The container object it says to be.
    pub container: String,
    /// The epoch under which it was made.
    pub epoch: u64,
    /// Docker's state: `created`, `running`, `exited`, …
    pub state: String,
}

/// A container object of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its uuid.
    pub uuid: String,
    /// Its status: `Running`, `Stopped`, …
    pub status: String,
}

/// One sample during the run: no object may have two Docker containers.
#[must_use]
pub fn check_sample(seen: &[Seen]) -> Vec<Finding> {
    let mut by_container: BTreeMap<&str, Vec<&Seen>> = BTreeMap::new();
    for one in seen {
        by_container.entry(&one.container).or_default().push(one);
    }
    by_container
        .into_iter()
        .filter(|(_, list)| list.len() > 1)
        .map(|(container, list)| {
            let ids: Vec<_> = list.iter().map(|one| (one.id.as_str(), one.epoch)).collect();
            finding("never two", container, format!("Docker has it as (id, epoch) {ids:?}"))
        })
        .collect()
}

/// The end of the run: both listings must tell the same story.
#[must_use]
pub fn check_end(seen: &[Seen], wanted: &[Wanted]) -> Vec<Finding> {
    let mut findings = check_sample(seen);
    let known: BTreeSet<&str> = wanted.iter().map(|one| one.uuid.as_str()).collect();
    for one in seen.iter().filter(|one| !known.contains(one.container.as_str())) {
        let words = format!("Docker's {} ({}) is unknown to the API", one.id, one.state);
        findings.push(finding("never an orphan", &one.container, words));
    }
    for one in wanted {
        let state = seen.iter().find(|seen| seen.container == one.uuid).map(|seen| seen.state.as_str());
        if !agree(&one.status, state) {
            let words = format!("the API says {}, Docker says {state:?}", one.status);
            findings.push(finding("never stuck", &one.uuid, words));
        }
    }
    findings
}

/// Whether a final status of the API and Docker's state are the same.
fn agree(status: &str, state: Option<&str>) -> bool {
    matches!((status, state), ("Running", Some("running")) | ("Stopped", Some("created" | "exited")) | ("Paused", Some("paused")))
}

fn finding(invariant: &'static str, container: &str, words: String) -> Finding {
    Finding { invariant, words, key: Some(container.into()), at: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(id: &str, container: &str, state: &str) -> Seen {
        Seen { id: id.into(), container: container.into(), epoch: 4, state: state.into() }
    }

    fn wanted(uuid: &str, status: &str) -> Wanted {
        Wanted { uuid: uuid.into(), status: status.into() }
    }

    fn found(seen: &[Seen], wanted: &[Wanted]) -> Vec<&'static str> {
        check_end(seen, wanted).iter().map(|one| one.invariant).collect()
    }

    #[test]
    fn equal_listings_pass() {
        let seen = [seen("1", "a", "running"), seen("2", "b", "exited"), seen("3", "c", "created")];
        let wanted = [wanted("a", "Running"), wanted("b", "Stopped"), wanted("c", "Stopped")];
        assert!(found(&seen, &wanted).is_empty());
    }

    #[test]
    fn planted_bugs_are_caught() {
        let a = wanted("a", "Running");
        let one = seen("1", "a", "running");
        let two = [one.clone(), seen("2", "a", "created")];
        assert_eq!(check_sample(&two).len(), 1);
        assert_eq!(found(&two, std::slice::from_ref(&a)), ["never two"]);
        let orphan = [one.clone(), seen("2", "b", "exited")];
        assert_eq!(found(&orphan, std::slice::from_ref(&a)), ["never an orphan"]);
        assert_eq!(found(&[], &[a]), ["never stuck"]);
        assert_eq!(found(std::slice::from_ref(&one), &[wanted("a", "Stopped")]), ["never stuck"]);
        assert_eq!(found(&[one], &[wanted("a", "Unknown")]), ["never stuck"]);
    }
}
