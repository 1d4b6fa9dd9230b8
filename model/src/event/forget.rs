//! Retention: the oldest events go when there are too many, in apply, so that every member forgets the same ones.
//!
//! They go in portions, because finding the oldest costs a scan; and the scan begins at the floor, so that it does not walk over what
//! a store remembers of rows removed long ago.

use crate::{
    context::Context,
    event::Event,
    record::{self, whole_key},
    tables::{Fault, KeyRange, Visit, table},
};

/// Events that are kept; a portion more may stand there for a while.
pub(crate) const RETENTION: u64 = 200_000;

/// How many go at once.
pub(crate) const PORTION: u64 = 512;

/// Forgets a portion when there are too many.
pub(crate) fn forget(context: &mut Context<'_>) -> Result<(), Fault> {
    forget_beyond(context, RETENTION, PORTION)
}

pub(super) fn forget_beyond(context: &mut Context<'_>, retention: u64, portion: u64) -> Result<(), Fault> {
    if context.meta.events <= retention.saturating_add(portion) {
        return Ok(());
    }
    let mut oldest: Vec<Event> = Vec::new();
    let mut fault = None;
    let mut range = KeyRange::prefix(&[table::EVENT]);
    range.start = whole_key(table::EVENT, &context.meta.event_floor.to_be_bytes());
    let surplus = context.meta.events.saturating_sub(retention);
    context.tables.scan(range, &mut |key, value| {
        match record::decode(key, value) {
            Ok(event) => oldest.push(event),
            Err(error) => fault = Some(error),
        }
        if fault.is_some() || u64::try_from(oldest.len()).is_ok_and(|count| count >= surplus) { Visit::Stop } else { Visit::Continue }
    })?;
    if let Some(fault) = fault {
        return Err(fault);
    }
    for event in &oldest {
        record::delete(context.tables, event);
        context.meta.event_floor = context.meta.event_floor.max(event.index);
        context.meta.events = context.meta.events.saturating_sub(1);
    }
    Ok(())
}
