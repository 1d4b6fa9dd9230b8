//! What a worker shows to the rest of the member: how to wake it, how to end it, who waits for output.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use model::{id::OperationId, peer::Output};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

/// Pieces of output under way to whoever takes them.
pub(crate) const OUTPUT_QUEUE: usize = 16;

/// See the module.
#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) epoch: u64,
    /// "Something changed": carries no data.
    pub(crate) wake: Notify,
    /// Begin nothing more, let what runs end, give the cluster back.
    pub(crate) park: CancellationToken,
    /// The cluster is somebody else's: drop everything.
    pub(crate) lost: CancellationToken,
    pass: AtomicBool,
    callers: Mutex<BTreeMap<OperationId, mpsc::Sender<Output>>>,
}

impl Post {
    pub(crate) fn new(epoch: u64) -> Self {
        Self {
            epoch,
            wake: Notify::new(),
            park: CancellationToken::new(),
            lost: CancellationToken::new(),
            pass: AtomicBool::new(false),
            callers: Mutex::new(BTreeMap::new()),
        }
    }

    /// Asks for a full pass soon: somebody saw something that the records do not show.
    pub(crate) fn ask_for_pass(&self) {
        self.pass.store(true, Ordering::Relaxed);
        self.wake.notify_one();
    }

    /// Whether a pass was asked for; forgets it.
    pub(crate) fn pass_asked(&self) -> bool {
        self.pass.swap(false, Ordering::Relaxed)
    }

    fn callers<T>(&self, work: impl FnOnce(&mut BTreeMap<OperationId, mpsc::Sender<Output>>) -> T) -> T {
        work(&mut self.callers.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Somebody came for the output of an execute. Only one may.
    pub(crate) fn call_for(&self, operation: OperationId) -> Option<mpsc::Receiver<Output>> {
        let (sender, receiver) = mpsc::channel(OUTPUT_QUEUE);
        let first = self.callers(|callers| match callers.entry(operation) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(sender);
                true
            }
            std::collections::btree_map::Entry::Occupied(_) => false,
        });
        self.wake.notify_one();
        first.then_some(receiver)
    }

    /// Whether somebody waits for the output of an execute.
    pub(crate) fn has_caller(&self, operation: OperationId) -> bool {
        self.callers(|callers| callers.contains_key(&operation))
    }

    /// Hands over the end to which the output is sent.
    pub(crate) fn take_caller(&self, operation: OperationId) -> Option<mpsc::Sender<Output>> {
        self.callers(|callers| callers.remove(&operation))
    }

    /// Operations that somebody waits for.
    pub(crate) fn called(&self) -> Vec<OperationId> {
        self.callers(|callers| callers.keys().copied().collect())
    }
}
