//! What happened in a simulation: a history in the form that `jepsen`'s checkers read, and the running hash over everything that two
//! runs of one seed must have in common.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jepsen::history::{Draft, Event, Kind, Process, Value, Verb};

#[derive(Default)]
struct Pages {
    events: Vec<Event>,
    hash: DefaultHasher,
    processes: u64,
    complaints: Vec<String>,
}

/// A history and its hash; clones are the same.
#[derive(Clone, Default)]
pub struct Story {
    pages: Arc<Mutex<Pages>>,
}

/// What an answer said.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The value read, or the uuid made.
    pub value: Option<Value>,
    /// The object's revision.
    pub revision: Option<u64>,
    /// The log index.
    pub served: Option<u64>,
    /// Why it failed, if that was not expected.
    pub error: Option<String>,
}

impl Story {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number for a client; after an unknown outcome it takes another.
    pub fn process(&self) -> u64 {
        let mut pages = self.pages();
        pages.processes += 1;
        pages.processes
    }

    /// Something that two runs of the seed must share.
    pub fn note(&self, what: &str) {
        let mut pages = self.pages();
        let time = turmoil::sim_elapsed().unwrap_or_default();
        (time.as_nanos(), what).hash(&mut pages.hash);
    }

    /// An operation begins.
    pub fn invoke(&self, process: u64, f: Verb, key: &str, value: Value, expect: Option<u64>) {
        self.write(Kind::Invoke, process, f, key, Told { value: Some(value), ..Told::default() }, expect);
    }

    /// An operation ends.
    pub fn end(&self, kind: Kind, process: u64, f: Verb, key: &str, told: Told) {
        self.write(kind, process, f, key, told, None);
    }

    fn write(&self, kind: Kind, process: u64, f: Verb, key: &str, told: Told, expect: Option<u64>) {
        self.note(&format!("{kind:?} {process} {f:?} {key} {told:?} {expect:?}"));
        let line = Draft {
            kind,
            process: Process::Client(process),
            f,
            key: Some(Arc::from(key)),
            value: told.value.unwrap_or(Value::Nil),
            member: None,
            revision: told.revision,
            expect,
            served: told.served,
            error: told.error.map(Arc::from),
        };
        let mut pages = self.pages();
        let index = pages.events.len() as u64;
        let time = u64::try_from(turmoil::sim_elapsed().unwrap_or_default().as_nanos()).unwrap_or(u64::MAX);
        pages.events.push(Event { index, time, line });
    }

    /// Something that must not have happened.
    pub fn complain(&self, what: String) {
        self.pages().complaints.push(what);
    }

    /// What must not have happened.
    pub fn complaints(&self) -> Vec<String> {
        self.pages().complaints.clone()
    }

    /// All lines so far.
    pub fn events(&self) -> Vec<Event> {
        self.pages().events.clone()
    }

    /// The hash over all notes so far.
    pub fn hash(&self) -> u64 {
        self.pages().hash.finish()
    }
}
