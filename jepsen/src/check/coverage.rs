//! Was the run worth anything?
//!
//! A run in which the faults did not happen, or nobody was writing when they did, proves nothing. Each counter
//! has a minimum; one that is not reached makes the verdict *unknown*, never true.

use super::Operation;
use crate::Verdict;

/// A counter with the least it must reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter {
    /// What is counted.
    pub name: &'static str,
    /// How often it happened.
    pub count: u64,
    /// How often it must happen.
    pub least: u64,
}

/// The counters of a run.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    counters: Vec<Counter>,
}

impl Coverage {
    /// Adds a counter.
    #[must_use]
    pub fn with(mut self, name: &'static str, count: u64, least: u64) -> Self {
        self.counters.push(Counter { name, count, least });
        self
    }

    /// The counters in the order they were added.
    #[must_use]
    pub fn counters(&self) -> &[Counter] {
        &self.counters
    }

    /// True when every counter has reached its minimum, otherwise unknown.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        Verdict::enough(self.counters.iter().all(|one| one.count >= one.least))
    }
}

/// How many operations were in flight at a moment: a fault that hits nobody tests nothing.
#[must_use]
pub fn in_flight(operations: &[Operation], time: u64) -> u64 {
    operations.iter().filter(|one| one.in_flight(time)).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_counter_below_its_minimum_makes_the_run_unknown() {
        let coverage = Coverage::default().with("kills", 3, 3);
        assert_eq!(coverage.verdict(), Verdict::True);
        let coverage = coverage.with("snapshots installed", 0, 1);
        assert_eq!(coverage.verdict(), Verdict::Unknown);
        assert_eq!(coverage.verdict().and(Verdict::False), Verdict::False);
    }
}
