//! All tasks of the conductor, and in which order they end.

use std::sync::Arc;

use drivers::Registry;
use raft::{Answer, Handle, seam::Chance};
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    answer::Answers,
    error::Error,
    expire,
    metrics::Metrics,
    outbox::{self, Sink},
    ownership::{balancer, grants::Grants, lease::Lease, renew, unseen},
    reconcile::{
        crew::{Crew, Posts},
        newcomers::Newcomers,
        report,
        watches::Watches,
    },
    settings::Settings,
    shared::Shared,
};

/// Conducts the clusters that this member owns and, while it leads, says who owns what.
#[derive(Debug)]
pub struct Conductor {
    shared: Arc<Shared>,
    grants: Arc<Grants>,
    posts: Arc<Posts>,
    sinks: Vec<Arc<dyn Sink>>,
}

impl Conductor {
    /// Of this member. Nothing runs and nothing is answered before [`Self::run`].
    pub fn new(handle: Handle, registry: Registry, settings: Settings, chance: Arc<dyn Chance>) -> Self {
        let grants = Arc::new(Grants::new(settings.lease, settings.margin));
        let metrics = Arc::new(Metrics::default());
        let shared = Arc::new(Shared { handle, registry, settings, chance, lease: Lease::default(), metrics });
        Self { shared, grants, posts: Arc::default(), sinks: Vec::new() }
    }

    /// With sinks that are given every event while this member leads; all members should have the same.
    #[must_use]
    pub fn with_sinks(mut self, sinks: Vec<Arc<dyn Sink>>) -> Self {
        self.sinks = sinks;
        self
    }

    /// What it counts.
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.shared.metrics)
    }

    /// What it answers other members; to be handed to [`Handle::serve`], perhaps behind answers of others, before [`Self::run`].
    pub fn answers(&self) -> Arc<dyn Answer> {
        Arc::new(Answers { shared: Arc::clone(&self.shared), grants: Arc::clone(&self.grants), posts: Arc::clone(&self.posts) })
    }

    /// Runs until `stop`, then: begins no new step, lets the running ones end within the limit of the settings, gives all clusters back, and
    /// only then stops assigning and renewing, so that others can take over while this member still leads. Not cancel safe: dropped, it stops
    /// at once and its clusters move when its lease has run out.
    ///
    /// # Errors
    /// The state could not be read, or a task broke: the process should end.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        let (leaving, park, last) = (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
        let kick = Arc::new(Notify::new());
        let (reports, reporter) = report::reports(Arc::clone(&self.shared));
        let mut parts: JoinSet<Result<(), Error>> = JoinSet::new();
        parts.spawn(ok(reporter.run(last.clone())));
        parts.spawn(ok(balancer::run(Arc::clone(&self.shared), Arc::clone(&self.grants), last.clone())));
        parts.spawn(ok(renew::run(Arc::clone(&self.shared), Arc::clone(&kick), leaving.clone(), last.clone())));
        parts.spawn(ok(expire::run(Arc::clone(&self.shared), last.clone())));
        parts.spawn(ok(unseen::run(Arc::clone(&self.shared), Arc::clone(&self.grants), last.clone())));
        parts.spawn(ok(outbox::keep::run(Arc::clone(&self.shared), last.clone())));
        parts.spawn(ok(outbox::run::run(Arc::clone(&self.shared), self.sinks, last.clone())));
        let (shared, posts, watches) = (Arc::clone(&self.shared), Arc::clone(&self.posts), Arc::<Watches>::default());
        parts.spawn(Arc::clone(&watches).run(Arc::clone(&shared), Arc::clone(&posts), last.clone()));
        let crew = Crew { shared, posts, reports, newcomers: Newcomers::default(), watches, kick };
        let mut workers: JoinSet<Result<(), Error>> = JoinSet::new();
        workers.spawn(crew.run(park.clone()));

        let ended = tokio::select! {
            () = stop.cancelled() => Ok(()),
            ended = parts.join_next() => outcome(ended),
            ended = workers.join_next() => outcome(ended),
        };
        // First the leader is told to give this member nothing more; then what it has is given back.
        leaving.cancel();
        renew::leave(&self.shared).await;
        park.cancel();
        let mut result = ended;
        while let Some(ended) = workers.join_next().await {
            result = result.and(outcome(Some(ended)));
        }
        last.cancel();
        while let Some(ended) = parts.join_next().await {
            result = result.and(outcome(Some(ended)));
        }
        self.shared.lease.surrender();
        result
    }
}

async fn ok(part: impl Future<Output = ()>) -> Result<(), Error> {
    part.await;
    Ok(())
}

fn outcome(ended: Option<Result<Result<(), Error>, tokio::task::JoinError>>) -> Result<(), Error> {
    match ended {
        None => Ok(()),
        Some(Ok(result)) => result,
        Some(Err(error)) => Err(Error::Task(error.to_string())),
    }
}
