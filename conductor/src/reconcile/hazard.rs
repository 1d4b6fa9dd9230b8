//! Calls that may still take effect although nobody waits for them any more.
//!
//! Two sources. *Before this worker*: steps in the log; a call of an earlier epoch was sent before this one began, because its sender was dead,
//! had released, or had lost its lease by then. *This worker's own*: calls that were dropped or timed out. Either can act for as long as the
//! backend needs to finish what it has been told: [`residual`]; and no call acts longer than its intent has stated, so a step that was begun
//! long ago keeps nobody waiting. What follows from log time alone is the same for whoever owns the cluster next: a wait that begins afresh
//! with each owner would never end where owners do not last.

use std::time::Duration;

use drivers::limit;
use model::operation::{Kind, Operation, Step, StepOutcome};

/// Added to every wait, so that its end is strictly after the last moment of the effect.
pub const SLACK: Duration = Duration::from_millis(10);

/// How long after its sender could send no more a call may still act. `tail`: what a backend needs to finish; a stop besides gives the
/// container time to end by itself.
pub fn residual(kind: Kind, tail: Duration) -> Duration {
    match kind {
        Kind::ContainerStop | Kind::ContainerReboot => tail + limit::GRACE,
        _ => tail,
    }
}

/// Whether some call of this step was perhaps never answered to whoever recorded its outcome.
///
/// An end says nothing of the calls of attempts before the last. (`Bug::WaitForOpenStepsOnly` in the model.)
fn unclear(step: &Step) -> bool {
    step.attempts > 1 || matches!(step.outcome(), StepOutcome::Begun | StepOutcome::Unknown)
}

/// How much longer the calls of a step may act by what the log says of them.
///
/// The last call, not answered: as long as its intent stated. Those before it, when the last one was answered: none of them was sent after
/// the last attempt had begun, for it began in a later epoch, or when the worker had dropped them.
fn by_log(kind: Kind, step: &Step, tail: Duration, now_ms: u64) -> Duration {
    let answered = !matches!(step.outcome(), StepOutcome::Begun | StepOutcome::Unknown);
    let residual_ms = u64::try_from(residual(kind, tail).as_millis()).unwrap_or(u64::MAX);
    let acts_ms = if answered { residual_ms.min(step.effect_ms) } else { step.effect_ms };
    Duration::from_millis(step.begun_ms.saturating_add(acts_ms).saturating_sub(now_ms))
}

/// How long calls of these operations that were made before a worker began may still act, now that it is `age` old and log time is
/// `now_ms`.
pub fn of_steps<'a>(operations: impl IntoIterator<Item = &'a Operation>, tail: Duration, age: Duration, now_ms: u64) -> Duration {
    let steps = operations.into_iter().flat_map(|operation| operation.steps.iter().map(|step| (operation.kind(), step)));
    let left = steps.filter(|(_, step)| unclear(step)).map(|(kind, step)| {
        let by_tail = residual(kind, tail).saturating_sub(age);
        by_tail.min(by_log(kind, step, tail, now_ms))
    });
    left.max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAIL: Duration = Duration::from_secs(10);

    const NOW_MS: u64 = 1_000_000;

    /// A step that was begun just now and may take effect for a minute.
    fn operation(kind: Kind, attempts: u32, outcome: StepOutcome) -> Operation {
        let step = Step { attempts, outcome: outcome.into(), begun_ms: NOW_MS, effect_ms: 60_000, ..Step::default() };
        Operation { kind: kind.into(), steps: vec![step], ..Operation::default() }
    }

    fn left(operation: &Operation, age: Duration, now_ms: u64) -> Duration {
        of_steps([operation], TAIL, age, now_ms)
    }

    #[test]
    fn an_answered_call_is_no_hazard() {
        assert_eq!(left(&operation(Kind::ContainerCreate, 1, StepOutcome::Done), Duration::ZERO, NOW_MS), Duration::ZERO);
        assert_eq!(left(&operation(Kind::ContainerCreate, 1, StepOutcome::Failed), Duration::ZERO, NOW_MS), Duration::ZERO);
    }

    #[test]
    fn a_step_left_open_is_and_a_stop_for_longer() {
        let open = operation(Kind::ContainerCreate, 1, StepOutcome::Begun);
        assert_eq!(left(&open, Duration::ZERO, NOW_MS), TAIL);
        assert_eq!(left(&open, Duration::from_secs(4), NOW_MS + 4_000), TAIL - Duration::from_secs(4));
        assert_eq!(left(&operation(Kind::ContainerStop, 1, StepOutcome::Unknown), Duration::ZERO, NOW_MS), TAIL + limit::GRACE);
    }

    #[test]
    fn a_step_that_was_taken_up_again_still_is_but_not_longer_with_each_owner() {
        let again = operation(Kind::ContainerCreate, 2, StepOutcome::Done);
        assert_eq!(left(&again, Duration::ZERO, NOW_MS), TAIL);
        assert_eq!(left(&again, Duration::ZERO, NOW_MS + 4_000), TAIL - Duration::from_secs(4));
        assert_eq!(left(&again, Duration::ZERO, NOW_MS + 10_000), Duration::ZERO);
        let open = operation(Kind::ContainerCreate, 2, StepOutcome::Begun);
        assert_eq!(left(&open, Duration::ZERO, NOW_MS + 10_000), TAIL, "its last call may have been sent just now");
    }

    #[test]
    fn what_an_intent_stated_is_waited_out_and_no_more() {
        let open = operation(Kind::ContainerCreate, 2, StepOutcome::Begun);
        assert_eq!(left(&open, Duration::ZERO, NOW_MS + 57_000), Duration::from_secs(3));
        assert_eq!(left(&open, Duration::ZERO, NOW_MS + 60_000), Duration::ZERO);
    }
}
