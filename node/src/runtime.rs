//! The two runtimes of a member: one thread that does nothing but Raft, and the workers for everything else.
//!
//! A heartbeat must never wait behind a REST request, a driver's call or a scan. So Raft's runtime is driven by a thread of its own, which
//! is asked to be scheduled before others where the system allows it (as root, or with CAP_SYS_NICE, or RLIMIT_NICE).

use std::{io, thread::JoinHandle};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::sync::CancellationToken;

use crate::{Error, config};

/// Blocking calls at once on the main runtime (file look-ups of drivers, DNS).
const BLOCKING: usize = 16;

/// Both runtimes. Dropped in `main`, after everything on them was stopped.
#[derive(Debug)]
pub(crate) struct Runtimes {
    /// REST, conductor, drivers, commands.
    pub(crate) rest: Runtime,
    /// Raft and nothing else.
    pub(crate) raft: RaftThread,
}

impl Runtimes {
    /// Starts both.
    pub(crate) fn start(config: config::Runtime) -> Result<Self, Error> {
        let rest = Builder::new_multi_thread()
            .worker_threads(config.workers)
            .max_blocking_threads(BLOCKING)
            .thread_name("rest")
            .enable_all()
            .build()
            .map_err(Error::system("threads"))?;
        Ok(Self { rest, raft: RaftThread::start(config.raft_nice).map_err(Error::system("Raft's thread"))? })
    }
}

/// The thread that drives Raft's runtime.
#[derive(Debug)]
pub(crate) struct RaftThread {
    handle: Handle,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl RaftThread {
    fn start(nice: i32) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(4).thread_name("raft-blocking").build()?;
        let handle = runtime.handle().clone();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let thread = std::thread::Builder::new().name("raft".to_owned()).spawn(move || {
            prefer(nice);
            runtime.block_on(stopped.cancelled());
        })?;
        Ok(Self { handle, stop, thread: Some(thread) })
    }

    /// Where Raft's tasks are spawned.
    pub(crate) const fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for RaftThread {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("Raft's thread ended badly");
        }
    }
}

/// Asks for the nice value for this thread only.
fn prefer(nice: i32) {
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), nice) {
        tracing::warn!(nice, %error, "Raft's thread runs at ordinary priority; raise the limit (LimitNICE= in a systemd unit) or set runtime.raft_nice = 0");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raft_runs_on_a_thread_of_its_own_that_ends_with_its_owner() {
        let runtimes = Runtimes::start(config::Runtime { workers: 1, raft_nice: 0 }).unwrap();
        let name = async { std::thread::current().name().map(str::to_owned) };
        let raft = runtimes.raft.handle().spawn(name);
        assert_eq!(runtimes.rest.block_on(raft).unwrap().as_deref(), Some("raft"));
        let blocked = runtimes.raft.handle().spawn(std::future::pending::<()>());
        drop(runtimes);
        assert!(blocked.is_finished());
    }
}
