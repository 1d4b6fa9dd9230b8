//! Nothing acknowledged is lost, nothing is there twice, nothing refused is there.
//!
//! Every create uses a name nobody else uses and one idempotency key for all its attempts. At the end every
//! member is asked for the whole list. An acknowledged name must be in each of them exactly once, under the
//! uuid that was acknowledged; a refused one in none; a name nobody asked for is from nowhere. Names with an
//! unknown outcome may be there or not, but not twice, and all members must agree.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{Finding, Operation, Outcome};
use crate::history::{Value, Verb};

/// One object of a final list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The name the client chose.
    pub name: String,
    /// The uuid the product chose.
    pub uuid: String,
}

/// What the comparison found.
#[derive(Debug, Default)]
pub struct Report {
    /// Creates asked for.
    pub asked: usize,
    /// Acknowledged.
    pub acknowledged: usize,
    /// Refused for certain.
    pub refused: usize,
    /// Outcome unknown to the client: a request failed for it.
    pub unknown: usize,
    /// Acknowledged, but not in every list.
    pub lost: usize,
    /// In a list more than once.
    pub twice: usize,
    /// Violations in words.
    pub findings: Vec<Finding>,
}

/// Compares the creates of a history with the final list of each member (by member name).
#[must_use]
pub fn check(operations: &[Operation], lists: &BTreeMap<String, Vec<Listed>>) -> Report {
    let asked = asked(operations);
    let mut report = Report { asked: asked.len(), ..Report::default() };
    for one in asked.values() {
        match one.outcome {
            Outcome::Ok => report.acknowledged += 1,
            Outcome::Fail => report.refused += 1,
            Outcome::Unknown => report.unknown += 1,
        }
    }
    let mut lost: BTreeMap<&str, u64> = BTreeMap::new();
    let mut twice: BTreeMap<&str, u64> = BTreeMap::new();
    for (member, list) in lists {
        let listed = by_name(list);
        for (name, one) in &asked {
            match (one.outcome, listed.get(&**name)) {
                (Outcome::Ok, None) => {
                    lost.insert(name, one.complete);
                    report.found("lost", one, format!("{name} is not in the list of {member}"));
                }
                (Outcome::Ok, Some(uuids)) if !uuids.contains(&acknowledged_uuid(one)) => {
                    lost.insert(name, one.complete);
                    let words = format!("{name} is {uuids:?} on {member}, not as acknowledged");
                    report.found("lost", one, words);
                }
                (Outcome::Fail, Some(_)) => {
                    report.found("refused but there", one, format!("{name} is on {member}"));
                }
                _ => {}
            }
            if listed.get(&**name).is_some_and(|uuids| uuids.len() > 1) {
                twice.insert(name, one.invoke);
                report.found("twice", one, format!("{name} is there twice on {member}"));
            }
        }
        report.never_asked_for(member, &asked, &listed);
    }
    report.lost = lost.len();
    report.twice = twice.len();
    report.members_agree(lists);
    report
}

/// The creates of a history by name.
fn asked(operations: &[Operation]) -> BTreeMap<Arc<str>, &Operation> {
    operations
        .iter()
        .filter(|one| one.f == Verb::Create)
        .filter_map(|one| match &one.input {
            Value::Text(name) => Some((Arc::clone(name), one)),
            _ => None,
        })
        .collect()
}

fn acknowledged_uuid(one: &Operation) -> &str {
    match &one.output {
        Value::Text(uuid) => uuid,
        _ => "",
    }
}

fn by_name(list: &[Listed]) -> HashMap<&str, Vec<&str>> {
    let mut names: HashMap<&str, Vec<&str>> = HashMap::with_capacity(list.len());
    for one in list {
        names.entry(&one.name).or_default().push(&one.uuid);
    }
    names
}

impl Report {
    fn found(&mut self, invariant: &'static str, one: &Operation, words: String) {
        let at = if one.complete == u64::MAX { one.invoke } else { one.complete };
        self.findings.push(Finding { invariant, words, key: None, at: Some(at) });
    }

