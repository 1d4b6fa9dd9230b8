//! Calls that may still take effect although nobody waits for them any more.
//!
//! Two sources. *Earlier epochs*: their steps stand in the log; a call of theirs was sent before this epoch began, because its sender was dead,
//! had released, or had lost its lease by then. *This worker's own*: calls that were dropped or timed out. Either can act for as long as the
//! backend needs to finish what it has been told: [`residual`].

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
/// An end under one epoch says nothing of the calls of attempts before it. (`Bug::WaitForOpenStepsOnly` in the model.)
fn unclear(step: &Step, epoch: u64) -> bool {
    step.attempts > 1 || (step.epoch != epoch && matches!(step.outcome(), StepOutcome::Begun | StepOutcome::Unknown))
}

/// The longest time for which calls of earlier epochs in these operations may act, counted from the beginning of `epoch`.
pub fn of_earlier<'a>(operations: impl IntoIterator<Item = &'a Operation>, epoch: u64, tail: Duration) -> Duration {
    let unclear = operations.into_iter().filter(|operation| operation.steps.iter().any(|step| unclear(step, epoch)));
    unclear.map(|operation| residual(operation.kind(), tail)).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAIL: Duration = Duration::from_secs(10);

    fn operation(kind: Kind, epoch: u64, attempts: u32, outcome: StepOutcome) -> Operation {
        let step = Step { epoch, attempts, outcome: outcome.into(), ..Step::default() };
        Operation { kind: kind.into(), steps: vec![step], ..Operation::default() }
    }

    #[test]
    fn an_answered_call_is_no_hazard() {
        assert_eq!(of_earlier(&[operation(Kind::ContainerCreate, 3, 1, StepOutcome::Done)], 4, TAIL), Duration::ZERO);
        assert_eq!(of_earlier(&[operation(Kind::ContainerCreate, 3, 1, StepOutcome::Failed)], 4, TAIL), Duration::ZERO);
    }

    #[test]
    fn a_step_left_open_is_and_a_stop_for_longer() {
        assert_eq!(of_earlier(&[operation(Kind::ContainerCreate, 3, 1, StepOutcome::Begun)], 4, TAIL), TAIL);
        assert_eq!(of_earlier(&[operation(Kind::ContainerStop, 3, 1, StepOutcome::Unknown)], 4, TAIL), TAIL + limit::GRACE);
    }

    #[test]
    fn a_step_that_was_taken_up_again_still_is() {
        assert_eq!(of_earlier(&[operation(Kind::ContainerCreate, 4, 2, StepOutcome::Done)], 5, TAIL), TAIL);
        assert_eq!(of_earlier(&[operation(Kind::ContainerCreate, 5, 2, StepOutcome::Done)], 5, TAIL), TAIL);
    }

    #[test]
    fn ones_own_open_step_is_known_by_memory_not_by_the_log() {
        assert_eq!(of_earlier(&[operation(Kind::ContainerStart, 4, 1, StepOutcome::Begun)], 4, TAIL), Duration::ZERO);
    }
}
