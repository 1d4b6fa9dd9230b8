//! Pure: an open operation on a cluster × its recorded steps → what comes next.
//!
//! Making is create-or-adopt and begins at once, whoever left it half done. Changing and removing could be overtaken by an older call that
//! still travels (a late create after the removal would leave an orphan), so they wait until none can.

use model::{
    cluster::Cluster,
    id::ClusterId,
    operation::{Kind, Operation, State},
};

use crate::reconcile::next::{Facts, Next, Plan, done, quietly};

/// Makes the endpoint.
pub const CREATE: &str = "provision.create";
/// Leads it to what is wanted.
pub const UPDATE: &str = "provision.update";
/// Removes it with everything that carries the cluster's tag.
pub const DELETE: &str = "provision.delete";

/// What comes next for the operation that is open on this cluster.
pub fn decide(cluster: &Cluster, operation: &Operation, facts: &Facts) -> Next {
    let plan = |name| Plan::new(name, target(cluster.id), operation.kind());
    match operation.kind() {
        Kind::ClusterCreate if done(operation, CREATE) => Next::Finish,
        Kind::ClusterCreate => Next::Step(plan(CREATE)),
        Kind::ClusterUpdate if done(operation, UPDATE) => Next::Finish,
        Kind::ClusterUpdate => quietly(facts, plan(UPDATE)),
        Kind::ClusterDelete if done(operation, DELETE) => Next::End(State::Succeeded, String::new()),
        Kind::ClusterDelete => quietly(facts, plan(DELETE)),
        other => Next::End(State::Failed, format!("{} is not an operation on a cluster", other.word())),
    }
}

/// The outside name that a cluster's steps declare.
pub fn target(cluster: ClusterId) -> String {
    format!("jeroboam-{cluster}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::operation::{Step, StepOutcome};

    use super::*;

    const QUIET: Facts = Facts { now_ms: 0, unclear: Duration::ZERO, own: Duration::ZERO, caller: false, collect: Duration::ZERO };
    const UNCLEAR: Facts = Facts { unclear: Duration::from_secs(7), ..QUIET };

    fn operation(kind: Kind, step: Option<(&str, StepOutcome)>) -> Operation {
        let steps =
            step.map(|(name, outcome)| Step { name: name.to_owned(), outcome: outcome.into(), epoch: 3, attempts: 1, ..Step::default() });
        Operation { kind: kind.into(), steps: steps.into_iter().collect(), ..Operation::default() }
    }

    fn step_of(next: &Next) -> Option<&str> {
        if let Next::Step(plan) = next { Some(plan.name) } else { None }
    }

    #[test]
    fn making_goes_on_at_once_whoever_began_it() {
        let next = decide(&Cluster::default(), &operation(Kind::ClusterCreate, Some((CREATE, StepOutcome::Begun))), &UNCLEAR);
        assert_eq!(step_of(&next), Some(CREATE));
    }

    #[test]
    fn a_made_endpoint_is_looked_at() {
        assert_eq!(decide(&Cluster::default(), &operation(Kind::ClusterCreate, Some((CREATE, StepOutcome::Done))), &QUIET), Next::Finish);
        assert_eq!(decide(&Cluster::default(), &operation(Kind::ClusterUpdate, Some((UPDATE, StepOutcome::Done))), &QUIET), Next::Finish);
    }

    #[test]
    fn removing_waits_until_nothing_older_can_arrive() {
        let delete = operation(Kind::ClusterDelete, None);
        let next = decide(&Cluster::default(), &delete, &UNCLEAR);
        assert!(matches!(next, Next::Wait(wait) if wait > Duration::from_secs(6)), "{next:?}");
        assert_eq!(step_of(&decide(&Cluster::default(), &delete, &QUIET)), Some(DELETE));
        let own = Facts { own: Duration::from_secs(1), ..QUIET };
        assert!(matches!(decide(&Cluster::default(), &delete, &own), Next::Wait(_)));
    }

    #[test]
    fn a_removal_ends_when_its_step_is_done() {
        let next = decide(&Cluster::default(), &operation(Kind::ClusterDelete, Some((DELETE, StepOutcome::Done))), &UNCLEAR);
        assert_eq!(next, Next::End(State::Succeeded, String::new()));
    }
}
