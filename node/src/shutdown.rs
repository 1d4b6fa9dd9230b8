//! The stop, in its stated order. Each step has a limit; what is not done by then is left behind with a line in the log.
//!
//! 1. `/readyz` says no, so that nobody sends more than is under way (`stop.announce`).
//! 2. The listener closes; requests that run may end (`stop.requests`).
//! 3. The conductor ends or parks its steps and gives its bays back (`stop.conductor`): the log is still there for its reports.
//! 4. The leadership is handed over, Raft ends, the disk is flushed (`stop.transfer` within `stop.raft`).
//!
//! Commands can watch until the end: the control socket goes last.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, sleep, timeout};

use crate::{boot::Running, config};

/// What is left of the small parts when their time has come.
const SMALL: Duration = Duration::from_secs(2);

/// Stops everything.
pub(crate) async fn stop(running: Running, limits: config::Stop) {
    let started = Instant::now();
    let Running { member, app, conductor, serve, door, announce, .. } = running;
    app.stop();
    announce.stop(SMALL).await;
    sleep(limits.announce).await;
    step("requests", limits.requests + SMALL, serve.stop(limits.requests + SMALL)).await;
    let limit = limits.conductor + SMALL;
    step("conductor", limit, conductor.stop(limit)).await;
    step("raft", limits.raft, member.stop()).await;
    door.stop(SMALL).await;
    tracing::info!(took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX), "the member has stopped");
}

async fn step(name: &'static str, limit: Duration, work: impl Future<Output = ()>) {
    let started = Instant::now();
    if timeout(limit, work).await.is_err() {
        tracing::warn!(step = name, limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX), "not done within its limit; going on");
    } else {
        tracing::info!(step = name, took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX), "stopped");
    }
}
