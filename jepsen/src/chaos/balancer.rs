//! Clients that never heard of retries or idempotency keys, behind the load balancer, while members die.
//!
//! Each request is sent once and must be answered with what a healthy server answers; at the end everything is there exactly once. The
//! balancer's configuration is the one that is delivered, so this is what an unmodified client of 2015 can count on.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{Options, Stage};
use crate::{
    Error,
    check::coverage::Coverage,
    nemesis::{Fault, Target},
    process::Balancer,
    report::{Progress, Summary, Table},
    rest::{Attempt, Endpoint, Request, baymodel},
};

/// The size of the campaign.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Members killed.
    pub kills: u64,
    /// From one kill to the next.
    pub pause: Duration,
    /// Clients.
    pub clients: usize,
}

/// How long one request may take, as patient as clients of this API are.
const LIMIT: Duration = Duration::from_secs(60);

/// What the clients saw.
#[derive(Debug, Default)]
struct Seen {
    created: Vec<String>,
    reads: u64,
    failed: Vec<String>,
    longest: Duration,
}

type Shared = Arc<Mutex<Seen>>;

/// Runs the campaign.
pub async fn run(options: &Options, plan: Plan) -> Result<Summary, Error> {
    let mut stage = Stage::set(options, "balancer", 3, &[]).await?;
    let members: Vec<String> = stage.cluster.members().iter().map(|member| member.address().to_owned()).collect();
    let balancer = Balancer::start(&stage.folder, &members)?;
    let front = Endpoint::new("haproxy", balancer.url(), crate::cluster::TOKEN)?;
    up(&front).await?;
    let seen = Shared::default();
    let stop = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for number in 0..plan.clients {
        clients.spawn(client(front.clone(), number, seen.clone(), stop.clone()));
    }
    let killed = kill(&mut stage, plan).await;
    stop.store(true, Ordering::Relaxed);
    clients.join_all().await;
    let kills = killed?;
    let mut summary = Summary::default();
    stage.last_questions(&mut summary).await?;
    judge(&mut stage, &seen, kills, plan, &mut summary).await?;
    balancer.stop().await?;
    stage.cluster.stop().await?;
    Ok(summary)
}

async fn up(front: &Endpoint) -> Result<(), Error> {
    let began = Instant::now();
    while front.ask(&Request::get("/v1/baymodels?limit=1"), Duration::from_secs(2)).await.is_err() {
        if began.elapsed() > Duration::from_secs(20) {
            return Err(Error::Setup("haproxy did not serve within 20 s; is it installed?".to_owned()));
        }
        sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// One client: makes something and reads it back, one request after the other.
async fn client(front: Endpoint, number: usize, seen: Shared, stop: Arc<AtomicBool>) {
    let mut count = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        count += 1;
        let name = format!("client-{number}-{count}");
        let mut request = baymodel::create(&name, count, String::new());
        request.key = None;
        if let Some(uuid) = once(&front, &request, 201, &seen).await.and_then(|body| Some(body.get("uuid")?.as_str()?.to_owned())) {
            lock(&seen).created.push(name);
            if once(&front, &baymodel::read(&uuid), 200, &seen).await.is_some() {
                lock(&seen).reads += 1;
            }
        }
        sleep(Duration::from_millis(10)).await;
    }
}

/// Sends a request once; only the expected status is right.
async fn once(front: &Endpoint, request: &Request, status: u16, seen: &Shared) -> Option<serde_json::Value> {
    let began = Instant::now();
    let attempt = front.send(request, LIMIT).await;
    let mut seen = lock(seen);
    seen.longest = seen.longest.max(began.elapsed());
    let told = match attempt {
        Attempt::Answered(reply) if reply.status == status => return Some(reply.body),
        Attempt::Answered(reply) => format!("{} {}", reply.status, reply.body),
        Attempt::Unreachable(reason) | Attempt::Lost(reason) => reason,
    };
    seen.failed.push(format!("{} {}: {told}", request.method, request.path));
    None
}

async fn kill(stage: &mut Stage, plan: Plan) -> Result<u64, Error> {
    let progress = Progress::new("balancer", plan.kills);
    for number in 0..plan.kills {
        sleep(plan.pause / 2).await;
        let target = if number % 2 == 0 { Target::Leader } else { Target::Follower };
        progress.at(number, &format!("kill -9 of the {target}"));
        let victim = target.find(&stage.cluster, &mut stage.chance).await?;
        Fault::Kill.install(&mut stage.cluster, &victim, &stage.recorder)?;
        sleep(plan.pause / 2).await;
        Fault::Kill.heal(&mut stage.cluster, &victim, &stage.recorder).await?;
        stage.cluster.settled(Duration::from_secs(60)).await?;
    }
    sleep(plan.pause / 2).await;
    Ok(plan.kills)
}

async fn judge(stage: &mut Stage, seen: &Shared, kills: u64, plan: Plan, summary: &mut Summary) -> Result<(), Error> {
    let lists = stage.lists().await?;
    let seen = lock(seen);
    let mut there: BTreeMap<&str, u64> = BTreeMap::new();
    for listed in lists.values().next().into_iter().flatten() {
        *there.entry(&listed.name).or_default() += 1;
    }
    let lost = seen.created.iter().filter(|name| !there.contains_key(name.as_str())).count();
    let twice = there.values().filter(|count| **count > 1).count();
    for failed in seen.failed.iter().take(5) {
        summary.finding(format!("a request that was sent once failed: {failed}"));
    }
    for (number, what) in [(lost, "were acknowledged and are gone"), (twice, "were made twice")] {
        if number > 0 {
            summary.finding(format!("{number} baymodels {what}"));
        }
    }
    let created = seen.created.len();
    let coverage = Coverage::default().with("members killed", kills, plan.kills);
    summary.coverage("balancer", coverage.with("creations acknowledged", created as u64, plan.kills * 100));
    let title = "Clients without retries and keys behind the load balancer, while members die";
    let mut table = Table::new(title, &["kills", "created", "read back", "failed", "lost", "twice", "longest request ms"]);
    let cells = [kills, created as u64, seen.reads, seen.failed.len() as u64, lost as u64, twice as u64];
    let mut row: Vec<String> = cells.iter().map(u64::to_string).collect();
    row.push(seen.longest.as_millis().to_string());
    table.row(&row);
    summary.table(table);
    Ok(())
}

fn lock(seen: &Shared) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
