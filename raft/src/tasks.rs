//! The owner of all tasks of a member: they run on Raft's runtime, inside the scope that seeds openraft's random numbers, and end when the
//! member stops.

use std::{
    future::Future,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{seam::Executor, types::Runtime};

/// Starts, counts and ends tasks.
#[derive(Debug)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    token: CancellationToken,
    executor: Executor,
    seed: AtomicU64,
}

impl Tasks {
    pub(crate) fn new(executor: Executor, seed: u64) -> Self {
        Self { tracker: TaskTracker::new(), token: CancellationToken::new(), executor, seed: AtomicU64::new(seed) }
    }

    /// Starts a task that is dropped when the member stops.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        let token = self.token.clone();
        let seeded = self.seeded(async move {
            tokio::select! {
                biased;
                () = token.cancelled() => {}
                () = future => {}
            }
        });
        self.tracker.spawn_on(seeded, self.executor.handle());
    }

    /// Starts a task that is dropped when the member stops, on another runtime.
    pub(crate) fn spawn_on(&self, executor: &Executor, future: impl Future<Output = ()> + Send + 'static) {
        let token = self.token.clone();
        let ends = async move {
            tokio::select! {
                biased;
                () = token.cancelled() => {}
                () = future => {}
            }
        };
        self.tracker.spawn_on(ends, executor.handle());
    }

    /// Wraps a future so that openraft finds its seed inside.
    pub(crate) fn seeded<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        // An odd step visits all 2^64 seeds; openraft mixes them itself.
        Runtime::scope(self.seed.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed), future)
    }

    /// Ends all tasks and waits for them, `within` at most.
    pub(crate) async fn stop(&self, within: Duration) {
        self.token.cancel();
        self.tracker.close();
        if tokio::time::timeout(within, self.tracker.wait()).await.is_err() {
            tracing::warn!(tasks = self.tracker.len(), "tasks did not end in time");
        }
    }
}
