//! A member's process from its first line to its last.

use std::{sync::Arc, time::Duration};

use raft::seam::{Executor, OsChance, OsWall, Seams, Tcp};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{Error, boot, config::Config, runtime::Runtimes, shutdown, telemetry};

/// What is still on the main runtime's blocking threads after the stop may take this long.
const LAST: Duration = Duration::from_millis(500);

/// Runs a member until it is told to stop or cannot go on.
///
/// # Errors
/// Whatever ended it but a graceful stop.
pub(crate) fn run(config: Config) -> Result<(), Error> {
    telemetry::start(&config.log)?;
    let runtimes = Runtimes::start(config.runtime)?;
    let seams = Seams {
        chance: Arc::new(OsChance),
        wall: Arc::new(OsWall),
        network: Arc::new(Tcp),
        raft: Executor::new(runtimes.raft.handle().clone()),
        rest: Executor::new(runtimes.rest.handle().clone()),
    };
    let ended = runtimes.rest.block_on(live(config, seams));
    if let Err(error @ Error::Fatal(_)) = &ended {
        tracing::error!(%error, "the member ends");
    }
    runtimes.rest.shutdown_timeout(LAST);
    drop(runtimes.raft);
    ended
}

async fn live(config: Config, seams: Seams) -> Result<(), Error> {
    let mut signals = Signals::new()?;
    let limits = config.stop;
    let running = tokio::select! {
        running = boot::boot(config, seams) => running?,
        name = signals.next() => {
            tracing::info!(signal = name, "stopped before the member was up");
            return Ok(());
        }
    };
    tokio::select! {
        name = signals.next() => tracing::info!(signal = name, "stopping"),
        reason = running.fatal() => return Err(Error::Fatal(reason)),
    }
    tokio::select! {
        () = shutdown::stop(running, limits) => Ok(()),
        name = signals.next() => {
            tracing::warn!(signal = name, "a second signal: ending at once");
            Err(Error::Fatal("a second signal ended it before its stop was complete; nothing acknowledged is lost".to_owned()))
        }
    }
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self, Error> {
        let listen = |kind| signal(kind).map_err(Error::system("signals"));
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    /// Cancel safe.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
