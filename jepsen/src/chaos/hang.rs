//! A backend that is silent for some bays must not slow the others.
//!
//! The same wave of creations again and again: with a backend that answers, and with one that gives no answer for one bay in twenty. What
//! is compared is the rate at which the other nineteen become complete, so the same share of all waves is counted.
//!
//! A machine with other things to do is quicker at one time and slower at another, so a difference of two waves says little. Waves come in
//! rounds of four, calm, silent, silent, calm: what drifts evenly hits both kinds alike, and each silent wave is held against the calm one
//! beside it. Rounds go on until the mean of these shares is known well enough to tell on which side of the goal it lies, or until there
//! were as many as were allowed: then nothing is claimed.

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
    /// Rounds of four waves at most.
    pub rounds: u64,
}

/// So many of 100 bays get no answer.
const HANGING: u64 = 5;
/// For so long.
const SILENCE: Duration = Duration::from_secs(60);
/// The share of the undisturbed rate that the others must reach.
const SHARE: f64 = 0.9;
/// Rounds at least: the spread of two shares says nothing.
const ROUNDS: u64 = 2;
/// A mean is known well enough when its error is no more than this, or when it is two errors away from the goal.
const ERROR: f64 = 0.03;
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
    let columns = ["round", "undisturbed bays/s", "hanging bays", "the others bays/s", "share", "members' CPU ms per bay: calm", "silent"];
    let mut table = Table::new(&title, &columns);
    let progress = Progress::new("hang", plan.rounds);
    // The first wave meets cold members, and would make any other look quick.
    progress.at(0, "a wave that is not counted");
    wave(&mut stage, &backend, (&model, 0), "warm-", plan.bays.div_ceil(5)).await?;
    let (mut shares, mut hung) = (Shares::default(), 0);
    for round in 0..plan.rounds {
        let mut waves = Vec::new();
        for (number, hanging) in [0, HANGING, HANGING, 0].into_iter().enumerate() {
            progress.at(round, if hanging == 0 { "a wave of creations with answers" } else { "one with some without an answer" });
            waves.push(wave(&mut stage, &backend, (&model, hanging), &format!("w{round}-{number}-"), plan.bays).await?);
        }
        if let [first, second, third, fourth] = waves.as_slice() {
            for (calm, silent) in [(first, second), (fourth, third)] {
                shares.push(silent.rate / calm.rate);
                hung += silent.hanging as u64;
                table.row(&row(round, calm, silent));
            }
        }
        if round + 1 >= ROUNDS && shares.decided() {
            break;
        }
    }
    let mut summary = Summary::default();
    summary.table(table);
    summary.note(format!("the others: {} of the undisturbed rate, goal {:.0} %", shares.words(), SHARE * 100.0));
    if options.targets && shares.decided() && shares.mean() < SHARE {
        summary.missed(format!("the others: {} of the undisturbed rate, goal {:.0} %", shares.words(), SHARE * 100.0));
    }
    let known = u64::from(!options.targets || shares.decided());
    summary.coverage("hang", Coverage::default().with("bays without an answer", hung, 2).with("shares that agree well enough", known, 1));
    stage.last_questions(&mut summary).await?;
    outside::judge(&backend, &stage.folder, &mut summary)?;
    stage.cluster.stop().await?;
    Ok(summary)
}

fn row(round: u64, calm: &Wave, silent: &Wave) -> [String; 7] {
    [
        (round + 1).to_string(),
        format!("{:.1}", calm.rate),
        silent.hanging.to_string(),
        format!("{:.1}", silent.rate),
        format!("{:.0} %", 100.0 * silent.rate / calm.rate),
        format!("{:.2}", calm.cpu_ms),
        format!("{:.2}", silent.cpu_ms),
    ]
}

/// Shares of the undisturbed rate; ratios, so they are averaged as logarithms.
#[derive(Debug, Default)]
struct Shares(Vec<f64>);

impl Shares {
    fn push(&mut self, share: f64) {
        self.0.push(share.ln());
    }

    fn count(&self) -> f64 {
        u32::try_from(self.0.len().max(1)).map_or(1.0, f64::from)
    }

    fn mean(&self) -> f64 {
        (self.0.iter().sum::<f64>() / self.count()).exp()
    }

    /// The standard error of the mean, as a part of it.
    fn error(&self) -> f64 {
        if self.0.len() < 2 {
            return f64::INFINITY;
        }
        let mean = self.mean().ln();
        let squares: f64 = self.0.iter().map(|share| (share - mean).powi(2)).sum();
        (squares / (self.count() - 1.0) / self.count()).sqrt()
    }

