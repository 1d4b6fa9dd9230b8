//! When to look at a cluster again: pure.
//!
//! What has just changed, or is not well, is looked at often; what is the same at every look is looked at ever more seldom, down to a
//! bound. So the outside is asked little for a thousand clusters that stand still, and a change is followed closely. Jitter is added by whoever
//! waits, so that the looks of many clusters do not march in step.
//!
//! A hint from outside brings the next look forward ([`hinted`]), however many there are: not closer than a second to the one before, and so
//! that looks take no more than a fifth of the time at a backend that is slow to answer, because nothing else is begun during a look.

use std::time::Duration;

/// The least time between a look and one that is brought forward.
const APART: Duration = Duration::from_secs(1);

/// How long after a hint to look; `since`: the time since the last look, `took`: how long that one took.
pub fn hinted(since: Duration, took: Duration) -> Duration {
    APART.max(took.saturating_mul(4)).saturating_sub(since)
}

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
    fn a_hint_is_followed_at_once_unless_the_last_look_was_just_now_or_took_long() {
        assert_eq!(hinted(s(7), Duration::ZERO), Duration::ZERO);
        assert_eq!(hinted(Duration::ZERO, Duration::ZERO), s(1));
        assert_eq!(hinted(s(3), s(5)), s(17), "a fifth of the time");
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
