//! The origin window: the last [`ORIGIN_WINDOW`] proposals of each member with their outcomes.
//!
//! A proposal's slot is its sequence modulo the window. A slot that holds the same proposal answers with its outcome; one that holds a
//! *later* proposal means that nobody can tell any more whether this one was applied, and it is refused instead of applied twice: a
//! member must therefore never have more than a window of proposals unanswered.

use prost::Message;

use crate::{
    command::Origin,
    member::Member,
    meta::Meta,
    outcome::{Class, Outcome, Refusal},
    record::{self, Record, whole_key},
    tables::{Fault, KeyRange, Tables, View, Visit, table},
};

/// How many proposals of a member are remembered.
pub const ORIGIN_WINDOW: u64 = 8192;

/// A remembered proposal; its key says whose and which slot.
#[derive(Clone, PartialEq, Message)]
pub struct RememberedProposal {
    /// The member.
    #[prost(uint64, tag = "1")]
    pub member: u64,
    /// Its start.
    #[prost(uint64, tag = "2")]
    pub incarnation: u64,
    /// Which proposal of that start.
    #[prost(uint64, tag = "3")]
    pub sequence: u64,
    /// What became of it.
    #[prost(message, optional, tag = "4")]
    pub outcome: Option<Outcome>,
}

impl Record for RememberedProposal {
    const TABLE: u8 = table::ORIGIN;
    fn key(&self) -> Vec<u8> {
        slot_key(self.member, self.sequence).to_vec()
    }
}

fn slot_key(member: u64, sequence: u64) -> [u8; 16] {
    let slot = sequence % ORIGIN_WINDOW;
    let mut key = [0; 16];
    let (first, second) = key.split_at_mut(8);
    first.copy_from_slice(&member.to_be_bytes());
    second.copy_from_slice(&slot.to_be_bytes());
    key
}

/// What the window knows of a proposal.
pub(crate) enum Known {
    /// It was not applied yet.
    Fresh,
    /// It was; this was the outcome.
    Applied(Outcome),
    /// It must not be applied.
    Refused(Refusal),
}

/// Looks a proposal up.
pub(crate) fn look_up(view: &(impl View + ?Sized), meta: &Meta, origin: &Origin) -> Result<Known, Fault> {
    if crate::planted!("m5") {
        return Ok(Known::Fresh);
    }
    let Some(held) = record::get::<RememberedProposal>(view, &slot_key(origin.member, origin.sequence))? else {
        return first_of_slot(view, meta, origin);
    };
    let asked = (origin.incarnation, origin.sequence);
    let present = (held.incarnation, held.sequence);
    Ok(match held.outcome {
        Some(outcome) if asked == present => Known::Applied(outcome),
        _ if asked > present => Known::Fresh,
        _ => Known::Refused(Refusal::new(
            Class::Broken,
            "outcome-forgotten",
            "this request was sent again after its answer had been forgotten; nobody can tell whether it was carried out",
        )),
    })
}

/// An empty slot is fresh, unless the member was removed: then its slots were emptied, and a late retry could be applied again.
fn first_of_slot(view: &(impl View + ?Sized), meta: &Meta, origin: &Origin) -> Result<Known, Fault> {
    let given = origin.member != 0 && origin.member <= meta.members;
    if given && !record::exists::<Member>(view, &origin.member.to_be_bytes())? {
        let message = format!("member {} was removed and may propose nothing", origin.member);
        return Ok(Known::Refused(Refusal::new(Class::Missing, "member-missing", message)));
    }
    Ok(Known::Fresh)
}

/// Remembers an outcome and hands it back.
pub(crate) fn remember(tables: &mut (impl Tables + ?Sized), origin: &Origin, outcome: Outcome) -> Outcome {
    let held =
        RememberedProposal { member: origin.member, incarnation: origin.incarnation, sequence: origin.sequence, outcome: Some(outcome) };
    tables.put(whole_key(table::ORIGIN, &slot_key(origin.member, origin.sequence)), held.encode_to_vec());
    held.outcome.unwrap_or_default()
}

/// Forgets everything a member proposed.
pub(crate) fn forget(tables: &mut (impl Tables + ?Sized), member: u64) -> Result<(), Fault> {
    let mut keys = Vec::new();
    tables.scan(KeyRange::prefix(&whole_key(table::ORIGIN, &member.to_be_bytes())), &mut |key, _| {
        keys.push(key.to_vec());
        Visit::Continue
    })?;
    for key in keys {
        tables.delete(key);
    }
    Ok(())
}