    fn decided(&self) -> bool {
        let distance = (self.mean() / SHARE).ln().abs();
        self.error() <= ERROR || distance >= 2.0 * self.error()
    }

    fn words(&self) -> String {
        format!("{:.1} % (give or take {:.1})", self.mean() * 100.0, self.error() * self.mean() * 100.0)
    }
}

fn script(hanging: u64) -> Script {
    let change = (Duration::from_millis(20), Duration::from_millis(60));
    Script { change, hang: (hanging, SILENCE), ..Script::default() }
}

#[derive(Debug, Default)]
struct Wave {
    /// Complete bays per second, among those that get an answer in either wave.
    rate: f64,
    /// The other bays: those that get none in a silent wave.
    hanging: usize,
    /// Processor time of all members for one of the first.
    cpu_ms: f64,
}

async fn wave(stage: &mut Stage, backend: &Backend, (model, hanging): (&str, u64), prefix: &str, bays: usize) -> Result<Wave, Error> {
    backend.play(script(hanging));
    let (before, started) = (stage.cluster.cpu()?, Instant::now());
    let uuids = create_all(&stage.hopper, &mut stage.chance, model, prefix, bays).await?;
    let silent = script(HANGING);
    let hangs = |uuid: &&String| silent.hangs(uuid);
    let hung = uuids.iter().filter(hangs).count();
    let answered: BTreeSet<&String> = uuids.iter().filter(|uuid| !hangs(uuid)).collect();
    all_complete(stage, backend, &answered).await?;
    let count = u32::try_from(answered.len()).map_or(f64::INFINITY, f64::from);
    let (took, spent) = (started.elapsed(), stage.cluster.cpu()?.saturating_sub(before));
    backend.play(script(0));
    remove_all(stage, backend, &uuids).await?;
    Ok(Wave { rate: count / took.as_secs_f64(), hanging: hung, cpu_ms: spent.as_secs_f64() * 1e3 / count })
}

/// Waits until all these bays are complete.
pub(super) async fn all_complete(stage: &Stage, backend: &Backend, bays: &BTreeSet<&String>) -> Result<(), Error> {
    let started = Instant::now();
    loop {
        let complete = complete(stage, backend, bays).await;
        if complete == bays.len() {
            return Ok(());
        }
        if started.elapsed() > WAVE {
            return Err(Error::late(format!("{} bays being complete ({complete} are)", bays.len()), WAVE));
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// How many of these bays are complete. The backend is asked first: to list them all the time would be a load of its own.
async fn complete(stage: &Stage, backend: &Backend, bays: &BTreeSet<&String>) -> usize {
    let made = backend.look(|world, _| world.networks().keys().filter(|bay| bays.contains(bay)).count());
    if made < bays.len() {
        return made.min(bays.len().saturating_sub(1));
    }
    let list = outside::list(stage.hopper.roster()).await.unwrap_or_default();
    list.all.iter().filter(|bay| bay.status == "CREATE_COMPLETE" && bays.contains(&bay.uuid)).count()
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
    for some in uuids.chunks(CLIENTS) {
        let requests: Vec<_> = some.iter().map(|uuid| bay::delete(uuid, stage.chance.key())).collect();
        futures::future::join_all(requests.iter().map(|request| stage.hopper.send(request))).await;
    }
    outside::gone(stage.hopper.roster(), backend, WAVE).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(of: &[f64]) -> Shares {
        let mut shares = Shares::default();
        of.iter().for_each(|share| shares.push(*share));
        shares
    }

    #[test]
    fn what_scatters_decides_nothing_and_what_agrees_does() {
        assert!(!shares(&[]).decided() && !shares(&[1.0]).decided());
        let calm = shares(&[0.99, 1.01, 0.98, 1.02]);
        assert!(calm.decided() && (calm.mean() - 1.0).abs() < 0.01, "{calm:?}");
        assert!(!shares(&[0.5, 1.6, 0.7, 1.3]).decided(), "noise");
        let slow = shares(&[0.5, 0.6, 0.4, 0.5]);
        assert!(slow.decided() && slow.mean() < SHARE, "far from the goal, however noisy");
        assert!((shares(&[0.5, 2.0]).mean() - 1.0).abs() < 1e-9, "half and twice are even");
    }
}
