//! One cluster of three members, on which cell after cell is tried.
//!
//! A cell is short: orders are put on members, a life (or whatever leads to the point) is begun, the fault happens, the member comes back,
//! and the next cell begins. Its life goes on meanwhile and is judged when it ends, so recovery is tested while the next fault comes.
//! Everything a cell made is its own, so that whatever is wrong in the end is known to be its.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::{
    cell::{Behind, Cell, Fault, Outcomes},
    doom::Doom,
    life::{Birth, Life, Outside, Rein, Stand},
    point::Whom,
};
use crate::{
    Chance, Error,
    backend::{Backend, Call, Journal, Script},
    chaos::{Options, Stage, churn::Sampler, failover::made, outside},
    check::{Finding, effects, replicas},
    rest::{admin, bay::Bays, baymodel},
    workload::Load,
};

/// The lease of the members here: short, because most of the time is spent waiting for it.
pub(super) const LEASE: Duration = Duration::from_millis(2000);
/// Entries that a member keeps when it purges.
pub(super) const KEPT: usize = 100;
/// So many of 100 changes take so long: some act when their owner has a successor.
const LATE: (u64, Duration, Duration) = (6, Duration::from_millis(2500), Duration::from_millis(5000));
/// How long all members may take to serve again.
const READY: Duration = Duration::from_secs(30);
/// How long all members may take to hear that their orders are taken back, and how often that is said.
const HEARD: (Duration, u32) = (Duration::from_secs(5), 3);
/// How long a member that panicked may take to end, if it ends.
const ENDING: Duration = Duration::from_millis(1500);
/// How long a member that ends by itself may take for that at the most: its own bounds are below.
const FAREWELL: Duration = Duration::from_secs(5);
/// How many lives go on at a time.
const LIVES: usize = 10;
/// How long the last lives may take.
const LAST: Duration = Duration::from_secs(420);
/// How long members may take to stand still.
const REST: Duration = Duration::from_secs(60);

/// See the module.
pub(super) struct Ground {
    pub(super) name: String,
    pub(super) stage: Stage,
    pub(super) outside: Outside,
    pub(super) doom: Option<Doom>,
    pub(super) chance: Chance,
    pub(super) backend: Option<Arc<Backend>>,
    model: String,
    image: String,
    outcomes: Outcomes,
    /// How far each member's log was read.
    read: BTreeMap<String, usize>,
    lives: JoinSet<(usize, Option<String>)>,
    /// Which cell a bay belongs to.
    bays: BTreeMap<String, usize>,
    statuses: Sampler,
    watch: Load,
}

/// The members' configuration.
fn tuning(behind: Behind, audit: &str) -> Vec<(&'static str, String)> {
    let mut keys = vec![
        ("conductor.lease", format!("{}ms", LEASE.as_millis())),
        ("conductor.margin", "500ms".to_owned()),
        ("conductor.look_min", "1s".to_owned()),
        ("conductor.look_max", "3s".to_owned()),
        ("raft.keep_entries", KEPT.to_string()),
        ("raft.purge_step", "50".to_owned()),
        ("raft.lag_threshold", "100".to_owned()),
        ("api.default_quota", "1000000".to_owned()),
        ("audit.file", audit.to_owned()),
    ];
    if behind == Behind::Docker {
        // Docker has addresses for about thirty networks.
        keys.retain(|(key, _)| *key != "conductor.look_min" && *key != "conductor.look_max");
    }
    keys
}

