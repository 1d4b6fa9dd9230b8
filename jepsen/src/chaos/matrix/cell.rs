//! One cell: a point, a fault, a number; and what came of it.

use std::{
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
};

use super::point::{Point, Way};
use crate::Chance;

/// What happens at the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The task panics.
    Panic,
    /// kill -9.
    Kill,
    /// SIGSTOP for two leases.
    Stop,
    /// The answer is thrown away.
    Lost,
}

impl Fault {
    /// All.
    pub const ALL: [Self; 4] = [Self::Panic, Self::Kill, Self::Stop, Self::Lost];

    /// As the product's orders have it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Panic => "panic",
            Self::Kill => "kill",
            Self::Stop => "stop",
            Self::Lost => "lost",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|fault| fault.word() == word).ok_or_else(|| "must be panic, kill, stop or lost".to_owned())
    }
}

/// What stands behind the members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Behind {
    /// The scripted backend, like Docker: no fence.
    Plain,
    /// The scripted backend, which refuses stale epochs.
    Fence,
    /// The real Docker Engine.
    Docker,
    /// Nothing: no members run.
    Nothing,
}

/// One cell.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    /// Its place among all cells of the campaign.
    pub number: usize,
    /// The point.
    pub point: &'static Point,
    /// The fault.
    pub fault: Fault,
    /// At which time the point is reached.
    pub time: u64,
    /// Against what.
    pub behind: Behind,
}

impl Cell {
    /// The order for a member.
    #[must_use]
    pub fn order(&self) -> String {
        format!("{}={}@{}", self.point.name, self.fault, self.time)
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cell {}: {} {:?}", self.number, self.order(), self.behind)
    }
}

/// All cells of a campaign: every point with every fault that makes sense there, `runs` times.
pub fn all(points: &[(&'static Point, bool)], faults: &[Fault], runs: u64, docker: bool, chance: &mut Chance) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (point, answer) in points {
        for fault in faults.iter().filter(|fault| **fault != Fault::Lost || *answer) {
            for run in 0..runs {
                let behind = match point.way {
                    Way::Certificate => Behind::Nothing,
                    _ if docker && point.docker && run % 3 == 2 => Behind::Docker,
                    _ if (run + u64::from(point.docker)) % 2 == 0 => Behind::Plain,
                    _ => Behind::Fence,
                };
                let time = chance.between(1, point.most + 1);
                cells.push(Cell { number: cells.len(), point, fault: *fault, time, behind });
            }
        }
    }
    cells
}

/// What came of a cell.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// It was tried.
    pub tried: bool,
    /// The point was reached and the fault happened.
    pub reached: bool,
    /// Operations that were accepted.
    pub accepted: u64,
    /// Those that came to a terminal state in time.
    pub ended: u64,
    /// Changes of an owner that had a successor.
    pub stale: u64,
    /// Those that took effect.
    pub stale_effective: u64,
    /// What must not be.
    pub findings: Vec<String>,
}

/// The outcomes of all cells; shared.
#[derive(Clone, Debug)]
pub struct Outcomes(Arc<Mutex<Vec<Outcome>>>);

impl Outcomes {
    /// Of so many cells, none of which was tried.
    #[must_use]
    pub fn new(cells: usize) -> Self {
        Self(Arc::new(Mutex::new(vec![Outcome::default(); cells])))
    }

    /// Notes something about a cell.
    pub fn note(&self, cell: usize, note: impl FnOnce(&mut Outcome)) {
        if let Some(outcome) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(cell) {
            note(outcome);
        }
    }

    /// Notes a violation, and says so at once: the end may be far.
    pub fn found(&self, cell: usize, words: impl Into<String>) {
        let words = words.into();
        eprintln!("matrix VIOLATION cell {cell}: {words}");
        self.note(cell, |outcome| outcome.findings.push(words));
    }

    /// Whether a cell's point was reached.
    #[must_use]
    pub fn reached(&self, cell: usize) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(cell).is_some_and(|outcome| outcome.reached)
    }

    /// All, as they are now.
    #[must_use]
    pub fn all(&self) -> Vec<Outcome> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many were tried, and how many violations there are.
    #[must_use]
    pub fn count(&self) -> (u64, u64) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |of: fn(&&Outcome) -> bool| all.iter().filter(of).count() as u64;
        (count(|one| one.tried), count(|one| !one.findings.is_empty()))
    }
}