    fn never_asked_for(&mut self, member: &str, asked: &BTreeMap<Arc<str>, &Operation>, listed: &HashMap<&str, Vec<&str>>) {
        for name in listed.keys().filter(|name| !asked.contains_key(**name)) {
            let words = format!("{name} on {member} was never asked for");
            self.findings.push(Finding { invariant: "from nowhere", words, key: None, at: None });
        }
    }

    fn members_agree(&mut self, lists: &BTreeMap<String, Vec<Listed>>) {
        let Some((first, list)) = lists.first_key_value() else { return };
        let mut reference: Vec<&str> = list.iter().map(|one| one.uuid.as_str()).collect();
        reference.sort_unstable();
        for (member, list) in lists.iter().skip(1) {
            let mut other: Vec<&str> = list.iter().map(|one| one.uuid.as_str()).collect();
            other.sort_unstable();
            if other != reference {
                let words =
                    format!("{first} lists {} objects and {member} lists {}, and they are not the same", reference.len(), other.len());
                self.findings.push(Finding { invariant: "members agree", words, key: None, at: None });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        check::operation,
        history::{Draft, Event, Kind, Process},
    };

    /// Three creates: `a` acknowledged as uuid `A`, `b` refused, `c` unknown.
    fn history() -> Vec<Operation> {
        let line = |index: u64, kind, process, value: &str| Event {
            index,
            time: index,
            line: Draft::new(kind, Process::Client(process), Verb::Create, Value::Text(value.into())),
        };
        operation::pair(&[
            line(0, Kind::Invoke, 1, "a"),
            line(1, Kind::Invoke, 2, "b"),
            line(2, Kind::Invoke, 3, "c"),
            line(3, Kind::Ok, 1, "A"),
            line(4, Kind::Fail, 2, "b"),
            line(5, Kind::Info, 3, "c"),
        ])
    }

    fn lists(all: &[(&str, &[(&str, &str)])]) -> BTreeMap<String, Vec<Listed>> {
        let listed = |&(name, uuid): &(&str, &str)| Listed { name: name.to_owned(), uuid: uuid.to_owned() };
        all.iter().map(|(member, list)| ((*member).to_owned(), list.iter().map(listed).collect())).collect()
    }

    fn found(all: &[(&str, &[(&str, &str)])]) -> Vec<&'static str> {
        let report = check(&history(), &lists(all));
        let mut found: Vec<_> = report.findings.iter().map(|one| one.invariant).collect();
        found.dedup();
        found
    }

    #[test]
    fn what_must_be_there_and_may_be_there_passes() {
        assert!(found(&[("n1", &[("a", "A")]), ("n2", &[("a", "A")])]).is_empty());
        assert!(found(&[("n1", &[("a", "A"), ("c", "C")])]).is_empty());
        let report = check(&history(), &lists(&[("n1", &[("a", "A")])]));
        assert_eq!((report.asked, report.acknowledged), (3, 1));
        assert_eq!((report.refused, report.unknown), (1, 1));
    }

    #[test]
    fn planted_bugs_are_caught() {
        assert_eq!(found(&[("n1", &[])]), ["lost"]);
        assert_eq!(found(&[("n1", &[("a", "B")])]), ["lost"]);
        assert_eq!(found(&[("n1", &[("a", "A"), ("a", "B")])]), ["twice"]);
        assert_eq!(found(&[("n1", &[("a", "A"), ("c", "C"), ("c", "D")])]), ["twice"]);
        assert_eq!(found(&[("n1", &[("a", "A"), ("b", "B")])]), ["refused but there"]);
        assert_eq!(found(&[("n1", &[("a", "A"), ("z", "Z")])]), ["from nowhere"]);
        let disagree: [(&str, &[(&str, &str)]); 2] = [("n1", &[("a", "A"), ("c", "C")]), ("n2", &[("a", "A")])];
        assert_eq!(found(&disagree), ["members agree"]);
    }
}
