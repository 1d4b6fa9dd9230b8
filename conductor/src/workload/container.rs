//! Pure: an open operation on a container × its recorded step → what comes next.
//!
//! Each operation is one step. A create begins at once; all others wait until no older call can arrive behind them. What runs at most once is
//! not begun a second time: interrupted, it ends as "outcome unknown".

use std::time::Duration;

use model::{
    id::ContainerId,
    operation::{Kind, Operation, State, StepOutcome},
};

use crate::reconcile::next::{Facts, Next, Plan, quietly};

/// What comes next for the first open operation of a container. `exists`: whether the container has a record.
pub fn decide(operation: &Operation, exists: bool, facts: &Facts) -> Next {
    let Some(container) = operation.container else {
        return Next::End(State::Failed, "the operation names no container".to_owned());
    };
    if !exists {
        return Next::End(State::Failed, "the container is gone".to_owned());
    }
    let kind = operation.kind();
    if operation.steps.iter().any(|step| step.outcome() == StepOutcome::Done) {
        return Next::Finish;
    }
    if let Some(end) = interrupted(operation) {
        return end;
    }
    let plan = Plan::new(kind.word(), target(container), kind);
    match kind {
        Kind::ContainerCreate => Next::Step(plan),
        Kind::ContainerExecute if !facts.caller => uncollected(operation, facts),
        Kind::ContainerStart
        | Kind::ContainerStop
        | Kind::ContainerPause
        | Kind::ContainerUnpause
        | Kind::ContainerReboot
        | Kind::ContainerDelete
        | Kind::ContainerExecute => quietly(facts, plan),
        _ => Next::End(State::Failed, format!("{} is not an operation on a container", kind.word())),
    }
}

/// The end of an operation that must not be begun again.
fn interrupted(operation: &Operation) -> Option<Next> {
    let begun = operation.steps.iter().find(|step| matches!(step.outcome(), StepOutcome::Begun | StepOutcome::Unknown))?;
    operation.kind().at_most_once().then(|| {
        let words =
            format!("interrupted after it was begun under epoch {}; it runs at most once, so nobody can tell whether it ran", begun.epoch);
        Next::End(State::Unknown, words)
    })
}

/// An execute whose output nobody has come for.
fn uncollected(operation: &Operation, facts: &Facts) -> Next {
    let waited = Duration::from_millis(facts.now_ms.saturating_sub(operation.accepted_ms));
    match facts.collect.saturating_sub(waited) {
        Duration::ZERO => Next::End(State::Failed, "nobody came for the output".to_owned()),
        left => Next::Wait(left),
    }
}

/// The outside name that a container's steps declare.
pub fn target(container: ContainerId) -> String {
    format!("jeroboam-{container}")
}

#[cfg(test)]
mod tests {
    use model::operation::Step;
    use uuid::Uuid;

    use super::*;
    use crate::reconcile::next::Machines;

    const QUIET: Facts = Facts {
        now_ms: 20_000,
        unclear: Duration::ZERO,
        own: Duration::ZERO,
        caller: false,
        collect: Duration::from_secs(15),
        machines: Machines::Done,
    };
    const UNCLEAR: Facts = Facts { unclear: Duration::from_secs(10), ..QUIET };

    fn operation(kind: Kind, step: Option<StepOutcome>) -> Operation {
        let steps =
            step.map(|outcome| Step { name: kind.word().to_owned(), outcome: outcome.into(), epoch: 3, attempts: 1, ..Step::default() });
        Operation {
            kind: kind.into(),
            container: Some(ContainerId::new(Uuid::from_u128(5))),
            steps: steps.into_iter().collect(),
            accepted_ms: 10_000,
            ..Operation::default()
        }
    }

    fn begins(next: &Next) -> bool {
        matches!(next, Next::Step(_))
    }

    #[test]
    fn a_create_goes_on_at_once() {
        assert!(begins(&decide(&operation(Kind::ContainerCreate, Some(StepOutcome::Begun)), true, &UNCLEAR)));
    }

    #[test]
    fn everything_else_waits_for_older_calls_and_then_goes_on() {
        for kind in [Kind::ContainerStart, Kind::ContainerStop, Kind::ContainerPause, Kind::ContainerUnpause, Kind::ContainerDelete] {
            let open = operation(kind, Some(StepOutcome::Begun));
            assert!(matches!(decide(&open, true, &UNCLEAR), Next::Wait(_)), "{kind:?}");
            assert!(begins(&decide(&open, true, &QUIET)), "{kind:?}");
            assert!(begins(&decide(&operation(kind, None), true, &QUIET)), "{kind:?}");
        }
    }

    #[test]
    fn a_reboot_that_was_begun_is_never_begun_again() {
        assert!(begins(&decide(&operation(Kind::ContainerReboot, None), true, &QUIET)));
        for outcome in [StepOutcome::Begun, StepOutcome::Unknown] {
            let next = decide(&operation(Kind::ContainerReboot, Some(outcome)), true, &QUIET);
            assert!(matches!(next, Next::End(State::Unknown, _)), "{next:?}");
        }
        // Refused as busy: it has not run.
        assert!(begins(&decide(&operation(Kind::ContainerReboot, Some(StepOutcome::Failed)), true, &QUIET)));
    }

    #[test]
    fn an_execute_waits_for_whoever_takes_its_output_but_not_for_ever() {
        let execute = operation(Kind::ContainerExecute, None);
        assert!(begins(&decide(&execute, true, &Facts { caller: true, ..QUIET })));
        assert_eq!(decide(&execute, true, &QUIET), Next::Wait(Duration::from_secs(5)));
        let next = decide(&execute, true, &Facts { now_ms: 25_000, ..QUIET });
        assert_eq!(next, Next::End(State::Failed, "nobody came for the output".to_owned()));
    }

    #[test]
    fn a_done_step_leads_to_the_end() {
        assert_eq!(decide(&operation(Kind::ContainerStop, Some(StepOutcome::Done)), true, &UNCLEAR), Next::Finish);
    }

    #[test]
    fn without_a_record_there_is_nothing_to_do() {
        assert!(matches!(decide(&operation(Kind::ContainerStop, None), false, &QUIET), Next::End(State::Failed, _)));
    }
}
