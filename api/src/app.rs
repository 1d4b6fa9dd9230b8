//! What all requests share.

use std::sync::Arc;

use raft::Handle;
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    auth::{Caller, Identity, Policy},
    metrics::Metrics,
    router::Table,
    settings::Settings,
};

/// The API of one member: cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    pub(crate) shared: Arc<Shared>,
}

/// Everything behind an [`App`].
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) handle: Handle,
    pub(crate) identity: Identity,
    pub(crate) policy: Policy,
    pub(crate) settings: Settings,
    pub(crate) metrics: Metrics,
    pub(crate) table: Table,
    /// Places for watches.
    pub(crate) watches: Arc<Semaphore>,
    /// The caller of public routes: nobody.
    pub(crate) nobody: Arc<Caller>,
    pub(crate) started: Instant,
    pub(crate) stopping: CancellationToken,
}

impl App {
    /// The API over a member's handle.
    pub fn new(handle: Handle, identity: Identity, policy: Policy, settings: Settings) -> Self {
        let watches = Arc::new(Semaphore::new(settings.max_watches));
        let shared = Shared {
            handle,
            identity,
            policy,
            settings,
            metrics: Metrics::default(),
            table: Table::default(),
            watches,
            nobody: Arc::default(),
            started: Instant::now(),
            stopping: CancellationToken::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Begins to stop: not ready any more, watches end after what they have. Ordinary requests are still answered; the listener decides
    /// when no more come in.
    pub fn stop(&self) {
        self.shared.stopping.cancel();
    }

    /// Another part's metrics, asked for at every scrape: whole families (`# TYPE` and samples) in the text format, without an end mark.
    pub fn add_metrics(&self, source: impl Fn() -> String + Send + Sync + 'static) {
        self.shared.metrics.add(Box::new(source));
    }

    /// Everything this member tells Prometheus, for a listener of its own.
    pub fn metrics(&self) -> String {
        self.shared.metrics.render(&self.shared.handle)
    }
}
