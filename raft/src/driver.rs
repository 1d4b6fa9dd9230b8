//! Snapshots and purges, on our own terms.
//!
//! openraft's own policy is off: it may purge what is queued for apply but not yet applied, and then cannot apply it. Here a purge comes only
//! after a snapshot that is flushed, never goes beyond what this member has really applied, keeps a margin of entries for followers that lag,
//! and comes in large steps, because each one leaves work for the log's engine.

use std::sync::Arc;

use openraft::async_runtime::watch::WatchReceiver;
use tokio::time::{MissedTickBehavior, interval};

use crate::{Error, inner::Inner, types::index_of};

/// Looks every now and then until the member stops.
pub(crate) async fn run(inner: Arc<Inner>) {
    let mut ticks = interval(inner.shared.settings.purge_interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = compact(&inner, false).await {
            tracing::warn!(%error, "the log cannot be compacted");
        }
    }
}

/// Makes a snapshot if enough was applied since the last one (or anyhow), and purges what it makes superfluous.
pub(crate) async fn compact(inner: &Inner, anyhow: bool) -> Result<(), Error> {
    let shared = &inner.shared;
    let step = shared.settings.purge_step;
    let fatal = |fatal| Error::Fatal(format!("{fatal}"));
    let applied = shared.progress.applied();
    let before = index_of(inner.raft.data_metrics().borrow_watched().snapshot.as_ref());
    if applied >= before.saturating_add(if anyhow { 1 } else { step }) {
        inner.raft.trigger().snapshot().await.map_err(fatal)?;
        let mut metrics = inner.raft.data_metrics();
        // It flushes the state first; that may take its time, but a disk that never comes back must not hold this task for ever.
        let built = metrics.wait_until(|metrics| index_of(metrics.snapshot.as_ref()) >= applied);
        match tokio::time::timeout(shared.settings.snapshot_timeout, built).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) => return Err(inner.gone()),
            Err(_) => return Err(Error::Timeout),
        }
    }
    let metrics = inner.raft.data_metrics().borrow_watched().clone();
    let flushed = shared.state.flushed_applied().map_or(0, |mark| mark.index);
    let safe = index_of(metrics.snapshot.as_ref()).min(flushed).min(shared.progress.applied());
    let target = safe.saturating_sub(shared.settings.keep_entries);
    let purged = index_of(metrics.purged.as_ref());
    if target >= purged.saturating_add(if anyhow { 1 } else { step }) {
        tracing::info!(purged, target, safe, "old entries of the log go");
        inner.raft.trigger().purge_log(target).await.map_err(fatal)?;
    }
    Ok(())
}
