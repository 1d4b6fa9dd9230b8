//! One step: intent, right to act, call, outcome.
//!
//! 1. `StepBegin` under the epoch. Refused as stale: the worker stops. From here on a successor knows that something may exist.
//! 2. A [`Hold`](crate::ownership::lease::Hold) on the lease, *then* a look at the state that the cluster is still this epoch's.
//! 3. The call, under that hold: it is dropped when the lease runs out or the operation is overtaken. Dropped is like timed out.
//! 4. `StepEnd` under the epoch, tried again as long as this member owns the cluster: an answer that was heard is not thrown away.
//!
//! A step runs in a task of its own that the worker awaits, so no dropped request leaves it half done.

use std::{sync::Arc, time::Duration};

use drivers::{Class, ClusterSpec, Engine, Error, Mark, Provisioned};
use model::{
    command::{Command, ContainerSighting, Sighting, StepBegin, StepEnd},
    container::Container,
    id::ClusterId,
    node::Node,
    operation::{Failure, Kind, Operation, State, StepOutcome},
    peer::{Ended, Output},
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::{
    cluster::{self, act::Job},
    error::Halt,
    reconcile::{
        hazard,
        next::{Plan, RENEWED},
        retry::{self, Verdict},
    },
    shared::Shared,
    workload,
};

/// What a call did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Effect {
    /// The outside object's own id.
    pub(crate) external_id: Option<String>,
    /// What its container looks like now.
    pub(crate) seen: Option<ContainerSighting>,
    /// A word on it.
    pub(crate) reason: Option<String>,
    /// How the command of an execute ended.
    pub(crate) exit_code: Option<i64>,
    /// The backend is still at it: call again after this time.
    pub(crate) again: Option<Duration>,
    /// What its cluster has now.
    pub(crate) provisioned: Option<Box<Provisioned>>,
    /// All machines of its cluster, where they were worked on.
    pub(crate) nodes: Option<Vec<Node>>,
}

/// One attempt at one step.
pub(crate) struct Step {
    pub(crate) shared: Arc<Shared>,
    pub(crate) cluster: ClusterId,
    pub(crate) epoch: u64,
    pub(crate) operation: Operation,
    pub(crate) plan: Plan,
    pub(crate) act: Act,
    /// The operation was overtaken: drop the call, say so, end.
    pub(crate) overtaken: CancellationToken,
    /// The cluster is lost: drop everything.
    pub(crate) lost: CancellationToken,
}

/// What to call.
pub(crate) enum Act {
    Cluster(Box<ClusterSpec>),
    Container { engine: Arc<dyn Engine>, container: Box<Container>, caller: Option<mpsc::Sender<Output>> },
}

/// What the worker does next about the operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Came {
    /// Not before this time.
    pub(crate) pause: Duration,
    /// A call is out whose answer nobody will hear, and may act for this long.
    pub(crate) hazard: Option<Duration>,
    /// The epoch is over.
    pub(crate) stale: bool,
}

impl Came {
    const DONE: Self = Self { pause: Duration::ZERO, hazard: None, stale: false };
}

/// How a call came back.
enum Heard {
    Answer(Result<Effect, Error>),
    Dropped(&'static str),
}

impl Step {
    /// Makes the attempt. Not cancel safe: run it in a task and await that.
    pub(crate) async fn run(self) -> Came {
        let lost = self.lost.clone();
        let pause = self.shared.settings.write / 10;
        tokio::select! {
            biased;
            () = lost.cancelled() => Came { stale: true, ..Came::DONE },
            came = self.attempt() => match came {
                Ok(came) => came,
                Err(Halt::Stale) => Came { stale: true, ..Came::DONE },
                Err(error) => {
                    tracing::debug!(%error, "a step is interrupted");
                    Came { pause, ..Came::DONE }
                }
            },
        }
    }

