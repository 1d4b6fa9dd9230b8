//! Lives of containers: created, started, perhaps stopped, perhaps deleted.
//!
//! Each client leads one container after the other through its life, waits for each answer, and remembers what the last
//! acknowledged action means for the end of the run. The key of the history is the container's name, the value its uuid.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::load::{Load, Stop};
use crate::{
    Chance,
    check::Finding,
    history::{Draft, Kind, Process, Recorder, Value, Verb},
    rest::{Answer, Hopper, Request, baymodel, container},
};

/// What must be true of a container at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was made and not started.
    Made,
    /// It runs.
    Runs,
    /// It was stopped.
    Stopped,
    /// It is gone.
    Gone,
    /// The last action has an unknown outcome: anything consistent.
    Open,
}

impl Fate {
    /// Whether the API's final word on the container (`None`: it is not listed) is allowed.
    #[must_use]
    pub fn allows(self, status: Option<&str>) -> bool {
        match self {
            Self::Made | Self::Stopped => status == Some("Stopped"),
            Self::Runs => status == Some("Running"),
            Self::Gone => status.is_none(),
            Self::Open => true,
        }
    }
}

/// The clients.
#[derive(Clone, Debug)]
pub struct Containers {
    hopper: Hopper,
    recorder: Arc<Recorder>,
    bay: Arc<str>,
    image: Arc<str>,
    fates: Arc<Mutex<BTreeMap<String, Fate>>>,
    refusals: Arc<Mutex<Vec<Finding>>>,
    done: Arc<AtomicU64>,
}

struct Client {
    process: Process,
    chance: Chance,
    name: Arc<str>,
}

impl Containers {
    /// Nothing runs yet.
    #[must_use]
    pub fn new(hopper: Hopper, recorder: Arc<Recorder>, bay: &str, image: &str) -> Self {
        Self {
            hopper,
            recorder,
            bay: bay.into(),
            image: image.into(),
            fates: Arc::default(),
            refusals: Arc::default(),
            done: Arc::default(),
        }
    }

    /// What must be true of each acknowledged container, by uuid.
    #[must_use]
    pub fn fates(&self) -> BTreeMap<String, Fate> {
        self.fates.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Actions acknowledged so far.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Actions that were refused although nothing was wrong with them.
    #[must_use]
    pub fn refusals(&self) -> Vec<Finding> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds clients to a load.
    pub fn run(&self, load: &mut Load, clients: usize, chance: &Chance) {
        for number in 0..clients {
            let chance = chance.fork(&format!("client {number}"));
            load.add(self.clone().live(number, chance, load.stop_signal()));
        }
    }

    async fn live(self, number: usize, chance: Chance, stop: Stop) {
        let mut client = Client { process: self.recorder.process(), chance, name: "".into() };
        let mut life = 0_u64;
        while !stop.is_told() {
            life += 1;
            client.name = format!("c{number}-{life}").into();
            self.one_life(&mut client).await;
        }
    }

    async fn one_life(&self, client: &mut Client) {
        let request = container::create(&client.name, &self.bay, &self.image, client.chance.key());
        let Some(uuid) = self.act(client, Verb::Create, None, request).await else { return };
        self.fate(&uuid, Fate::Made);
        let plan = [(Verb::Start, "start", Fate::Runs, 90), (Verb::Stop, "stop", Fate::Stopped, 50)];
        for (verb, action, fate, likely) in plan {
            if !client.chance.percent(likely) {
                continue;
            }
            self.fate(&uuid, Fate::Open);
            let request = container::act(&uuid, action, client.chance.key());
            if self.act(client, verb, Some(&uuid), request).await.is_none() {
                return;
            }
            self.fate(&uuid, fate);
        }
        // Some stay: the end of the run must find them too.
        if client.chance.percent(85) {
            self.fate(&uuid, Fate::Open);
            let request = container::delete(&uuid, client.chance.key());
            if self.act(client, Verb::Delete, Some(&uuid), request).await.is_some() {
                self.fate(&uuid, Fate::Gone);
            }
        }
    }

    fn fate(&self, uuid: &str, fate: Fate) {
        self.fates.lock().unwrap_or_else(PoisonError::into_inner).insert(uuid.to_owned(), fate);
    }

    /// One action; the uuid when it was acknowledged.
    async fn act(&self, client: &mut Client, verb: Verb, uuid: Option<&str>, request: Request) -> Option<String> {
        let input = uuid.map_or(Value::Nil, |uuid| Value::Text(uuid.into()));
        let begin = Draft::new(Kind::Invoke, client.process, verb, input).on(&client.name);
        self.recorder.record(begin.clone());
        let (line, uuid) = match self.hopper.send(&request).await {
            Answer::Done(reply) => {
                self.done.fetch_add(1, Ordering::Relaxed);
                let uuid = uuid.or(baymodel::uuid(&reply)).unwrap_or_default().to_owned();
                let value = Value::Text(uuid.as_str().into());
                let line = Draft { kind: Kind::Ok, value, member: Some(reply.member), served: reply.index, ..begin };
                (line, Some(uuid))
            }
            Answer::Refused(reply) => {
                let error: Arc<str> = format!("{} {}", reply.status, reply.body).into();
                (Draft { kind: Kind::Fail, error: Some(error), member: Some(reply.member), ..begin }, None)
            }
            Answer::Unknown(why) => (Draft { kind: Kind::Info, error: Some(why.into()), ..begin }, None),
        };
        let (kind, error) = (line.kind, line.error.clone());
        let (at, _) = self.recorder.record(line);
        match (kind, error) {
            (Kind::Info, _) => client.process = self.recorder.process(),
            (Kind::Fail, Some(error)) => {
                let words = format!("{verb:?} was refused: {error}");
                let key = Some(Arc::clone(&client.name));
                let finding = Finding { invariant: "a sound request is served", words, key, at: Some(at) };
                self.refusals.lock().unwrap_or_else(PoisonError::into_inner).push(finding);
            }
            _ => {}
        }
        uuid
    }
}
