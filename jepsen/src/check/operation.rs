//! Lines become operations.
//!
//! An operation whose completion is `info`, or missing because the harness ended, has an unknown outcome:
//! it may take effect at any time after its invocation, even after the end of the history.

use std::{collections::HashMap, sync::Arc};

use crate::history::{Event, Kind, Process, Value, Verb};

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It happened between `invoke` and `complete`.
    Ok,
    /// It certainly did not happen.
    Fail,
    /// It may have happened at any time after `invoke`.
    Unknown,
}

/// One operation of one client.
#[derive(Clone, Debug)]
pub struct Operation {
    /// What.
    pub f: Verb,
    /// On which object.
    pub key: Option<Arc<str>>,
    /// What was asked for.
    pub input: Value,
    /// What was answered.
    pub output: Value,
    /// How it ended.
    pub outcome: Outcome,
    /// Line of the invocation.
    pub invoke: u64,
    /// Line of the completion; `u64::MAX` when the outcome is unknown.
    pub complete: u64,
    /// Nanoseconds of the invocation.
    pub began: u64,
    /// Nanoseconds of the completion; `u64::MAX` when the outcome is unknown.
    pub ended: u64,
    /// The revision in the answer.
    pub revision: Option<u64>,
    /// The revision demanded.
    pub expect: Option<u64>,
    /// The log index of the answer.
    pub served: Option<u64>,
    /// The member of the last answer.
    pub member: Option<Arc<str>>,
    /// Why it failed, when that was not expected.
    pub error: Option<Arc<str>>,
}

impl Operation {
    fn begin(event: &Event) -> Self {
        let line = &event.line;
        Self {
            f: line.f,
            key: line.key.clone(),
            input: line.value.clone(),
            output: Value::Nil,
            outcome: Outcome::Unknown,
            invoke: event.index,
            complete: u64::MAX,
            began: event.time,
            ended: u64::MAX,
            revision: None,
            expect: line.expect,
            served: None,
            member: line.member.clone(),
            error: None,
        }
    }

    fn end(&mut self, event: &Event) {
        let line = &event.line;
        self.output = line.value.clone();
        self.revision = line.revision;
        self.served = line.served;
        self.member.clone_from(&line.member);
        self.error.clone_from(&line.error);
        self.outcome = match line.kind {
            Kind::Ok => Outcome::Ok,
            Kind::Fail => Outcome::Fail,
            Kind::Invoke | Kind::Info => return,
        };
        self.complete = event.index;
        self.ended = event.time;
    }

    /// Whether the operation was in flight at this time.
    #[must_use]
    pub fn in_flight(&self, time: u64) -> bool {
        self.began <= time && time < self.ended
    }
}

/// The operations of a history in the order of their invocations.
#[must_use]
pub fn pair(events: &[Event]) -> Vec<Operation> {
    let mut operations: Vec<Operation> = Vec::with_capacity(events.len() / 2);
    let mut open: HashMap<Process, usize> = HashMap::new();
    for event in events.iter().filter(|event| event.line.process != Process::Nemesis) {
        if event.line.kind == Kind::Invoke {
            open.insert(event.line.process, operations.len());
            operations.push(Operation::begin(event));
        } else if let Some(place) = open.remove(&event.line.process)
            && let Some(operation) = operations.get_mut(place)
        {
            operation.end(event);
        }
    }
    operations
}

/// The operations by object, in the order of the objects' first use; operations without one are left out.
#[must_use]
pub fn by_key(operations: Vec<Operation>) -> Vec<(Arc<str>, Vec<Operation>)> {
    let mut places: HashMap<Arc<str>, usize> = HashMap::new();
    let mut keys: Vec<(Arc<str>, Vec<Operation>)> = Vec::new();
    for operation in operations {
        let Some(key) = operation.key.clone() else { continue };
        let place = *places.entry(Arc::clone(&key)).or_insert_with(|| {
            keys.push((key, Vec::new()));
            keys.len() - 1
        });
        if let Some((_, list)) = keys.get_mut(place) {
            list.push(operation);
        }
    }
    keys
}