impl Ground {
    /// Starts the members; `name` is that of its folder.
    pub(super) async fn start(options: &Options, name: &str, behind: Behind, outcomes: Outcomes) -> Result<Self, Error> {
        let audit: PathBuf = options.folder.join(format!("{name}-audit.jsonl"));
        let audit = audit.display().to_string();
        let keys = tuning(behind, &audit);
        let keys: Vec<(&str, &str)> = keys.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let (stage, backend) = if behind == Behind::Docker {
            (Stage::set(options, name, 3, &keys).await?, None)
        } else {
            let script = Script {
                fence: behind == Behind::Fence,
                change: (Duration::from_millis(30), Duration::from_millis(80)),
                late: LATE,
                ..Script::default()
            };
            let (stage, backend) = Stage::with_backend(options, name, 3, &keys, (script, Journal::of_changes())).await?;
            (stage, Some(Arc::new(backend)))
        };
        let mut chance = stage.chance.fork("cells");
        let model = made(&stage, baymodel::create("matrix", 0, chance.key())).await?;
        let (mut watch, statuses) = (Load::default(), Sampler::default());
        watch.add(statuses.clone().run(stage.hopper.roster().clone(), watch.stop_signal()));
        let outside = backend.clone().map_or(Outside::Docker, Outside::Scripted);
        let image = if behind == Behind::Docker { options.image.clone() } else { "scripted:1".to_owned() };
        let doom = backend.clone().map(|backend| Doom::new(stage.hopper.clone(), backend, &model, chance.fork("doom")));
        Ok(Self {
            name: name.to_owned(),
            stage,
            outside,
            doom,
            chance,
            backend,
            model,
            image,
            outcomes,
            read: BTreeMap::new(),
            lives: JoinSet::new(),
            bays: BTreeMap::new(),
            statuses,
            watch,
        })
    }

    /// Waits until there is room for another life.
    pub(super) async fn room(&mut self) {
        while self.lives.len() >= LIVES {
            self.one_ended().await;
        }
    }

    /// Begins a life for a cell.
    pub(super) fn begin(&mut self, cell: usize, held: bool) -> Rein {
        let name = format!("{}-{cell}-{}", self.name, self.chance.between(0, 1_000_000));
        let birth = Birth {
            cell,
            name: name.clone(),
            model: self.model.clone(),
            image: self.image.clone(),
            hopper: self.stage.hopper.clone(),
            outside: self.outside.clone(),
            outcomes: self.outcomes.clone(),
            chance: self.chance.fork(&name),
        };
        let (life, rein) = Life::new(birth, held);
        self.lives.spawn(life.run());
        rein
    }

    async fn one_ended(&mut self) {
        if let Some(Ok((cell, Some(bay)))) = self.lives.join_next().await {
            self.bays.insert(bay, cell);
        }
    }

    /// Waits until a life is where it is wanted. False: it did not come so far.
    pub(super) async fn stands(rein: &mut Rein, where_wanted: impl FnMut(&Stand) -> bool, limit: Duration) -> Option<Stand> {
        let stands = timeout(limit, rein.stand.wait_for(where_wanted)).await.ok()?;
        stands.ok().map(|stand| stand.clone())
    }

    /// The members that shall have the orders of a cell.
    pub(super) async fn aim(&mut self, whom: Whom) -> Result<Vec<String>, Error> {
        let names = self.stage.cluster.names();
        let leader = self.stage.cluster.leader(READY).await?;
        let others: Vec<String> = names.iter().filter(|name| **name != leader).cloned().collect();
        Ok(match whom {
            Whom::All => names,
            Whom::One => self.chance.pick(&names).cloned().into_iter().collect(),
            Whom::Leader => vec![leader],
            Whom::Follower => self.chance.pick(&others).cloned().into_iter().collect(),
        })
    }

