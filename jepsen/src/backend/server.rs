//! The endpoint itself: connections, the life of a call, the end.
//!
//! A call's effect runs in a task of its own: whoever hangs up, or dies, does not take back what it has sent. All tasks are owned by the
//! backend and end with it.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use futures::StreamExt;
use http_body_util::{BodyExt, Full, Limited, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Frame, Incoming},
    http::request::Parts,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{broadcast, oneshot},
    task::JoinSet,
    time::sleep,
};

use super::{
    Ask, Caller, Event, Journal, Outcome, Script, World, events,
    heat::{HeatAsk, Pace},
    journal::Line,
    script::Fate,
    world::{Answer, Effect},
};
use crate::{Chance, Clock, Error};

/// The longest body of a request that is read, in bytes.
const BODY: usize = 1 << 20;

/// How long a call of a cluster that is held gets no answer.
const HELD: Duration = Duration::from_secs(60);

/// A running backend; it ends when dropped.
#[derive(Debug)]
pub struct Backend {
    address: SocketAddr,
    inner: Arc<Inner>,
    _accepts: JoinSet<()>,
}

#[derive(Debug)]
struct Inner {
    clock: Clock,
    script: RwLock<Script>,
    /// World and journal change together: an effect and its place are one moment.
    state: Mutex<State>,
    chance: Mutex<Chance>,
    /// To whoever listens.
    events: broadcast::Sender<Event>,
    /// Effects under way.
    effects: Mutex<JoinSet<()>>,
}

#[derive(Debug, Default)]
struct State {
    world: World,
    journal: Journal,
    /// Clusters that get no answer.
    held: BTreeSet<String>,
    /// While it is there, the first look at a cluster that was just made fails; those whose look has failed.
    blinked: Option<BTreeSet<String>>,
    /// Clusters that are ill: a look at them fails.
    ill: BTreeSet<String>,
    /// Looks at how clusters are, and how many of them found another health than the look before.
    sights: (u64, u64),
}

impl State {
    /// Whether this look fails.
    fn blinks(&mut self, caller: &Caller) -> bool {
        &*caller.step == "finish" && self.blinked.as_mut().is_some_and(|done| done.insert(caller.cluster.to_string()))
    }

    /// Whether this is a look at an ill cluster; one in `flap` finds it otherwise than the look before.
    fn finds_ill(&mut self, ask: &Ask, caller: &Caller, flap: u64) -> bool {
        if *ask != Ask::Engine("info") || caller.operation.is_some() {
            return false;
        }
        self.sights.0 += 1;
        if flap > 0 && self.sights.0.is_multiple_of(flap) {
            self.sights.1 += 1;
            if !self.ill.remove(&*caller.cluster) {
                self.ill.insert(caller.cluster.to_string());
            }
        }
        self.ill.contains(&*caller.cluster)
    }
}

/// The body of an answer.
type Body = UnsyncBoxBody<Bytes, Infallible>;

/// The answer is not sent: the connection breaks.
#[derive(Debug, thiserror::Error)]
#[error("the answer is lost")]
struct Lost;

impl Backend {
    /// Listens on a free port of 127.0.0.1.
    pub async fn start(clock: Clock, chance: Chance, script: Script, journal: Journal) -> Result<Self, Error> {
        let failed = |error: std::io::Error| Error::Setup(format!("the scripted backend cannot listen: {error}"));
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let inner = Inner {
            clock,
            script: RwLock::new(script),
            state: Mutex::new(State { world: World::at(format!("tcp://{address}")), journal, ..State::default() }),
            chance: Mutex::new(chance),
            events: broadcast::Sender::new(events::BEHIND),
            effects: Mutex::default(),
        };
        let inner = Arc::new(inner);
        let mut accepts = JoinSet::new();
        accepts.spawn(accept(listener, Arc::clone(&inner)));
        Ok(Self { address, inner, _accepts: accepts })
    }

