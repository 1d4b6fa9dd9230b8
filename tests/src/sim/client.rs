//! Clients of a simulation: they know the members' names and the REST API, and retry like sensible clients do.
//!
//! A request is tried on one member after the other under one `Idempotency-Key` until an answer that is neither lost nor a 503 arrives,
//! or the client loses patience; then its outcome is unknown.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use jepsen::history::{Kind, Value, Verb};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value as Json, json};

use crate::sim::{
    http::{Answer, ask},
    story::{Story, Told},
};

/// The token of the one user of a simulation.
pub const TOKEN: &str = "simulated";

/// How long one attempt may take, and how long a client goes on.
const ATTEMPT: Duration = Duration::from_millis(1500);
const PATIENCE: Duration = Duration::from_secs(8);

/// What all clients share.
#[derive(Clone)]
pub struct Office {
    /// Names of the members' hosts.
    pub members: Arc<Vec<String>>,
    /// The history.
    pub story: Story,
    /// Set when clients shall come to an end.
    pub closing: Arc<AtomicBool>,
    /// Clients that have ended.
    pub ended: Arc<AtomicU64>,
    /// Makes values and keys unique.
    pub next: Arc<AtomicU64>,
}

/// One client.
pub struct Client {
    office: Office,
    chance: StdRng,
    process: u64,
}

impl Client {
    /// A client whose choices follow from the seed.
    pub fn new(office: Office, seed: u64) -> Self {
        let process = office.story.process();
        Self { office, chance: StdRng::seed_from_u64(seed), process }
    }

