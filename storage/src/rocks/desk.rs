//! The one thread of a data folder for slow file work: memtable flushes, checkpoints, checksums, snapshot files, opening a database.
//!
//! Raft's runtime must never wait for a disk. Jobs run one after the other; the queue is bounded, and whoever overfills it waits. The
//! thread ends when its desk is dropped, after the jobs that are queued.

use std::panic::{AssertUnwindSafe, catch_unwind};
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
                    // The promise in a job that panics answers that the engine is closed; the next job has its turn all the same.
                    if catch_unwind(AssertUnwindSafe(job)).is_err() {
                        tracing::error!("a job of the storage thread broke");
                    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_breaks_does_not_take_the_others_with_it() {
        let desk = Desk::start().unwrap();
        desk.run(Box::new(|| panic!("a job that panics")));
        let (tell, told) = std::sync::mpsc::channel();
        desk.run(Box::new(move || tell.send(7).unwrap()));
        assert_eq!(told.recv_timeout(std::time::Duration::from_secs(30)), Ok(7));
    }
}
