//! Reads, writes and conditional updates of registers.
//!
//! Closed loop: each client waits for its answer. Clients come in groups that share a few registers, so that no
//! register has more operations in flight than the search checker can take. Every value is written once. A register
//! is retired after some thousand operations and a new one takes its place: creation is its first write.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::sleep;

use super::load::{Load, Stop};
use crate::{
    Chance,
    history::{Draft, Kind, Process, Recorder, Value, Verb},
    rest::{Answer, Hopper, Reply, Roster, baymodel},
};

/// Clients that share registers: more than 5, less than the 12 that can be searched.
const GROUP: usize = 8;
/// Registers of a group.
const SHARED: usize = 2;
/// Operations on one register before it is retired.
const LIFE: u64 = 4000;

/// The shape of the workload.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Clients in all, in groups of eight.
    pub clients: usize,
    /// Operations in all; the workload ends by itself when they are done.
    pub operations: u64,
    /// The longest pause between two operations of a client.
    pub pause: Duration,
}

/// The clients and what they share.
#[derive(Clone, Debug)]
pub struct Registers {
    hopper: Hopper,
    recorder: Arc<Recorder>,
    shape: Shape,
    begun: Arc<AtomicU64>,
    values: Arc<AtomicU64>,
    keys: Arc<AtomicU64>,
    all: Arc<Mutex<Vec<Register>>>,
}

#[derive(Clone, Debug)]
struct Register {
    key: Arc<str>,
    uuid: Arc<str>,
    used: Arc<AtomicU64>,
}

/// The registers of a group; an empty place is filled by the next client that comes along.
type Shelf = Arc<[Mutex<Option<Register>>; SHARED]>;

/// One client: its process number, and per register what it last saw.
struct Client {
    process: Process,
    chance: Chance,
    hopper: Hopper,
    seen: HashMap<Arc<str>, (u64, u64)>,
}

impl Registers {
    /// Nothing runs yet.
    #[must_use]
    pub fn new(hopper: Hopper, recorder: Arc<Recorder>, shape: Shape) -> Self {
        Self { hopper, recorder, shape, begun: Arc::default(), values: Arc::default(), keys: Arc::default(), all: Arc::default() }
    }

