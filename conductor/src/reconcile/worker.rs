//! One cluster, one epoch, one worker.
//!
//! A turn: read the state afresh; drop calls of operations that were overtaken; ask the deciders what comes next for everything that is
//! open; start what may start; say when to look again. Between turns it waits for a wake-up, the end of a step, or that time.
//!
//! Its memory (`pauses`, `hazards`) is a matter of patience only: a worker that starts with none of it waits where the log says that something
//! may still be under way.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use model::{
    cluster::heal,
    command::{ClusterHeal, Command, OperationEnd, Release, Sighting},
    id::{ClusterId, ContainerId, OperationId},
    node::Node,
    operation::{self, Failure, Kind, Operation, State, StepOutcome},
    ownership::{self, Reason},
    peer::{Ended, Output},
};
use raft::handle::SharedView;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{
    cluster,
    error::Halt,
    reconcile::{
        hazard,
        newcomers::{Newcomers, Place},
        next::{Facts, Machines, Next, Plan},
        pass,
        picture::Picture,
        post::Post,
        report::Reports,
        retry,
        rhythm::{self, Rhythm, Sight},
        step::{Act, Came, Step},
        watches::{Watches, Watching},
    },
    shared::Shared,
    workload,
};

/// Looks that hints ask for at the same time begin within so many milliseconds.
const SPREAD_MS: u64 = 500;

/// What a step works on: one at a time on each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Cluster,
    Container(ContainerId),
}

struct Running {
    operation: OperationId,
    outside: String,
    overtaken: CancellationToken,
    /// Which task it is.
    task: tokio::task::Id,
}

struct Hazard {
    target: Target,
    operation: OperationId,
    /// The outside name it works on.
    outside: String,
    until: Instant,
}

/// What is said of an end.
#[derive(Default)]
struct How {
    reason: Option<String>,
    failure: Failure,
    seen: Option<Sighting>,
}

/// See the module.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    reports: Reports,
    newcomers: Newcomers,
    cluster: ClusterId,
    post: Arc<Post>,
    /// When this worker began: not before its epoch did.
    began: Instant,
    jobs: JoinSet<(Target, OperationId, Came)>,
    running: BTreeMap<Target, Running>,
    pauses: BTreeMap<OperationId, (Instant, u32)>,
    hazards: Vec<Hazard>,
    pass_at: Instant,
    rhythm: Rhythm,
    /// When the last look ended, and how long it took.
    looked: (Instant, Duration),
    watches: Arc<Watches>,
    /// Its engine is listened to.
    watching: Option<Watching>,
    /// Looks without an answer in a row.
    unanswered: u32,
    /// Another owner may have acted before, and the backend has not been shown this epoch yet.
    inherited: bool,
    /// Machines that were not ready at the last look.
    down: BTreeSet<String>,
}

impl Worker {
    pub(crate) fn new(
        shared: Arc<Shared>,
        (reports, newcomers, watches): (Reports, Newcomers, Arc<Watches>),
        cluster: ClusterId,
        post: Arc<Post>,
    ) -> Self {
        let now = Instant::now();
        let (least, most) = shared.settings.looks;
        Self {
            rhythm: Rhythm::new(least, most),
            unanswered: 0,
            inherited: true,
            shared,
            reports,
            newcomers,
            cluster,
            post,
            began: now,
            jobs: JoinSet::new(),
            running: BTreeMap::new(),
            pauses: BTreeMap::new(),
            hazards: Vec::new(),
            pass_at: now,
            looked: (now, Duration::ZERO),
            watches,
            watching: None,
            down: BTreeSet::new(),
        }
    }

    /// Acts for the cluster until it is parked, lost or gone. All its tasks have ended when it returns.
    pub(crate) async fn run(mut self) {
        let post = Arc::clone(&self.post);
        let began = tokio::select! {
            () = post.lost.cancelled() => false,
            () = post.park.cancelled() => true,
            () = self.shared.lease.wait(post.epoch) => true,
        };
        if began {
            tokio::select! {
                () = post.lost.cancelled() => {}
                () = self.work() => {}
            }
        }
        post.lost.cancel();
        // Nobody is left for its hints.
        drop(self.watching.take());
        self.jobs.shutdown().await;
    }

