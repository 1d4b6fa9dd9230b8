//! What the pure deciders are told, and what they answer.

use std::time::Duration;

use drivers::limit;
use model::{
    node::Node,
    operation::{Kind, Operation, Pick, State, Step, StepOutcome},
};

use crate::reconcile::hazard;

/// What comes next for an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Record this intent, make the call, record its outcome.
    Step(Plan),
    /// All steps are done: look, record what is seen, and end it as succeeded.
    Finish,
    /// Nothing before this time has passed.
    Wait(Duration),
    /// End it without another call.
    End(State, String),
}

/// A step to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its name, unique in its operation.
    pub name: &'static str,
    /// The deterministic outside name it works on.
    pub target: String,
    /// How long after its beginning it may take effect: what the intent declares.
    pub effect: Duration,
    /// Whether it works on a batch of machines.
    pub batch: bool,
}

/// For how long a backend that takes its time is called again and again under one intent; then the intent is renewed.
pub const RENEWED: Duration = Duration::from_secs(300);

impl Plan {
    /// The step of an operation.
    pub fn new(name: &'static str, target: String, kind: Kind) -> Self {
        Self { name, target, effect: limit::effect(kind) + RENEWED, batch: false }
    }
    /// The same, on a batch of machines.
    #[must_use]
    pub fn of_batch(self) -> Self {
        Self { batch: true, ..self }
    }
}

/// What a decision needs besides the records.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Log time, milliseconds.
    pub now_ms: u64,
    /// How long calls from before this worker that concern the same things may still act; zero: none is out.
    pub unclear: Duration,
    /// How long this worker's own calls without an answer, of other operations on the same things, may still act.
    pub own: Duration,
    /// Whether somebody waits for the output of this execute.
    pub caller: bool,
    /// How long an execute waits for that.
    pub collect: Duration,
    /// Whether there are machines to work on.
    pub machines: Machines,
}

/// Whether an operation has machines to work on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Machines {
    /// None, or none any more.
    #[default]
    Done,
    /// A batch of them goes on, or may be begun.
    Next,
    /// Some, but no batch may be begun now: it is paused, or too many are out of service.
    Held,
}

impl Machines {
    /// Of this operation, as the cluster's machines were last seen.
    pub fn of(operation: &Operation, nodes: &[Node]) -> Self {
        if recovered(operation, nodes) {
            return Self::Done;
        }
        match operation.roll.as_ref().map(|roll| roll.pick(nodes)) {
            None | Some(Pick::Finished) => Self::Done,
            Some(Pick::GoesOn | Pick::Begins(_)) => Self::Next,
            Some(Pick::Paused | Pick::Full) => Self::Held,
        }
    }
}

impl Facts {
    /// How long a call that is not create-or-adopt has to wait, so that nothing older can take effect after it; zero: not at all.
    ///
    /// This is the rule that the model in `tests/lease_model` insists on: also when the old call's step has been taken up again and ended
    /// since, and also for calls of one's own.
    pub fn noise(&self) -> Duration {
        self.unclear.max(self.own)
    }
}

/// Whether what was to be replaced is well again, before anything was begun.
fn recovered(operation: &Operation, nodes: &[Node]) -> bool {
    let Some(roll) = operation.roll.as_ref().filter(|roll| operation.kind() == Kind::ClusterHeal && roll.batch.is_empty()) else {
        return false;
    };
    !roll.waiting.iter().any(|machine| nodes.iter().any(|node| machine.is(node) && node.not_ready))
}

/// The step of this name as recorded.
pub fn step<'a>(operation: &'a Operation, name: &str) -> Option<&'a Step> {
    operation.steps.iter().find(|step| step.name == name)
}

/// Whether a step is done.
pub fn done(operation: &Operation, name: &str) -> bool {
    step(operation, name).is_some_and(|step| step.outcome() == StepOutcome::Done)
}

/// Waits, or makes the step.
pub fn quietly(facts: &Facts, plan: Plan) -> Next {
    match facts.noise() {
        Duration::ZERO => Next::Step(plan),
        noise => Next::Wait(noise + hazard::SLACK),
    }
}
