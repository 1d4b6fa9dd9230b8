//! What a worker shows to the rest of the member: how to wake it, how to end it, who waits for output.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use model::{
    id::{ContainerId, OperationId},
    peer::Output,
};
use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// Pieces of output under way to whoever takes them.
pub(crate) const OUTPUT_QUEUE: usize = 16;

/// How long nothing new is begun while a hand-over waits for what runs. What is accepted meanwhile waits this long at most, and then for its new
/// owner or, if something still runs, not for a while. Each further attempt holds twice as long, up to [`HOLD_MOST`]: where calls overlap
/// without end, some hold must be longer than the longest of them.
const HOLD: Duration = Duration::from_secs(1);

/// The longest of them: longer than a container may take to stop.
const HOLD_MOST: Duration = Duration::from_secs(16);

/// How long the work then goes on at least before the next attempt, and twice as long as it was held: a long call must not stop everything
/// else of its cluster.
const WORK: Duration = Duration::from_secs(4);

/// How long a wish is good for unless the leader repeats it.
const WISH: Duration = Duration::from_secs(6);

/// The leader would like somebody else to own the cluster.
#[derive(Clone, Copy, Debug)]
struct Wish {
    reason: i32,
    since: Instant,
    until: Instant,
}

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
    /// Something happened outside since the last look began.
    hinted: AtomicBool,
    /// Containers that calls of this worker act on now.
    acting: Mutex<BTreeSet<ContainerId>>,
    /// The leader's wish that the cluster be handed over.
    wish: Mutex<Option<Wish>>,
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
            hinted: AtomicBool::new(false),
            acting: Mutex::default(),
            wish: Mutex::new(None),
            callers: Mutex::new(BTreeMap::new()),
        }
    }

    /// The leader asks for a hand-over, or reminds of it.
    pub(crate) fn hand_over(&self, reason: i32) {
        let now = Instant::now();
        self.wish(|wish| {
            let since = wish.filter(|wish| wish.until > now).map_or(now, |wish| wish.since);
            *wish = Some(Wish { reason, since, until: now + WISH });
        });
        self.wake.notify_one();
    }

    fn wish<T>(&self, work: impl FnOnce(&mut Option<Wish>) -> T) -> T {
        work(&mut self.wish.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the cluster is to be given back at the first moment at which nothing runs.
    pub(crate) fn leaves(&self) -> bool {
        self.park.is_cancelled() || self.wish(|wish| wish.is_some_and(|wish| wish.until > Instant::now()))
    }

    /// Until when nothing new is begun, so that such a moment comes; `None`: the work goes on.
    pub(crate) fn holds(&self) -> Option<Instant> {
        let now = Instant::now();
        if self.park.is_cancelled() {
            return Some(now + WISH);
        }
        let wish = self.wish(|wish| wish.filter(|wish| wish.until > now))?;
        let (begins, hold) = round(now.duration_since(wish.since));
        let ends = wish.since + begins + hold;
        (now < ends).then_some(ends)
    }

    /// When the work next stops for a hand-over that is wished for.
    pub(crate) fn next_hold(&self) -> Option<Instant> {
        let now = Instant::now();
        let wish = self.wish(|wish| wish.filter(|wish| wish.until > now))?;
        let (begins, hold) = round(now.duration_since(wish.since));
        Some(wish.since + begins + whole(hold))
    }

    /// The reason of the planned move that this worker's end is part of; 0: none, the member stops.
    pub(crate) fn away(&self) -> i32 {
        self.wish(|wish| wish.map_or(0, |wish| wish.reason))
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

    /// Something happened to a container, as its engine says. What is acted on just now is left out: that is the echo of our own call, and the
    /// end of the step says what the container looks like. Many are as good as one.
    pub(crate) fn hint(&self, container: ContainerId) {
        if !self.acting(|acting| acting.contains(&container)) && !self.hinted.swap(true, Ordering::Relaxed) {
            self.wake.notify_one();
        }
    }

    /// Whether there was a hint since the last look began.
    pub(crate) fn hinted(&self) -> bool {
        self.hinted.load(Ordering::Relaxed)
    }

    /// A look begins: it sees all that was hinted at.
    pub(crate) fn looks(&self) {
        self.hinted.store(false, Ordering::Relaxed);
    }

    /// A call on a container begins, or has ended.
    pub(crate) fn acts_on(&self, container: ContainerId, begins: bool) {
        self.acting(|acting| if begins { acting.insert(container) } else { acting.remove(&container) });
    }

    fn acting<T>(&self, work: impl FnOnce(&mut BTreeSet<ContainerId>) -> T) -> T {
        work(&mut self.acting.lock().unwrap_or_else(PoisonError::into_inner))
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

/// Which round of holding and working it is so long after the wish: its beginning and for how long it holds.
fn round(after: Duration) -> (Duration, Duration) {
    let (mut begins, mut hold) = (Duration::ZERO, HOLD);
    while after >= begins + whole(hold) {
        begins += whole(hold);
        hold = (hold * 2).min(HOLD_MOST);
    }
    (begins, hold)
}

/// A hold and the work behind it.
fn whole(hold: Duration) -> Duration {
    hold + WORK.max(hold * 2)
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_wish_stops_new_work_for_a_second_at_a_time_and_is_forgotten() {
        let post = Post::new(3);
        assert!(!post.leaves() && post.holds().is_none() && post.next_hold().is_none());
        post.hand_over(3);
        let began = Instant::now();
        assert_eq!((post.holds(), post.away()), (Some(began + HOLD), 3));
        advance(HOLD).await;
        assert!(post.leaves(), "a moment without work is enough at any time");
        assert_eq!((post.holds(), post.next_hold()), (None, Some(began + HOLD + WORK)));
        advance(Duration::from_secs(3)).await;
        post.hand_over(3);
        assert_eq!(post.holds(), None, "a reminder does not begin anew");
        advance(Duration::from_secs(1)).await;
        assert_eq!(post.holds(), Some(began + (HOLD + WORK) + HOLD * 2), "each hold is longer than the one before");
        advance(WISH).await;
        assert!(!post.leaves() && post.holds().is_none() && post.next_hold().is_none(), "nobody repeats it");
    }

    #[test]
    fn what_is_told_of_a_container_that_is_acted_on_is_no_hint() {
        let (post, one, other) = (Post::new(3), ContainerId::default(), ContainerId::new(uuid::Uuid::from_u128(7)));
        post.acts_on(one, true);
        post.hint(one);
        assert!(!post.hinted());
        post.hint(other);
        assert!(post.hinted());
        post.looks();
        post.acts_on(one, false);
        assert!(!post.hinted());
        post.hint(one);
        assert!(post.hinted());
    }

    #[test]
    fn holds_grow_to_a_bound() {
        let mut rounds = Vec::new();
        for second in 0..120 {
            rounds.push(round(Duration::from_secs(second)));
        }
        rounds.dedup();
        let seconds: Vec<_> = rounds.iter().map(|(begins, hold)| (begins.as_secs(), hold.as_secs())).collect();
        assert_eq!(seconds, [(0, 1), (5, 2), (11, 4), (23, 8), (47, 16), (95, 16)]);
    }
}
