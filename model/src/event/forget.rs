//! Retention: the oldest events go when there are too many, in apply, so that every member forgets the same ones.
//!
//! Two numbers bound the log. `keep` events are kept for whoever reads later. While a [`crate::sink`] has not been given its events, `backlog`
//! more are kept for it; beyond that they go all the same, and the sink's row counts what it lost: a receiver that never comes back must not fill
//! the members' disks.
//!
//! Events go in portions, because finding the oldest costs a scan; the scan begins at the floor, so that it does not walk over what a
//! store remembers of rows removed long ago. One entry removes a few portions at the most. The events of one entry go together.

use crate::{
    command::EventsKeep,
    context::{Answer, Context, done, refuse},
    event::{Event, Note},
    meta::Meta,
    outcome::Class,
    record::{self, whole_key},
    sink,
    tables::{Fault, KeyRange, Visit, table},
};

/// Events that are kept when nothing was said; a portion more may stand there for a while.
pub const RETENTION: u64 = 200_000;

/// Events that are kept besides for sinks when nothing was said.
pub const BACKLOG: u64 = 800_000;

/// The least and the most of either that may be asked for.
pub const BOUNDS: (u64, u64) = (1_000, 50_000_000);

/// How many go at once.
pub(crate) const PORTION: u64 = 512;

/// Portions that one entry removes at the most, when a sink has caught up or less is kept than before.
const PORTIONS: u64 = 4;

/// How many events a state keeps: for readers, and besides for sinks.
pub fn bounds(meta: &Meta) -> (u64, u64) {
    let or = |number: u64, default| if number == 0 { default } else { number };
    (or(meta.event_keep, RETENTION), or(meta.event_backlog, BACKLOG))
}

/// Sets both numbers.
pub(crate) fn keep(context: &mut Context<'_>, command: &EventsKeep) -> Answer {
    let (least, most) = BOUNDS;
    if ![command.keep, command.backlog].iter().all(|number| (least..=most).contains(number)) {
        return refuse(Class::Invalid, "keep-invalid", format!("from {least} to {most} events can be kept"));
    }
    if bounds(&context.meta) != (command.keep, command.backlog) {
        context.meta.event_keep = command.keep;
        context.meta.event_backlog = command.backlog;
        context.event(
            Note::operators("event", "all".to_owned(), "kept").detail(format!("{} and {} for sinks", command.keep, command.backlog)),
        );
    }
    done(context.index)
}

/// Forgets some when there are too many.
pub(crate) fn forget(context: &mut Context<'_>) -> Result<(), Fault> {
    let events = context.meta.events;
    let (keep, backlog) = bounds(&context.meta);
    let most = keep.saturating_add(backlog);
    if events <= keep.saturating_add(PORTION) {
        return Ok(());
    }
    match context.meta.sinks_low {
        Some(_) if events > most.saturating_add(PORTION) => {
            let floor = remove(context, events.saturating_sub(most), u64::MAX)?;
            sink::apply::lost(context, floor)
        }
        Some(low) if low <= context.meta.event_floor => Ok(()),
        low => remove(context, events.saturating_sub(keep), low.unwrap_or(u64::MAX)).map(drop),
    }
}

/// Removes the oldest events up to the entry `until`, about `surplus` of them; the floor after that.
fn remove(context: &mut Context<'_>, surplus: u64, until: u64) -> Result<u64, Fault> {
    let surplus = surplus.min(PORTION * PORTIONS);
    let mut oldest: Vec<Event> = Vec::new();
    let mut fault = None;
    let mut range = KeyRange::prefix(&[table::EVENT]);
    range.start = whole_key(table::EVENT, &context.meta.event_floor.to_be_bytes());
    context.tables.scan(range, &mut |key, value| {
        let event = match record::decode::<Event>(key, value) {
            Ok(event) => event,
            Err(error) => {
                fault = Some(error);
                return Visit::Stop;
            }
        };
        let enough = u64::try_from(oldest.len()).is_ok_and(|count| count >= surplus);
        let torn = oldest.last().is_some_and(|last| last.index == event.index);
        if event.index > until || (enough && !torn) {
            return Visit::Stop;
        }
        oldest.push(event);
        Visit::Continue
    })?;
    if let Some(fault) = fault {
        return Err(fault);
    }
    for event in &oldest {
        record::delete(context.tables, event);
        context.meta.event_floor = context.meta.event_floor.max(event.index);
        context.meta.events = context.meta.events.saturating_sub(1);
    }
    Ok(context.meta.event_floor)
}