    async fn work(&mut self) {
        let post = Arc::clone(&self.post);
        let mut place = self.place().await;
        while !(post.leaves() && self.jobs.is_empty()) {
            let again = match self.turn().await {
                Ok(Some(at)) => at,
                Ok(None) | Err(Halt::Stale) => return,
                Err(error) => {
                    tracing::debug!(cluster = %self.cluster, %error, "a turn was interrupted");
                    Instant::now() + self.shared.jittered(Duration::from_millis(200))
                }
            };
            drop(place.take());
            let again = post.next_hold().map_or(again, |hold| hold.min(again));
            tokio::select! {
                () = post.wake.notified() => {}
                () = sleep_until(again) => {}
                () = post.park.cancelled(), if !post.park.is_cancelled() => {}
                Some(ended) = self.jobs.join_next() => if !self.absorb(ended) { return },
            }
        }
        self.release().await;
    }

    /// Lets those go ahead that have something to do; what comes back is kept until the first look is over.
    async fn place(&self) -> Option<Place> {
        tokio::select! {
            biased;
            () = self.called_upon() => None,
            place = self.newcomers.place() => place,
        }
    }

    /// Resolves when there is more to do than to look: an operation, a farewell, or a state that cannot be read, which is the first turn's
    /// matter.
    async fn called_upon(&self) {
        while !self.post.leaves() && self.idle().await.unwrap_or(false) {
            tokio::select! {
                () = self.post.wake.notified() => {}
                () = self.post.park.cancelled() => return,
            }
        }
    }

    async fn idle(&self) -> Result<bool, Halt> {
        let view = self.shared.view().await?;
        Ok(operation::query::open_count(&*view, self.cluster, 1)? == 0)
    }

    /// Takes note of the end of a step. False: the epoch is over.
    fn absorb(&mut self, ended: Result<(Target, OperationId, Came), tokio::task::JoinError>) -> bool {
        let (target, operation, came) = match ended {
            Ok(ended) => ended,
            Err(error) => match self.broke(&error) {
                Some(ended) => ended,
                None => return false,
            },
        };
        let outside = self.running.remove(&target).map(|running| running.outside).unwrap_or_default();
        if let Target::Container(container) = target {
            self.post.acts_on(container, false);
        }
        if let Some(act) = came.hazard {
            self.hazards.push(Hazard { target, operation, outside, until: Instant::now() + act + hazard::SLACK });
        }
        if !came.pause.is_zero() {
            self.pause(operation, came.pause);
        }
        !came.stale
    }

    /// A step's task panicked: nobody knows how far its call came. It is tried again like any call without an answer, ever more seldom; the
    /// rest of the cluster's work goes on.
    fn broke(&self, error: &tokio::task::JoinError) -> Option<(Target, OperationId, Came)> {
        tracing::error!(cluster = %self.cluster, error = error as &dyn std::error::Error, "a step broke");
        let (target, running) = self.running.iter().find(|(_, running)| running.task == error.id())?;
        let times = self.pauses.get(&running.operation).map_or(0, |(_, times)| *times);
        let pause = retry::pause(times + 1, None, &*self.shared.chance);
        let residual = hazard::residual(Kind::ContainerStop, self.shared.settings.tail);
        Some((*target, running.operation, Came { pause, hazard: Some(residual), stale: false }))
    }

    fn pause(&mut self, operation: OperationId, pause: Duration) {
        let times = self.pauses.get(&operation).map_or(0, |(_, times)| *times) + 1;
        self.pauses.insert(operation, (Instant::now() + pause, times));
    }

    /// One turn; when to look again. `None`: there is nothing to act for any more.
    async fn turn(&mut self) -> Result<Option<Instant>, Halt> {
        let view = self.shared.view().await?;
        if self.shared.epoch_in(&view, self.cluster)? != Some(self.post.epoch) {
            return Err(Halt::Stale);
        }
        // What ended before this worker began matters only while its calls may still act.
        let young = self.began.elapsed() <= hazard::residual(Kind::ContainerStop, self.shared.settings.tail);
        let waited = !self.post.called().is_empty();
        let Some(picture) = Picture::read(&*view, self.cluster, (young, waited))? else { return Ok(None) };
        self.drop_overtaken(&picture);
        self.forget(&picture);
        if let Some(until) = self.post.holds() {
            return Ok(Some(until));
        }
        // Who may not act does not look either: a successor may be looking already.
        if self.shared.lease.may_act(self.post.epoch).is_none() {
            return Ok(Some(Instant::now() + self.shared.settings.lease / 20));
        }
        self.follow_hint();
        if (self.pass_at <= Instant::now() || self.post.pass_asked()) && self.pass(&picture).await? {
            return Ok(Some(Instant::now())); // the look took its time: read afresh
        }
        let mut again = self.pass_at.min(self.heal(&picture).await?);
        for operation in self.runnable(&picture) {
            again = again.min(self.advance(&picture, operation).await?);
        }
        Ok(Some(again))
    }

