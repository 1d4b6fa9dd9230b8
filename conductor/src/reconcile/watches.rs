//! Which engines this member listens to, and who is woken by what they tell.
//!
//! One stream for each endpoint, shared by all clusters of this member there: opened when the first of them is looked at and closed with the
//! last. Each worker keeps a [`Watching`] for its own; what is wanted is counted from these, and the task that owns the streams brings them
//! in line with it.
//!
//! A hint carries no data: it brings the next look of its worker forward ([`Post::hint`](crate::reconcile::post::Post::hint)), and that one
//! looks as it always does, under its epoch. Nothing is kept here, so a storm of events is a storm of flags that are set already. A stream
//! that breaks is opened again after a pause that doubles and varies; what happened meanwhile is found by the looks in their rhythm, which no
//! watch makes any slower.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use drivers::{Engine, Watch, limit};
use futures::StreamExt;
use tokio::{
    sync::Notify,
    task::{AbortHandle, JoinError, JoinSet},
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    error::Error,
    reconcile::{crew::Posts, retry},
    shared::Shared,
};

/// Endpoints that a member listens to: each is a connection that stays open. Clusters at others are looked at in their rhythm only.
const ENDPOINTS: usize = 256;

/// How long a stream stays open before its earlier breaks are forgotten.
const STEADY: Duration = Duration::from_secs(60);

/// What the clusters of this member want to be listened to.
#[derive(Default)]
pub(crate) struct Watches {
    wanted: Mutex<BTreeMap<String, Wanted>>,
    changed: Notify,
}

/// One endpoint.
struct Wanted {
    clusters: usize,
    engine: Arc<dyn Engine>,
}

/// One cluster's engine is listened to, until this is dropped.
pub(crate) struct Watching {
    watches: Arc<Watches>,
    endpoint: String,
}

impl Watches {
    fn locked<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Wanted>) -> T) -> T {
        work(&mut self.wanted.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Has the engine listened to, if it can be.
    pub(crate) fn watch(self: &Arc<Self>, engine: Arc<dyn Engine>) -> Option<Watching> {
        let Watch { endpoint, .. } = engine.watch()?;
        self.locked(|wanted| {
            let one = wanted.entry(endpoint.clone()).or_insert(Wanted { clusters: 0, engine });
            one.clusters += 1;
            if one.clusters == 1 {
                self.changed.notify_one();
            }
        });
        Some(Watching { watches: Arc::clone(self), endpoint })
    }

    /// Opens, holds and closes the streams until it is stopped; all have ended when it returns.
    ///
    /// # Errors
    /// A driver broke while it was listened to.
    pub(crate) async fn run(self: Arc<Self>, shared: Arc<Shared>, posts: Arc<Posts>, stop: CancellationToken) -> Result<(), Error> {
        let mut streams = JoinSet::new();
        let mut open: BTreeMap<String, AbortHandle> = BTreeMap::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.changed.notified() => {}
                Some(ended) = streams.join_next() => whole(ended)?,
            }
            self.locked(|wanted| {
                open.retain(|endpoint, stream| {
                    let keeps = wanted.contains_key(endpoint);
                    if !keeps {
                        stream.abort();
                    }
                    keeps
                });
                let missing: Vec<_> = wanted.iter().filter(|(endpoint, _)| !open.contains_key(*endpoint)).collect();
                for (endpoint, one) in missing.into_iter().take(ENDPOINTS.saturating_sub(open.len())) {
                    let listens = listen(Arc::clone(&shared), Arc::clone(&posts), Arc::clone(&one.engine));
                    open.insert(endpoint.clone(), streams.spawn(listens));
                }
            });
        }
        streams.shutdown().await;
        Ok(())
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.watches.locked(|wanted| {
            if let Some(one) = wanted.get_mut(&self.endpoint) {
                one.clusters -= 1;
                if one.clusters == 0 {
                    wanted.remove(&self.endpoint);
                    self.watches.changed.notify_one();
                }
            }
        });
    }
}

/// A stream that was closed on purpose ended well.
fn whole(ended: Result<(), JoinError>) -> Result<(), Error> {
    match ended {
        Err(error) if !error.is_cancelled() => Err(Error::Task(error.to_string())),
        _ => Ok(()),
    }
}

/// Listens to one engine, and again whenever the stream breaks.
async fn listen(shared: Arc<Shared>, posts: Arc<Posts>, engine: Arc<dyn Engine>) {
    let mut breaks = 0_u32;
    while let Some(Watch { endpoint, mut hints }) = engine.watch() {
        let opened = Instant::now();
        let why = loop {
            match timeout(limit::QUIET, hints.next()).await {
                Ok(Some(Ok(hint))) => {
                    if let Some(post) = posts.of(hint.cluster) {
                        post.hint(hint.container);
                    }
                }
                Ok(Some(Err(error))) => break error.to_string(),
                Ok(None) => break "it ended".to_owned(),
                Err(_) => break "nothing was heard for long".to_owned(),
            }
        };
        drop(hints);
        breaks = if opened.elapsed() > STEADY { 1 } else { breaks.saturating_add(1) };
        tracing::debug!(endpoint, why, breaks, "an engine is listened to no longer; again soon");
        sleep(retry::pause(breaks, None, &*shared.chance)).await;
    }
}