    async fn attempt(&self) -> Result<Came, Halt> {
        model::fault_point!("step::intent::before");
        let hasty = if model::planted!("m8") { self.call().await? } else { None };
        if self.shared.write(self.intent(false)).await?.is_err() {
            return Ok(Came::DONE); // it has ended meanwhile: the worker reads afresh
        }
        if model::planted!("m10") && self.operation.kind() == Kind::ClusterDelete {
            self.report(self.succeeded(&Effect::default())).await?;
        }
        model::fault_point!("step::intent::after", Err(raft::Error::Timeout.into()));
        let heard = if hasty.is_some() { hasty } else { self.call().await? };
        let Some(heard) = heard else {
            // Not called at all: no right to act just now. That is certain, so even what runs at most once may be begun again.
            self.report(self.end(StepOutcome::Failed, Some("not called: no right to act just then".to_owned()), None)).await?;
            return Ok(Came { pause: self.shared.settings.lease / 20, ..Came::DONE });
        };
        self.record(heard).await
    }

    /// The step as it is declared before a call; `goes_on`: before one more call of the same attempt.
    fn intent(&self, goes_on: bool) -> Command {
        Command::StepBegin(StepBegin {
            operation: self.operation.id,
            epoch: self.epoch,
            name: self.plan.name.to_owned(),
            target: self.plan.target.clone(),
            effect_ms: u64::try_from(self.plan.effect.as_millis()).unwrap_or(u64::MAX),
            goes_on,
            batch: self.plan.batch && !goes_on,
        })
    }

    /// Makes the call under the right to act; `None`: there was none, and nothing was sent.
    async fn call(&self) -> Result<Option<Heard>, Halt> {
        let Some(hold) = self.shared.lease.hold(self.epoch) else { return Ok(None) };
        // After the hold was taken: a state at least as new as the grant. Only what it shows as this epoch's is covered.
        let view = self.shared.view().await?;
        if self.shared.epoch_in(&view, self.cluster)? != Some(self.epoch) && !model::planted!("m6") {
            return Err(Halt::Stale);
        }
        let job = Job::read(&*view, &self.operation)?;
        drop(view);
        let caller = self.shared.caller(self.cluster, self.epoch, self.plan.name).at(self.operation.id, self.plan.name);
        // On the heap: a client library's call is large, and every layer around it would carry it.
        let outside = Box::pin(self.outside(&job));
        let guarded = self.shared.lease.guard(hold, caller.makes(outside));
        let heard = tokio::select! {
            biased;
            () = self.overtaken.cancelled() => Heard::Dropped("the operation was overtaken"),
            answer = guarded => match answer {
                Ok(answer) => Heard::Answer(answer),
                Err(_) => {
                    self.shared.metrics.interrupted();
                    Heard::Dropped("the right to act ran out during the call")
                }
            },
        };
        Ok(Some(heard))
    }

    /// The call itself, again and again while the backend is at it. The intent is renewed in time: none of the calls acts for longer than
    /// it says.
    async fn outside(&self, job: &Job) -> Result<Effect, Error> {
        let epoch = if model::planted!("m6-mark") { 0 } else { self.epoch };
        let mark = Mark { cluster: self.cluster, epoch, operation: self.operation.id };
        model::fault_point!("step::call::before");
        let mut renew_at = Instant::now() + RENEWED;
        loop {
            let effect = match &self.act {
                Act::Cluster(spec) => cluster::act::call(&self.shared, (self.operation.kind(), job), &mark, spec).await?,
                Act::Container { engine, container, caller } => {
                    workload::act::call(engine, &mark, &self.operation, container, caller.clone()).await?
                }
            };
            model::fault_point!("step::call::after", Err(Error::Timeout("the answer was lost".to_owned())));
            let Some(again) = effect.again else { return Ok(self.counted(effect).await) };
            sleep(again).await;
            if Instant::now() >= renew_at {
                renew_at = Instant::now() + RENEWED;
                let renewed = self.shared.write(self.intent(true)).await;
                if !matches!(renewed, Ok(Ok(_))) {
                    return Err(Error::Broken("the step could not be declared for longer".to_owned()));
                }
            }
        }
    }

