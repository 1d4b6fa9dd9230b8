//! Sinks come, are given events, and go.

use crate::{
    command::{SinkAdvance, SinkClose, SinkOpen},
    context::{Answer, Context, Stop, done, refuse},
    event::{self, Event, Note},
    outcome::{Class, Refusal},
    record,
    sink::{NAME_MAX, SINKS, Sink, query},
    tables::Fault,
};

fn find(context: &Context<'_>, name: &str) -> Result<Sink, Stop> {
    let sink = query::by_name(context.tables, name)?;
    sink.ok_or_else(|| Stop::Refused(Refusal::new(Class::Missing, "sink-missing", format!("there is no sink {name}"))))
}

/// The lowest cursor is what retention looks at in every entry: kept at hand.
fn note_lowest(context: &mut Context<'_>) -> Result<(), Fault> {
    context.meta.sinks_low = query::all(context.tables)?.iter().map(|sink| sink.cursor).min();
    Ok(())
}

/// A sink that is new gets everything that is still there.
pub(crate) fn open(context: &mut Context<'_>, command: &SinkOpen) -> Answer {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if command.name.is_empty() || command.name.len() > NAME_MAX || !command.name.bytes().all(sound) {
        return refuse(Class::Invalid, "sink-name", format!("a sink's name is 1 to {NAME_MAX} letters, digits, '-', '_' and '.'"));
    }
    if query::by_name(context.tables, &command.name)?.is_some() {
        return done(context.index);
    }
    if query::all(context.tables)?.len() >= SINKS {
        return refuse(
            Class::OverQuota,
            "too-many-sinks",
            format!("there are {SINKS} sinks already; remove one that is not used any more"),
        );
    }
    let kept = event::query::next(context.tables, context.meta.event_floor)?;
    let before = kept.map_or(context.meta.event_serial, |event| event.serial.saturating_sub(1));
    let sink = Sink {
        name: command.name.clone(),
        cursor: context.meta.event_floor,
        serial: before,
        opened_ms: context.wall_ms,
        ..Sink::default()
    };
    record::replace(context.tables, None, &sink);
    note_lowest(context)?;
    context.event(Note::operators("sink", sink.name, "opened"));
    done(context.index)
}

/// Everything up to an entry has been taken.
pub(crate) fn advance(context: &mut Context<'_>, command: &SinkAdvance) -> Answer {
    let previous = find(context, &command.name)?;
    if command.term != 0 && command.term != context.term {
        return refuse(Class::Conflict, "sink-overtaken", "another leader delivers by now");
    }
    if command.from != previous.cursor {
        return refuse(Class::Conflict, "sink-moved", format!("the cursor of {} is {} by now", previous.name, previous.cursor));
    }
    if command.to <= command.from || command.to >= context.index {
        return refuse(Class::Invalid, "sink-cursor", "a cursor moves forward, and not beyond the log");
    }
    let last: Option<Event> = event::query::last(context.tables, command.to)?;
    let sink = Sink {
        cursor: command.to,
        serial: last.map_or(0, |event| event.serial).max(previous.serial),
        records: previous.records.saturating_add(command.records),
        ..previous.clone()
    };
    record::replace(context.tables, Some(&previous), &sink);
    note_lowest(context)?;
    done(context.index)
}

/// A sink goes; what is kept for it only may go with the next entries.
pub(crate) fn close(context: &mut Context<'_>, command: &SinkClose) -> Answer {
    let sink = find(context, &command.name)?;
    record::delete(context.tables, &sink);
    note_lowest(context)?;
    let undelivered = query::lag(&context.meta, &sink);
    context.event(Note::operators("sink", sink.name, "closed").detail(format!("{undelivered} events were not given to it")));
    done(context.index)
}

/// Events up to the entry `floor` were forgotten for want of room: sinks that had not been given them will never be.
pub(crate) fn lost(context: &mut Context<'_>, floor: u64) -> Result<(), Fault> {
    let kept = event::query::next(context.tables, floor)?;
    let before = kept.map_or(context.meta.event_serial, |event| event.serial.saturating_sub(1));
    for previous in query::all(context.tables)? {
        if previous.cursor < floor {
            let lost = previous.lost.saturating_add(before.saturating_sub(previous.serial));
            let sink = Sink { cursor: floor, serial: before.max(previous.serial), lost, ..previous.clone() };
            record::replace(context.tables, Some(&previous), &sink);
        }
    }
    note_lowest(context)
}
