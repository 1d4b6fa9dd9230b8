//! A backend that is silent for some bays must not slow the others.
//!
//! The same wave of creations twice, again and again: once with a backend that answers, once with one that gives no answer for one bay
//! in twenty. What is compared is the rate at which the other nineteen become complete, so the same share of both waves is counted;
//! every other round begins with the silent wave, because members grow slower or quicker as they go.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{Options, Stage, failover::made, outside};
use crate::{
    Chance, Error,
    backend::{Backend, Journal, Script},
    check::coverage::Coverage,
    report::{Progress, Summary, Table},
    rest::{Answer, Hopper, bay, baymodel},
};

/// The size of the campaign.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Bays of one wave.
    pub bays: usize,
    /// Waves of each kind.
    pub rounds: u64,
}

/// So many of 100 bays get no answer.
const HANGING: u64 = 5;
/// For so long.
const SILENCE: Duration = Duration::from_secs(60);
/// The share of the undisturbed rate that the others must reach, in percent.
const SHARE: f64 = 90.0;
/// Clients.
const CLIENTS: usize = 16;
/// How long a client goes on with one creation.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a wave may take, and its removal.
const WAVE: Duration = Duration::from_secs(300);

/// Runs the campaign.
pub async fn run(options: &Options, plan: Plan) -> Result<Summary, Error> {
    let script = (script(0), Journal::of_changes());
    let (mut stage, backend) = Stage::with_backend(options, "hang", 3, &[("api.default_quota", "1000000")], script).await?;
    let key = stage.chance.key();
    let model = made(&stage, baymodel::create("hang", 0, key)).await?;
    let title = format!("{} bays; {HANGING} % of them without an answer for {} s", plan.bays, SILENCE.as_secs());
    let columns = ["round", "undisturbed bays/s", "hanging bays", "the others bays/s", "share"];
    let mut table = Table::new(&title, &columns);
    let progress = Progress::new("hang", plan.rounds);
    // The first wave meets cold members, and would make any other look quick.
    progress.at(0, "a wave that is not counted");
    wave(&mut stage, &backend, (&model, 0), "warm-", plan.bays.div_ceil(5)).await?;
    let (mut shares, mut hung) = (Vec::new(), 0);
    for round in 0..plan.rounds {
        let order = if round % 2 == 0 { [0, HANGING] } else { [HANGING, 0] };
        let (mut calm, mut hard) = (Wave::default(), Wave::default());
        for hanging in order {
            progress.at(round, if hanging == 0 { "a wave of creations with answers" } else { "one with some without an answer" });
            let wave = wave(&mut stage, &backend, (&model, hanging), &format!("silent{hanging}-{round}-"), plan.bays).await?;
            *(if hanging == 0 { &mut calm } else { &mut hard }) = wave;
        }
        hung += hard.hanging as u64;
        shares.push(100.0 * hard.rate / calm.rate);
        let share = format!("{:.0} %", 100.0 * hard.rate / calm.rate);
        table.row(&[round.to_string(), format!("{:.1}", calm.rate), hard.hanging.to_string(), format!("{:.1}", hard.rate), share]);
    }
    let mut summary = Summary::default();
    summary.table(table);
    shares.sort_by(f64::total_cmp);
    let median = shares.get(shares.len() / 2).copied().unwrap_or(0.0);
    if options.targets && median < SHARE {
        summary.missed(format!("the others: {median:.0} % of the undisturbed rate, goal {SHARE:.0} %"));
    }
    summary.coverage("hang", Coverage::default().with("bays without an answer", hung, plan.rounds));
    stage.last_questions(&mut summary).await?;
    outside::judge(&backend, &stage.folder, &mut summary)?;
    stage.cluster.stop().await?;
    Ok(summary)
}

fn script(hanging: u64) -> Script {
    let change = (Duration::from_millis(20), Duration::from_millis(60));
    Script { change, hang: (hanging, SILENCE), ..Script::default() }
}

#[derive(Default)]
struct Wave {
    /// Complete bays per second, among those that get an answer in either wave.
    rate: f64,
    /// The other bays: those that get none in a silent wave.
    hanging: usize,
}

async fn wave(stage: &mut Stage, backend: &Backend, (model, hanging): (&str, u64), prefix: &str, bays: usize) -> Result<Wave, Error> {
    backend.play(script(hanging));
    let started = Instant::now();
    let uuids = create_all(&stage.hopper, &mut stage.chance, model, prefix, bays).await?;
    let silent = script(HANGING);
    let hangs = |uuid: &&String| silent.hangs(uuid);
    let hung = uuids.iter().filter(hangs).count();
    let answered: BTreeSet<&String> = uuids.iter().filter(|uuid| !hangs(uuid)).collect();
    loop {
        let list = outside::list(stage.hopper.roster()).await.unwrap_or_default();
        let complete = list.all.iter().filter(|bay| bay.status == "CREATE_COMPLETE" && answered.contains(&bay.uuid)).count();
        if complete == answered.len() {
            break;
        }
        if started.elapsed() > WAVE {
            return Err(Error::late(format!("{} bays being complete ({complete} are)", answered.len()), WAVE));
        }
        sleep(Duration::from_millis(100)).await;
    }
    let count = u32::try_from(answered.len()).unwrap_or(u32::MAX);
    let rate = f64::from(count) / started.elapsed().as_secs_f64();
    backend.play(script(0));
    remove_all(stage, backend, &uuids).await?;
    Ok(Wave { rate, hanging: hung })
}

/// Creates bays by several clients at once; their uuids.
pub(super) async fn create_all(hopper: &Hopper, chance: &mut Chance, model: &str, prefix: &str, bays: usize) -> Result<Vec<String>, Error> {
    let requests: Vec<_> = (0..bays).map(|number| bay::create(&format!("{prefix}{number}"), model, chance.key())).collect();
    let left = Arc::new(Mutex::new(requests));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (hopper, left) = (hopper.with_patience(PATIENCE), Arc::clone(&left));
        clients.spawn(async move {
            let (mut uuids, mut other) = (Vec::new(), None);
            let next = || left.lock().unwrap_or_else(PoisonError::into_inner).pop();
            while let Some(request) = next() {
                match hopper.send(&request).await {
                    Answer::Done(reply) => uuids.extend(baymodel::uuid(&reply).map(str::to_owned)),
                    answer => other = Some(answer),
                }
            }
            (uuids, other)
        });
    }
    let (mut uuids, mut other) = (Vec::new(), None);
    for (some, answer) in clients.join_all().await {
        uuids.extend(some);
        other = other.or(answer);
    }
    match other {
        None => Ok(uuids),
        Some(Answer::Unknown(why)) => Err(Error::late(format!("{bays} acceptances ({} came; {why})", uuids.len()), PATIENCE)),
        Some(answer) => Err(Error::Setup(format!("not all of {bays} bays were accepted: {answer:?}"))),
    }
}

async fn remove_all(stage: &mut Stage, backend: &Backend, uuids: &[String]) -> Result<(), Error> {
    let started = Instant::now();
    for some in uuids.chunks(CLIENTS) {
        let requests: Vec<_> = some.iter().map(|uuid| bay::delete(uuid, stage.chance.key())).collect();
        futures::future::join_all(requests.iter().map(|request| stage.hopper.send(request))).await;
    }
    while started.elapsed() < WAVE {
        let listed = outside::list(stage.hopper.roster()).await.is_none_or(|list| !list.all.is_empty());
        if !listed && backend.look(|world, _| world.clusters().is_empty()) {
            return Ok(());
        }
        sleep(Duration::from_millis(250)).await;
    }
    Err(Error::late("the removal of a wave", WAVE))
}