    /// What a member is told: `tcp://host:port`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("tcp://{}", self.address)
    }

    /// Where the cloud's Keystone answers: `http://host:port/identity/v3`.
    #[must_use]
    pub fn identity(&self) -> String {
        format!("http://{}/identity/v3", self.address)
    }

    /// Changes the world behind everybody's back.
    pub fn meddle<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let state = &mut *self.inner.state();
        let changed = change(&mut state.world);
        self.inner.tell(&mut state.world);
        changed
    }

    /// Behaves in another way from now on.
    pub fn play(&self, script: Script) {
        *self.inner.script.write().unwrap_or_else(PoisonError::into_inner) = script;
    }

    /// How it behaves now.
    #[must_use]
    pub fn script(&self) -> Script {
        self.inner.script()
    }

    /// Reads the world and the journal at one moment; nothing happens meanwhile, so be quick.
    pub fn look<T>(&self, look: impl FnOnce(&World, &Journal) -> T) -> T {
        let state = self.inner.state();
        look(&state.world, &state.journal)
    }

    /// The moment on the run's clock, nanoseconds.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.inner.clock.now()
    }

    /// Forgets how clusters were looked at so far, and counts from here on.
    pub fn begin_window(&self) {
        self.inner.state().journal.begin_window();
    }

    /// No call for this cluster is answered or carried out any more: each breaks after a long time.
    pub fn hold(&self, cluster: &str) {
        self.inner.state().held.insert(cluster.to_owned());
    }

    /// From now on, or no longer: the first look at a cluster that was just made fails.
    pub fn blink(&self, begin: bool) {
        self.inner.state().blinked = begin.then(BTreeSet::new);
    }

    /// How many looks found another health than the look before.
    #[must_use]
    pub fn health_changes(&self) -> u64 {
        self.inner.state().sights.1
    }

    /// How many listen to what happens.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.inner.events.receiver_count()
    }

    /// Something happens outside that nobody called for; the HTTP status it would have had.
    pub fn happen(&self, ask: &Ask) -> u16 {
        self.meddle(|world| world.carry_out(ask).0.status)
    }

    /// Writes the journal into a folder.
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        self.look(|_, journal| journal.write(&folder.join("journal.jsonl")))
    }
}

