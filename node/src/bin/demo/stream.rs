//! A stream of creates through all members, by clients that do what a careful client does: an idempotency key per wish, and when a
//! member does not answer, the same request with the same key to the next one.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};

use crate::{
    Failure,
    rest::{Ask, Rest, text},
};

/// Clients at once, and how often each begins a create: 200 per second in all.
const CLIENTS: u64 = 8;
const PACE: Duration = Duration::from_millis(40);

/// How long one attempt may take, and a wish in all.
const ATTEMPT: Duration = Duration::from_secs(2);
const WISH: Duration = Duration::from_secs(30);

/// One acknowledged create.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) name: String,
    pub(crate) uuid: String,
    /// When the client first asked for it.
    pub(crate) asked: Instant,
    /// When it was acknowledged.
    pub(crate) acknowledged: Instant,
    /// How often it was sent.
    pub(crate) attempts: u32,
}

/// Clients at work.
pub(crate) struct Stream {
    shared: Arc<Shared>,
    clients: JoinSet<Result<(), Failure>>,
}

struct Shared {
    rest: Rest,
    members: Vec<String>,
    stop: AtomicBool,
    next: AtomicU64,
    made: Mutex<Vec<Made>>,
}

impl Stream {
    /// Starts all clients.
    pub(crate) fn start(rest: &Rest, members: Vec<String>) -> Self {
        let shared = Shared { rest: rest.clone(), members, stop: AtomicBool::new(false), next: AtomicU64::new(0), made: Mutex::default() };
        let shared = Arc::new(shared);
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            clients.spawn(run(shared.clone(), client));
        }
        Self { shared, clients }
    }

    /// What was acknowledged so far.
    pub(crate) fn made(&self) -> Vec<Made> {
        self.shared.made.lock().map(|made| made.clone()).unwrap_or_default()
    }

    /// Lets every client end its wish and returns all that was acknowledged. A wish that failed is a failure.
    pub(crate) async fn stop(mut self) -> Result<Vec<Made>, Failure> {
        self.shared.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.clients.join_next().await {
            ended.map_err(|error| error.to_string())??;
        }
        Ok(self.made())
    }
}

async fn run(shared: Arc<Shared>, client: u64) -> Result<(), Failure> {
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !shared.stop.load(Ordering::Relaxed) {
        pace.tick().await;
        let number = shared.next.fetch_add(1, Ordering::Relaxed);
        let made = wish(&shared, client, number).await?;
        if let Ok(mut all) = shared.made.lock() {
            all.push(made);
        }
    }
    Ok(())
}

async fn wish(shared: &Shared, client: u64, number: u64) -> Result<Made, Failure> {
    let name = format!("stream-{number}");
    let key = format!("demo-{}-{number}", std::process::id());
    let body = json!({"name": name, "coe": "swarm", "image_id": "jeroboam/busybox:1", "keypair_id": "demo", "labels": {"number": number.to_string()}});
    let asked = Instant::now();
    let mut attempts = 0;
    let mut member = usize::try_from((client + number) % 3).unwrap_or(0);
    loop {
        attempts += 1;
        let address = shared.members.get(member % shared.members.len()).ok_or("no members")?;
        let ask = Ask { method: "POST", path: "/v1/baymodels", body: Some(&body), key: Some(&key) };
        let why = match shared.rest.ask(address, &ask, ATTEMPT).await {
            Ok(answer) if answer.status == 201 => {
                let uuid = text(&answer.body, "uuid")?.to_owned();
                return Ok(Made { name, uuid, asked, acknowledged: Instant::now(), attempts });
            }
            Ok(answer) if answer.status < 500 && answer.status != 429 => {
                return Err(format!("a create was answered {}: {}", answer.status, answer.body));
            }
            Ok(answer) => answer.body.to_string(),
            Err(error) => error,
        };
        if asked.elapsed() > WISH {
            return Err(format!("a client found no member for {WISH:?}; the last answer was: {why}"));
        }
        member += 1;
        sleep(Duration::from_millis(10)).await;
    }
}