    /// With the machines that are there after a batch: the next one is picked from what was seen. Where nobody says, the next look will.
    async fn counted(&self, effect: Effect) -> Effect {
        let Act::Cluster(spec) = &self.act else { return effect };
        if !self.plan.batch {
            return effect;
        }
        match cluster::look::nodes(&self.shared, spec).await {
            Ok(nodes) => Effect { nodes, ..effect },
            Err(error) => {
                tracing::debug!(cluster = %self.cluster, %error, "the machines could not be looked at after a batch");
                effect
            }
        }
    }

    async fn record(&self, heard: Heard) -> Result<Came, Halt> {
        let kind = self.operation.kind();
        let residual = hazard::residual(kind, self.shared.settings.tail);
        let (end, came) = match heard {
            Heard::Answer(Ok(effect)) => (self.looked_at(self.succeeded(&effect), effect.provisioned).await, Came::DONE),
            Heard::Answer(Err(Error::Gone(_))) if kind == Kind::ContainerDelete => (self.succeeded(&Effect::default()), Came::DONE),
            Heard::Answer(Err(error)) => {
                let (mut end, came) = self.failed(&error, residual);
                if self.operation.force && end.ends == Some(State::Failed.into()) {
                    self.give_up(&mut end).await;
                }
                (end, came)
            }
            Heard::Dropped(reason) => {
                let ends = kind.at_most_once().then_some(State::Unknown);
                let mut end = self.end(StepOutcome::Unknown, Some(reason.to_owned()), ends);
                end.set_failure(Failure::Unanswered);
                (end, Came { hazard: Some(residual), ..Came::DONE })
            }
        };
        self.report(end).await?;
        Ok(came)
    }

    fn end(&self, outcome: StepOutcome, reason: Option<String>, ends: Option<State>) -> StepEnd {
        self.shared.metrics.step(outcome);
        StepEnd {
            operation: self.operation.id,
            epoch: self.epoch,
            name: self.plan.name.to_owned(),
            outcome: outcome.into(),
            reason,
            ends: ends.map(i32::from),
            ..StepEnd::default()
        }
    }

    /// A forced deletion ends though it could not be done, and says what is left.
    async fn give_up(&self, end: &mut StepEnd) {
        let Act::Cluster(spec) = &self.act else { return };
        end.ends = Some(State::Succeeded.into());
        match cluster::look::left(&self.shared, spec, &self.plan.target).await {
            Ok(left) => end.left = left,
            Err(error) => {
                tracing::warn!(cluster = %self.cluster, %error, "nobody can say what a forced deletion leaves; the records stand in");
                end.left_unseen = true;
            }
        }
    }

    /// A cluster that was made or changed is looked at before its operation ends; where that works at once, both are one entry. Otherwise
    /// the worker looks again.
    async fn looked_at(&self, mut end: StepEnd, provisioned: Option<Box<Provisioned>>) -> StepEnd {
        let (Act::Cluster(spec), Some(provisioned), None) = (&self.act, provisioned, end.ends) else { return end };
        let caller = self.shared.caller(self.cluster, self.epoch, "finish").at(self.operation.id, "finish");
        let look = Box::pin(caller.makes(cluster::look::endpoint(&self.shared, spec, &provisioned)));
        let look = tokio::select! {
            biased;
            () = self.overtaken.cancelled() => return end,
            look = look => look,
        };
        match look {
            Ok(look) => {
                end.reason = cluster::look::remark(spec, &look);
                end.seen = Some(look.sighting(self.cluster, self.epoch));
                end.ends = Some(State::Succeeded.into());
            }
            Err(error) => tracing::debug!(cluster = %self.cluster, %error, "a look did not succeed at once"),
        }
        end
    }

