//! The lines around a violation, for a person to read.
//!
//! A history of a hundred thousand lines is no explanation. What explains is the one object, shortly before the
//! line at which the violation shows.

use super::Finding;
use crate::history::{Event, Process};

/// Lines of the same object (and of the nemesis) before the violation.
const LINES: usize = 24;

/// The last lines that concern the finding, oldest first, one per row.
#[must_use]
pub fn around(finding: &Finding, events: &[Event]) -> String {
    let at = finding.at.unwrap_or(u64::MAX);
    let mut rows: Vec<String> = events
        .iter()
        .rev()
        .skip_while(|event| event.index > at)
        .filter(|event| event.line.process == Process::Nemesis || finding.key.is_none() || event.line.key == finding.key)
        .take(LINES)
        .map(row)
        .collect();
    rows.reverse();
    rows.join("\n")
}

fn row(event: &Event) -> String {
    let line = &event.line;
    let mut row = format!(
        "{:>8}  {:>10.3} ms  {:<12} {:<7} {:<7} {:?}",
        event.index,
        crate::clock::millis(event.time),
        format!("{:?}", line.process),
        format!("{:?}", line.f).to_lowercase(),
        format!("{:?}", line.kind).to_lowercase(),
        line.value,
    );
    if let Some(member) = &line.member {
        row.push_str(&format!("  {member}"));
    }
    for (name, number) in [("expect", line.expect), ("revision", line.revision), ("served", line.served)] {
        if let Some(number) = number {
            row.push_str(&format!("  {name} {number}"));
        }
    }
    row
}

#[cfg(test)]
mod tests {
    use super::{super::synthetic::Register, *};

    #[test]
    fn it_ends_at_the_violation_and_is_short() {
        let events = Register::default().generate(1_000);
        let finding = Finding { invariant: "x", words: String::new(), key: Some("k".into()), at: Some(600) };
        let text = around(&finding, &events);
        assert_eq!(text.lines().count(), LINES);
        assert!(text.lines().last().is_some_and(|last| last.trim_start().starts_with("600 ")));
    }
}
