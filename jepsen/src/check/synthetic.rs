//! Histories made up for the tests of the checkers: valid ones of any length, and ones with a planted bug.
//!
//! A small simulation: every client is idle, has invoked, or has taken effect and waits to complete; at each
//! step one of them moves on by chance. Effects happen at one instant, so the history is linearizable by
//! construction unless a bug is planted. Bugs begin at 90 % of the history.

use std::sync::Arc;

use crate::{
    Chance,
    history::{Draft, Event, Kind, Process, Value, Verb},
};

/// Something a broken product might do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bug {
    /// One read shows an old value with its old revision.
    StaleRead,
    /// Some writes are acknowledged and forgotten.
    LostWrite,
    /// Some writes are applied a second time, later.
    WrittenTwice,
    /// Conditional updates succeed whatever the revision is.
    SkippedCas,
    /// Conditional updates are refused although the revision matches.
    RefusedWithoutReason,
}

/// The recipe of a history of one register.
#[derive(Debug)]
pub(super) struct Register {
    pub(super) clients: usize,
    /// Percent of operations whose answer is lost; half as many writes are lost on their way.
    pub(super) unknown: u64,
    pub(super) bug: Option<Bug>,
    /// The line at which the planted stale read completes.
    pub(super) planted_at: Option<u64>,
}

impl Default for Register {
    fn default() -> Self {
        Self { clients: 8, unknown: 0, bug: None, planted_at: None }
    }
}

#[derive(Clone, Debug)]
enum State {
    Idle,
    Invoked(Draft),
    Done(Draft, bool),
}

struct Client {
    process: u64,
    state: State,
    /// Revision and value of the last read.
    read: Option<(u64, u64)>,
}

struct World {
    chance: Chance,
    key: Arc<str>,
    events: Vec<Event>,
    log: u64,
    /// All states ever: revision and value.
    past: Vec<(u64, u64)>,
    next_value: u64,
    next_process: u64,
    broken: bool,
    planted_at: Option<u64>,
}

impl Register {
    /// A history of this many operations (the creation is one of them).
    pub(super) fn generate(&mut self, operations: usize) -> Vec<Event> {
        let mut world = World::new();
        world.create();
        let mut clients: Vec<Client> =
            (0..self.clients).map(|_| Client { process: world.take_process(), state: State::Idle, read: None }).collect();
        let mut begun = 1;
        while begun < operations || clients.iter().any(|one| !matches!(one.state, State::Idle)) {
            let place = usize::try_from(world.chance.between(0, self.clients as u64)).unwrap_or(0);
            let Some(client) = clients.get_mut(place) else { continue };
            world.broken = begun * 10 >= operations * 9;
            client.state = match std::mem::replace(&mut client.state, State::Idle) {
                State::Idle if begun < operations => {
                    begun += 1;
                    State::Invoked(world.invoke(client))
                }
                State::Idle => State::Idle,
                State::Invoked(draft) => self.effect(&mut world, draft),
                State::Done(draft, planted) => {
                    self.complete(&mut world, client, draft, planted);
                    State::Idle
                }
            };
        }
        self.planted_at = world.planted_at;
        world.events
    }

    fn effect(&self, world: &mut World, mut draft: Draft) -> State {
        let bug = self.bug.filter(|_| world.broken);
        let mut planted = false;
        if draft.f != Verb::Read && world.chance.percent(self.unknown / 2) {
            // The request was lost on its way: it never happens, and nobody knows.
            draft.kind = Kind::Info;
            return State::Done(draft, false);
        }
        draft.kind = Kind::Ok;
        match draft.value.clone() {
            Value::Nil => planted = world.read(&mut draft, bug == Some(Bug::StaleRead)),
            Value::Number(value) => {
                let lost = bug == Some(Bug::LostWrite) && world.chance.percent(20);
                draft.revision = Some(world.write(value, lost));
            }
            Value::Swap(_, value) => {
                let matches = world.now().0 == draft.expect.unwrap_or(0);
                let done = match bug {
                    Some(Bug::SkippedCas) => true,
                    Some(Bug::RefusedWithoutReason) => false,
                    _ => matches,
                };
                if done {
                    draft.revision = Some(world.write(value, false));
                } else {
                    draft.kind = Kind::Fail;
                }
            }
            Value::Text(_) => {}
        }
        if bug == Some(Bug::WrittenTwice) && world.chance.percent(5) {
            world.write_again();
        }
        draft.served = Some(world.log);
        State::Done(draft, planted)
    }