    fn succeeded(&self, effect: &Effect) -> StepEnd {
        // See `looked_at`.
        let looks = self.operation.kind() == Kind::ClusterCreate || self.operation.kind().updates();
        let mut end = self.end(StepOutcome::Done, effect.reason.clone(), (!looks).then_some(State::Succeeded));
        end.external_id.clone_from(&effect.external_id);
        if effect.seen.is_some() || effect.nodes.is_some() {
            end.seen = Some(Sighting {
                cluster: self.cluster,
                epoch: self.epoch,
                containers: effect.seen.iter().cloned().collect(),
                nodes: effect.nodes.clone().unwrap_or_default(),
                nodes_seen: effect.nodes.is_some(),
                ..Sighting::default()
            });
        }
        if let Act::Container { caller: Some(caller), .. } = &self.act {
            bid_farewell(caller, Ended { exit_code: effect.exit_code, ..Ended::default() });
        }
        end
    }

    fn failed(&self, error: &Error, residual: Duration) -> (StepEnd, Came) {
        let begun = self.operation.attempts().saturating_add(1);
        let settings = &self.shared.settings;
        let mut verdict = retry::judge(self.operation.kind(), error, begun, settings.attempts, &*self.shared.chance);
        if let Verdict::Again(pause) = verdict
            && self.too_late(pause)
        {
            verdict = Verdict::Fail;
        }
        // Only the certain "no" leaves nothing behind.
        let outcome = if error.class() == Class::Timeout { StepOutcome::Unknown } else { StepOutcome::Failed };
        let ends = match verdict {
            Verdict::Again(_) => None,
            Verdict::Fail => Some(State::Failed),
            Verdict::Unknown => Some(State::Unknown),
        };
        if ends.is_some()
            && let Act::Container { caller: Some(caller), .. } = &self.act
        {
            bid_farewell(caller, Ended { exit_code: None, reason: Some(error.to_string()), failure: error.failure().into() });
        }
        let pause = if let Verdict::Again(pause) = verdict { pause } else { Duration::ZERO };
        let hazard = error.outcome_unknown().then_some(residual);
        let mut end = self.end(outcome, Some(error.to_string()), ends);
        end.set_failure(error.failure());
        if matches!(verdict, Verdict::Again(_)) {
            self.shared.metrics.retried(self.plan.name);
        }
        end.pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        (end, Came { pause, hazard, stale: false })
    }

    /// Whether another attempt would come after the operation's deadline: then the words of the last one are its end.
    fn too_late(&self, pause: Duration) -> bool {
        let then = self.shared.handle.now_ms().saturating_add(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
        self.operation.deadline_ms != 0 && then >= self.operation.deadline_ms
    }

    async fn ended(&self, end: &StepEnd) -> Result<Result<model::Done, model::Refusal>, Halt> {
        let ended = self.shared.write(Command::StepEnd(end.clone())).await;
        model::fault_point!("step::record::after", Err(raft::Error::Timeout.into()));
        ended
    }

    /// Records the outcome; tried until the log has it or the cluster is lost (which ends this task from outside).
    async fn report(&self, end: StepEnd) -> Result<(), Halt> {
        loop {
            model::fault_point!("step::record::before");
            match self.ended(&end).await {
                Ok(Ok(_)) => {
                    if let Some(state) = end.ends.and_then(|state| State::try_from(state).ok()) {
                        let took = self.shared.handle.now_ms().saturating_sub(self.operation.accepted_ms);
                        self.shared.metrics.ended(self.operation.kind(), state, took);
                    }
                    return Ok(());
                }
                Ok(Err(refusal)) => {
                    tracing::warn!(operation = %self.operation.id, step = self.plan.name, %refusal.message, "an outcome was refused");
                    return Ok(());
                }
                Err(Halt::Log(error)) if error.retryable() => sleep(self.shared.jittered(Duration::from_millis(200))).await,
                Err(error) => return Err(error),
            }
        }
    }
}

/// The last message to whoever takes the output. A reader that stands still learns of the end by the end of the stream.
fn bid_farewell(caller: &mpsc::Sender<Output>, ended: Ended) {
    if caller.try_send(Output { data: bytes::Bytes::new(), ended: Some(ended) }).is_err() {
        tracing::debug!("nobody takes the end of an execution");
    }
}
