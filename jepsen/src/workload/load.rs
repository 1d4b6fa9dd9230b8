//! Tasks with an end: told to stop, then waited for.

use std::future::Future;

use tokio::{sync::watch, task::JoinSet};

/// Running workload tasks. Dropping it aborts them; [`Load::stop`] lets each end its operation in flight.
#[derive(Debug)]
pub struct Load {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

/// What a task asks before its next operation.
#[derive(Clone, Debug)]
pub struct Stop {
    told: watch::Receiver<bool>,
}

impl Stop {
    /// Whether it is time to end.
    #[must_use]
    pub fn is_told(&self) -> bool {
        *self.told.borrow()
    }

    /// Resolves when it is time to end. Cancel safe.
    pub async fn told(&mut self) {
        // A dropped sender means the same.
        self.told.wait_for(|told| *told).await.map(drop).unwrap_or(());
    }
}

impl Default for Load {
    fn default() -> Self {
        Self { tasks: JoinSet::new(), stop: watch::Sender::new(false) }
    }
}

impl Load {
    /// What a task needs to know when to stop.
    #[must_use]
    pub fn stop_signal(&self) -> Stop {
        Stop { told: self.stop.subscribe() }
    }

    /// Adds a task.
    pub fn add(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Tells all tasks to stop and waits for them. False when one of them has panicked.
    pub async fn stop(mut self) -> bool {
        self.stop.send_replace(true);
        self.wait().await
    }

    /// Waits until all tasks have ended by themselves. False when one of them has panicked.
    pub async fn wait(&mut self) -> bool {
        let mut well = true;
        while let Some(ended) = self.tasks.join_next().await {
            well &= ended.is_ok();
        }
        well
    }
}
