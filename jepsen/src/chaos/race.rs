//! Many creations at once while the one who carries them out dies, and many more than a quota allows.
//!
//! Every accepted bay is one promise: its owner may be killed a moment after it was accepted, and so may the leader, and still the bay
//! is made, once. Behind the members stands the scripted backend, slow enough that creations are under way when the victim dies; its
//! journal says what was made how often.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{Options, Stage, failover::made, outside};
use crate::{
    Chance, Error,
    backend::{Backend, Journal, Script},
    check::coverage::Coverage,
    clock::{millis, nanos},
    nemesis::Fault,
    report::{Progress, Summary, Table, quantile},
    rest::{Answer, Hopper, Roster, bay, bay::Bay, baymodel},
};

/// The size of the campaign.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Runs with each victim.
    pub runs: u64,
    /// Runs against the quota.
    pub rounds: u64,
}

/// Bays of one run.
const BAYS: usize = 40;
/// Clients that create them.
const CLIENTS: usize = 8;
/// Accepted bays after which the victim dies.
const AFTER: usize = 15;
/// Bays that a project may have: the product's default.
const QUOTA: usize = 20;
/// Creations at once against it.
const CROWD: usize = 200;
/// How long a client goes on with one creation.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long bays may take to be complete, or gone.
const REST: Duration = Duration::from_secs(120);

/// Who dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Owner,
    Leader,
}

impl fmt::Display for Victim {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if *self == Self::Owner { "owner" } else { "leader" })
    }
}

/// One run.
#[derive(Clone, Copy, Debug, Default)]
struct Shot {
    accepted: usize,
    complete: usize,
    twice: usize,
    /// Accepted after the victim was dead.
    after: usize,
    /// Calls of the victim that the backend had received and not carried out when it died.
    open: usize,
    /// From the death to the last completion.
    took: u64,
}

/// Runs both parts.
pub async fn run(options: &Options, plan: Plan) -> Result<Summary, Error> {
    let mut summary = Summary::default();
    summary.add("creations under kills", deaths(options, plan).await);
    summary.add("creations against a quota", crowds(options, plan).await);
    Ok(summary)
}

/// Creations take some time, so that they are under way when somebody dies.
fn slow() -> Script {
    Script { change: (Duration::from_millis(100), Duration::from_millis(600)), ..Script::default() }
}

async fn deaths(options: &Options, plan: Plan) -> Result<Summary, Error> {
    let tuning = [("api.default_quota", "1000000")];
    let (mut stage, backend) = Stage::with_backend(options, "race", 3, &tuning, (slow(), Journal::default())).await?;
    let key = stage.chance.key();
    let model = made(&stage, baymodel::create("race", 0, key)).await?;
    let title = format!("{BAYS} bays from {CLIENTS} clients; kill -9 after the {AFTER}th acceptance");
    let columns = ["victim", "runs", "accepted", "complete", "twice", "accepted after the kill", "last complete median", "worst"];
    let mut table = Table::new(&title, &columns);
    let mut summary = Summary::default();
    for victim in [Victim::Owner, Victim::Leader] {
        let shots = shoot(&mut stage, &backend, (&model, victim), plan.runs, &mut summary).await?;
        row(&mut table, victim, &shots);
        let busy = shots.iter().filter(|shot| shot.open > 0 || victim == Victim::Leader).count() as u64;
        let after = shots.iter().filter(|shot| shot.after > 0).count() as u64;
        let coverage = Coverage::default()
            .with("kills", shots.len() as u64, plan.runs)
            // A single kill may come when what was accepted is done.
            .with("kills with creations under way", busy, plan.runs / 2)
            .with("kills with acceptances after them", after, plan.runs.div_ceil(2));
        summary.coverage(&victim.to_string(), coverage);
    }
    summary.table(table);
    summary.note("last complete: from the kill to the completion of the last of the bays; in ms");
    outside::gone(stage.hopper.roster(), &backend, REST).await?;
    stage.last_questions(&mut summary).await?;
    outside::judge(&backend, &stage.folder, &mut summary)?;
    stage.cluster.stop().await?;
    Ok(summary)
}

async fn shoot(
    stage: &mut Stage,
    backend: &Backend,
    (model, victim): (&str, Victim),
    runs: u64,
    summary: &mut Summary,
) -> Result<Vec<Shot>, Error> {
    let progress = Progress::new("race", runs);
    let mut shots = Vec::new();
    for number in 0..runs {
        progress.at(number, &format!("{BAYS} bays, kill -9 of the {victim}"));
        let prefix = format!("{victim}-{number}-");
        let shot = one(stage, backend, (model, victim), &prefix, summary).await?;
        for (what, count) in [("accepted", shot.accepted), ("complete", shot.complete)] {
            if count != BAYS {
                summary.finding(format!("run {number}, kill of the {victim}: {count} of {BAYS} bays {what}"));
            }
        }
        shots.push(shot);
    }
    Ok(shots)
}

