//! Log time: milliseconds since 1970 that never go back and never jump.
//!
//! It is the time of the last entry this member has seen, plus what has passed on its own monotonic clock since then. A leader stamps
//! proposals with it, so that the time goes on from leader to leader whatever their wall clocks say. The wall clock is looked at once in a
//! cluster's life: when the first member makes it. Between the stop of all members and their return log time stands still.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

#[derive(Debug)]
pub(crate) struct Clock {
    anchor: Mutex<(u64, Instant)>,
}

impl Clock {
    pub(crate) fn new(at_ms: u64) -> Self {
        Self { anchor: Mutex::new((at_ms, Instant::now())) }
    }

    /// The time now.
    pub(crate) fn now_ms(&self) -> u64 {
        let (at_ms, since) = *self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        at_ms.saturating_add(u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// An entry of this time was seen. Moves the clock forward, never back.
    pub(crate) fn seen(&self, at_ms: u64) {
        let mut anchor = self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let here = anchor.0.saturating_add(u64::try_from((now - anchor.1).as_millis()).unwrap_or(u64::MAX));
        if at_ms > here {
            *anchor = (at_ms, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_never_goes_back() {
        let clock = Clock::new(1_000);
        tokio::time::advance(Duration::from_millis(50)).await;
        assert_eq!(clock.now_ms(), 1_050);
        clock.seen(1_010);
        assert_eq!(clock.now_ms(), 1_050);
        clock.seen(2_000);
        assert_eq!(clock.now_ms(), 2_000);
        tokio::time::advance(Duration::from_millis(5)).await;
        assert_eq!(clock.now_ms(), 2_005);
    }
}
