//! Assignments, and the fence behind which old owners stay.
//!
//! Everything an owner reports passes [`current`] in the same entry that records it, so no report of an owner that has lost its cluster
//! ever changes the state, however late it arrives.

use crate::{
    Change,
    cluster::Cluster,
    command::{Assign, Assignment, Balance, Pin, Release},
    context::{Answer, Context, Stop, refuse},
    event::Note,
    id::{ClusterId, MemberId},
    member::Member,
    outcome::{Class, Done, Refusal},
    ownership::{Ownership, Reason, query},
    record,
    tables::{Fault, View},
};

/// Refuses an epoch that is not the cluster's present one.
pub(crate) fn current(view: &(impl View + ?Sized), cluster: ClusterId, epoch: u64) -> Result<(), Stop> {
    if query::is_current(view, cluster, epoch)? {
        return Ok(());
    }
    refuse(
        Class::Stale,
        "epoch-stale",
        format!("epoch {epoch} of cluster {cluster} is over: somebody else owns it, or nobody, or it is gone"),
    )
}

/// Gives clusters to members. What the planner saw may have changed since: those assignments are skipped, the number of the others is
/// the outcome's `number`.
pub(crate) fn assign(context: &mut Context<'_>, command: &Assign) -> Answer {
    let mut number = 0;
    let overtaken = command.term != 0 && command.term != context.term;
    for assignment in command.assignments.iter().filter(|_| !overtaken) {
        if assign_one(context, assignment)? {
            number += 1;
        }
    }
    Ok(Done { number, revision: context.index, ..Done::default() })
}

fn assign_one(context: &mut Context<'_>, assignment: &Assignment) -> Result<bool, Fault> {
    let Some(member) = record::get::<Member>(context.tables, &assignment.member.to_be_bytes())? else {
        return Ok(false);
    };
    let previous = query::of(context.tables, assignment.cluster)?;
    let epoch = previous.as_ref().map_or(0, |previous| previous.epoch);
    // A second assignment of one cluster in one entry would share its epoch with the first.
    let overtaken = epoch != assignment.expected_epoch || epoch == context.index;
    if member.incarnation != assignment.incarnation || overtaken || !record::exists::<Cluster>(context.tables, assignment.cluster.bytes())?
    {
        return Ok(false);
    }
    let again = previous.as_ref().is_some_and(|previous| previous.member == assignment.member);
    let ownership = Ownership {
        cluster: assignment.cluster,
        member: assignment.member,
        incarnation: assignment.incarnation,
        epoch: if crate::planted!("m7") && again { epoch } else { context.index },
        reason: assignment.reason,
        since_ms: context.at_ms,
        pin: previous.as_ref().map_or(0, |previous| previous.pin),
    };
    record::replace(context.tables, previous.as_ref(), &ownership);
    let before = previous.and_then(|previous| previous.owner()).map(|member| format!(", before: member {member}"));
    let detail = format!("member {} ({}{})", ownership.member, ownership.reason().word(), before.unwrap_or_default());
    changed(context, &ownership, "assigned", detail);
    Ok(true)
}

fn changed(context: &mut Context<'_>, ownership: &Ownership, action: &'static str, detail: String) {
    context.changes.push(Change::Ownership(ownership.cluster));
    let note = Note { cluster: Some(ownership.cluster), ..Note::operators("ownership", ownership.cluster.to_string(), action) };
    context.event(note.detail(detail).epoch(ownership.epoch));
}

/// An owner gives a cluster back. The epoch stays in the row, so that the next assignment can be compared with it.
pub(crate) fn release(context: &mut Context<'_>, command: &Release) -> Answer {
    current(context.tables, command.cluster, command.epoch)?;
    let reason = Some(command.reason()).filter(|reason| reason.planned()).unwrap_or(Reason::Released);
    vacate(context, command.cluster, reason)?;
    Ok(Done { object: command.cluster.bytes().to_vec(), revision: context.index, ..Done::default() })
}

fn vacate(context: &mut Context<'_>, cluster: ClusterId, reason: Reason) -> Result<(), Fault> {
    let Some(previous) = query::of(context.tables, cluster)? else {
        return Ok(());
    };
    let detail = format!("member {} ({})", previous.member, reason.word());
    let ownership = Ownership { member: 0, incarnation: 0, reason: reason.into(), since_ms: context.at_ms, ..previous.clone() };
    record::replace(context.tables, Some(&previous), &ownership);
    changed(context, &ownership, "released", detail);
    Ok(())
}

/// Binds a cluster to a member, or ends that. Whether that member can serve it just now is the planner's matter: a drain ends, a driver comes.
pub(crate) fn pin(context: &mut Context<'_>, command: &Pin) -> Answer {
    let missing = |code: &str, what: String| Stop::Refused(Refusal::new(Class::Missing, code, format!("there is no {what}")));
    let Some(previous) = query::of(context.tables, command.cluster)? else {
        return Err(missing("cluster-missing", format!("cluster {}", command.cluster)));
    };
    if command.member != 0 && !record::exists::<Member>(context.tables, &command.member.to_be_bytes())? {
        return Err(missing("member-missing", format!("member {}", command.member)));
    }
    set_pin(context, &previous, command.member);
    Ok(Done { object: command.cluster.bytes().to_vec(), revision: context.index, ..Done::default() })
}

fn set_pin(context: &mut Context<'_>, previous: &Ownership, member: u64) {
    if previous.pin == member {
        return;
    }
    let ownership = Ownership { pin: member, ..previous.clone() };
    record::replace(context.tables, Some(previous), &ownership);
    let (action, named) = if member == 0 { ("unpinned", previous.pin) } else { ("pinned", member) };
    changed(context, &ownership, action, format!("member {named}"));
}

/// Keeps the wish for an even spread until whoever leads then finds nothing left to move.
pub(crate) fn balance(context: &mut Context<'_>, command: &Balance) -> Answer {
    let present = context.meta.balance_wish;
    let (next, action) = if command.fulfilled == 0 { (context.index, "wished") } else { (0, "fulfilled") };
    if next != 0 || (present != 0 && present == command.fulfilled) {
        context.meta.balance_wish = next;
        context.changes.push(Change::Balance);
        context.event(Note::operators("balance", present.max(next).to_string(), action));
    }
    Ok(Done { number: next, revision: context.index, ..Done::default() })
}

/// Takes all clusters of a member that is gone from it; nothing stays bound to it.
pub(crate) fn orphan(context: &mut Context<'_>, member: u64) -> Result<(), Fault> {
    for ownership in query::by_member(context.tables, MemberId(member), usize::MAX)? {
        vacate(context, ownership.cluster, Reason::Removed)?;
    }
    for ownership in query::all(context.tables)?.iter().filter(|ownership| ownership.pin == member) {
        set_pin(context, ownership, 0);
    }
    Ok(())
}
