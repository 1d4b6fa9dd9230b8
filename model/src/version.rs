//! Mixed versions: which commands and fields may be written, and who can still follow.
//!
//! The *cluster version* is replicated. A command or a field that older programs do not know is written only under a cluster version
//! that says every member knows it; such a proposal carries that number as its `min_version`. Three rules keep members alike:
//!
//! * a program that meets an entry beyond its own [`VERSION`] faults, because guessing would make its state differ;
//! * an entry beyond the *cluster* version is refused by all, because some member may not know it;
//! * the cluster version goes up only when every member's record says that its program supports it, and never comes down.
//!
//! What each version brought stands in [`needed`]. The leader's conductor raises it as soon as it may, so people need not.

use crate::{
    Change,
    command::{Command, Proposal, RaiseVersion},
    context::{Answer, Context, done, refuse},
    event::Note,
    member::Member,
    meta::Meta,
    outcome::{Class, Refusal},
    record,
    tables::Fault,
};

/// The newest cluster version this build knows.
pub const VERSION: u32 = 2;

/// The cluster version of a new state, and the least one that this build writes. Builds that know version 1 only were never released: they
/// stop at the first entry of this one, in words, and do not guess.
pub const FIRST: u32 = 2;

/// The cluster version that stands in the row of single values.
pub fn of(meta: &Meta) -> u32 {
    meta.version.max(FIRST)
}

/// The cluster version that a command needs: what its proposal says as `min_version`.
pub fn needed(_command: &Command) -> u32 {
    // Commands and fields that a later version brings are told apart here, each with its number.
    FIRST
}

/// Faults when this build cannot follow: the state or the entry is for a newer one.
pub(crate) fn supported(index: u64, meta: &Meta, proposal: &Proposal) -> Result<(), Fault> {
    let needed = of(meta).max(proposal.min_version);
    if needed > VERSION {
        return Err(Fault::TooNew { index, needed, supported: VERSION });
    }
    if proposal.command.is_none() {
        // prost drops what it does not know: a command of a later build looks like none.
        return Err(Fault::TooNew { index, needed: needed.max(VERSION + 1), supported: VERSION });
    }
    Ok(())
}

/// Refuses what the cluster version does not allow yet.
pub(crate) fn raised(meta: &Meta, min_version: u32) -> Result<(), Refusal> {
    if min_version > of(meta) {
        let message = format!("this needs cluster version {min_version}, it is {}; raise it first", of(meta));
        return Err(Refusal::new(Class::Conflict, "version-not-raised", message));
    }
    Ok(())
}

/// Raises the cluster version.
pub(crate) fn raise(context: &mut Context<'_>, command: &RaiseVersion) -> Answer {
    let present = of(&context.meta);
    if command.version == present {
        return done(context.index);
    }
    if command.version < present {
        return refuse(Class::Conflict, "version-lower", format!("the cluster version is {present} and never comes down"));
    }
    for member in record::all::<Member>(context.tables)? {
        if member.version_max < command.version {
            let message = format!("member {} supports cluster version {} only; upgrade it first", member.number, member.version_max);
            return refuse(Class::Conflict, "member-too-old", message);
        }
    }
    if command.version > VERSION {
        return Err(Fault::TooNew { index: context.index, needed: command.version, supported: VERSION }.into());
    }
    context.meta.version = command.version;
    context.changes.push(Change::Version);
    context.event(Note::operators("version", command.version.to_string(), "raised"));
    done(context.index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_a_version_that_is_not_raised_yet_is_refused_by_all() {
        let meta = Meta { version: 3, ..Meta::default() };
        assert!(raised(&meta, 3).is_ok());
        assert_eq!(raised(&meta, 4).map_err(|refusal| refusal.code), Err("version-not-raised".to_owned()));
        assert_eq!(of(&Meta::default()), FIRST);
    }
}
