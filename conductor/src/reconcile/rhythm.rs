//! When to look at a cluster again: pure.
//!
//! What has just changed, or is not well, is looked at often; what is the same at every look is looked at ever more seldom, down to a
//! bound. So the outside is asked little for a thousand clusters that stand still, and a change is followed closely. Jitter is added by whoever
//! waits, so that the looks of many clusters do not march in step.

use std::time::Duration;

/// What a look showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Something else than the look before.
    News,
    /// The same as before, and all is well.
    Same,
    /// The same as before, and something is not well.
    Unwell,
}

/// The time between the looks at one cluster.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    least: Duration,
    most: Duration,
    now: Duration,
}

impl Rhythm {
    /// Between two bounds; a new owner looks closely at first.
    pub fn new(least: Duration, most: Duration) -> Self {
        Self { least, most: most.max(least), now: least }
    }

    /// How long after this look the next one is due.
    pub fn after(&mut self, sight: Sight) -> Duration {
        self.now = match sight {
            Sight::News => self.least,
            Sight::Same => (self.now * 2).min(self.most),
            // Somebody waits for it to be well again.
            Sight::Unwell => (self.now * 2).min(self.most / 2).max(self.least),
        };
        self.now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn what_stands_still_is_looked_at_ever_more_seldom_and_news_closely() {
        let mut rhythm = Rhythm::new(s(10), s(60));
        let times: Vec<_> = (0..5).map(|_| rhythm.after(Sight::Same)).collect();
        assert_eq!(times, [s(20), s(40), s(60), s(60), s(60)]);
        assert_eq!(rhythm.after(Sight::News), s(10));
        assert_eq!(rhythm.after(Sight::Same), s(20));
    }

    #[test]
    fn what_is_not_well_is_looked_at_more_often_than_what_is() {
        let mut rhythm = Rhythm::new(s(10), s(60));
        assert_eq!([rhythm.after(Sight::Unwell), rhythm.after(Sight::Unwell), rhythm.after(Sight::Unwell)], [s(20), s(30), s(30)]);
        assert_eq!(rhythm.after(Sight::Same), s(60));
        let mut short = Rhythm::new(s(10), s(5));
        assert_eq!((short.after(Sight::Unwell), short.after(Sight::Same)), (s(10), s(10)), "the bounds are sound in any order");
    }
}
