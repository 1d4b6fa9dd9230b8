//! Whether an open operation gets on: what operators are shown first.
//!
//! Pure, and a matter of display only: nothing acts on it. What is stuck ends by its deadline like everything else.

use crate::{
    operation::{Operation, StepOutcome},
    ownership,
    tables::{Fault, View},
};

/// How long something may stand still before that is strange: a minute of log time, milliseconds.
const PATIENCE_MS: u64 = 60 * 1000;

/// How long an operation may wait for its first step: five minutes of log time, milliseconds.
const QUEUE_MS: u64 = 5 * PATIENCE_MS;

/// How many attempts are ordinary.
const ATTEMPTS: u32 = 4;

/// Why an open operation does not get on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stuck {
    /// Its deadline is over, and nobody has ended it.
    Overdue,
    /// Nobody owns its cluster.
    NoOwner,
    /// Its calls fail again and again.
    Failing,
    /// A call was made whose effect should have been heard of by now.
    Silent,
    /// Nothing was begun for a long time.
    Waiting,
}

impl Stuck {
    /// The words shown to people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Overdue => "over its deadline",
            Self::NoOwner => "no owner",
            Self::Failing => "fails again and again",
            Self::Silent => "no answer",
            Self::Waiting => "not begun",
        }
    }
}

/// Why an operation does not get on at `now_ms` of log time; `None`: it does, or has ended.
pub fn stuck(view: &(impl View + ?Sized), operation: &Operation, now_ms: u64) -> Result<Option<Stuck>, Fault> {
    let since = |then: u64| now_ms.saturating_sub(then);
    if !operation.open() {
        return Ok(None);
    }
    if operation.deadline_ms != 0 && since(operation.deadline_ms) > PATIENCE_MS {
        return Ok(Some(Stuck::Overdue));
    }
    let ownership = ownership::query::of(view, operation.cluster)?;
    let unowned = ownership.as_ref().is_none_or(|row| row.owner().is_none() && since(row.since_ms) > PATIENCE_MS);
    if unowned && since(operation.accepted_ms) > PATIENCE_MS {
        return Ok(Some(Stuck::NoOwner));
    }
    if operation.paused() && operation.open_step().is_none() {
        return Ok(None);
    }
    let Some(step) = operation.steps.last() else {
        return Ok((since(operation.accepted_ms) > QUEUE_MS).then_some(Stuck::Waiting));
    };
    if step.outcome() == StepOutcome::Begun && since(step.begun_ms.saturating_add(step.effect_ms)) > PATIENCE_MS {
        return Ok(Some(Stuck::Silent));
    }
    let failing = step.outcome() != StepOutcome::Done && operation.attempts() > ATTEMPTS;
    Ok(failing.then_some(Stuck::Failing))
}
