//! Are bays looked at exactly when it is time, by exactly one member?
//!
//! All looks are configured to be due 30 s after the one before, and up to a fifth more by chance. So between two looks at a bay under one
//! epoch there are 30 to 36 s, and a new owner's first look, which is its listing, comes besides. Nothing is averaged: each look at each
//! bay is held against that.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::sleep;

use super::{Figure, Figures, Run, figures::number};
use crate::{backend::journal::Looks, clock::nanos};

/// The least and the most between two looks.
const DUE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(36));
/// A look is noted when it arrives at the backend, which is a little later or earlier after it was due than the one before.
const JITTER: Duration = Duration::from_millis(250);
/// How much later a look may come on a machine with other things to do.
const PATIENCE: Duration = Duration::from_secs(6);
/// How long looks are counted: three intervals.
const WINDOW: Duration = Duration::from_secs(108);

/// What was wrong with the looks at all bays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Judged {
    /// Looks in all.
    pub(super) looks: usize,
    /// Those that came too early after the one before.
    pub(super) early: usize,
    /// Bays with a look that came too late, or with none.
    pub(super) late: usize,
    /// The most members that looked at one bay.
    pub(super) members: usize,
}

/// Waits three intervals and counts; how many looks there were.
pub(super) async fn measure(run: &Run<'_>, figures: &mut Figures) -> u64 {
    run.backend.begin_window();
    let began = run.backend.now();
    sleep(WINDOW).await;
    let until = run.backend.now();
    let judged = run.backend.look(|world, journal| {
        let bays = world.clusters();
        let none = Looks::default();
        judge(bays.iter().map(|bay| journal.window().get(bay.as_str()).unwrap_or(&none)), began, until)
    });
    figures.put(Figure::Looks, number(judged.looks) / number(run.bays.max(1)), 2);
    figures.put(Figure::Early, number(judged.early), 0);
    figures.put(Figure::Late, number(judged.late), 0);
    figures.put(Figure::Lookers, number(judged.members), 0);
    judged.looks as u64
}

/// Holds every look of a window against its time.
pub(super) fn judge<'a>(bays: impl Iterator<Item = &'a Looks>, began: u64, until: u64) -> Judged {
    let mut judged = Judged::default();
    let (least, most) = (nanos(DUE.0.saturating_sub(JITTER)), nanos(DUE.1 + JITTER + PATIENCE));
    for bay in bays {
        judged.looks += bay.sights.len();
        judged.members = judged.members.max(bay.members.len());
        let mut last: BTreeMap<u64, u64> = BTreeMap::new();
        let (mut late, mut before) = (false, began);
        for sight in &bay.sights {
            if let Some(earlier) = last.insert(sight.epoch, sight.at) {
                judged.early += usize::from(sight.at.saturating_sub(earlier) < least);
            }
            late |= sight.at.saturating_sub(before) > most;
            before = sight.at;
        }
        late |= until.saturating_sub(before) > most;
        judged.late += usize::from(late);
    }
    judged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::journal::Sight;

    fn looks(sights: &[(u64, u64)]) -> Looks {
        let sights = sights.iter().map(|(second, epoch)| Sight { at: second * 1_000_000_000, epoch: *epoch }).collect();
        Looks { sights, members: [1].into() }
    }

    fn judged(sights: &[(u64, u64)]) -> (usize, usize) {
        let judged = judge([looks(sights)].iter(), 0, 108_000_000_000);
        (judged.early, judged.late)
    }

    #[test]
    fn a_look_is_due_once_in_an_interval() {
        assert_eq!(judged(&[(5, 1), (36, 1), (70, 1), (105, 1)]), (0, 0));
        assert_eq!(judged(&[(5, 1), (20, 1), (50, 1), (85, 1)]), (1, 0), "twice in an interval");
        assert_eq!(judged(&[(5, 1), (70, 1), (105, 1)]), (0, 1), "an interval without a look");
        assert_eq!(judged(&[]), (0, 1));
        assert_eq!(judged(&[(5, 1), (36, 1), (40, 2), (71, 2), (104, 2)]), (0, 0), "a new owner looks at once");
        assert_eq!(judged(&[(5, 1), (36, 1), (40, 2), (45, 2), (76, 2)]), (1, 0), "but once");
    }
}
