//! A tiny product over real HTTP, honest or broken on purpose: it tests the recorder, the clients and the checkers together.
//!
//! Now and then it keeps an answer back until the client has gone on to the next address, which is the same state under
//! another name: exactly what a retry under the same idempotency key meets.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet, time::sleep};

use crate::rest::{Endpoint, Roster};

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Honest,
    /// Does again what comes again.
    ForgetsKeys,
    /// Some reads show the state before the last three.
    ReadsStale,
    /// Some writes are acknowledged and not kept.
    LosesWrites,
    /// `If-Match` is not looked at.
    IgnoresIfMatch,
    /// Name and label of a patch become visible one after the other.
    TearsPatches,
}

/// Attempts are given up after this.
pub(super) const ATTEMPT: Duration = Duration::from_millis(150);

struct Object {
    uuid: String,
    name: String,
    label: String,
    revision: u64,
    past: Vec<(String, u64)>,
}

struct World {
    manner: Manner,
    objects: Vec<Object>,
    index: u64,
    requests: u64,
    answers: HashMap<String, (StatusCode, u64, u64, Value)>,
}

type Shared = Arc<Mutex<World>>;

/// The running fake; it ends when dropped.
pub(super) struct Fake {
    pub(super) roster: Roster,
    world: Shared,
    _servers: JoinSet<()>,
}

impl Fake {
    pub(super) async fn start(manner: Manner) -> std::io::Result<Self> {
        let world = World { manner, objects: Vec::new(), index: 10, requests: 0, answers: HashMap::new() };
        let world = Arc::new(Mutex::new(world));
        let router = Router::new()
            .route("/v1/baymodels", post(create))
            .route("/v1/baymodels/{uuid}", get(read).patch(write))
            .with_state(Arc::clone(&world));
        let mut servers = JoinSet::new();
        let mut members = Vec::new();
        for name in ["n1", "n2", "n3"] {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let base = format!("http://{}", listener.local_addr()?);
            members.extend(Endpoint::new(name, &base, "token"));
            let router = router.clone();
            servers.spawn(async move { axum::serve(listener, router).await.unwrap_or(()) });
        }
        let roster = Roster::default();
        roster.set(members);
        Ok(Self { roster, world, _servers: servers })
    }

    /// All objects, as name and uuid.
    pub(super) fn list(&self) -> Vec<crate::check::sets::Listed> {
        let world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let listed = |one: &Object| crate::check::sets::Listed { name: one.name.clone(), uuid: one.uuid.clone() };
        world.objects.iter().map(listed).collect()
    }
}

async fn create(State(world): State<Shared>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    change(&world, &headers, |world| world.create(&body)).await
}

async fn write(State(world): State<Shared>, Path(uuid): Path<String>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let torn = world.lock().unwrap_or_else(PoisonError::into_inner).manner == Manner::TearsPatches;
    if torn {
        world.lock().unwrap_or_else(PoisonError::into_inner).tear(&uuid, &body);
        sleep(Duration::from_millis(3)).await;
    }
    let expect = header(&headers, "if-match").and_then(|text| text.trim_matches('"').parse().ok());
    change(&world, &headers, |world| world.write(&uuid, &body, expect)).await
}

async fn read(State(world): State<Shared>, Path(uuid): Path<String>) -> Response {
    let (status, index, revision, body) = world.lock().unwrap_or_else(PoisonError::into_inner).read(&uuid);
    // A moment in flight, so that operations overlap.
    sleep(Duration::from_millis(1)).await;
    answer(status, index, revision, body)
}

