//! What must hold at every moment of a simulation, whatever is broken.

use std::collections::{BTreeMap, BTreeSet};

use raft::{LogEntry, Role};

use crate::sim::world::World;

/// Remembers what was seen, to compare with what is seen later.
#[derive(Default)]
pub struct Watch {
    /// Leaders that were seen: (term, member). A vote is ordered by both, so a term may have several: who had its grants before the others
    /// promised themselves to a higher vote may learn so afterwards, and is harmless, for nobody follows it any more. That only one of them
    /// decides what is committed shows in the logs and in the states.
    leaders: BTreeSet<(u64, u64)>,
    /// Applied index → state digest, whoever had it.
    digests: BTreeMap<u64, (String, String)>,
    /// Member → (incarnation, term, applied).
    last: BTreeMap<String, (u64, u64, u64)>,
    /// How many states of different members were compared at the same index.
    pub compared: u64,
    /// How many log entries of two members were compared.
    pub matched: u64,
}

/// Log matching (Raft, section 5.3): entries of one name are the same in both logs, and so is everything before them. How many there were
/// to compare.
fn logs_match(one: &[LogEntry], other: &[LogEntry]) -> Result<u64, String> {
    let mut differs = None;
    let mut compared = 0;
    let Some(first) = other.first() else { return Ok(0) };
    for (mine, theirs) in one
        .iter()
        .skip_while(|entry| entry.index < first.index)
        .zip(other.iter().skip_while(|entry| one.first().is_some_and(|first| entry.index < first.index)))
    {
        compared += 1;
        if mine.index != theirs.index {
            return Err(format!("a hole: {} stands beside {}", mine.index, theirs.index));
        }
        if mine.leader != theirs.leader {
            differs.get_or_insert(mine.index);
        } else if let Some(index) = differs {
            return Err(format!("the same entry {} of {:?} follows different entries {index}", mine.index, mine.leader));
        } else if mine.bytes != theirs.bytes {
            return Err(format!("two entries are called {} of {:?}", mine.index, mine.leader));
        }
    }
    Ok(compared)
}

impl Watch {
    /// Looks at all members that run. `deep`: their states too.
    ///
    /// # Errors
    /// The invariant that broke, in words.
    pub fn look(&mut self, world: &World, deep: bool) -> Result<(), String> {
        let mut logs = Vec::new();
        for slot in world.members.iter() {
            let Some(handle) = slot.handle() else { continue };
            let status = handle.status();
            if status.role == Role::Leader {
                self.leaders.insert((status.term, handle.member().0));
            }
            self.nothing_goes_back(&slot.name, handle.incarnation(), status.term, status.applied)?;
            if deep {
                let (index, digest) = handle.digest().map_err(|error| format!("{}: no digest: {error}", slot.name))?;
                self.same_state(&slot.name, index, digest)?;
                logs.push((&slot.name, handle.log().map_err(|error| format!("{}: no log: {error}", slot.name))?));
            }
        }
        for (at, (name, log)) in logs.iter().enumerate() {
            for (other, others) in logs.iter().skip(at + 1) {
                self.matched += logs_match(log, others).map_err(|broken| format!("logs of {name} and {other}: {broken}"))?;
            }
        }
        Ok(())
    }

    /// Within one life neither the term nor the applied index falls. (Over a crash the *shown* term may: it is shown before it is flushed.)
    fn nothing_goes_back(&mut self, name: &str, incarnation: u64, term: u64, applied: u64) -> Result<(), String> {
        let (life, last_term, last_applied) = self.last.get(name).copied().unwrap_or_default();
        if life == incarnation && term < last_term {
            return Err(format!("{name}: term fell from {last_term} to {term}"));
        }
        if life == incarnation && applied < last_applied {
            return Err(format!("{name}: applied fell from {last_applied} to {applied}"));
        }
        self.last.insert(name.to_owned(), (incarnation, term, applied));
        Ok(())
    }

    /// State machine safety: the same index, the same state, on everybody and for ever.
    fn same_state(&mut self, name: &str, index: u64, digest: String) -> Result<(), String> {
        let Some((first, known)) = self.digests.get(&index) else {
            self.digests.insert(index, (name.to_owned(), digest));
            return Ok(());
        };
        if first != name {
            self.compared += 1;
        }
        if *known == digest { Ok(()) } else { Err(format!("states differ at index {index}: {first} has {known}, {name} has {digest}")) }
    }

    /// How many terms had a leader.
    pub fn terms_led(&self) -> usize {
        self.leaders.iter().map(|(term, _)| term).collect::<BTreeSet<_>>().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(entries: &[(u64, u64, &'static str)]) -> Vec<LogEntry> {
        entries.iter().map(|(index, term, bytes)| LogEntry { index: *index, leader: (*term, 1), bytes: (*bytes).into() }).collect()
    }

    #[test]
    fn logs_that_part_and_do_not_meet_again_match() {
        let one = log(&[(3, 1, "a"), (4, 1, "b"), (5, 1, "c")]);
        let other = log(&[(4, 1, "b"), (5, 2, "d"), (6, 2, "e")]);
        assert_eq!(logs_match(&one, &other), Ok(2));
        assert_eq!(logs_match(&other, &one), Ok(2));
        assert_eq!(logs_match(&one, &[]), Ok(0));
        assert_eq!(logs_match(&one, &log(&[(9, 2, "x")])), Ok(0));
    }

    #[test]
    fn logs_that_meet_again_do_not_match() {
        let one = log(&[(4, 1, "b"), (5, 2, "c")]);
        assert!(logs_match(&one, &log(&[(4, 2, "x"), (5, 2, "c")])).is_err());
        assert!(logs_match(&one, &log(&[(4, 1, "b"), (5, 2, "y")])).is_err());
        assert!(logs_match(&one, &log(&[(4, 1, "b"), (6, 2, "c")])).is_err());
    }
}
