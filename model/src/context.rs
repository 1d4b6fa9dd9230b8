//! What a command's function works with: the tables, the entry's index and times, who asks, and where changes and events are gathered.
//!
//! A function checks first and writes afterwards: there is no undo, so after the first write it may fail only with a [`Fault`]. The
//! property tests hold every refusal to that.

use crate::{
    apply::Change,
    command::Actor,
    event::{Event, Note},
    id::ClusterId,
    meta::{self, Meta},
    outcome::{Class, Done, Refusal},
    ownership, record,
    scope::Scope,
    tables::{Fault, Tables},
};

/// What the application of one entry carries along.
pub(crate) struct Context<'a> {
    /// The state.
    pub(crate) tables: &'a mut dyn Tables,
    /// The entry's log index: revision of all it changes, epoch of all it assigns.
    pub(crate) index: u64,
    /// The term of the leader that put the entry into the log.
    pub(crate) term: u64,
    /// Log time, never going back, milliseconds.
    pub(crate) at_ms: u64,
    /// The proposer's wall clock, milliseconds, for people only.
    pub(crate) wall_ms: u64,
    /// Who asks.
    pub(crate) actor: Actor,
    /// The single values; written back at the end of the entry.
    pub(crate) meta: Meta,
    /// What changed so far.
    pub(crate) changes: Vec<Change>,
    /// Events written so far by this entry.
    pub(crate) events: u32,
    /// Operations accepted so far by this entry.
    pub(crate) operations: u32,
    /// What went wrong where there was no way to say so; ends the entry.
    pub(crate) fault: Option<Fault>,
}

/// Why a command's function ends early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The domain says no.
    Refused(Refusal),
    /// The member cannot go on.
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What a command's function gives.
pub(crate) type Answer = Result<Done, Stop>;

/// Done, with nothing to name.
pub(crate) fn done(revision: u64) -> Answer {
    Ok(Done { revision, ..Done::default() })
}

/// Done to an object.
pub(crate) fn done_to(object: &[u8; 16], revision: u64) -> Answer {
    Ok(Done { object: object.to_vec(), revision, ..Done::default() })
}

/// A refusal.
pub(crate) fn refuse<T>(class: Class, code: &str, message: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Refused(Refusal::new(class, code, message)))
}

impl<'a> Context<'a> {
    /// Which objects the asking one sees.
    pub(crate) fn scope(&self) -> Scope<'_> {
        Scope::of(&self.actor)
    }

    /// Writes an event.
    pub(crate) fn event(&mut self, note: Note) {
        let mut event = Event {
            index: self.index,
            part: self.events,
            object: note.object.to_owned(),
            id: note.id,
            action: note.action.to_owned(),
            cluster: note.cluster,
            project_id: note.project_id,
            user_id: self.actor.user_id.clone(),
            request_id: self.actor.request_id.clone(),
            detail: note.detail,
            at_ms: self.wall_ms,
            epoch: note.epoch,
            ..Event::default()
        };
        event.user_project_id.clone_from(&self.actor.project_id);
        event.member = self.reporter(event.cluster, event.epoch);
        self.meta.event_serial = self.meta.event_serial.saturating_add(1);
        event.serial = self.meta.event_serial;
        note.more.fill(&mut event);
        record::replace(self.tables, None, &event);
        self.events = self.events.saturating_add(1);
        self.meta.events = self.meta.events.saturating_add(1);
    }

    /// The member that holds a cluster under this epoch; 0: nobody reported.
    fn reporter(&mut self, cluster: Option<ClusterId>, epoch: u64) -> u64 {
        let Some(cluster) = cluster.filter(|_| epoch != 0) else { return 0 };
        match ownership::query::of(self.tables, cluster) {
            Ok(row) => row.filter(|row| row.epoch == epoch).map_or(0, |row| row.member),
            Err(fault) => {
                self.fault = Some(fault);
                0
            }
        }
    }

    /// The position of the next operation among those that this entry accepts.
    pub(crate) fn next_operation_part(&mut self) -> u32 {
        let part = self.operations;
        self.operations = part.saturating_add(1);
        part
    }

    /// The next serial of a counter of the single values.
    pub(crate) fn serial(&mut self, counter: fn(&mut Meta) -> &mut u64) -> u64 {
        meta::next(counter(&mut self.meta))
    }
}

/// Refuses an update that was not made from the present revision.
pub(crate) fn made_from(expected: u64, present: u64) -> Result<(), Refusal> {
    if expected == present {
        return Ok(());
    }
    Err(Refusal {
        revision: present,
        ..Refusal::new(
            Class::Precondition,
            "revision-changed",
            format!("it has changed: its revision is {present}, not {expected}; read it again"),
        )
    })
}

/// Refuses a change whose sender wanted another revision; 0 wants none in particular.
pub(crate) fn still_at(expected: u64, present: u64) -> Result<(), Refusal> {
    if expected == 0 { Ok(()) } else { made_from(expected, present) }
}
