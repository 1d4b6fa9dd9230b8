//! True, false, or unknown; unknown is not a pass.

use std::{fmt, process::ExitCode};

/// The judgement over a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Every invariant held and the run was broken enough to mean something.
    True,
    /// Nothing wrong was seen, but the run does not prove anything.
    Unknown,
    /// An invariant was violated.
    False,
}

impl Verdict {
    /// True or false.
    #[must_use]
    pub fn of(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }

    /// True or unknown: for coverage.
    #[must_use]
    pub fn enough(reached: bool) -> Self {
        if reached { Self::True } else { Self::Unknown }
    }

    /// The worse of the two: false beats unknown beats true.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.max(other)
    }

    /// 0 for true, 1 for false, 2 for unknown.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::True => 0,
            Self::False => 1,
            Self::Unknown => 2,
        }
    }
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        Self::from(verdict.code())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::True => "true",
            Self::False => "false",
            Self::Unknown => "unknown",
        })
    }
}

impl FromIterator<Verdict> for Verdict {
    fn from_iter<I: IntoIterator<Item = Self>>(verdicts: I) -> Self {
        verdicts.into_iter().fold(Self::True, Self::and)
    }
}
