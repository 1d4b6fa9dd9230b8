//! The one thread of a data folder for slow file work: memtable flushes, checkpoints, checksums, snapshot files, opening a database.
//!
//! Raft's runtime must never wait for a disk. Jobs run one after the other; the queue is bounded, and whoever overfills it waits. The
//! thread ends when its desk is dropped, after the jobs that are queued.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use crate::disk::Job;
use crate::error::Error;

const QUEUE: usize = 256;

/// The thread and the way to it.
pub(crate) struct Desk {
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Desk {
    /// Starts the thread.
    pub(crate) fn start() -> Result<Self, Error> {
        let (jobs, queue) = sync_channel::<Job>(QUEUE);
        let thread = std::thread::Builder::new()
            .name("storage-files".into())
            .spawn(move || {
                while let Ok(job) = queue.recv() {
                    job();
                }
            })
            .map_err(|error| Error::io("starting the storage thread", &error))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Queues a job. A job that cannot be queued is dropped, and the promise in it answers that the engine is closed.
    /// A job that queues another runs it on the spot: it must not wait for itself.
    pub(crate) fn run(&self, job: Job) {
        if self.thread.as_ref().is_some_and(|thread| thread.thread().id() == std::thread::current().id()) {
            job();
            return;
        }
        if let Some(jobs) = &self.jobs {
            drop(jobs.send(job));
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.jobs = None;
        join(self.thread.take());
    }
}

/// Waits for a thread's end, unless this is that thread: its last job may hold the last handle of its owner.
pub(crate) fn join(thread: Option<JoinHandle<()>>) {
    if let Some(thread) = thread
        && thread.thread().id() != std::thread::current().id()
        && thread.join().is_err()
    {
        tracing::error!("a storage thread ended with a panic");
    }
}