    /// Brings the next look forward if something has happened outside; by a little chance, so that an engine that starts again is not asked by
    /// all its clusters at once.
    fn follow_hint(&mut self) {
        if self.post.hinted() {
            let (ended, took) = self.looked;
            let chance = Duration::from_millis(self.shared.chance.number() % SPREAD_MS);
            self.pass_at = self.pass_at.min(Instant::now() + rhythm::hinted(ended.elapsed(), took) + chance);
        }
    }

    /// Asks for a machine to be replaced that has not been ready for as long as the cluster's policy says; when to look again otherwise.
    ///
    /// The log decides, so asking twice does no harm; asked for is only what this worker has itself seen down.
    async fn heal(&self, picture: &Picture) -> Result<Instant, Halt> {
        let Some(after_ms) = heal::policy(&picture.cluster).filter(|_| picture.cluster.operation.is_none()) else {
            return Ok(self.pass_at);
        };
        let seen = |node: &&Node| node.external_id.as_ref().is_some_and(|id| self.down.contains(id));
        let due = picture.nodes.iter().filter(seen).filter_map(|node| Some((heal::due_ms(node, after_ms)?, node.id))).min();
        let Some((due_ms, node)) = due else { return Ok(self.pass_at) };
        let wait = due_ms.saturating_sub(self.shared.handle.now_ms());
        if wait > 0 {
            return Ok(Instant::now() + Duration::from_millis(wait));
        }
        let operation = OperationId::new(self.shared.chance.uuid());
        let command = ClusterHeal { id: self.cluster, epoch: self.post.epoch, node, operation };
        match self.shared.write(Command::ClusterHeal(command)).await? {
            Ok(_) => tracing::warn!(cluster = %self.cluster, %node, "a node that has failed is replaced"),
            Err(refusal) => tracing::debug!(cluster = %self.cluster, %node, %refusal.message, "a node is not replaced now"),
        }
        Ok(Instant::now() + self.shared.jittered(Duration::from_secs(1)))
    }

    /// Calls of operations that have ended (by a deletion, by their deadline) are dropped.
    fn drop_overtaken(&self, picture: &Picture) {
        for running in self.running.values() {
            if !picture.open.iter().any(|operation| operation.id == running.operation) {
                running.overtaken.cancel();
            }
        }
    }

    fn forget(&mut self, picture: &Picture) {
        let now = Instant::now();
        let open: BTreeSet<OperationId> = picture.open.iter().map(|operation| operation.id).collect();
        self.pauses.retain(|operation, _| open.contains(operation));
        self.hazards.retain(|hazard| hazard.until > now);
        for operation in self.post.called() {
            if !open.contains(&operation) && !self.running.values().any(|running| running.operation == operation) {
                self.dismiss(picture, operation);
            }
        }
    }

    /// Tells whoever waits for an execute that has ended without running.
    fn dismiss(&self, picture: &Picture, operation: OperationId) {
        if let Some(caller) = self.post.take_caller(operation) {
            let ended = picture.history.iter().find(|other| other.id == operation);
            let failure = ended.map_or(0, |operation| operation.failure);
            let reason = ended.and_then(|operation| operation.reason.clone()).unwrap_or_else(|| "there is no such operation".to_owned());
            // Whoever does not listen any more learns of it from the operation.
            caller
                .try_send(Output { data: bytes::Bytes::new(), ended: Some(Ended { reason: Some(reason), failure, ..Ended::default() }) })
                .ok();
        }
    }