async fn accept(listener: TcpListener, inner: Arc<Inner>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(connection(stream, Arc::clone(&inner)));
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn connection(stream: TcpStream, inner: Arc<Inner>) {
    // Small answers to small questions: nothing is gained by waiting for more.
    stream.set_nodelay(true).ok();
    let service = service_fn(|request| Inner::serve(Arc::clone(&inner), request));
    // A lost answer and a client that hangs up both end here, and both are meant.
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn script(&self) -> Script {
        self.script.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn serve(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, Lost> {
        let (head, body) = request.into_parts();
        let body = Limited::new(body, BODY).collect().await.map_err(|_| Lost)?.to_bytes();
        let ask = asked(&head, &body);
        if let Ask::Events(filters) = ask {
            let lines = events::lines(self.events.subscribe(), filters);
            return Ok(Response::new(StreamBody::new(lines.map(|line| Ok(Frame::data(line)))).boxed_unsync()));
        }
        let caller = Caller::read(&head.headers);
        let line = self.state().journal.arrive(self.clock.now(), caller.as_ref(), ask.verb(), ask.changes(), ask.key());
        let fate = self.fate(&ask, caller.as_ref());
        let (tell, told) = oneshot::channel();
        let own = Arc::clone(&self);
        self.own(async move {
            sleep(fate.before).await;
            // Held meanwhile: whoever asks for that learns of a cluster only when its first calls are under way.
            let fate = if own.is_held(caller.as_ref()) && !fate.hangs {
                sleep(HELD).await;
                Fate { hangs: true, ..fate }
            } else {
                fate
            };
            let answer = own.judge(line, &ask, caller.as_ref(), fate);
            // The caller may be gone.
            tell.send(answer.map(|answer| (answer, ask))).ok();
        });
        let Ok(Some((answer, ask))) = told.await else { return Err(Lost) };
        if fate.loses {
            return Err(Lost);
        }
        self.state().journal.answer(line);
        Ok(response(answer, &ask))
    }

    /// Tells what has happened to containers; nobody need listen.
    fn tell(&self, world: &mut World) {
        for event in world.told() {
            self.events.send(event).ok();
        }
    }

    fn is_held(&self, caller: Option<&Caller>) -> bool {
        caller.is_some_and(|caller| self.state().held.contains(&*caller.cluster))
    }

    fn fate(&self, ask: &Ask, caller: Option<&Caller>) -> Fate {
        if self.is_held(caller) {
            return Fate { before: HELD, loses: true, hangs: true, takes: Duration::ZERO, breaks: false, fails: false };
        }
        let script = self.script();
        let fails = |state: &mut State, caller| state.blinks(caller) || state.finds_ill(ask, caller, script.flap);
        if caller.is_some_and(|caller| fails(&mut self.state(), caller)) {
            return Fate { before: Duration::ZERO, loses: false, hangs: false, takes: Duration::ZERO, breaks: false, fails: true };
        }
        let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
        script.fate(ask, caller, &mut chance)
    }

    /// Runs an effect on the backend's own account.
    fn own(&self, effect: impl Future<Output = ()> + Send + 'static) {
        let mut effects = self.effects.lock().unwrap_or_else(PoisonError::into_inner);
        while effects.try_join_next().is_some() {}
        effects.spawn(effect);
    }

    /// The moment of the effect. `None`: the call hangs and breaks.
    fn judge(&self, line: Line, ask: &Ask, caller: Option<&Caller>, fate: Fate) -> Option<Answer> {
        let fence = self.script.read().unwrap_or_else(PoisonError::into_inner).fence;
        let state = &mut *self.state();
        if fate.hangs || fate.fails {
            state.journal.judge(line, Outcome::Failed, None);
            let broken = Answer::plain(500, json!({"message": "failed by the script"}));
            return (!fate.hangs).then_some(broken);
        }
        let stale = caller.is_some_and(|caller| caller.epoch < state.journal.fence(&caller.cluster));
        if fence && stale && ask.changes() {
            state.journal.judge(line, Outcome::Fenced, None);
            return Some(Answer::plain(412, json!({"message": "the epoch of this call is over"})));
        }
        let takes = u64::try_from(fate.takes.as_nanos()).unwrap_or(u64::MAX);
        state.world.pass(Pace { now: self.clock.now(), takes, fails: fate.breaks });
        let (answer, Effect { outcome, name }) = state.world.carry_out(ask);
        self.tell(&mut state.world);
        state.journal.judge(line, outcome, name.as_deref());
        Some(answer)
    }
}

/// What is asked for: of the cloud, or of the engine.
fn asked(head: &Parts, body: &[u8]) -> Ask {
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (method, path, query) = (head.method.as_str(), head.uri.path(), head.uri.query().unwrap_or_default());
    match HeatAsk::read((method, path, query), (header("host"), header("x-auth-token")), body) {
        Some(ask) => Ask::Heat(ask),
        None => Ask::read(method, path, query, body),
    }
}

fn response(answer: Answer, ask: &Ask) -> Response<Body> {
    let (kind, body) = match (&answer.body, ask) {
        (_, Ask::Logs(_)) if answer.status == 200 => ("application/vnd.docker.raw-stream", framed(b"scripted\n")),
        (Value::Null, _) => ("text/plain", Bytes::new()),
        (Value::String(words), _) => ("text/plain", words.clone().into()),
        (body, _) => ("application/json", body.to_string().into()),
    };
    let mut response = Response::new(Full::new(body).boxed_unsync());
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(token) = answer.token.and_then(|token| token.parse().ok()) {
        response.headers_mut().insert("x-subject-token", token);
    }
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    response
}

/// One piece of standard output in the framing of Docker's streams.
fn framed(line: &[u8]) -> Bytes {
    let length = u32::try_from(line.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&[1, 0, 0, 0], &length, line].into_iter().flatten().copied().collect::<Vec<u8>>().into()
}
