//! What must hold at every moment of a simulation, whatever is broken.

use std::collections::{BTreeMap, BTreeSet};

use raft::Role;

use crate::sim::world::World;

/// Remembers what was seen, to compare with what is seen later.
#[derive(Default)]
pub struct Watch {
    /// Term → the highest member number that was elected in it so far.
    leaders: BTreeMap<u64, u64>,
    /// Leaders that were seen: (term, member).
    known: BTreeSet<(u64, u64)>,
    /// Applied index → state digest, whoever had it.
    digests: BTreeMap<u64, (String, String)>,
    /// Member → (incarnation, term, applied).
    last: BTreeMap<String, (u64, u64, u64)>,
    /// How many states of different members were compared at the same index.
    pub compared: u64,
}

impl Watch {
    /// Looks at all members that run. `deep`: their states too.
    ///
    /// # Errors
    /// The invariant that broke, in words.
    pub fn look(&mut self, world: &World, deep: bool) -> Result<(), String> {
        for slot in world.members.iter() {
            let Some(handle) = slot.handle() else { continue };
            let status = handle.status();
            if status.role == Role::Leader {
                self.elected(handle.member().0, status.term)?;
            }
            self.nothing_goes_back(&slot.name, handle.incarnation(), status.term, status.applied)?;
            if deep {
                let (index, digest) = handle.digest().map_err(|error| format!("{}: no digest: {error}", slot.name))?;
                self.same_state(&slot.name, index, digest)?;
            }
        }
        Ok(())
    }

    /// Election safety. A vote here is ordered by (term, member): who is elected in a term that had a leader already must have a higher
    /// number than that one, because a majority has promised never to follow anything lower again.
    fn elected(&mut self, member: u64, term: u64) -> Result<(), String> {
        if self.known.insert((term, member)) {
            let highest = self.leaders.entry(term).or_insert(member);
            if member < *highest {
                return Err(format!("member {member} was elected in term {term} after member {highest}"));
            }
            *highest = member;
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
        self.leaders.len()
    }
}