fn row(table: &mut Table, victim: Victim, shots: &[Shot]) {
    let sum = |of: fn(&Shot) -> usize| shots.iter().map(of).sum::<usize>().to_string();
    let mut took: Vec<u64> = shots.iter().map(|shot| shot.took).collect();
    took.sort_unstable();
    table.row(&[
        victim.to_string(),
        shots.len().to_string(),
        sum(|shot| shot.accepted),
        sum(|shot| shot.complete),
        sum(|shot| shot.twice),
        sum(|shot| shot.after),
        format!("{:.0}", millis(quantile(&took, 50))),
        format!("{:.0}", millis(quantile(&took, 100))),
    ]);
}

/// What the clients of one run have been told.
#[derive(Clone, Debug)]
struct Told {
    count: watch::Sender<usize>,
    uuids: Arc<Mutex<BTreeSet<String>>>,
}

impl Told {
    fn new() -> Self {
        Self { count: watch::Sender::new(0), uuids: Arc::default() }
    }

    fn accept(&self, uuid: &str) {
        self.uuids.lock().unwrap_or_else(PoisonError::into_inner).insert(uuid.to_owned());
        self.count.send_modify(|count| *count += 1);
    }

    fn uuids(&self) -> BTreeSet<String> {
        self.uuids.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn create(hopper: Hopper, told: Told, model: String, names: Vec<String>, mut chance: Chance) {
    for name in names {
        let request = bay::create(&name, &model, chance.key());
        if let Answer::Done(reply) = hopper.send(&request).await {
            told.accept(baymodel::uuid(&reply).unwrap_or_default());
        }
        sleep(Duration::from_millis(chance.between(0, 100))).await;
    }
}

async fn one(
    stage: &mut Stage,
    backend: &Backend,
    (model, victim): (&str, Victim),
    prefix: &str,
    summary: &mut Summary,
) -> Result<Shot, Error> {
    let told = Told::new();
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let names = (0..BAYS / CLIENTS).map(|number| format!("{prefix}{client}-{number}")).collect();
        let (hopper, chance) = (stage.hopper.with_patience(PATIENCE), stage.chance.fork(&format!("{prefix}{client}")));
        clients.spawn(create(hopper, told.clone(), model.to_owned(), names, chance));
    }
    let mut count = told.count.subscribe();
    let reached = tokio::time::timeout(PATIENCE, count.wait_for(|count| *count >= AFTER)).await.map(|reached| reached.is_ok());
    if reached != Ok(true) {
        return Err(Error::late(format!("{AFTER} acceptances"), PATIENCE));
    }
    let name = find(stage, victim, &told.uuids()).await?;
    let number = stage.cluster.member(&name)?.number;
    let at = Fault::Kill.install(&mut stage.cluster, &name, &stage.recorder)?;
    let before = *count.borrow();
    let open = backend.look(|_, journal| outside::open_calls(journal, number));
    // Back before the lease is over, or after somebody else has taken over.
    let (from, to) = if stage.chance.percent(50) { (0, 1500) } else { (7000, 8000) };
    let down = Duration::from_millis(stage.chance.between(from, to));
    let roster = stage.hopper.roster().clone();
    let healing = async {
        sleep(down).await;
        Fault::Kill.heal(&mut stage.cluster, &name, &stage.recorder).await
    };
    let ending = async {
        while clients.join_next().await.is_some() {}
        complete(&roster, prefix, *count.borrow()).await
    };
    let (healed, bays) = tokio::join!(healing, ending);
    healed?;
    let took = stage.recorder.clock().now().saturating_sub(at);
    let shot = judge(&bays, told.count.borrow().to_owned(), summary);
    outside::left(&roster, backend, prefix, summary).await?;
    remove(stage, &bays).await;
    Ok(Shot { after: shot.accepted.saturating_sub(before), open, took: took.max(nanos(down)), ..shot })
}

/// The owner of most of these bays, or the leader.
async fn find(stage: &Stage, victim: Victim, bays: &BTreeSet<String>) -> Result<String, Error> {
    if victim == Victim::Leader {
        return stage.cluster.leader(PATIENCE).await;
    }
    let most = stage.cluster.owner_of_most(|bay| bays.contains(bay)).await;
    most.ok_or_else(|| Error::Setup("nobody owns any of the bays".to_owned()))
}

/// All bays of a run, once as many as were accepted are complete, or when the time is over.
async fn complete(roster: &Roster, prefix: &str, accepted: usize) -> Vec<Bay> {
    let started = Instant::now();
    let mut bays = Vec::new();
    while started.elapsed() < REST {
        if let Some(list) = outside::list(roster).await {
            bays = list.all.into_iter().filter(|bay| bay.name.starts_with(prefix)).collect();
            if bays.iter().filter(|bay| bay.status == "CREATE_COMPLETE").count() >= accepted {
                break;
            }
        }
        sleep(Duration::from_millis(50)).await;
    }
    bays
}

fn judge(bays: &[Bay], accepted: usize, summary: &mut Summary) -> Shot {
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for bay in bays {
        *names.entry(&bay.name).or_default() += 1;
        if bay.status != "CREATE_COMPLETE" {
            summary.finding(format!("{} ({}) is {} in the end", bay.name, bay.uuid, bay.status));
        }
    }
    let twice: Vec<_> = names.into_iter().filter(|(_, count)| *count > 1).collect();
    if !twice.is_empty() {
        summary.finding(format!("accepted twice: {twice:?}"));
    }
    let complete = bays.iter().filter(|bay| bay.status == "CREATE_COMPLETE").count();
    Shot { accepted, complete, twice: twice.len(), ..Shot::default() }
}

async fn remove(stage: &mut Stage, bays: &[Bay]) {
    let hopper = stage.hopper.with_patience(PATIENCE);
    let requests: Vec<_> = bays.iter().map(|bay| bay::delete(&bay.uuid, stage.chance.key())).collect();
    // Whether each has gone is asked at the end, of the lists and of the backend.
    futures::future::join_all(requests.iter().map(|request| hopper.send(request))).await;
}

/// A crowd at the edge of the quota, again and again.
async fn crowds(options: &Options, plan: Plan) -> Result<Summary, Error> {
    let script = (Script::default(), Journal::default());
    let (mut stage, backend) = Stage::with_backend(options, "quota", 3, &[], script).await?;
    let key = stage.chance.key();
    let model = made(&stage, baymodel::create("quota", 0, key)).await?;
    let mut summary = Summary::default();
    let mut table = Table::new(
        &format!("{CROWD} creations at once over all members, quota {QUOTA}"),
        &["round", "accepted", "refused", "failed", "complete"],
    );
    let progress = Progress::new("quota", plan.rounds);
    for round in 0..plan.rounds {
        progress.at(round, &format!("{CROWD} creations at once"));
        let counts = crowd(&mut stage, &backend, &model, round, &mut summary).await?;
        let cells: Vec<String> = std::iter::once(round.to_string()).chain(counts.map(|count| count.to_string())).collect();
        table.row(&cells);
    }
    summary.table(table);
    summary.coverage("quota", Coverage::default().with("rounds", plan.rounds, 1));
    stage.last_questions(&mut summary).await?;
    outside::judge(&backend, &stage.folder, &mut summary)?;
    stage.cluster.stop().await?;
    Ok(summary)
}

async fn crowd(stage: &mut Stage, backend: &Backend, model: &str, round: u64, summary: &mut Summary) -> Result<[usize; 4], Error> {
    let hopper = stage.hopper.with_patience(PATIENCE);
    let requests: Vec<_> = (0..CROWD).map(|number| bay::create(&format!("q{round}-{number}"), model, stage.chance.key())).collect();
    let answers = futures::future::join_all(requests.iter().map(|request| hopper.send(request))).await;
    let accepted = answers.iter().filter(|answer| matches!(answer, Answer::Done(_))).count();
    let refused = answers.iter().filter(|answer| matches!(answer, Answer::Refused(reply) if reply.status == 403)).count();
    let failed = CROWD - accepted - refused;
    if accepted != QUOTA || failed > 0 {
        let other = answers
            .iter()
            .find(|answer| !matches!(answer, Answer::Done(_)) && !matches!(answer, Answer::Refused(one) if one.status == 403));
        summary.finding(format!("round {round}: {accepted} accepted, {refused} refused, {failed} failed; quota {QUOTA}; {other:?}"));
    }
    let roster = stage.hopper.roster().clone();
    let bays = complete(&roster, &format!("q{round}-"), accepted).await;
    let shot = judge(&bays, accepted, summary);
    outside::left(&roster, backend, &format!("q{round}-"), summary).await?;
    remove(stage, &bays).await;
    outside::gone(&roster, backend, REST).await?;
    Ok([accepted, refused, failed, shot.complete])
}
