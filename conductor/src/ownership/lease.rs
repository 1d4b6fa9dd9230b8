//! The owner's side of the lease: may this member still act, and for how long?
//!
//! A grant is worth one lease from the moment its request was *sent*: everything the leader reckons with came later. (`Bug::LeaseFromReply`
//! in the model.) It covers the clusters that the state at the granted index, or any later one, shows as assigned to this start of this
//! member; so [`Lease::may_act`] wants an index at or behind the epoch, and its caller looks at the state it has *after* the grant was recorded,
//! which is at least that new.
//!
//! As long as the lease is renewed before it runs out, nothing can be taken from this member. Once it has run out, anything may have been, and a
//! later grant says so only for the state at its index. So each unbroken run of grants has a *generation*: a [`Hold`] is taken, then the state
//! is looked at, then the call is made under that hold, and a call does not outlive its generation.
//!
//! An outside call is made through [`Lease::guard`]: the right is looked at before *every* poll of the call, so that a process that stood
//! still finds its lease gone before it sends another byte. Where a backend fences, even that would not be needed; where it does not, the
//! moment between the look and the sending is all that is left uncovered.

use std::{
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, Sleep, sleep_until},
};

/// What was granted last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Until when.
    pub until: Instant,
    /// At which log index.
    pub index: u64,
    /// Which unbroken run of grants this is.
    pub generation: u64,
}

impl Held {
    /// How long it still covers `epoch`, if it does.
    fn covers(self, epoch: u64) -> Option<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        (self.index >= epoch && !left.is_zero()).then_some(left)
    }
}

/// A right to act that was there when it was taken; see the module for what has to happen between this and a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    epoch: u64,
    generation: u64,
}

/// The right to act of this start of this member.
#[derive(Debug)]
pub struct Lease {
    held: watch::Sender<Option<Held>>,
}

/// The right to act ran out while a call was under way; it was dropped, its effect is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the right to act ran out")]
pub struct Lapsed;

impl Default for Lease {
    fn default() -> Self {
        Self { held: watch::Sender::new(None) }
    }
}

impl Lease {
    /// Records a grant: requested at `sent`, good for `lease` from then, for the state at `index`, which this member has applied. Grants that
    /// arrive out of order never shorten what is held.
    pub fn granted(&self, sent: Instant, lease: Duration, index: u64) {
        let now = Instant::now();
        self.held.send_modify(|held| {
            let before = held.unwrap_or(Held { until: sent, index: 0, generation: 0 });
            *held = Some(Held {
                until: before.until.max(sent + lease),
                index: before.index.max(index),
                generation: before.generation + u64::from(before.until <= now),
            });
        });
    }

    /// The right is given up: nothing may be begun any more, and what runs is dropped.
    pub fn surrender(&self) {
        self.held.send_modify(|held| *held = held.map(|held| Held { until: Instant::now(), ..held }));
    }

    /// How long this member may still act under `epoch`, if it may. The caller has yet to see that the epoch is its own.
    pub fn may_act(&self, epoch: u64) -> Option<Duration> {
        (*self.held.borrow())?.covers(epoch)
    }

    /// Takes hold of the right to act under `epoch`, if it is there.
    pub fn hold(&self, epoch: u64) -> Option<Hold> {
        let generation = (*self.held.borrow())?.generation;
        let hold = Hold { epoch, generation };
        self.left_of(hold).map(|_| hold)
    }

    /// How long a hold still holds. One look at what is held: between two a member might stand still and be granted something new.
    fn left_of(&self, hold: Hold) -> Option<Duration> {
        let held = *self.held.borrow();
        held.filter(|held| held.generation == hold.generation)?.covers(hold.epoch)
    }

    /// How long what was granted still runs, whatever for.
    pub fn left(&self) -> Duration {
        let held = *self.held.borrow();
        held.map_or(Duration::ZERO, |held| held.until.saturating_duration_since(Instant::now()))
    }

    /// Waits until this member may act under `epoch`. Cancel safe.
    pub async fn wait(&self, epoch: u64) {
        let mut held = self.held.subscribe();
        while self.may_act(epoch).is_none() {
            if held.changed().await.is_err() {
                return; // the sender lives in self
            }
        }
    }

