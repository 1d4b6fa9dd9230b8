//! The owner of all tasks of a member: they run on Raft's runtime, inside the scope that seeds openraft's random numbers, and end when the
//! member stops.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use futures::FutureExt as _;
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

    /// Starts a task without which the member is only half alive: `broken` is told if it panics.
    pub(crate) fn spawn_vital(
        &self,
        name: &'static str,
        future: impl Future<Output = ()> + Send + 'static,
        broken: impl FnOnce(String) + Send + 'static,
    ) {
        self.spawn(async move {
            if AssertUnwindSafe(future).catch_unwind().await.is_err() {
                broken(format!("its task {name} broke"));
            }
        });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_vital_task_that_breaks_is_told_of() {
        let tasks = Tasks::new(Executor::new(tokio::runtime::Handle::current()), 1);
        let (tell, told) = tokio::sync::oneshot::channel();
        tasks.spawn_vital("front", async { panic!("it breaks") }, move |words| tell.send(words).unwrap());
        assert_eq!(told.await.unwrap(), "its task front broke");
        let (tell, told) = tokio::sync::oneshot::channel::<String>();
        tasks.spawn_vital("front", std::future::pending(), move |words| tell.send(words).unwrap());
        tasks.stop(Duration::from_secs(5)).await;
        assert!(told.await.is_err(), "a stop is no break");
    }
}
