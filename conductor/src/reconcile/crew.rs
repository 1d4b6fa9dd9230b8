//! The workers of this member: one for each cluster that the state shows as its own, started, woken, ended and awaited here.
//!
//! Follows the changes; whatever it may have missed, a full look at the assignments finds. A worker's end is always awaited before another one
//! for the same cluster begins, so two epochs never act side by side in one process.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use model::{Change, id::ClusterId, ownership, peer::Owned};
use raft::{Changed, Committed, handle::SharedView};
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{Instant, sleep_until, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{
    error::{Error, Halt},
    reconcile::{newcomers::Newcomers, post::Post, report::Reports, watches::Watches, worker::Worker},
    shared::Shared,
};

/// Where the rest of the member finds the workers.
#[derive(Debug, Default)]
pub(crate) struct Posts {
    posts: Mutex<BTreeMap<ClusterId, Arc<Post>>>,
}

impl Posts {
    fn locked<T>(&self, work: impl FnOnce(&mut BTreeMap<ClusterId, Arc<Post>>) -> T) -> T {
        work(&mut self.posts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The worker of a cluster, if this member has one.
    pub(crate) fn of(&self, cluster: ClusterId) -> Option<Arc<Post>> {
        self.locked(|posts| posts.get(&cluster).cloned())
    }

    /// All of them.
    pub(crate) fn owned(&self) -> Vec<Owned> {
        self.locked(|posts| posts.iter().map(|(cluster, post)| Owned { cluster: *cluster, epoch: post.epoch }).collect())
    }
}

/// See the module.
pub(crate) struct Crew {
    pub(crate) shared: Arc<Shared>,
    pub(crate) posts: Arc<Posts>,
    pub(crate) reports: Reports,
    pub(crate) newcomers: Newcomers,
    pub(crate) watches: Arc<Watches>,
    /// Asks for a lease that covers what was just assigned.
    pub(crate) kick: Arc<Notify>,
}

impl Crew {
    /// Runs the workers until it is stopped; then parks them, waits for their steps within the limit, and drops the rest.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        let mut workers: JoinSet<(ClusterId, u64)> = JoinSet::new();
        let mut changes = self.shared.handle.changes();
        let mut full_at = Instant::now();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = sleep_until(full_at) => {
                    let every = self.shared.settings.pass;
                    let failed = tolerate(self.look_at_all(&mut workers).await)?;
                    full_at = Instant::now() + if failed { every / 10 } else { self.shared.jittered(every) };
                }
                Some(ended) = workers.join_next() => {
                    let (cluster, epoch) = ended.map_err(|error| Error::Task(error.to_string()))?;
                    self.ended(cluster, epoch, &mut workers).await?;
                }
                changed = changes.recv() => match changed {
                    Changed::Some(committed) => if self.follow(&committed, &mut workers).await? { full_at = Instant::now() },
                    Changed::Lagged => {
                        full_at = Instant::now();
                        self.wake_all();
                    }
                    Changed::Closed => break,
                },
            }
        }
        self.park(workers).await;
        Ok(())
    }

    /// Wakes whom the entry concerns and looks at changed assignments. True: something could not be read and has to be looked at again.
    async fn follow(&self, committed: &Committed, workers: &mut JoinSet<(ClusterId, u64)>) -> Result<bool, Error> {
        let mut assigned = Vec::new();
        for change in &committed.changes {
            match change {
                Change::Cluster(cluster) | Change::Container(_, cluster) | Change::Operation(_, cluster) => {
                    if let Some(post) = self.posts.of(*cluster) {
                        post.wake.notify_one();
                    }
                }
                Change::Ownership(cluster) => assigned.push(*cluster),
                _ => {}
            }
        }
        if assigned.is_empty() { Ok(false) } else { tolerate(self.look_at(&assigned, workers).await) }
    }

    fn wake_all(&self) {
        self.posts.locked(|posts| posts.values().for_each(|post| post.wake.notify_one()));
    }

    async fn look_at(&self, clusters: &[ClusterId], workers: &mut JoinSet<(ClusterId, u64)>) -> Result<(), Halt> {
        let view = self.shared.view().await?;
        clusters.iter().try_for_each(|cluster| self.settle(&view, *cluster, workers))
    }

    async fn look_at_all(&self, workers: &mut JoinSet<(ClusterId, u64)>) -> Result<(), Halt> {
        let view = self.shared.view().await?;
        let mine = ownership::query::by_member(&*view, self.shared.member(), usize::MAX)?;
        let known = self.posts.locked(|posts| posts.keys().copied().collect::<Vec<_>>());
        for cluster in mine.iter().map(|row| row.cluster).chain(known) {
            self.settle(&view, cluster, workers)?;
        }
        Ok(())
    }

    /// Brings the worker of one cluster in line with its assignment.
    fn settle(&self, view: &SharedView, cluster: ClusterId, workers: &mut JoinSet<(ClusterId, u64)>) -> Result<(), Halt> {
        let epoch = self.shared.epoch_in(view, cluster)?;
        match (self.posts.of(cluster), epoch) {
            (Some(post), Some(epoch)) if post.epoch == epoch => {}
            // Its end is awaited; then it is looked at again.
            (Some(post), _) => post.lost.cancel(),
            (None, Some(epoch)) => self.start(cluster, epoch, workers),
            (None, None) => {}
        }
        Ok(())
    }

    fn start(&self, cluster: ClusterId, epoch: u64, workers: &mut JoinSet<(ClusterId, u64)>) {
        tracing::info!(%cluster, epoch, "this member owns the cluster now");
        let post = Arc::new(Post::new(epoch));
        self.posts.locked(|posts| posts.insert(cluster, Arc::clone(&post)));
        self.shared.metrics.set_owned(self.posts.locked(|posts| posts.len()));
        if self.shared.lease.may_act(epoch).is_none() {
            self.kick.notify_one();
        }
        let common = (self.reports.clone(), self.newcomers.clone(), Arc::clone(&self.watches));
        let worker = Worker::new(Arc::clone(&self.shared), common, cluster, post);
        workers.spawn(async move {
            worker.run().await;
            (cluster, epoch)
        });
    }

    /// A worker has ended: the cluster may be this member's again under another epoch by now. Under the same one it is left to the next full
    /// look, so that a worker that cannot work does not end and begin in a circle.
    async fn ended(&self, cluster: ClusterId, epoch: u64, workers: &mut JoinSet<(ClusterId, u64)>) -> Result<(), Error> {
        tracing::info!(%cluster, epoch, "this member acts for the cluster no longer");
        self.posts.locked(|posts| posts.remove(&cluster));
        self.shared.metrics.set_owned(self.posts.locked(|posts| posts.len()));
        let Ok(view) = self.shared.view().await else { return Ok(()) };
        if self.shared.epoch_in(&view, cluster).is_ok_and(|now| now.is_some_and(|now| now != epoch)) {
            tolerate(self.settle(&view, cluster, workers))?;
        }
        Ok(())
    }

    /// Begins nothing more, waits for what runs, gives everything back.
    async fn park(&self, mut workers: JoinSet<(ClusterId, u64)>) {
        let until = Instant::now() + self.shared.settings.stop;
        let all = self.posts.locked(|posts| posts.values().cloned().collect::<Vec<_>>());
        all.iter().for_each(|post| post.park.cancel());
        while let Ok(Some(_)) = timeout_at(until, workers.join_next()).await {}
        if !workers.is_empty() {
            tracing::warn!(workers = workers.len(), "steps did not end in time; their clusters move when the lease has run out");
            all.iter().for_each(|post| post.lost.cancel());
            while workers.join_next().await.is_some() {}
        }
        self.posts.locked(BTreeMap::clear);
        self.shared.metrics.set_owned(0);
    }
}

/// A state that cannot be read ends the member; a log that cannot be reached does not. True: try again soon.
fn tolerate(result: Result<(), Halt>) -> Result<bool, Error> {
    match result {
        Ok(()) | Err(Halt::Stale) => Ok(false),
        Err(Halt::Log(error)) => {
            tracing::debug!(%error, "assignments could not be looked at");
            Ok(true)
        }
        Err(Halt::State(fault)) => Err(Error::State(fault)),
    }
}