    /// Runs an outside call as long as `hold` holds, and drops it when that ends.
    pub async fn guard<F: Future>(&self, hold: Hold, call: F) -> Result<F::Output, Lapsed> {
        let first = self.held.borrow().map_or_else(Instant::now, |held| held.until);
        let guarded = Guarded { lease: self, hold, alarm: pin!(sleep_until(first)), call: pin!(call) };
        guarded.await
    }
}

struct Guarded<'a, F> {
    lease: &'a Lease,
    hold: Hold,
    alarm: Pin<&'a mut Sleep>,
    call: Pin<&'a mut F>,
}

impl<F: Future> Future for Guarded<'_, F> {
    type Output = Result<F::Output, Lapsed>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            // First the right, by the clock itself: after a standstill the timer may not have been told the time yet.
            let Some(left) = this.lease.left_of(this.hold) else { return Poll::Ready(Err(Lapsed)) };
            if this.alarm.as_mut().poll(context).is_pending() {
                break;
            }
            // Renewed since the alarm was set: set it to the new end and look again.
            this.alarm.as_mut().reset(Instant::now() + left);
        }
        this.call.as_mut().poll(context).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::{advance, sleep};

    use super::*;

    const LEASE: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn it_runs_from_when_it_was_asked_for() {
        let lease = Lease::default();
        assert_eq!(lease.may_act(1), None);
        let sent = Instant::now();
        advance(Duration::from_secs(3)).await;
        lease.granted(sent, LEASE, 10);
        assert_eq!(lease.may_act(10), Some(Duration::from_secs(2)));
        advance(Duration::from_secs(2)).await;
        assert_eq!(lease.may_act(10), None);
    }

    #[tokio::test(start_paused = true)]
    async fn it_covers_no_assignment_that_is_younger() {
        let lease = Lease::default();
        lease.granted(Instant::now(), LEASE, 10);
        assert_eq!(lease.may_act(11), None);
        lease.granted(Instant::now(), LEASE, 11);
        assert_eq!(lease.may_act(11), Some(LEASE));
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_answer_to_an_old_request_changes_nothing() {
        let lease = Lease::default();
        let first = Instant::now();
        advance(Duration::from_secs(2)).await;
        lease.granted(Instant::now(), LEASE, 12);
        lease.granted(first, LEASE, 10);
        assert_eq!(lease.may_act(12), Some(LEASE));
    }

    #[tokio::test(start_paused = true)]
    async fn a_guarded_call_ends_with_the_lease_and_goes_on_with_a_new_one() {
        let lease = std::sync::Arc::new(Lease::default());
        lease.granted(Instant::now(), LEASE, 1);
        let hold = lease.hold(1).unwrap();
        assert_eq!(lease.guard(hold, async { 5 }).await, Ok(5));
        let began = Instant::now();
        let renewed = std::sync::Arc::clone(&lease);
        let renewals = tokio::spawn(async move {
            sleep(Duration::from_secs(4)).await;
            renewed.granted(Instant::now(), LEASE, 2);
        });
        assert_eq!(lease.guard(hold, pending::<()>()).await, Err(Lapsed));
        assert_eq!(began.elapsed().as_secs(), 9);
        renewals.await.unwrap();
        // A lease that has run out may have been somebody else's meanwhile: a call of before does not go on under the next one.
        lease.granted(Instant::now(), LEASE, 3);
        assert_eq!(lease.guard(hold, async { 5 }).await, Err(Lapsed));
        let hold = lease.hold(1).unwrap();
        assert_eq!(lease.guard(hold, async { 5 }).await, Ok(5));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_is_woken_by_the_grant() {
        let lease = std::sync::Arc::new(Lease::default());
        let other = std::sync::Arc::clone(&lease);
        let waits = tokio::spawn(async move { other.wait(4).await });
        sleep(Duration::from_secs(1)).await;
        lease.granted(Instant::now(), LEASE, 3);
        sleep(Duration::from_secs(1)).await;
        assert!(!waits.is_finished());
        lease.granted(Instant::now(), LEASE, 4);
        waits.await.unwrap();
        lease.surrender();
        assert_eq!(lease.may_act(4), None);
    }
}