    /// Puts the orders of a cell on members.
    ///
    /// False: one is not there. The cell before may have struck two, and the second ended only now.
    pub(super) async fn arm(&mut self, cell: &Cell, members: &[String]) -> Result<bool, Error> {
        self.forget_logs();
        let order = cell.order();
        let words = ["fault", "arm", &order];
        let told = members.iter().map(|name| self.stage.cluster.tell(name, &words));
        let told: Vec<(&String, Result<String, Error>)> = members.iter().zip(futures::future::join_all(told).await).collect();
        for (name, answer) in told {
            // It may have come there before the command was answered.
            if let Err(error) = answer
                && self.hit(cell.point.name).is_none()
            {
                if !self.gone(name, ENDING).await? {
                    return Err(Error::Setup(format!("{name} takes no orders: {error}")));
                }
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Lets everybody go on and takes all orders back.
    ///
    /// What an order stops in this very moment cannot hear, so it is let go on and told again. Who never hears is judged by `ready`.
    pub(super) async fn free(&mut self) -> Result<(), Error> {
        let (limit, times) = HEARD;
        for _ in 0..times {
            self.all_go_on()?;
            if timeout(limit, self.disarm(None)).await.is_ok() {
                break;
            }
        }
        self.all_go_on()
    }

    fn all_go_on(&mut self) -> Result<(), Error> {
        self.stage.cluster.members().iter_mut().try_for_each(|member| member.program.let_go_on())
    }

    /// Takes all orders back, from whoever can hear it; one that stands still cannot.
    pub(super) async fn disarm(&mut self, but: Option<&str>) {
        let names: Vec<String> = self.stage.cluster.names().into_iter().filter(|name| Some(name.as_str()) != but).collect();
        let told = names.iter().map(|name| self.stage.cluster.tell(name, &["fault", "clear"]));
        for answer in futures::future::join_all(told).await {
            // Who does not run has none.
            answer.map(drop).unwrap_or(());
        }
    }

    /// What stands in the logs now is of the past.
    pub(super) fn forget_logs(&mut self) {
        for member in self.stage.cluster.members() {
            let length = std::fs::metadata(member.program.log()).map_or(0, |data| usize::try_from(data.len()).unwrap_or(0));
            self.read.insert(member.endpoint.name.to_string(), length);
        }
    }

    /// The first member whose log says that the point was reached.
    pub(super) fn hit(&mut self, point: &str) -> Option<String> {
        let mark = format!("fault point {point}: ");
        for member in self.stage.cluster.members() {
            let name = member.endpoint.name.to_string();
            let log = std::fs::read(member.program.log()).unwrap_or_default();
            let news = log.get(self.read.get(&name).copied().unwrap_or(0)..).unwrap_or_default();
            if String::from_utf8_lossy(news).contains(&mark) {
                return Some(name);
            }
        }
        None
    }

    /// Waits for it.
    pub(super) async fn hit_within(&mut self, point: &str, limit: Duration) -> Option<String> {
        let started = Instant::now();
        loop {
            if let Some(name) = self.hit(point) {
                return Some(name);
            }
            if started.elapsed() > limit {
                return None;
            }
            sleep(Duration::from_millis(25)).await;
        }
    }

    /// Waits for it while a life goes on, and a moment longer.
    pub(super) async fn hit_during(&mut self, point: &str, mut rein: Rein, limit: Duration) -> Option<String> {
        let over = async { while rein.stand.changed().await.is_ok() {} };
        tokio::select! {
            hit = self.hit_within(point, limit) => return hit,
            () = over => {}
        }
        self.hit_within(point, Duration::from_millis(700)).await
    }

    /// The fault has happened to a member: whatever follows from it, and back to life.
    pub(super) async fn heal(&mut self, cell: &Cell, victim: &str) -> Result<(), Error> {
        match cell.fault {
            Fault::Kill => {
                self.gone(victim, Duration::from_secs(5)).await?;
                self.stage.cluster.member(victim)?.program.kill().await?;
                self.disarm(Some(victim)).await;
                self.away().await;
            }
            Fault::Panic => {
                self.disarm(Some(victim)).await;
                if self.gone(victim, ENDING).await? {
                    self.away().await;
                }
            }
            Fault::Stop => {
                let until = Instant::now() + LEASE * 2;
                // Another one may have come there, too, before it was let off: it cannot hear.
                timeout(LEASE, self.disarm(Some(victim))).await.unwrap_or(());
                tokio::time::sleep_until(until).await;
                self.free().await?;
            }
            Fault::Lost => self.disarm(None).await,
        }
        self.ready(cell.number).await
    }

    /// Whether a process ends by itself within a limit.
    async fn gone(&mut self, name: &str, limit: Duration) -> Result<bool, Error> {
        let started = Instant::now();
        while self.stage.cluster.member(name)?.program.is_running() {
            if started.elapsed() > limit {
                return Ok(false);
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(true)
    }

    /// Back before the lease is over, or after somebody else has taken over.
    async fn away(&mut self) {
        let over = LEASE + Duration::from_millis(800);
        sleep(if self.chance.percent(50) { Duration::from_millis(self.chance.between(0, 500)) } else { over }).await;
    }

    /// All members serve, or are made to. One that runs and does not serve is half alive, which is a violation; one that stands still because
    /// an order struck it late, or a cell broke off before it let it go on, is not.
    pub(super) async fn ready(&mut self, cell: usize) -> Result<(), Error> {
        for name in self.stage.cluster.names() {
            let program = &mut self.stage.cluster.member(&name)?.program;
            program.set_environment("JEROBOAM_FAULTS", None);
            program.start()?;
            program.let_go_on()?;
        }
        for name in self.stage.cluster.names() {
            let mut served = self.serves(&name).await;
            if served.is_err() && self.stage.cluster.member(&name)?.program.stands_still() {
                self.free().await?;
                served = self.serves(&name).await;
            }
            if let Err(error) = served {
                let program = &mut self.stage.cluster.member(&name)?.program;
                let still = if program.stands_still() { "stands still" } else { "does not stand still" };
                let words = format!("half alive: {error}; the process {still}, its last line: {}", program.last_line());
                program.kill().await?;
                self.outcomes.found(cell, words);
                self.stage.cluster.restart(&name).await?;
            }
        }
        Ok(())
    }

    async fn serves(&mut self, name: &str) -> Result<(), Error> {
        match self.stage.cluster.serving(name, READY).await {
            // What a panic does to a process may come a moment later.
            Err(Error::Ended { .. }) => self.stage.cluster.restart(name).await,
            served => served,
        }
    }

    /// Ends everything and judges what the cells left.
    pub(super) async fn end(mut self, last: usize) -> Result<(), Error> {
        self.free().await?;
        self.ready(last).await?;
        let lives = async {
            while !self.lives.is_empty() {
                self.one_ended().await;
            }
        };
        if timeout(LAST, lives).await.is_err() {
            self.outcomes.found(last, "lives did not end");
        }
        // Whom the last panic ended may have taken its time, and served meanwhile.
        sleep(FAREWELL).await;
        self.ready(last).await?;
        std::mem::take(&mut self.watch).stop().await;
        self.judge_doomed(last).await;
        self.judge_members(last).await;
        self.judge_left(last).await;
        self.judge_outside(last);
        self.hold_against(self.statuses.statuses().findings(), last);
        if let Some(backend) = &self.backend {
            backend.write(&self.stage.folder)?;
        }
        // The members end with their cluster: how they stop is no matter of the matrix.
        Ok(())
    }

    /// What was over its time has ended.
    async fn judge_doomed(&mut self, last: usize) {
        let Some(doom) = &mut self.doom else { return };
        doom.end();
        let overdue = doom.overdue();
        let Some(bays) = self.listing().await else {
            self.outcomes.found(last, "no member lists the bays: those whose time was over cannot be judged");
            return;
        };
        for uuid in overdue {
            self.outcomes.note(last, |outcome| outcome.accepted += 1);
            match bays.all.iter().find(|bay| bay.uuid == uuid) {
                None => self.outcomes.found(last, format!("the bay {uuid} was accepted, nobody removed it, and it is not listed")),
                Some(bay) if bay.status.ends_with("_IN_PROGRESS") => {
                    self.outcomes.found(last, format!("the bay {uuid} is {} long after its time", bay.status));
                }
                Some(_) => self.outcomes.note(last, |outcome| outcome.ended += 1),
            }
        }
    }

    /// All bays, asked until a member lists them: an election in this very moment is nobody's fault.
    async fn listing(&self) -> Option<Bays> {
        let started = Instant::now();
        loop {
            let bays = outside::list(self.stage.hopper.roster()).await;
            if bays.is_some() || started.elapsed() > REST {
                return bays;
            }
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// Panics that nobody asked for, processes that ended, states that differ.
    async fn judge_members(&mut self, last: usize) {
        let asked = |words: &str| words.contains("node/src/faults/");
        for complaint in self.stage.cluster.complaints().iter().filter(|words| !asked(words)) {
            self.outcomes.found(last, complaint.clone());
        }
        if let Err(late) = self.stage.cluster.settled(REST).await {
            self.outcomes.found(last, format!("liveness: {late}"));
            return;
        }
        let started = Instant::now();
        let members = self.stage.hopper.roster().all();
        while started.elapsed() < REST {
            let answers = futures::future::join_all(members.iter().map(admin::replica)).await;
            let replicas: Vec<_> = answers.into_iter().flatten().collect();
            if replicas.len() == members.len()
                && let Some(findings) = replicas::check(&replicas)
            {
                findings.iter().for_each(|finding| self.outcomes.found(last, finding.to_string()));
                return;
            }
            sleep(Duration::from_millis(200)).await;
        }
        self.outcomes.found(last, "the members did not come to rest at one log index");
    }

    /// All bays together: nothing is left of one that is gone, and a complete one has exactly one network. What is on its way has its time.
    async fn judge_left(&self, last: usize) {
        let Some(backend) = &self.backend else { return };
        let started = Instant::now();
        loop {
            let Some(bays) = self.listing().await else {
                self.outcomes.found(last, "no member lists the bays: what is left outside cannot be judged");
                return;
            };
            let findings = outside::left_of(&bays, backend);
            if findings.is_empty() || started.elapsed() > REST {
                return self.hold_against(&findings, last);
            }
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// Findings about bays are those of the cells whose lives made them.
    fn hold_against(&self, findings: &[Finding], last: usize) {
        for finding in findings {
            let cell = finding.key.as_ref().and_then(|bay| self.bays.get(&**bay)).copied().unwrap_or(last);
            self.outcomes.found(cell, finding.to_string());
        }
    }

    /// What the journal says of each cell's bays.
    fn judge_outside(&self, last: usize) {
        let Some(backend) = &self.backend else { return };
        let fence = backend.script().fence;
        let (calls, nameless) = backend.look(|_, journal| (journal.calls().to_vec(), journal.nameless()));
        if nameless > 0 {
            self.outcomes.found(last, format!("{nameless} calls did not say who makes them"));
        }
        for (cell, report) in by_cell(calls, fence, &self.bays, last) {
            for finding in &report.findings {
                self.outcomes.found(cell, finding.to_string());
            }
            self.outcomes.note(cell, |outcome| {
                outcome.stale += report.stale_attempted;
                outcome.stale_effective += report.stale_effective;
            });
        }
    }

    /// Containers the API lists for a bay.
    pub(super) async fn listed(&self, bay: &str) -> BTreeSet<String> {
        for member in self.stage.hopper.roster().all() {
            if let Ok(list) = crate::rest::container::list(&member, bay).await {
                return list.into_iter().map(|one| one.uuid).collect();
            }
        }
        BTreeSet::new()
    }
}

/// What the journal says of each bay, and the cell that it is held against.
///
/// That is the cell of the bay's life, or the last one where no life says that the bay was its: it ran out of time, its creation had no
/// outcome, or the call names no bay at all. Whatever is done for those is bound by the same invariants.
fn by_cell(calls: Vec<Call>, fence: bool, bays: &BTreeMap<String, usize>, last: usize) -> Vec<(usize, effects::Report)> {
    let mut of_bay: BTreeMap<String, Vec<Call>> = BTreeMap::new();
    for call in calls {
        let bay = call.caller.as_ref().map_or_else(String::new, |caller| caller.cluster.to_string());
        of_bay.entry(bay).or_default().push(call);
    }
    let judged = of_bay.into_iter().map(|(bay, calls)| (bays.get(&bay).copied().unwrap_or(last), effects::check(&calls, fence)));
    judged.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{Caller, Outcome};

    fn made(place: u64, bay: Option<&str>) -> Call {
        let caller = |bay: &str| Caller {
            member: 1,
            incarnation: 1,
            cluster: bay.into(),
            epoch: 4,
            operation: Some("o".into()),
            step: "network.create".into(),
        };
        Call {
            arrival: place,
            at: place,
            judged: Some(place),
            answered: Some(place),
            caller: bay.map(caller),
            verb: "network.create",
            changes: true,
            key: bay.unwrap_or("nobody's").into(),
            fence: 4,
            outcome: Outcome::Made,
        }
    }

    #[test]
    fn what_no_life_owns_is_held_against_the_last_cell() {
        let bays = BTreeMap::from([("a".to_owned(), 3)]);
        let calls = vec![made(1, Some("a")), made(2, Some("doomed")), made(3, Some("doomed")), made(4, None)];
        let judged = by_cell(calls, false, &bays, 9);
        let found: Vec<_> =
            judged.iter().flat_map(|(cell, report)| report.findings.iter().map(move |one| (*cell, one.invariant))).collect();
        assert_eq!(found, [(9, "every call says who makes it"), (9, "no double")]);
        assert!(judged.iter().any(|(cell, report)| *cell == 3 && report.effective == 1));
    }
}
