//! Members leave one after the other while work is accepted all the time: nothing fails, nothing is done twice, nothing waits long.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use model::{
    Actor, Command, MemberId,
    command::{ContainerAct, ContainerCreate, MemberDrain},
    container::ContainerWish,
    id::{ClusterId, ContainerId, OperationId},
    operation::{self, Kind, Operation, State},
    ownership::{self, Reason},
};
use raft::{Consistency, Handle, Write, seam::Chance};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::{group::Group, rig::LIMIT, scripted::Trouble};

/// Bays under work.
const BAYS: usize = 12;

/// What an operation may wait for its owner at most, milliseconds of log time.
const WAIT_MS: u64 = 2_000;

/// Work on all bays until it is stopped: on each, one container after the other is made, started and removed.
struct Work {
    bays: Vec<ClusterId>,
    accepted: Arc<Mutex<Vec<OperationId>>>,
    workers: JoinSet<()>,
}

impl Work {
    /// Bays on which every call takes its time, so that there is always something under way.
    async fn on(group: &Group) -> Self {
        Self::on_slow(group, 50, 400).await
    }

    /// The same with calls that take from `least` to so much longer, milliseconds.
    async fn on_slow(group: &Group, least: u64, span: u64) -> Self {
        let mut bays = Vec::new();
        for number in 0..BAYS {
            bays.push(group.bay(&format!("bay{number}")).await);
        }
        for (at, what) in ["create", "start", "remove"].into_iter().enumerate() {
            for round in 0..4_000_u64 {
                group
                    .outside
                    .script(what, Trouble::Slow(Duration::from_millis(least + (round * 37 + u64::try_from(at).unwrap() * 11) % span)));
            }
        }
        Self { bays, accepted: Arc::default(), workers: JoinSet::new() }
    }

    /// Sends work through a member that stays: two containers at a time on each bay.
    fn begin(&mut self, group: &Group, through: u64) {
        self.begin_one(group, through);
        self.begin_one(group, through);
    }

    /// One container at a time on each bay.
    fn begin_one(&mut self, group: &Group, through: u64) {
        for bay in self.bays.clone() {
            let (handle, chance, accepted) = (group.members[&through].member.handle(), group.chance.clone(), self.accepted.clone());
            self.workers.spawn(async move {
                loop {
                    let id = ContainerId::new(chance.uuid());
                    let operation = OperationId::new(chance.uuid());
                    let wish = ContainerWish { name: "c".to_owned(), image: "busybox".to_owned(), ..ContainerWish::default() };
                    let create = ContainerCreate { id, cluster: bay, wish, operation, timeout_ms: 60_000 };
                    let act = |kind: Kind, operation| ContainerAct { id, kind: kind.into(), operation, timeout_ms: 60_000, command: None };
                    let (start, remove) = (OperationId::new(chance.uuid()), OperationId::new(chance.uuid()));
                    for (operation, command) in [
                        (operation, Command::ContainerCreate(create)),
                        (start, Command::ContainerAct(act(Kind::ContainerStart, start))),
                        (remove, Command::ContainerAct(act(Kind::ContainerDelete, remove))),
                    ] {
                        let actor = Actor { project_id: "p".to_owned(), user_id: "u".to_owned(), ..Actor::default() };
                        let write = Write { command, actor: Some(actor), key: None };
                        let Ok(written) = handle.write(write, Instant::now() + LIMIT).await else { return };
                        written.outcome.into_result().unwrap();
                        accepted.lock().unwrap().push(operation);
                        ended(&handle, operation).await;
                    }
                }
            });
        }
    }

    async fn pause(&mut self) {
        self.workers.shutdown().await;
    }
}

async fn ended(handle: &Handle, id: OperationId) {
    loop {
        let reading = handle.read(Consistency::Stale, Instant::now() + LIMIT).await.unwrap();
        if operation::query::by_id(&*reading.view, id).unwrap().is_some_and(|operation| !operation.open()) {
            return;
        }
        drop(reading);
        sleep(Duration::from_millis(20)).await;
    }
}

/// What became of all accepted operations.
async fn outcomes(group: &Group, work: &Work) -> Vec<Operation> {
    let accepted = work.accepted.lock().unwrap().clone();
    let mut all = Vec::new();
    for id in accepted {
        all.push(group.ended(id).await);
    }
    all
}

/// How long an operation waited before its first call: for the one before it on the same container, or for an owner.
fn waited(operations: &[Operation]) -> u64 {
    let mut free: BTreeMap<Option<ContainerId>, u64> = BTreeMap::new();
    let mut longest = 0;
    for operation in operations {
        let could = free.get(&operation.container).copied().unwrap_or(0).max(operation.accepted_ms);
        longest = longest.max(operation.steps[0].begun_ms.saturating_sub(could));
        free.insert(operation.container, operation.ended_ms.unwrap());
    }
    longest
}