    fn unique(&self) -> u64 {
        self.office.next.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn closing(&self) -> bool {
        self.office.closing.load(Ordering::Relaxed)
    }

    async fn think(&mut self) {
        let wait = self.chance.random_range(5..120);
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }

    /// Tries until there is an answer. `Err`: nobody knows.
    async fn persist(&mut self, method: Method, path: &str, body: Option<&Json>, matching: Option<u64>) -> Option<Answer> {
        let key = self.unique();
        let end = tokio::time::Instant::now() + PATIENCE;
        let mut member = self.chance.random_range(0..self.office.members.len());
        while tokio::time::Instant::now() < end {
            let mut request = Request::builder()
                .method(method.clone())
                .uri(path)
                .header("host", "jeroboam")
                .header("x-auth-token", TOKEN)
                .header("accept", "application/json");
            if method != Method::GET {
                request = request.header("idempotency-key", format!("sim-{key}"));
            }
            if let Some(revision) = matching {
                request = request.header("if-match", format!("\"{revision}\""));
            }
            let bytes = match body {
                Some(body) => {
                    request = request.header("content-type", "application/json");
                    Bytes::from(body.to_string())
                }
                None => Bytes::new(),
            };
            let host = self.office.members.get(member).cloned()?;
            let answer = ask(&host, request.body(Full::new(bytes)).ok()?, ATTEMPT).await;
            match answer {
                Some(answer) if answer.status != StatusCode::SERVICE_UNAVAILABLE && answer.status != StatusCode::GATEWAY_TIMEOUT => {
                    return Some(answer);
                }
                _ => {}
            }
            member = (member + 1) % self.office.members.len();
            tokio::time::sleep(Duration::from_millis(self.chance.random_range(20..200))).await;
        }
        None
    }

    /// After an unknown outcome a client is another one: its last operation may still happen.
    fn end(&mut self, verb: Verb, key: &str, result: Option<(Kind, Told)>) {
        match result {
            Some((kind, told)) => self.office.story.end(kind, self.process, verb, key, told),
            None => {
                self.office.story.end(Kind::Info, self.process, verb, key, Told::default());
                self.process = self.office.story.process();
            }
        }
    }

    /// Reads, writes and conditional updates of registers, and creates, until the office closes. A register is a baymodel whose name
    /// is its value.
    pub async fn registers(mut self, registers: Vec<String>) {
        while !self.closing() {
            let register = registers.get(self.chance.random_range(0..registers.len())).cloned().unwrap_or_default();
            match self.chance.random_range(0..100) {
                0..35 => {
                    self.read(&register).await;
                }
                35..60 => self.write(&register).await,
                60..80 => {
                    if let Some((value, revision)) = self.read(&register).await {
                        self.swap(&register, value, revision).await;
                    }
                }
                _ => self.create().await,
            }
            self.think().await;
        }
        self.office.ended.fetch_add(1, Ordering::Relaxed);
    }

    /// Makes a register; it is written for the first time.
    pub async fn register(&mut self) -> Option<String> {
        let value = self.unique();
        let answer = self.persist(Method::POST, "/v1/baymodels", Some(&baymodel(&format!("v{value}"))), None).await?;
        let uuid = answer.json()["uuid"].as_str()?.to_owned();
        self.office.story.invoke(self.process, Verb::Write, &uuid, Value::Number(value), None);
        self.end(Verb::Write, &uuid, Some(answer.told(Some(Value::Number(value)))));
        Some(uuid)
    }

    async fn read(&mut self, register: &str) -> Option<(u64, u64)> {
        self.office.story.invoke(self.process, Verb::Read, register, Value::Nil, None);
        let answer = self.persist(Method::GET, &format!("/v1/baymodels/{register}"), None, None).await;
        let value = answer.as_ref().and_then(|answer| answer.json()["name"].as_str()?.strip_prefix('v')?.parse::<u64>().ok());
        let result = answer.map(|answer| answer.told(value.map(Value::Number)));
        let revision = result.as_ref().and_then(|(_, told)| told.revision);
        self.end(Verb::Read, register, result);
        Some((value?, revision?))
    }

    async fn write(&mut self, register: &str) {
        let value = self.unique();
        self.office.story.invoke(self.process, Verb::Write, register, Value::Number(value), None);
        let answer = self.persist(Method::PATCH, &format!("/v1/baymodels/{register}"), Some(&rename(value)), None).await;
        self.end(Verb::Write, register, answer.map(|answer| answer.told(Some(Value::Number(value)))));
    }

    async fn swap(&mut self, register: &str, old: u64, revision: u64) {
        let value = self.unique();
        self.office.story.invoke(self.process, Verb::Cas, register, Value::Swap(old, value), Some(revision));
        let answer = self.persist(Method::PATCH, &format!("/v1/baymodels/{register}"), Some(&rename(value)), Some(revision)).await;
        let refused = answer.as_ref().is_some_and(|answer| answer.status == StatusCode::PRECONDITION_FAILED);
        let result = answer.map(|answer| answer.told(Some(Value::Swap(old, value))));
        let result = result
            .map(|(kind, told)| if refused { (Kind::Fail, Told { error: None, value: Some(Value::Nil), ..told }) } else { (kind, told) });
        self.end(Verb::Cas, register, result);
    }

    async fn create(&mut self) {
        let name = format!("made-{}", self.unique());
        let text = Value::Text(Arc::from(name.as_str()));
        self.office.story.invoke(self.process, Verb::Create, &name, text, None);
        let answer = self.persist(Method::POST, "/v1/baymodels", Some(&baymodel(&name)), None).await;
        let uuid = answer.as_ref().and_then(|answer| answer.json()["uuid"].as_str().map(|uuid| Value::Text(Arc::from(uuid))));
        self.end(Verb::Create, &name, answer.map(|answer| answer.told(uuid)));
    }

    /// Makes bays with containers in them and takes them away again, until the office closes.
    pub async fn bays(mut self, baymodel: String) {
        while !self.closing() {
            self.bay(&baymodel).await;
            self.think().await;
        }
        self.office.ended.fetch_add(1, Ordering::Relaxed);
    }

    /// One bay's life. Answers are not judged here: what counts is where everything ends.
    async fn bay(&mut self, baymodel: &str) -> Option<()> {
        let name = format!("bay{}", self.unique());
        let wish = json!({"name": name, "baymodel_id": baymodel, "node_count": 1});
        let bay = self.made("/v1/bays", &wish).await?;
        for _ in 0..self.chance.random_range(1..4) {
            let container = json!({"name": format!("c{}", self.unique()), "image": "busybox", "command": "sleep 1000", "bay_uuid": bay});
            let Some(container) = self.made("/v1/containers", &container).await else { continue };
            let path = format!("/v1/containers/{container}");
            for action in ["start", "pause", "unpause", "stop"] {
                if self.chance.random_bool(0.6) {
                    self.noted(Method::PUT, &format!("{path}/{action}"), None).await;
                }
            }
            if self.chance.random_bool(0.7) {
                self.noted(Method::DELETE, &path, None).await;
            }
        }
        if self.chance.random_bool(0.4) {
            self.change_of_mind(&bay).await;
        }
        if self.chance.random_bool(0.5) {
            self.noted(Method::DELETE, &format!("/v1/bays/{bay}"), None).await;
        }
        Some(())
    }

    /// Resizes a bay, resizes it again before that is done, calls the last operation off, and asks for it again.
    async fn change_of_mind(&mut self, bay: &str) -> Option<()> {
        for _ in 0..self.chance.random_range(1..3) {
            let nodes = self.chance.random_range(1..5);
            let patch = json!([{"op": "replace", "path": "/node_count", "value": nodes}]);
            self.noted(Method::PATCH, &format!("/v1/bays/{bay}"), Some(&patch)).await;
        }
        let last = self.noted(Method::GET, &format!("/v1/clusters/{bay}/operations?limit=1"), None).await?.json();
        let operation = last["operations"][0]["operation"].as_str()?.to_owned();
        for act in ["cancel", "retry"] {
            if self.chance.random_bool(0.6) {
                self.noted(Method::POST, &format!("/v1/operations/{operation}/{act}"), None).await;
            }
        }
        Some(())
    }

    async fn made(&mut self, path: &str, wish: &Json) -> Option<String> {
        let answer = self.noted(Method::POST, path, Some(wish)).await?;
        answer.json()["uuid"].as_str().map(str::to_owned)
    }

    async fn noted(&mut self, method: Method, path: &str, body: Option<&Json>) -> Option<Answer> {
        let answer = self.persist(method.clone(), path, body, None).await;
        let status = answer.as_ref().map_or(0, |answer| answer.status.as_u16());
        self.office.story.note(&format!("{method} {path} {status}"));
        if status >= 500 {
            let words = answer.as_ref().map(|answer| String::from_utf8_lossy(&answer.body).into_owned());
            self.office.story.complain(format!("{method} {path} answered {status}: {}", words.unwrap_or_default()));
        }
        answer
    }
}

impl Answer {
    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or(Json::Null)
    }

    fn number(&self, header: &str) -> Option<u64> {
        self.headers.get(header)?.to_str().ok()?.trim_matches('"').parse().ok()
    }

    /// What it says of an operation that wanted `value`.
    fn told(&self, value: Option<Value>) -> (Kind, Told) {
        // A replay shows the object as it is now, which may be a later write's doing: its revision says nothing about this one.
        let replayed = self.headers.contains_key("jeroboam-replayed");
        let revision = self.number("etag").filter(|_| !replayed);
        let told = Told { value, revision, served: self.number("jeroboam-index"), error: None };
        if self.status.is_success() {
            return (Kind::Ok, told);
        }
        let error = format!("{}: {}", self.status, String::from_utf8_lossy(&self.body));
        (Kind::Fail, Told { error: Some(error), value: None, ..told })
    }
}

/// A baymodel that only its name tells apart.
pub fn baymodel(name: &str) -> Json {
    json!({"name": name, "image_id": "busybox", "keypair_id": "none", "coe": "swarm", "labels": {"made": "by simulation"}})
}

fn rename(value: u64) -> Json {
    json!([{"op": "replace", "path": "/name", "value": format!("v{value}")}])
}