    fn complete(&self, world: &mut World, client: &mut Client, mut draft: Draft, planted: bool) {
        if draft.kind == Kind::Info || world.chance.percent(self.unknown) {
            draft = Draft { revision: None, served: None, kind: Kind::Info, ..draft };
            client.process = world.take_process();
        }
        if draft.f != Verb::Read && draft.kind == Kind::Ok && world.chance.percent(self.unknown) {
            // A replayed answer: acknowledged, but its own revision is not told.
            draft.revision = None;
        }
        if let (Verb::Read, Kind::Ok, Some(revision), Value::Number(value)) = (draft.f, draft.kind, draft.revision, &draft.value) {
            client.read = Some((revision, *value));
        }
        let line = world.push(draft);
        if planted {
            world.planted_at = Some(line);
        }
    }
}

impl World {
    fn new() -> Self {
        Self {
            chance: Chance::seeded(7),
            key: "k".into(),
            events: Vec::new(),
            log: 10,
            past: Vec::new(),
            next_value: 1,
            next_process: 0,
            broken: false,
            planted_at: None,
        }
    }

    fn create(&mut self) {
        let process = Process::Client(self.take_process());
        let key = Arc::clone(&self.key);
        let draft = Draft::new(Kind::Invoke, process, Verb::Write, Value::Number(0)).on(&key);
        self.push(draft.clone());
        let revision = Some(self.write(0, false));
        self.push(Draft { kind: Kind::Ok, revision, served: revision, ..draft });
    }

    fn take_process(&mut self) -> u64 {
        self.next_process += 1;
        self.next_process
    }

    fn take_value(&mut self) -> u64 {
        self.next_value += 1;
        self.next_value
    }

    fn now(&self) -> (u64, u64) {
        self.past.last().copied().unwrap_or((0, 0))
    }

    fn push(&mut self, line: Draft) -> u64 {
        let index = self.events.len() as u64;
        self.events.push(Event { index, time: index * 1000, line });
        index
    }

    fn invoke(&mut self, client: &Client) -> Draft {
        let (verb, value, expect) = match (self.chance.between(0, 10), client.read) {
            (0..5, _) | (8.., None) => (Verb::Read, Value::Nil, None),
            (5..8, _) => (Verb::Write, Value::Number(self.take_value()), None),
            (_, Some((revision, old))) => (Verb::Cas, Value::Swap(old, self.take_value()), Some(revision)),
        };
        let draft = Draft::new(Kind::Invoke, Process::Client(client.process), verb, value).on(&self.key).expecting(expect);
        self.push(draft.clone());
        draft
    }

    fn read(&mut self, draft: &mut Draft, stale: bool) -> bool {
        let planted = stale && self.planted_at.is_none() && self.past.len() > 200;
        let (revision, value) = if planted {
            self.planted_at = Some(0);
            self.past.get(self.past.len() - 200).copied().unwrap_or_default()
        } else {
            self.now()
        };
        draft.value = Value::Number(value);
        draft.revision = Some(revision);
        planted
    }

    fn write(&mut self, value: u64, lost: bool) -> u64 {
        self.log += 1 + self.chance.between(0, 3);
        if !lost {
            self.past.push((self.log, value));
        }
        self.log
    }

    fn write_again(&mut self) {
        let old = self.past.len().checked_sub(20).and_then(|place| self.past.get(place).copied());
        if let Some((_, value)) = old {
            self.write(value, false);
        }
    }
}
