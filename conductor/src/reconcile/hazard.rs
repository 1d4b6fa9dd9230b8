//! Calls that may still take effect although nobody waits for them any more.
//!
//! Two sources. *Before this worker*: steps in the log; a call of an earlier epoch was sent before this one began, because its sender was dead,
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
/// An end says nothing of the calls of attempts before the last. (`Bug::WaitForOpenStepsOnly` in the model.)
fn unclear(step: &Step) -> bool {
    step.attempts > 1 || matches!(step.outcome(), StepOutcome::Begun | StepOutcome::Unknown)
}

/// The longest time for which calls of these operations that were made before a worker began may act, counted from its beginning.
pub fn of_steps<'a>(operations: impl IntoIterator<Item = &'a Operation>, tail: Duration) -> Duration {
    let unclear = operations.into_iter().filter(|operation| operation.steps.iter().any(unclear));
    unclear.map(|operation| residual(operation.kind(), tail)).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAIL: Duration = Duration::from_secs(10);

    fn operation(kind: Kind, attempts: u32, outcome: StepOutcome) -> Operation {
        let step = Step { attempts, outcome: outcome.into(), ..Step::default() };
        Operation { kind: kind.into(), steps: vec![step], ..Operation::default() }
    }

    #[test]
    fn an_answered_call_is_no_hazard() {
        assert_eq!(of_steps(&[operation(Kind::ContainerCreate, 1, StepOutcome::Done)], TAIL), Duration::ZERO);
        assert_eq!(of_steps(&[operation(Kind::ContainerCreate, 1, StepOutcome::Failed)], TAIL), Duration::ZERO);
    }

    #[test]
    fn a_step_left_open_is_and_a_stop_for_longer() {
        assert_eq!(of_steps(&[operation(Kind::ContainerCreate, 1, StepOutcome::Begun)], TAIL), TAIL);
        assert_eq!(of_steps(&[operation(Kind::ContainerStop, 1, StepOutcome::Unknown)], TAIL), TAIL + limit::GRACE);
    }

    #[test]
    fn a_step_that_was_taken_up_again_still_is() {
        assert_eq!(of_steps(&[operation(Kind::ContainerCreate, 2, StepOutcome::Done)], TAIL), TAIL);
    }
}