    /// The operations whose turn it is and on whose target nothing runs: the cluster's own first; containers only when it has none.
    fn runnable<'a>(&self, picture: &'a Picture) -> Vec<&'a Operation> {
        if let Some(own) = picture.open.iter().find(|operation| operation.container.is_none()) {
            // A cluster that is made or removed is nobody else's at that time.
            return if self.running.is_empty() { vec![own] } else { Vec::new() };
        }
        let mut seen = BTreeSet::new();
        let first = picture.open.iter().filter(|operation| operation.container.is_some_and(|container| seen.insert(container)));
        first.filter(|operation| !self.running.contains_key(&target(operation))).collect()
    }

    /// Decides about one operation and does it, if it may begin; when to look again otherwise.
    async fn advance(&mut self, picture: &Picture, operation: &Operation) -> Result<Instant, Halt> {
        let now = Instant::now();
        if let Some((until, _)) = self.pauses.get(&operation.id).filter(|(until, _)| *until > now) {
            return Ok(*until);
        }
        // Whoever failed last has said for how long the backend is left alone, also to whoever comes after it.
        let left_alone = operation.retry_ms().saturating_sub(self.shared.handle.now_ms());
        if left_alone > 0 {
            return Ok(now + Duration::from_millis(left_alone));
        }
        if self.running.len() >= self.shared.settings.concurrency {
            return Ok(self.pass_at); // the end of a step wakes
        }
        let facts = self.facts(picture, operation);
        let next = match operation.container {
            None => cluster::decide::decide(&picture.cluster, operation, &facts),
            Some(container) => workload::container::decide(operation, picture.containers.contains_key(&container), &facts),
        };
        match next {
            Next::Wait(time) => Ok(now + time),
            Next::Step(plan) => {
                self.begin(picture, operation, plan).await?;
                Ok(self.pass_at)
            }
            Next::End(state, reason) => {
                self.end(operation, state, How { reason: (!reason.is_empty()).then_some(reason), ..How::default() }).await?;
                Ok(now)
            }
            Next::Finish => self.finish(picture, operation).await,
        }
    }

    fn facts(&self, picture: &Picture, operation: &Operation) -> Facts {
        let settings = &self.shared.settings;
        let here = target(operation);
        let outside = cluster::decide::outside(self.cluster, operation);
        // Of the operation itself: calls on what it has left behind, such as an earlier batch of machines.
        let other = |hazard: &Hazard| hazard.operation != operation.id || (here == Target::Cluster && hazard.outside != outside);
        let concerns = |hazard: &&Hazard| other(hazard) && (here == Target::Cluster || hazard.target == here);
        let own = self.hazards.iter().filter(concerns).map(|hazard| hazard.until).max();
        let now_ms = self.shared.handle.now_ms();
        Facts {
            now_ms,
            unclear: picture.unclear(operation, settings.tail, self.began.elapsed(), now_ms),
            own: own.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now())),
            caller: self.post.has_caller(operation.id),
            collect: settings.collect,
            machines: Machines::of(operation, &picture.nodes),
        }
    }

    async fn begin(&mut self, picture: &Picture, operation: &Operation, plan: Plan) -> Result<(), Halt> {
        let act = match operation.container.and_then(|container| picture.containers.get(&container)) {
            None => Act::Cluster(Box::new(picture.spec.clone())),
            // Without an endpoint nothing was ever made there.
            Some(_) if operation.kind() == Kind::ContainerDelete && picture.provisioned().is_none() => {
                return self.end(operation, State::Succeeded, How::default()).await;
            }
            Some(container) => match pass::engine(&self.shared, picture) {
                Ok(engine) => {
                    Act::Container { engine, container: Box::new(container.clone()), caller: self.post.take_caller(operation.id) }
                }
                Err(error) => return self.unreachable(operation, &error).await,
            },
        };
        let overtaken = CancellationToken::new();
        let outside = plan.target.clone();
        let step = Step {
            shared: Arc::clone(&self.shared),
            cluster: self.cluster,
            epoch: self.post.epoch,
            operation: operation.clone(),
            plan,
            act,
            overtaken: overtaken.clone(),
            lost: self.post.lost.clone(),
        };
        let (target, id) = (target(operation), operation.id);
        if let Target::Container(container) = target {
            self.post.acts_on(container, true);
        }
        let task = self.jobs.spawn(async move { (target, id, step.run().await) }).id();
        self.running.insert(target, Running { operation: id, outside, overtaken, task });
        Ok(())
    }

    /// There is nobody to call.
    async fn unreachable(&mut self, operation: &Operation, error: &drivers::Error) -> Result<(), Halt> {
        let times = self.pauses.get(&operation.id).map_or(0, |(_, times)| *times);
        if error.is_final() || times >= self.shared.settings.attempts {
            let how = How { reason: Some(error.to_string()), failure: error.failure(), seen: None };
            return self.end(operation, State::Failed, how).await;
        }
        self.pause(operation.id, retry::pause(times + 1, error.retry_after(), &*self.shared.chance));
        self.post.wake.notify_one();
        Ok(())
    }

    /// All steps are done: look and end.
    async fn finish(&mut self, picture: &Picture, operation: &Operation) -> Result<Instant, Halt> {
        if operation.container.is_some() {
            self.end(operation, State::Succeeded, How::default()).await?;
            return Ok(Instant::now());
        }
        let caller = self.shared.caller(self.cluster, self.post.epoch, "finish").at(operation.id, "finish");
        match caller.makes(cluster::look::whole(&self.shared, &picture.spec)).await {
            Ok(look) => {
                let reason = cluster::look::remark(&picture.spec, &look);
                let seen = look.sighting(self.cluster, self.post.epoch);
                self.end(operation, State::Succeeded, How { reason, seen: Some(seen), ..How::default() }).await?;
            }
            Err(error) => self.unreachable(operation, &error).await?,
        }
        Ok(Instant::now())
    }

    async fn end(&self, operation: &Operation, state: State, how: How) -> Result<(), Halt> {
        let How { reason, failure, seen } = how;
        let (epoch, failure) = (self.post.epoch, failure.into());
        let end = OperationEnd { operation: operation.id, epoch, state: state.into(), reason, seen, failure };
        model::fault_point!("operation::end::before");
        let ended = self.shared.write(Command::OperationEnd(end)).await?;
        model::fault_point!("operation::end::after", Err(raft::Error::Timeout.into()));
        match ended {
            Ok(_) => {
                let took = self.shared.handle.now_ms().saturating_sub(operation.accepted_ms);
                self.shared.metrics.ended(operation.kind(), state, took);
            }
            Err(refusal) => tracing::debug!(operation = %operation.id, %refusal.message, "an end was refused"),
        }
        if state == State::Unknown {
            self.shared.metrics.step(StepOutcome::Unknown);
        }
        Ok(())
    }

    /// Shows the backend this epoch before anything is changed under it, where somebody else has acted before.
    async fn first_act(&mut self, picture: &Picture) -> Result<(), Halt> {
        let view = self.shared.view().await?;
        let row = ownership::query::of(&*view, self.cluster)?;
        self.inherited = row.is_some_and(|row| row.reason() != Reason::New);
        if self.inherited {
            let caller = self.shared.caller(self.cluster, self.post.epoch, "list");
            // A backend that does not answer is asked again with the next look; its steps do not wait for that.
            self.inherited = !caller.makes(pass::list(&self.shared, picture)).await;
        }
        Ok(())
    }

    /// The full look, in line: nothing else is begun meanwhile, so what it sees is not overtaken by this worker's own steps. False: there was
    /// nothing to look at.
    async fn pass(&mut self, picture: &Picture) -> Result<bool, Halt> {
        // Should there be nothing to look at, or the look itself be interrupted.
        self.pass_at = Instant::now() + self.shared.jittered(self.shared.settings.looks.0);
        self.post.looks();
        let deleting = picture.open.iter().any(|operation| operation.kind() == Kind::ClusterDelete);
        if self.inherited && (deleting || picture.provisioned().is_none()) {
            self.first_act(picture).await?;
        }
        let caller = |step| self.shared.caller(self.cluster, self.post.epoch, step);
        self.watching = pass::engine(&self.shared, picture).ok().and_then(|engine| self.watches.watch(engine));
        let began = Instant::now();
        let seen = if deleting { None } else { caller("look").makes(pass::look(&self.shared, picture)).await? };
        self.looked = (Instant::now(), began.elapsed());
        model::fault_point!("look::cluster::after", Err(raft::Error::Timeout.into()));
        let Some(seen) = seen else { return Ok(false) };
        self.unanswered = if seen.unanswered() { self.unanswered.saturating_add(1) } else { 0 };
        if self.unanswered == 1 {
            return Ok(true); // one lost answer says nothing; the next look follows soon
        }
        caller("sweep").makes(pass::sweep(&self.shared, picture, self.post.epoch, &seen)).await?;
        let view: SharedView = self.shared.view().await?;
        let Some(cluster) = model::cluster::query::by_id(&*view, self.cluster)? else { return Ok(true) };
        self.down = pass::down(&seen, &picture.nodes).unwrap_or_default();
        let busy = |container| self.running.contains_key(&Target::Container(container));
        let news = pass::news(&view, &cluster, self.post.epoch, &seen, &busy)?;
        self.look_again(match &news {
            Some(_) => Sight::News,
            None if seen.well() => Sight::Same,
            None => Sight::Unwell,
        });
        if let Some(news) = news {
            self.reports.tell(news).await;
        }
        Ok(true)
    }

    fn look_again(&mut self, sight: Sight) {
        self.pass_at = Instant::now() + self.shared.jittered(self.rhythm.after(sight));
    }

    /// Gives the cluster back: whoever gets it next need not wait for the lease.
    async fn release(&self) {
        model::fault_point!("owner::release::before");
        let release = Release { cluster: self.cluster, epoch: self.post.epoch, reason: self.post.away() };
        let released = self.shared.write(Command::Release(release)).await;
        model::fault_point!("owner::release::after");
        match released {
            Ok(_) => tracing::info!(cluster = %self.cluster, epoch = self.post.epoch, "released"),
            Err(error) => tracing::debug!(cluster = %self.cluster, %error, "not released; it moves when the lease has run out"),
        }
    }
}

fn target(operation: &Operation) -> Target {
    operation.container.map_or(Target::Cluster, Target::Container)
}
