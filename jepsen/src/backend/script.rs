//! How the backend behaves: what may happen to a call on its way.

use std::time::Duration;

use super::{Ask, Caller};
use crate::Chance;

/// The behaviour. Percentages are of all changes; looks are only slow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Whether changes of a lower epoch than the highest seen are refused.
    pub fence: bool,
    /// How long a look takes.
    pub look: Duration,
    /// How long a change takes before it has its effect, from and to.
    pub change: (Duration, Duration),
    /// So many of 100 changes have their effect this much later, from and to: longer than a lease, shorter than what the product
    /// grants a backend to finish what it was told.
    pub late: (u64, Duration, Duration),
    /// So many of 100 changes lose their answer after the effect.
    pub lost: u64,
    /// So many of 100 changes fail without an effect.
    pub failed: u64,
    /// So many of 100 clusters get no answer to any call, for this long from each call's arrival; then the connection breaks.
    pub hang: (u64, Duration),
    /// One look in so many finds its cluster in the other health than the look before, well or ill; 0: none does.
    pub flap: u64,
    /// How long an action on a stack goes on after it was accepted, from and to.
    pub stack: (Duration, Duration),
    /// So many of 100 actions on stacks fail in the end.
    pub stack_failed: u64,
}

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fate {
    /// How long before it is judged.
    pub before: Duration,
    /// Whether it fails without an effect.
    pub fails: bool,
    /// Whether the answer is lost.
    pub loses: bool,
    /// Whether it never has an effect or an answer.
    pub hangs: bool,
    /// How long an action on a stack that it begins goes on.
    pub takes: Duration,
    /// Whether that fails.
    pub breaks: bool,
}

impl Default for Script {
    /// Quick, honest, without a fence: a well Docker Engine.
    fn default() -> Self {
        Self {
            fence: false,
            look: Duration::ZERO,
            change: (Duration::from_millis(1), Duration::from_millis(5)),
            late: (0, Duration::ZERO, Duration::ZERO),
            lost: 0,
            failed: 0,
            hang: (0, Duration::ZERO),
            flap: 0,
            stack: (Duration::from_millis(30), Duration::from_millis(60)),
            stack_failed: 0,
        }
    }
}

impl Script {
    /// Slow, sometimes late, failing, or silent after the effect.
    #[must_use]
    pub fn troubled(fence: bool) -> Self {
        Self {
            fence,
            look: Duration::from_millis(2),
            change: (Duration::from_millis(10), Duration::from_millis(150)),
            late: (12, Duration::from_secs(4), Duration::from_secs(11)),
            lost: 2,
            failed: 2,
            ..Self::default()
        }
    }

    /// What happens to this call.
    pub fn fate(&self, ask: &Ask, caller: Option<&Caller>, chance: &mut Chance) -> Fate {
        let hangs = caller.is_some_and(|caller| self.hangs(&caller.cluster));
        if hangs {
            return Fate { before: self.hang.1, fails: false, loses: true, hangs, takes: Duration::ZERO, breaks: false };
        }
        if !ask.changes() {
            return Fate { before: self.look, fails: false, loses: false, hangs, takes: Duration::ZERO, breaks: false };
        }
        let late = chance.percent(self.late.0);
        let (from, to) = if late { (self.late.1, self.late.2) } else { self.change };
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let before = Duration::from_micros(chance.between(micros(from), micros(to)));
        let (fails, loses) = (chance.percent(self.failed), chance.percent(self.lost));
        if !matches!(ask, Ask::Heat(_)) {
            return Fate { before, fails, loses, hangs, takes: Duration::ZERO, breaks: false };
        }
        let takes = Duration::from_micros(chance.between(micros(self.stack.0), micros(self.stack.1)));
        Fate { before, fails, loses, hangs, takes, breaks: chance.percent(self.stack_failed) }
    }

    /// Whether the backend is silent for this cluster: the same ones at every call.
    #[must_use]
    pub fn hangs(&self, cluster: &str) -> bool {
        Chance::seeded(0).fork(cluster).percent(self.hang.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_as_many_clusters_hang_as_were_asked_for_and_always_the_same() {
        let script = Script { hang: (5, Duration::from_secs(60)), ..Script::default() };
        let hanging = (0..1000).filter(|number| script.hangs(&format!("cluster-{number}"))).count();
        assert!((20..90).contains(&hanging), "{hanging}");
        assert!((0..1000).all(|number| !Script::default().hangs(&format!("cluster-{number}"))));
    }

    #[test]
    fn looks_never_fail_and_changes_do_what_the_script_says() {
        let mut chance = Chance::seeded(1);
        let script = Script { failed: 100, lost: 100, ..Script::default() };
        let look = script.fate(&Ask::Engine("info"), None, &mut chance);
        assert!(!look.fails && !look.loses);
        let change = script.fate(&Ask::RemoveNetwork("x".into()), None, &mut chance);
        assert!(change.fails && change.loses && change.before <= script.change.1);
    }
}