/// A change under its key; every 40th answer is kept back too long.
async fn change(world: &Shared, headers: &HeaderMap, act: impl FnOnce(&mut World) -> (StatusCode, u64, u64, Value)) -> Response {
    let (outcome, late) = {
        let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
        world.requests += 1;
        let key = header(headers, "idempotency-key").unwrap_or_default().to_owned();
        let known = world.answers.get(&key).cloned().filter(|_| world.manner != Manner::ForgetsKeys);
        let outcome = known.unwrap_or_else(|| act(&mut world));
        world.answers.insert(key, outcome.clone());
        (outcome, world.requests.is_multiple_of(40))
    };
    sleep(if late { ATTEMPT * 2 } else { Duration::from_millis(1) }).await;
    let (status, index, revision, body) = outcome;
    answer(status, index, revision, body)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn answer(status: StatusCode, index: u64, revision: u64, body: Value) -> Response {
    let headers = [("jeroboam-index", index.to_string()), ("etag", format!("\"{revision}\""))];
    (status, headers, Json(body)).into_response()
}

impl World {
    fn create(&mut self, body: &Value) -> (StatusCode, u64, u64, Value) {
        self.index += 1;
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        if self.manner != Manner::LosesWrites || !self.index.is_multiple_of(10) {
            self.objects.push(Object {
                uuid: format!("u{}", self.index),
                name: text(body.get("name")),
                label: text(body.get("labels").and_then(|labels| labels.get("v"))),
                revision: self.index,
                past: Vec::new(),
            });
        }
        (StatusCode::CREATED, self.index, self.index, json!({"uuid": format!("u{}", self.index)}))
    }

    fn write(&mut self, uuid: &str, body: &Value, expect: Option<u64>) -> (StatusCode, u64, u64, Value) {
        self.index += 1;
        let (index, manner) = (self.index, self.manner);
        let Some(object) = self.objects.iter_mut().find(|one| one.uuid == uuid) else {
            return (StatusCode::NOT_FOUND, index, 0, Value::Null);
        };
        if manner != Manner::IgnoresIfMatch && expect.is_some_and(|expect| expect != object.revision) {
            return (StatusCode::PRECONDITION_FAILED, index, object.revision, Value::Null);
        }
        if manner == Manner::LosesWrites && index.is_multiple_of(10) {
            return (StatusCode::OK, index, index, Value::Null);
        }
        let [name, label] = fields(body);
        object.past.push((object.label.clone(), object.revision));
        (object.name, object.label, object.revision) = (name, label, index);
        (StatusCode::OK, index, index, Value::Null)
    }

    fn tear(&mut self, uuid: &str, body: &Value) {
        let [name, _] = fields(body);
        if let Some(object) = self.objects.iter_mut().find(|one| one.uuid == uuid) {
            object.name = name;
        }
    }

    fn read(&mut self, uuid: &str) -> (StatusCode, u64, u64, Value) {
        self.requests += 1;
        let stale = self.manner == Manner::ReadsStale && self.requests.is_multiple_of(50);
        let Some(object) = self.objects.iter().find(|one| one.uuid == uuid) else {
            return (StatusCode::NOT_FOUND, self.index, 0, Value::Null);
        };
        let old = object.past.iter().rev().nth(20).filter(|_| stale);
        let (name, label, revision) = match old {
            Some((label, revision)) => (format!("r-{label}"), label.clone(), *revision),
            None => (object.name.clone(), object.label.clone(), object.revision),
        };
        (StatusCode::OK, self.index, revision, json!({"uuid": uuid, "name": name, "labels": {"v": label}}))
    }
}

fn fields(patch: &Value) -> [String; 2] {
    let field = |place: usize| {
        let value = patch.get(place).and_then(|one| one.get("value")).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    [field(0), field(1)]
}

mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        Chance, Clock,
        check::{Finding, index, operation, search, sets},
        history::{Event, Recorder, load},
        rest::Hopper,
        workload::{
            Load,
            creates::Creates,
            registers::{Registers, Shape},
        },
    };

    fn hopper(fake: &Fake) -> Hopper {
        Hopper::new(fake.roster.clone(), ATTEMPT, Duration::from_secs(10))
    }

    /// A second of creates against a fake; the report, and how many answers were lost on the way.
    async fn creates(manner: Manner) -> (sets::Report, u64) {
        let folder = tempfile::tempdir().unwrap();
        let fake = Fake::start(manner).await.unwrap();
        let recorder = Arc::new(Recorder::create(folder.path(), Clock::start()).unwrap());
        let creates = Creates::new(hopper(&fake), recorder.clone());
        let mut load = Load::default();
        creates.run(&mut load, "x", 200, Chance::seeded(1));
        sleep(Duration::from_secs(1)).await;
        assert!(load.stop().await);
        let lists = BTreeMap::from([("n1".to_owned(), fake.list())]);
        let report = sets::check(&operation::pair(&recorder.finish().unwrap()), &lists);
        let lost = creates.tally().lost.load(std::sync::atomic::Ordering::Relaxed);
        (report, lost)
    }

    /// Some thousand operations on registers of a fake, read back from the file.
    async fn registers(manner: Manner) -> Vec<Event> {
        let folder = tempfile::tempdir().unwrap();
        let fake = Fake::start(manner).await.unwrap();
        let recorder = Arc::new(Recorder::create(folder.path(), Clock::start()).unwrap());
        let shape = Shape { clients: 16, operations: 3000, pause: Duration::ZERO };
        let registers = Registers::new(hopper(&fake), recorder.clone(), shape);
        let mut load = Load::default();
        registers.run(&mut load, &Chance::seeded(1));
        assert!(load.wait().await);
        recorder.finish().unwrap();
        load_file(folder.path())
    }

    fn load_file(folder: &std::path::Path) -> Vec<Event> {
        load(&folder.join("history.jsonl")).unwrap()
    }

    fn names(findings: &[Finding]) -> Vec<&'static str> {
        findings.iter().map(|one| one.invariant).collect()
    }

    #[tokio::test]
    async fn creates_of_an_honest_product_pass_although_answers_are_lost() {
        let (report, lost) = creates(Manner::Honest).await;
        assert_eq!(report.findings, []);
        assert!(lost > 1 && report.acknowledged > 100, "{lost} {report:?}");
        assert_eq!((report.unknown, report.refused), (0, 0));
    }

    #[tokio::test]
    async fn forgotten_keys_and_lost_writes_are_caught() {
        assert!(creates(Manner::ForgetsKeys).await.0.twice > 0);
        assert!(creates(Manner::LosesWrites).await.0.lost > 0);
    }

    #[tokio::test]
    async fn registers_of_an_honest_product_pass_both_judges() {
        let events = registers(Manner::Honest).await;
        let (witness, searched) = (index::check(&events), search::check(&events));
        assert_eq!((witness.findings, searched.findings), (vec![], vec![]));
        assert!(witness.operations >= 3000 && searched.given_up == 0);
    }

    #[tokio::test]
    async fn registers_of_broken_products_are_caught_by_both_judges() {
        for manner in [Manner::ReadsStale, Manner::LosesWrites, Manner::IgnoresIfMatch] {
            let events = registers(manner).await;
            assert!(!index::check(&events).findings.is_empty(), "{manner:?} by the witness");
            assert!(!search::check(&events).findings.is_empty(), "{manner:?} by the search");
        }
    }

    #[tokio::test]
    async fn half_a_patch_is_caught() {
        let events = registers(Manner::TearsPatches).await;
        assert!(names(&index::check(&events).findings).contains(&"a patch is atomic"));
    }
}
