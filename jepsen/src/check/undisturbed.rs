//! What an orderly change of owner must not do to operations: none fails, no step is repeated, none waits long.
//!
//! An operation could be begun when it was accepted and the one before it on the same thing had ended; from then until its first call it
//! waits, for an owner that has the time. All times are log time, which goes on without a member that stops.

use std::collections::BTreeMap;

use super::Finding;
use crate::rest::operation::Operation;

/// What operations went through.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Operations that have ended.
    pub ended: u64,
    /// Those that ended otherwise than well.
    pub failed: u64,
    /// Steps that were begun more than once.
    pub repeated: u64,
    /// How long each waited for its first call, milliseconds, sorted.
    pub waits_ms: Vec<u64>,
    /// The one that waited longest.
    pub longest: Option<Operation>,
    /// Violations in words.
    pub findings: Vec<Finding>,
}

/// Judges operations, in any order.
#[must_use]
pub fn check(operations: &[Operation]) -> Report {
    let mut sorted: Vec<&Operation> = operations.iter().collect();
    sorted.sort_by_key(|operation| (operation.accepted_ms, operation.ended_ms));
    let mut report = Report::default();
    let mut free: BTreeMap<(&str, Option<&str>), u64> = BTreeMap::new();
    let mut longest = 0;
    for operation in sorted {
        let about = (operation.bay.as_str(), operation.container.as_deref());
        let could = free.get(&about).copied().unwrap_or(0).max(operation.accepted_ms);
        if let Some(first) = operation.steps.first() {
            let waited = first.begun_ms.saturating_sub(could);
            report.waits_ms.push(waited);
            if waited >= longest {
                longest = waited;
                report.longest = Some(operation.clone());
            }
        }
        if let Some(ended) = operation.ended_ms {
            report.ended += 1;
            free.insert(about, ended);
        }
        report.judge(operation);
    }
    report.waits_ms.sort_unstable();
    report
}

impl Report {
    fn judge(&mut self, operation: &Operation) {
        if operation.ended_ms.is_some() && operation.state != "SUCCEEDED" {
            self.failed += 1;
            self.found("no operation fails", operation, format!("it ended as {}", operation.state));
        }
        for step in operation.steps.iter().filter(|step| step.attempts > 1) {
            self.repeated += 1;
            self.found("no step is repeated", operation, format!("{} was begun {} times", step.name, step.attempts));
        }
    }

    fn found(&mut self, invariant: &'static str, operation: &Operation, words: String) {
        let words = format!("{} {}: {words}", operation.kind, operation.id);
        self.findings.push(Finding { invariant, words, key: Some(operation.bay.as_str().into()), at: None });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::operation::Step;

    fn operation(id: &str, accepted_ms: u64, begun_ms: u64, ended_ms: Option<u64>) -> Operation {
        let state = if ended_ms.is_some() { "SUCCEEDED" } else { "OPEN" };
        Operation {
            id: id.to_owned(),
            bay: "b".to_owned(),
            container: Some("c".to_owned()),
            kind: "container.start".to_owned(),
            state: state.to_owned(),
            accepted_ms,
            ended_ms,
            steps: vec![Step { name: "s".to_owned(), attempts: 1, begun_ms }],
        }
    }

    #[test]
    fn who_waits_for_the_one_before_it_does_not_wait_for_an_owner() {
        let report = check(&[operation("second", 110, 510, None), operation("first", 100, 105, Some(500))]);
        assert_eq!((report.waits_ms, report.ended, report.findings), (vec![5, 10], 1, vec![]));
        assert_eq!(report.longest.map(|operation| operation.id), Some("second".to_owned()));
    }

    #[test]
    fn failures_and_repetitions_are_found() {
        let failed = Operation { state: "FAILED".to_owned(), ..operation("a", 1, 2, Some(3)) };
        let mut again = operation("b", 4, 3_000, Some(3_001));
        again.steps[0].attempts = 2;
        let report = check(&[failed, again]);
        assert_eq!((report.failed, report.repeated, report.findings.len()), (1, 1, 2));
        assert_eq!(report.waits_ms, [1, 2_996]);
    }
}
