//! What a failed call means for its operation: the policy, alone.

use std::time::Duration;

use drivers::Error;
use model::operation::Kind;
use raft::seam::Chance;

/// The first pause; it doubles with every attempt.
const FIRST: Duration = Duration::from_millis(500);

/// The longest.
const LAST: Duration = Duration::from_secs(30);

/// What comes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Try again after this time.
    Again(Duration),
    /// The operation fails with the backend's words.
    Fail,
    /// It must not be tried again and nobody can tell what became of it.
    Unknown,
}

/// Judges a failed call. `attempts` is how often calls of its operation have been begun by anybody, `limit` is the operation's budget.
pub fn judge(kind: Kind, error: &Error, attempts: u32, limit: u32, chance: &dyn Chance) -> Verdict {
    if kind.at_most_once() {
        return match error {
            _ if error.outcome_unknown() => Verdict::Unknown,
            // Nothing was changed: not yet its one time.
            Error::Busy { .. } if attempts < limit => Verdict::Again(pause(attempts, error.retry_after(), chance)),
            _ => Verdict::Fail,
        };
    }
    if error.is_final() || attempts >= limit {
        return Verdict::Fail;
    }
    Verdict::Again(pause(attempts, error.retry_after(), chance))
}

/// The pause before another attempt: doubling, at least what the backend asked for, with up to half of it by chance.
pub fn pause(attempts: u32, asked: Option<Duration>, chance: &dyn Chance) -> Duration {
    let doubled = FIRST.saturating_mul(1 << attempts.saturating_sub(1).min(10)).min(LAST);
    let least = doubled.max(asked.unwrap_or_default());
    let half = u64::try_from(least.as_millis() / 2).unwrap_or(u64::MAX).max(1);
    least + Duration::from_millis(chance.number() % half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Never;
    impl Chance for Never {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    fn timeout() -> Error {
        Error::Timeout("silence".to_owned())
    }

    #[test]
    fn what_may_work_is_tried_again_until_the_budget_is_used_up() {
        assert_eq!(judge(Kind::ContainerStart, &timeout(), 1, 3, &Never), Verdict::Again(FIRST));
        assert_eq!(judge(Kind::ContainerStart, &timeout(), 2, 3, &Never), Verdict::Again(FIRST * 2));
        assert_eq!(judge(Kind::ContainerStart, &timeout(), 3, 3, &Never), Verdict::Fail);
    }

    #[test]
    fn a_refusal_is_final() {
        assert_eq!(judge(Kind::ContainerCreate, &Error::Refused("no such image".to_owned()), 1, 9, &Never), Verdict::Fail);
    }

    #[test]
    fn a_busy_backend_is_left_alone_for_as_long_as_it_asks() {
        let busy = Error::Busy { reason: "update in progress".to_owned(), retry_after: Duration::from_secs(7) };
        assert_eq!(judge(Kind::ClusterUpdate, &busy, 1, 9, &Never), Verdict::Again(Duration::from_secs(7)));
    }

    #[test]
    fn what_runs_at_most_once_is_never_tried_after_it_may_have_run() {
        assert_eq!(judge(Kind::ContainerReboot, &timeout(), 1, 9, &Never), Verdict::Unknown);
        assert_eq!(judge(Kind::ContainerExecute, &Error::Broken("reset".to_owned()), 1, 9, &Never), Verdict::Fail);
    }

    #[test]
    fn pauses_are_bounded() {
        assert_eq!(pause(60, None, &Never), LAST);
    }
}