    /// Operations begun so far.
    #[must_use]
    pub fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed).min(self.shape.operations)
    }

    /// Adds the clients to a load.
    pub fn run(&self, load: &mut Load, chance: &Chance) {
        let mut shelf = Shelf::default();
        for number in 0..self.shape.clients {
            if number.is_multiple_of(GROUP) {
                shelf = Shelf::default();
            }
            // Half of the clients have less patience with a member than an election takes.
            let hasty = number.is_multiple_of(2);
            let client = Client {
                process: self.recorder.process(),
                chance: chance.fork(&format!("client {number}")),
                hopper: if hasty { self.hopper.with_attempt(self.hopper.attempt / 8) } else { self.hopper.clone() },
                seen: HashMap::new(),
            };
            load.add(self.clone().live(client, Arc::clone(&shelf), load.stop_signal()));
        }
    }

    async fn live(self, mut client: Client, shelf: Shelf, stop: Stop) {
        while !stop.is_told() && self.begun.fetch_add(1, Ordering::Relaxed) < self.shape.operations {
            let place = usize::try_from(client.chance.between(0, SHARED as u64)).unwrap_or(0);
            if let Some(register) = self.take(&mut client, &shelf, place).await {
                self.operate(&mut client, &register).await;
            }
            let longest = u64::try_from(self.shape.pause.as_micros()).unwrap_or(0);
            if longest > 0 {
                sleep(Duration::from_micros(client.chance.between(0, longest))).await;
            }
        }
    }

    /// The register at a place of the shelf, a new one when it is worn out.
    async fn take(&self, client: &mut Client, shelf: &Shelf, place: usize) -> Option<Register> {
        let lock = |place: usize| shelf.get(place).map(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner));
        let held = lock(place)?.clone();
        if let Some(register) = held
            && register.used.fetch_add(1, Ordering::Relaxed) < LIFE
        {
            return Some(register);
        }
        // Several clients may come here at once; the last one's register stays, each of them is a valid history.
        let register = self.create(client).await?;
        *lock(place)? = Some(register.clone());
        Some(register)
    }

    async fn create(&self, client: &mut Client) -> Option<Register> {
        let key: Arc<str> = format!("k{}", self.keys.fetch_add(1, Ordering::Relaxed)).into();
        let begin = Draft::new(Kind::Invoke, client.process, Verb::Write, Value::Number(0)).on(&key);
        let request = baymodel::create(&baymodel::register_name(0), 0, client.chance.key());
        self.recorder.record(begin.clone());
        let answer = client.hopper.send(&request).await;
        let uuid = match &answer {
            Answer::Done(reply) => baymodel::uuid(reply).map(Arc::from),
            _ => None,
        };
        self.complete(client, begin, answer);
        let register = Register { key, uuid: uuid?, used: Arc::default() };
        self.all.lock().unwrap_or_else(PoisonError::into_inner).push(register.clone());
        Some(register)
    }

    /// Reads every register once more, from each member: what was acknowledged must still be there. Returns how many
    /// reads were answered.
    pub async fn read_all(&self, chance: &Chance) -> u64 {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut answered = 0;
        for member in self.hopper.roster().all() {
            let roster = Roster::default();
            roster.set(vec![member.clone()]);
            let mut client = Client {
                process: self.recorder.process(),
                chance: chance.fork(&member.name),
                hopper: Hopper::new(roster, self.hopper.attempt, self.hopper.patience),
                seen: HashMap::new(),
            };
            for register in &all {
                let request = baymodel::read(&register.uuid);
                let begin = Draft::new(Kind::Invoke, client.process, Verb::Read, Value::Nil).on(&register.key);
                self.recorder.record(begin.clone());
                let answer = client.hopper.send(&request).await;
                answered += u64::from(matches!(answer, Answer::Done(_)));
                self.complete(&mut client, begin, answer);
            }
        }
        answered
    }

    /// Registers made so far.
    #[must_use]
    pub fn made(&self) -> u64 {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).len() as u64
    }

    async fn operate(&self, client: &mut Client, register: &Register) {
        let seen = client.seen.get(&register.key).copied();
        let (verb, input, expect) = match (client.chance.between(0, 10), seen) {
            (0..5, _) | (8.., None) => (Verb::Read, Value::Nil, None),
            (5..8, _) => (Verb::Write, Value::Number(self.value()), None),
            (_, Some((revision, old))) => (Verb::Cas, Value::Swap(old, self.value()), Some(revision)),
        };
        let request = match &input {
            Value::Number(new) | Value::Swap(_, new) => baymodel::write(&register.uuid, *new, expect, client.chance.key()),
            Value::Nil | Value::Text(_) => baymodel::read(&register.uuid),
        };
        let begin = Draft::new(Kind::Invoke, client.process, verb, input).on(&register.key).expecting(expect);
        self.recorder.record(begin.clone());
        let answer = client.hopper.send(&request).await;
        self.complete(client, begin, answer);
    }

    fn value(&self) -> u64 {
        self.values.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn complete(&self, client: &mut Client, begin: Draft, answer: Answer) {
        let line = match answer {
            Answer::Done(reply) => done(begin, reply),
            Answer::Refused(reply) => refused(begin, reply),
            Answer::Unknown(why) => Draft { kind: Kind::Info, error: Some(why.into()), ..begin },
        };
        if line.kind == Kind::Info {
            client.process = self.recorder.process();
        }
        if let (Kind::Ok, Some(key), Some(revision)) = (line.kind, &line.key, line.revision) {
            match line.value {
                Value::Number(value) if line.f == Verb::Read || line.f == Verb::Write => {
                    client.seen.insert(Arc::clone(key), (revision, value));
                }
                Value::Swap(_, value) if line.f == Verb::Cas => {
                    client.seen.insert(Arc::clone(key), (revision, value));
                }
                _ => {}
            }
        }
        self.recorder.record(line);
    }
}

/// The line of a success. A read that shows half of a patch becomes a swap, which the index witness reports.
fn done(begin: Draft, reply: Reply) -> Draft {
    let shown = baymodel::values(&reply);
    let (value, error) = match (begin.f, shown) {
        (Verb::Read, Some((name, label))) if name == label => (Value::Number(name), None),
        (Verb::Read, Some((name, label))) => (Value::Swap(name, label), None),
        (Verb::Read, None) => (Value::Nil, Some(reply.body.to_string().into())),
        _ => (begin.value.clone(), None),
    };
    // A replay shows the object as it is now, which may be a later write's doing: its revision says nothing about this one.
    let revision = reply.revision.filter(|_| begin.f == Verb::Read || !reply.replayed);
    Draft { kind: Kind::Ok, value, error, member: Some(reply.member), revision, served: reply.index, ..begin }
}

/// The line of a refusal. Only `If-Match` may refuse; anything else keeps its words, and the witness reports it.
fn refused(begin: Draft, reply: Reply) -> Draft {
    let expected = begin.f == Verb::Cas && reply.status == 412;
    Draft {
        kind: Kind::Fail,
        error: (!expected).then(|| format!("{} {}", reply.status, reply.body).into()),
        member: Some(reply.member),
        served: reply.index,
        ..begin
    }
}
