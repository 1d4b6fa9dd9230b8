//! How far this member has applied, and who waits for it.
//!
//! The waiting are kept by index, so that an apply wakes exactly those whose entry it brought. Who gives up is taken out again: an index
//! that a client made up may never come.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::oneshot;

/// What is done when an index has been applied.
pub(crate) type Reached = Box<dyn FnOnce(u64) + Send>;

#[derive(Default)]
pub(crate) struct Progress {
    applied: AtomicU64,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    /// By index, then in the order of their coming.
    reached: BTreeMap<(u64, u64), Reached>,
    /// How many ever came.
    came: u64,
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

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last applied index: the state shows at least this.
    pub(crate) fn applied(&self) -> u64 {
        self.applied.load(Ordering::Acquire)
    }

    /// Everything up to `index` is visible in the state.
    pub(crate) fn advance(&self, index: u64) {
        let ready = {
            let mut waiting = self.waiting();
            self.applied.store(index, Ordering::Release);
            let later = match index.checked_add(1) {
                Some(next) => waiting.reached.split_off(&(next, 0)),
                None => BTreeMap::new(),
            };
            std::mem::replace(&mut waiting.reached, later)
        };
        for reached in ready.into_values() {
            reached(index);
        }
    }

    /// Calls `reached` with the applied index once `index` is applied, which may be now. Returns the place it waits at, if it does.
    pub(crate) fn when(&self, index: u64, reached: Reached) -> Option<(u64, u64)> {
        let mut waiting = self.waiting();
        let applied = self.applied.load(Ordering::Acquire);
        if applied >= index {
            drop(waiting);
            reached(applied);
            return None;
        }
        let place = (index, waiting.came);
        waiting.came += 1;
        waiting.reached.insert(place, reached);
        Some(place)
    }

    /// Waits until `index` is applied; `false` if that will never be. May be dropped at any time.
    pub(crate) async fn reached(&self, index: u64) -> bool {
        let (sender, receiver) = oneshot::channel();
        let place = self.when(
            index,
            Box::new(move |_| {
                // Nobody waits any more: its deadline passed.
                sender.send(()).unwrap_or(());
            }),
        );
        let _leave = Leave { progress: self, place };
        receiver.await.is_ok()
    }
}

/// Takes one that waits out again.
struct Leave<'a> {
    progress: &'a Progress,
    place: Option<(u64, u64)>,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.progress.waiting().reached.remove(&place);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn wakes_those_whose_index_was_reached() {
        let progress = Progress::new(3);
        assert!(progress.reached(2).await);
        let (mut five, mut six) = (Box::pin(progress.reached(5)), Box::pin(progress.reached(6)));
        assert_eq!(((&mut five).now_or_never(), (&mut six).now_or_never()), (None, None));
        progress.advance(4);
        assert_eq!((&mut five).now_or_never(), None);
        progress.advance(5);
        assert!(five.await);
        assert_eq!(six.now_or_never(), None);
        assert_eq!(progress.applied(), 5);
    }

    #[tokio::test]
    async fn who_gives_up_leaves_nothing_behind() {
        let progress = Progress::new(3);
        assert_eq!(progress.reached(u64::MAX).now_or_never(), None);
        assert!(progress.waiting().reached.is_empty());
    }
}