async fn owned(group: &Group, member: u64) -> usize {
    let reading = group.handle().read(Consistency::Stale, Instant::now() + LIMIT).await.unwrap();
    ownership::query::by_member(&*reading.view, MemberId(member), 100).unwrap().len()
}

/// Operations of all bays that have not ended.
async fn open(group: &Group, work: &Work) -> usize {
    let reading = group.handle().read(Consistency::Stale, Instant::now() + LIMIT).await.unwrap();
    work.bays.iter().map(|bay| operation::query::open_count(&*reading.view, *bay, 10).unwrap()).sum()
}

/// Drains a member until it owns nothing; how long that took.
async fn drained(group: &Group, member: u64) -> Duration {
    let began = Instant::now();
    group.write(Command::MemberDrain(MemberDrain { member, draining: true })).await;
    let empty = async {
        while owned(group, member).await > 0 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(LIMIT, empty).await.unwrap();
    began.elapsed()
}

fn flawless(operations: &[Operation]) {
    assert!(operations.len() > 100, "only {} operations: this has shown nothing", operations.len());
    for operation in operations {
        assert_eq!(operation.state(), State::Succeeded, "{operation:?}");
        assert!(operation.steps.iter().all(|step| step.attempts == 1), "repeated: {operation:?}");
    }
    let waited = waited(operations);
    assert!(waited <= WAIT_MS, "an operation waited {waited} ms for its owner");
}

#[tokio::test(start_paused = true)]
async fn a_drain_under_load_fails_nothing_repeats_nothing_and_keeps_nobody_waiting() {
    let group = Group::new().await;
    let mut work = Work::on(&group).await;
    let leader = group.leader().unwrap().0;
    let drains = (1..=3).find(|member| *member != leader).unwrap();
    sleep(Duration::from_secs(10)).await;
    let had = owned(&group, drains).await;
    assert!(had >= 3, "the member that drains has only {had} bays");
    work.begin(&group, leader);
    sleep(Duration::from_secs(5)).await;
    let took = drained(&group, drains).await;
    sleep(Duration::from_secs(5)).await;
    work.pause().await;
    let operations = outcomes(&group, &work).await;
    flawless(&operations);
    assert!(took < Duration::from_secs(20), "{took:?}");
    for bay in &work.bays {
        let row = group.owner(*bay).await.unwrap();
        assert_ne!(row.member, drains);
    }
    let reading = group.handle().read(Consistency::Stale, Instant::now() + LIMIT).await.unwrap();
    let moved = ownership::query::all(&*reading.view).unwrap().iter().filter(|row| row.reason() == Reason::Drain).count();
    assert_eq!(moved, had, "the reason stays with the assignment");
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_with_the_calls_that_run_however_long_they_are_and_however_soon_others_follow() {
    let group = Group::new().await;
    let mut work = Work::on_slow(&group, 3_000, 4_000).await;
    let leader = group.leader().unwrap().0;
    let drains = (1..=3).find(|member| *member != leader).unwrap();
    sleep(Duration::from_secs(10)).await;
    assert!(owned(&group, drains).await >= 3);
    work.begin_one(&group, leader);
    sleep(Duration::from_secs(5)).await;
    let took = drained(&group, drains).await;
    work.pause().await;
    for operation in outcomes(&group, &work).await {
        assert_eq!(operation.state(), State::Succeeded, "{operation:?}");
        assert!(operation.steps.iter().all(|step| step.attempts == 1), "repeated: {operation:?}");
    }
    assert!(took < Duration::from_secs(8), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_rolling_restart_by_draining_each_member_is_as_quiet() {
    let mut group = Group::new().await;
    let mut work = Work::on(&group).await;
    sleep(Duration::from_secs(10)).await;
    for member in 1..=3_u64 {
        let through = member % 3 + 1;
        work.begin(&group, through);
        sleep(Duration::from_secs(3)).await;
        drained(&group, member).await;
        let mut one = group.members.remove(&member).unwrap();
        one.stop.cancel();
        one.running.join_next().await.unwrap().unwrap().unwrap();
        one.member.abort().await;
        group.start(member, one.disk).await;
        group.write(Command::MemberDrain(MemberDrain { member, draining: false })).await;
        let back = async {
            while owned(&group, member).await == 0 {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(LIMIT, back).await.unwrap();
        work.pause().await;
    }
    flawless(&outcomes(&group, &work).await);
    // A client that was ended in the midst of a request does not know that it was accepted; that one ends, too.
    let rest = async {
        while open(&group, &work).await > 0 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(LIMIT, rest).await.unwrap();
}
