//! The end of a campaign: tables, findings, coverage, verdict.

use std::fmt;

use super::Table;
use crate::{
    Error, Verdict,
    check::{Finding, coverage::Coverage, timeline},
    history::Event,
};

/// More findings than this are only counted.
const MOST_FINDINGS: usize = 12;

/// What a campaign has to say.
#[derive(Debug, Default)]
pub struct Summary {
    tables: Vec<Table>,
    findings: Vec<String>,
    further: usize,
    coverage: Vec<(String, Coverage)>,
    notes: Vec<String>,
    missed: Vec<String>,
    harness: Vec<String>,
}

impl Summary {
    /// Adds a table.
    pub fn table(&mut self, table: Table) {
        self.tables.push(table);
    }

    /// Adds findings; the first of them with the lines of the history around it.
    pub fn findings(&mut self, findings: &[Finding], events: &[Event]) {
        for finding in findings {
            if self.findings.len() >= MOST_FINDINGS {
                self.further += 1;
                continue;
            }
            let mut words = finding.to_string();
            if self.findings.is_empty() && finding.at.is_some() {
                words.push('\n');
                words.push_str(&timeline::around(finding, events));
            }
            self.findings.push(words);
        }
    }

    /// Adds a finding that no checker of a history has made.
    pub fn finding(&mut self, words: impl Into<String>) {
        self.findings.push(words.into());
    }

    /// Adds the coverage of a part.
    pub fn coverage(&mut self, part: &str, coverage: Coverage) {
        self.coverage.push((part.to_owned(), coverage));
    }

    /// Adds a line for the reader.
    pub fn note(&mut self, words: impl Into<String>) {
        self.notes.push(words.into());
    }

    /// Adds a figure that is worse than its target: the verdict is false although nothing is wrong.
    pub fn missed(&mut self, words: impl Into<String>) {
        self.missed.push(words.into());
    }

    /// Adds an error that ended a part: what was late or ended by itself is a violation, anything else makes the verdict unknown.
    pub fn error(&mut self, part: &str, error: &Error) {
        let words = format!("{part}: {error}");
        match error {
            Error::Late { .. } | Error::Ended { .. } => self.findings.push(format!("liveness: {words}")),
            _ => self.harness.push(words),
        }
    }

    /// Joins the result of a part, or the error that ended it.
    pub fn add(&mut self, part: &str, result: Result<Self, Error>) {
        match result {
            Ok(other) => self.absorb(other),
            Err(error) => self.error(part, &error),
        }
    }

    /// Joins another summary.
    pub fn absorb(&mut self, other: Self) {
        self.tables.extend(other.tables);
        self.findings.extend(other.findings);
        self.further += other.further;
        self.coverage.extend(other.coverage);
        self.notes.extend(other.notes);
        self.missed.extend(other.missed);
        self.harness.extend(other.harness);
    }

    /// False when something was found or a target missed; unknown when coverage was not reached.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let safe = Verdict::of(self.findings.is_empty() && self.missed.is_empty());
        let covered: Verdict = self.coverage.iter().map(|(_, one)| one.verdict()).collect();
        safe.and(covered).and(Verdict::enough(self.harness.is_empty()))
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for table in &self.tables {
            write!(formatter, "{table}")?;
        }
        writeln!(formatter)?;
        for note in &self.notes {
            writeln!(formatter, "{note}")?;
        }
        for (part, coverage) in &self.coverage {
            let counters = coverage.counters().iter().map(|one| {
                let mark = if one.count >= one.least { "" } else { " TOO FEW" };
                format!("{} {}/{}{mark}", one.name, one.count, one.least)
            });
            writeln!(formatter, "coverage {part}: {}", counters.collect::<Vec<_>>().join(", "))?;
        }
        for words in &self.harness {
            writeln!(formatter, "HARNESS  {words}")?;
        }
        for words in &self.missed {
            writeln!(formatter, "TARGET MISSED  {words}")?;
        }
        for words in &self.findings {
            writeln!(formatter, "VIOLATION  {words}")?;
        }
        if self.further > 0 {
            writeln!(formatter, "VIOLATION  … and {} more", self.further)?;
        }
        writeln!(formatter, "verdict: {}", self.verdict())
    }
}

/// A quantile of durations in nanoseconds by nearest rank; 0 of an empty list.
#[must_use]
pub fn quantile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(rank).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_nearest_rank() {
        assert_eq!(quantile(&[], 50), 0);
        assert_eq!(quantile(&[1, 2, 3, 4], 50), 2);
        assert_eq!(quantile(&[1, 2, 3], 50), 2);
        assert_eq!(quantile(&[1, 2, 3], 100), 3);
    }

    #[test]
    fn nothing_found_without_coverage_is_not_a_pass() {
        let mut summary = Summary::default();
        summary.coverage("x", Coverage::default().with("kills", 0, 1));
        assert_eq!(summary.verdict(), Verdict::Unknown);
        summary.finding("lost");
        assert_eq!(summary.verdict(), Verdict::False);
    }
}
