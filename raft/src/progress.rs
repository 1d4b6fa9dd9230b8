//! How far this member has applied, and who waits for it.
//!
//! The waiting are kept by index, so that an apply wakes exactly those whose entry it brought.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::oneshot;

/// What is done when an index has been applied.
pub(crate) type Reached = Box<dyn FnOnce(u64) + Send>;

#[derive(Default)]
pub(crate) struct Progress {
    applied: AtomicU64,
    waiting: Mutex<BTreeMap<u64, Vec<Reached>>>,
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Progress").field("applied", &self.applied).finish_non_exhaustive()
    }
}

impl Progress {
    pub(crate) fn new(applied: u64) -> Self {
        Self { applied: AtomicU64::new(applied), waiting: Mutex::default() }
    }

    /// The last applied index: the state shows at least this.
    pub(crate) fn applied(&self) -> u64 {
        self.applied.load(Ordering::Acquire)
    }

    /// Everything up to `index` is visible in the state.
    pub(crate) fn advance(&self, index: u64) {
        let ready = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            self.applied.store(index, Ordering::Release);
            match index.checked_add(1) {
                Some(next) => {
                    let later = waiting.split_off(&next);
                    std::mem::replace(&mut *waiting, later)
                }
                None => std::mem::take(&mut *waiting),
            }
        };
        for reached in ready.into_values().flatten() {
            reached(index);
        }
    }

    /// Calls `reached` with the applied index once `index` is applied, which may be now.
    pub(crate) fn when(&self, index: u64, reached: Reached) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let applied = self.applied.load(Ordering::Acquire);
        if applied >= index {
            drop(waiting);
            reached(applied);
        } else {
            waiting.entry(index).or_default().push(reached);
        }
    }

    /// Resolves once `index` is applied.
    pub(crate) fn reached(&self, index: u64) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.when(
            index,
            Box::new(move |_| {
                // Nobody waits any more: its deadline passed.
                sender.send(()).unwrap_or(());
            }),
        );
        receiver
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn wakes_those_whose_index_was_reached() {
        let progress = Progress::new(3);
        progress.reached(2).await.unwrap();
        let (mut five, mut six) = (progress.reached(5), progress.reached(6));
        progress.advance(4);
        assert!(five.try_recv().is_err());
        progress.advance(5);
        five.await.unwrap();
        assert!(six.try_recv().is_err());
        assert_eq!(progress.applied(), 5);
    }
}
