//! Who begins first of many clusters that have become this member's at once.
//!
//! A lost member's share, or this member's own after a start, comes as hundreds of assignments in one entry. A new owner's first act is a look,
//! and hundreds of looks at clusters that stand still would keep those waiting that were taken over in the midst of an operation. So a cluster
//! with an open operation begins at once; of the others so many at a time, and none later than [`PATIENCE`].
//!
//! This is a matter of order and of nothing else: nobody begins without a lease, whoever waits here goes ahead as soon as an operation is
//! accepted for it, and the first look still comes before the first step. A backend that does not answer holds up the others only for as long
//! as they are patient.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// First looks at a time at clusters that stand still: enough for some hundred in a second at a backend that takes 20 ms to answer, and few
/// beside those who wait for something.
const AT_A_TIME: usize = 16;

/// How long a cluster that stands still lets others go ahead.
const PATIENCE: Duration = Duration::from_secs(2);

/// See the module. All workers of a member share it.
#[derive(Clone, Debug)]
pub(crate) struct Newcomers(Arc<Semaphore>);

/// A place among those who look, until it is dropped.
pub(crate) type Place = OwnedSemaphorePermit;

impl Default for Newcomers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_A_TIME)))
    }
}

impl Newcomers {
    /// Waits for a place; `None`: for long enough. Cancel safe.
    pub(crate) async fn place(&self) -> Option<Place> {
        timeout(PATIENCE, Arc::clone(&self.0).acquire_owned()).await.ok()?.ok()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn so_many_look_at_a_time_and_nobody_waits_for_long() {
        let newcomers = Newcomers::default();
        let began = Instant::now();
        let mut looking = Vec::new();
        for _ in 0..AT_A_TIME {
            looking.push(newcomers.place().await);
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
        let (next, ()) = tokio::join!(newcomers.place(), async { drop(looking.pop()) });
        assert_eq!(began.elapsed(), Duration::ZERO, "a place that became free is taken at once");
        assert!(next.is_some());
        assert!(newcomers.place().await.is_none());
        assert!(began.elapsed() >= PATIENCE && began.elapsed() < PATIENCE * 2, "{:?}", began.elapsed());
    }
}
