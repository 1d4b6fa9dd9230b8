//! Members come, start, drain and go.

use crate::{
    Change,
    command::{MemberDrain, MemberJoin, MemberRemove, MemberStarted},
    context::{Answer, Context, Stop, done, refuse},
    event::Note,
    member::Member,
    outcome::{Class, Done, Refusal},
    ownership, record,
    remember::origin,
    version,
};

fn find(context: &Context<'_>, number: u64) -> Result<Member, Stop> {
    let member = record::get(context.tables, &number.to_be_bytes())?;
    member.ok_or_else(|| Stop::Refused(Refusal::new(Class::Missing, "member-missing", format!("there is no member {number}"))))
}

/// A member that cannot follow the present cluster version would stop at the next entry; it is told so before.
fn new_enough(context: &Context<'_>, member: &Member) -> Result<(), Refusal> {
    let present = version::of(&context.meta);
    if member.version_max.max(version::FIRST) >= present {
        return Ok(());
    }
    let message = format!("the cluster version is {present}, this member's program supports {} only; upgrade it", member.version_max);
    Err(Refusal::new(Class::Conflict, "member-too-old", message))
}

fn note(member: &Member, action: &'static str) -> Note {
    Note::operators("member", member.number.to_string(), action)
}

/// A member joins and gets the next number.
pub(crate) fn join(context: &mut Context<'_>, command: &MemberJoin) -> Answer {
    new_enough(context, &command.member)?;
    let number = context.serial(|meta| &mut meta.members);
    let member = Member { number, joined_ms: context.wall_ms, draining: false, ..command.member.clone() };
    record::replace(context.tables, None, &member);
    context.changes.push(Change::Member(number));
    context.event(note(&member, "joined").detail(member.name.clone()));
    Ok(Done { number, revision: context.index, ..Done::default() })
}

/// A member has started; its clusters keep naming the old incarnation until the leader assigns them again.
pub(crate) fn started(context: &mut Context<'_>, command: &MemberStarted) -> Answer {
    let previous = find(context, command.member.number)?;
    if command.member.incarnation < previous.incarnation {
        let message = format!("member {} has started again since: incarnation {}", previous.number, previous.incarnation);
        return refuse(Class::Conflict, "older-incarnation", message);
    }
    new_enough(context, &command.member)?;
    let member = Member { joined_ms: previous.joined_ms, draining: previous.draining, ..command.member.clone() };
    if member != previous {
        record::replace(context.tables, Some(&previous), &member);
        context.changes.push(Change::Member(member.number));
        context.event(note(&member, "started").detail(format!("incarnation {}", member.incarnation)));
    }
    Ok(Done { number: member.number, revision: context.index, ..Done::default() })
}

/// Draining begins or ends; moving the clusters is the planner's work.
pub(crate) fn drain(context: &mut Context<'_>, command: &MemberDrain) -> Answer {
    let previous = find(context, command.member)?;
    if previous.draining != command.draining {
        let member = Member { draining: command.draining, ..previous.clone() };
        record::replace(context.tables, Some(&previous), &member);
        context.changes.push(Change::Member(member.number));
        context.event(note(&member, if member.draining { "draining" } else { "draining.ended" }));
    }
    done(context.index)
}

/// A member is gone: its clusters lose their owner, what it proposed is forgotten, its number is never given again.
pub(crate) fn remove(context: &mut Context<'_>, command: &MemberRemove) -> Answer {
    let member = find(context, command.member)?;
    ownership::apply::orphan(context, member.number)?;
    origin::forget(context.tables, member.number)?;
    record::delete(context.tables, &member);
    context.changes.push(Change::Member(member.number));
    context.event(note(&member, "removed").detail(member.name.clone()));
    done(context.index)
}
