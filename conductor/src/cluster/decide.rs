//! Pure: an open operation on a cluster × its recorded steps → what comes next.
//!
//! Making is create-or-adopt and begins at once, whoever left it half done. Changing and removing could be overtaken by an older call that
//! still travels (a late create after the removal would leave an orphan), so they wait until none can.
//!
//! What works on machines does so batch by batch, each batch a step of its own on an outside name of its own; which machines are in it lies in the
//! log. When all are done, a last step leads the whole to what is wanted.

use std::time::Duration;

use model::{
    cluster::Cluster,
    id::ClusterId,
    operation::{Kind, Operation, State},
};

use crate::reconcile::next::{Facts, Machines, Next, Plan, done, quietly};

/// Makes the endpoint.
pub const CREATE: &str = "provision.create";
/// Leads it to what is wanted.
pub const UPDATE: &str = "provision.update";
/// Removes it with everything that carries the cluster's tag.
pub const DELETE: &str = "provision.delete";
/// Leads what is no machine, and machines to come, to another template.
pub const UPGRADE: &str = "provision.upgrade";
/// Brings new credentials.
pub const ROTATE: &str = "provision.rotate";
/// Removes a batch of machines.
pub const REMOVE_NODES: &str = "nodes.remove";
/// Replaces a machine.
pub const REPLACE_NODE: &str = "nodes.replace";
/// Leads a batch of machines to another template.
pub const UPGRADE_NODES: &str = "nodes.upgrade";

/// How long it is waited for that machines may be worked on, unless a change wakes earlier.
const HELD: Duration = Duration::from_secs(10);

/// What comes next for the operation that is open on this cluster.
pub fn decide(cluster: &Cluster, operation: &Operation, facts: &Facts) -> Next {
    let plan = |name| Plan::new(name, outside(cluster.id, operation), operation.kind());
    match facts.machines {
        Machines::Held => return Next::Wait(HELD),
        Machines::Next => {
            return match of_machines(operation.kind()) {
                Some(name) => quietly(facts, plan(name).of_batch()),
                None => Next::End(State::Failed, format!("{} does not work on machines", operation.kind().word())),
            };
        }
        Machines::Done => {}
    }
    match operation.kind() {
        Kind::ClusterCreate if done(operation, CREATE) => Next::Finish,
        Kind::ClusterCreate => Next::Step(plan(CREATE)),
        kind if kind.resizes() && done(operation, UPDATE) => Next::Finish,
        kind if kind.resizes() => quietly(facts, plan(UPDATE)),
        Kind::ClusterUpgrade if done(operation, UPGRADE) => Next::Finish,
        Kind::ClusterUpgrade => quietly(facts, plan(UPGRADE)),
        Kind::ClusterRotate if done(operation, ROTATE) => Next::Finish,
        Kind::ClusterRotate => quietly(facts, plan(ROTATE)),
        Kind::ClusterHeal => Next::Finish,
        Kind::ClusterDelete if done(operation, DELETE) => Next::End(State::Succeeded, String::new()),
        Kind::ClusterDelete => quietly(facts, plan(DELETE)),
        other => Next::End(State::Failed, format!("{} is not an operation on a cluster", other.word())),
    }
}

/// The step that works on an operation's machines.
fn of_machines(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::ClusterUpgrade => Some(UPGRADE_NODES),
        Kind::ClusterHeal => Some(REPLACE_NODE),
        kind => kind.resizes().then_some(REMOVE_NODES),
    }
}

/// The outside name that the next step of an operation on a cluster declares: each batch has its own, so that a late call of one is waited for
/// before another one begins.
pub(crate) fn outside(cluster: ClusterId, operation: &Operation) -> String {
    let target = target(cluster);
    match &operation.roll {
        Some(roll) if !(roll.batch.is_empty() && roll.waiting.is_empty()) => format!("{target}/nodes/{}", roll.number()),
        _ => target,
    }
}

/// The outside name that a cluster's steps declare.
pub fn target(cluster: ClusterId) -> String {
    format!("jeroboam-{cluster}")
}

#[cfg(test)]
mod tests {
    use model::{
        node::Node,
        operation::{Machine, Roll, Step, StepOutcome},
    };

    use super::*;

    const QUIET: Facts =
        Facts { now_ms: 0, unclear: Duration::ZERO, own: Duration::ZERO, caller: false, collect: Duration::ZERO, machines: Machines::Done };
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
    fn machines_come_before_the_rest_and_each_batch_is_a_thing_of_its_own() {
        let machine = |name: &str| Machine { external_id: name.to_owned(), ..Machine::default() };
        let mut resize = operation(Kind::ClusterResize, None);
        resize.roll = Some(Roll::new(1, vec![machine("a"), machine("b")]));
        let next = Facts { machines: Machines::of(&resize, &[]), ..QUIET };
        let Next::Step(plan) = decide(&Cluster::default(), &resize, &next) else { panic!("a batch is to be begun") };
        assert_eq!((plan.name, plan.batch, plan.target.ends_with("/nodes/1")), (REMOVE_NODES, true, true));
        let noisy = Facts { own: Duration::from_secs(1), ..next };
        assert!(matches!(decide(&Cluster::default(), &resize, &noisy), Next::Wait(_)));
        resize.roll = resize.roll.map(|roll| Roll { paused: true, ..roll });
        let held = Facts { machines: Machines::of(&resize, &[]), ..QUIET };
        assert_eq!(decide(&Cluster::default(), &resize, &held), Next::Wait(HELD));
        resize.roll = Some(Roll::default());
        let done = Facts { machines: Machines::of(&resize, &[]), ..QUIET };
        let Next::Step(plan) = decide(&Cluster::default(), &resize, &done) else { panic!("the size is led to in the end") };
        assert_eq!((plan.name, plan.batch), (UPDATE, false));
    }

    #[test]
    fn a_machine_that_is_well_again_is_not_replaced() {
        let machine = Machine { external_id: "a".to_owned(), ..Machine::default() };
        let heal = Operation { roll: Some(Roll::new(1, vec![machine])), ..operation(Kind::ClusterHeal, None) };
        let node = |not_ready| Node { external_id: Some("a".to_owned()), group: Some(String::new()), not_ready, ..Node::default() };
        let next = |node| decide(&Cluster::default(), &heal, &Facts { machines: Machines::of(&heal, &[node]), ..QUIET });
        assert_eq!(step_of(&next(node(true))), Some(REPLACE_NODE));
        assert_eq!(next(node(false)), Next::Finish);
    }

    #[test]
    fn a_removal_ends_when_its_step_is_done() {
        let next = decide(&Cluster::default(), &operation(Kind::ClusterDelete, Some((DELETE, StepOutcome::Done))), &UNCLEAR);
        assert_eq!(next, Next::End(State::Succeeded, String::new()));
    }
}
