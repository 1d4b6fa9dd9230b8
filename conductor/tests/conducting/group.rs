//! Three members with a network between them that can be cut, and one outside world: what happens when owners die, stand apart, restart, stop.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use conductor::{Conductor, Settings};
use model::{
    Actor, Command, View,
    cluster::ClusterWish,
    command::{ClusterCreate, ContainerAct, ContainerCreate, MemberDrain, MemberStarted, TemplateCreate},
    container::ContainerWish,
    id::{ClusterId, ContainerId, NodeGroupId, OperationId, TemplateId},
    member,
    operation::{self, Kind, Operation, State},
    ownership::{self, Ownership, Reason},
    template::TemplateWish,
};
use raft::{
    Addresses, Boot, Consistency, Handle, Member, MemberId, Write,
    seam::{BoxedIo, Chance, Executor, Listener, Network, Seams},
};
use storage::{Expect, SimDisk, Store};
use tokio::{
    io::{DuplexStream, copy_bidirectional, duplex},
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    late::Ways,
    outbox::Receiver,
    rig::{Counting, LIMIT, Noon, actor},
    scripted::{Outside, Trouble},
};

/// All wires.
#[derive(Debug, Default)]
struct Wires {
    doors: BTreeMap<String, mpsc::Sender<DuplexStream>>,
    cut: BTreeSet<String>,
    /// Ends the connections of a host.
    alive: BTreeMap<String, CancellationToken>,
}

/// One host's plug.
#[derive(Debug, Clone)]
struct Plug {
    own: String,
    wires: Arc<Mutex<Wires>>,
}

struct Door(mpsc::Receiver<DuplexStream>, String);

#[async_trait::async_trait]
impl Network for Plug {
    async fn connect(&self, address: &str) -> io::Result<BoxedIo> {
        let (door, tokens) = {
            let mut wires = self.wires.lock().unwrap();
            let refused = wires.cut.contains(&self.own) || wires.cut.contains(address);
            let door = wires.doors.get(address).filter(|_| !refused).cloned().ok_or(io::ErrorKind::ConnectionRefused)?;
            let token = |wires: &mut Wires, host: &str| wires.alive.entry(host.to_owned()).or_default().clone();
            (door, (token(&mut wires, &self.own), token(&mut wires, address)))
        };
        let (near, mut inner_near) = duplex(1 << 16);
        let (far, mut inner_far) = duplex(1 << 16);
        tokio::spawn(async move {
            tokio::select! {
                () = tokens.0.cancelled() => {}
                () = tokens.1.cancelled() => {}
                _ = copy_bidirectional(&mut inner_near, &mut inner_far) => {}
            }
        });
        door.send(far).await.map_err(|_| io::ErrorKind::ConnectionRefused)?;
        Ok(Box::new(near))
    }

    async fn listen(&self, address: &str) -> io::Result<Box<dyn Listener>> {
        let (sender, receiver) = mpsc::channel(16);
        self.wires.lock().unwrap().doors.insert(address.to_owned(), sender);
        Ok(Box::new(Door(receiver, address.to_owned())))
    }
}

#[async_trait::async_trait]
impl Listener for Door {
    async fn accept(&mut self) -> io::Result<(BoxedIo, String)> {
        match self.0.recv().await {
            Some(stream) => Ok((Box::new(stream), "somewhere".to_owned())),
            None => std::future::pending().await,
        }
    }
    fn local(&self) -> String {
        self.1.clone()
    }
}

pub(crate) struct One {
    pub(crate) member: Member,
    pub(crate) stop: CancellationToken,
    pub(crate) running: JoinSet<Result<(), conductor::Error>>,
    pub(crate) disk: SimDisk,
}

/// See the module.
pub(crate) struct Group {
    receiver: Receiver,
    pub(crate) outside: Outside,
    wires: Arc<Mutex<Wires>>,
    pub(crate) chance: Arc<Counting>,
    pub(crate) members: BTreeMap<u64, One>,
    /// How late the leader's grants come back.
    pub(crate) ways: Ways,
    template: TemplateId,
}

impl Group {
    pub(crate) async fn new() -> Self {
        Self::listened(Receiver::default()).await
    }

    /// With somebody who is given the events.
    pub(crate) async fn listened(receiver: Receiver) -> Self {
        #[cfg(feature = "faults")]
        model::planted::arm().unwrap();
        let mut group = Self {
            receiver,
            outside: Outside::default(),
            wires: Arc::default(),
            chance: Arc::default(),
            members: BTreeMap::new(),
            ways: Ways::default(),
            template: TemplateId::new(Uuid::from_u128(4)),
        };
        let disk = SimDisk::new(1);
        let store = Store::create(disk.attach(), Uuid::from_u128(77), 1).await.unwrap();
        let first = raft::bootstrap(group.boot(1, store), Instant::now() + LIMIT).await.unwrap();
        let handle = first.handle();
        group.enlist(1, first, disk).await;
        for number in [2, 3] {
            let token = handle.create_token(LIMIT, Instant::now() + LIMIT).await.unwrap();
            assert_eq!(token.member, MemberId(number));
            let disk = SimDisk::new(number);
            let store = Store::create(disk.attach(), token.cluster, number).await.unwrap();
            let member = raft::join(group.boot(number, store), &token, Instant::now() + LIMIT).await.unwrap();
            group.enlist(number, member, disk).await;
            timeout(LIMIT, async {
                while handle.promote(MemberId(number), Instant::now() + LIMIT).await.is_err() {
                    sleep(Duration::from_millis(50)).await;
                }
            })
            .await
            .unwrap();
        }
        let wish = TemplateWish { name: "t".to_owned(), coe: "swarm".to_owned(), ..TemplateWish::default() };
        group.write(Command::TemplateCreate(TemplateCreate { id: group.template, wish })).await;
        group
    }

    fn boot(&self, number: u64, store: Store) -> Boot {
        let own = format!("m{number}:1");
        let executor = Executor::current().unwrap();
        let network = Arc::new(Plug { own: own.clone(), wires: self.wires.clone() });
        let seams = Seams { chance: self.chance.clone(), wall: Arc::new(Noon), network, raft: executor.clone(), rest: executor };
        let addresses = Addresses { peer: own.clone(), api: format!("m{number}:2"), name: format!("m{number}") };
        Boot { store, seams, settings: raft::Settings::default(), tls: None, listen: own, addresses }
    }

    async fn enlist(&mut self, number: u64, member: Member, disk: SimDisk) {
        let handle = member.handle();
        let conductor = Conductor::new(handle.clone(), self.outside.registry(), Settings::default(), self.chance.clone());
        let conductor = conductor.with_sinks(self.receiver.sinks(number));
        handle.serve(self.ways.under(conductor.answers()));
        let stop = CancellationToken::new();
        let mut running = JoinSet::new();
        running.spawn(conductor.run(stop.clone()));
        self.members.insert(number, One { member, stop, running, disk });
        let record = async {
            loop {
                let reading = handle.read(Consistency::Stale, Instant::now() + LIMIT).await.unwrap();
                if let Some(record) = member::query::by_number(&*reading.view, MemberId(number)).unwrap() {
                    return record;
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        let record = timeout(LIMIT, record).await.unwrap();
        let drivers = vec!["local".to_owned()];
        let member = member::Member { drivers, incarnation: handle.incarnation(), version_max: model::VERSION, ..record };
        self.write(Command::MemberStarted(MemberStarted { member })).await;
    }

    /// A member says that it can drive nothing any more.
    pub(crate) async fn without_drivers(&self, number: u64) {
        let record = self.view(|view| member::query::by_number(view, MemberId(number)).unwrap().unwrap()).await;
        self.write(Command::MemberStarted(MemberStarted { member: member::Member { drivers: Vec::new(), ..record } })).await;
    }

    /// A member that lives and is not cut off.
    pub(crate) fn handle(&self) -> Handle {
        let cut = self.wires.lock().unwrap().cut.clone();
        let (_, one) = self.members.iter().rfind(|(number, _)| !cut.contains(&format!("m{number}:1"))).unwrap();
        one.member.handle()
    }

    pub(crate) async fn write(&self, command: Command) {
        let write = Write { command, actor: Some(actor()), key: None };
        let written = timeout(LIMIT, async {
            loop {
                match self.handle().write(write.clone(), Instant::now() + LIMIT).await {
                    Ok(written) => return written,
                    Err(error) if error.retryable() => sleep(Duration::from_millis(50)).await,
                    Err(error) => panic!("{error}"),
                }
            }
        });
        written.await.unwrap().outcome.into_result().unwrap();
    }

    /// What a living member's state shows.
    pub(crate) async fn view<T>(&self, work: impl FnOnce(&dyn View) -> T) -> T {
        let reading = self.handle().read(Consistency::Linearizable, Instant::now() + LIMIT).await.unwrap();
        work(&*reading.view)
    }

    pub(crate) async fn owner(&self, cluster: ClusterId) -> Option<Ownership> {
        let reading = self.handle().read(Consistency::Stale, Instant::now() + LIMIT).await.unwrap();
        ownership::query::of(&*reading.view, cluster).unwrap()
    }

    pub(crate) async fn owner_when(&self, cluster: ClusterId, wanted: impl Fn(&Ownership) -> bool) -> Ownership {
        let waits = async {
            loop {
                if let Some(row) = self.owner(cluster).await.filter(|row| wanted(row)) {
                    return row;
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        match timeout(LIMIT, waits).await {
            Ok(row) => row,
            Err(_) => panic!("the owner never changes as it should: {:?}", self.owner(cluster).await),
        }
    }

    pub(crate) async fn ended(&self, id: OperationId) -> Operation {
        let waits = async {
            loop {
                let reading = self.handle().read(Consistency::Stale, Instant::now() + LIMIT).await.unwrap();
                let operation = operation::query::by_id(&*reading.view, id).unwrap();
                if let Some(operation) = operation.filter(|operation| !operation.open()) {
                    return operation;
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(LIMIT, waits).await.unwrap()
    }

    pub(crate) async fn bay(&self, name: &str) -> ClusterId {
        let (id, operation) = (ClusterId::new(self.chance.uuid()), OperationId::new(self.chance.uuid()));
        self.write(Command::ClusterCreate(ClusterCreate {
            id,
            template_id: self.template,
            wish: ClusterWish { name: name.to_owned(), ..ClusterWish::default() },
            node_count: 1,
            master_count: 1,
            worker_group: NodeGroupId::new(self.chance.uuid()),
            master_group: NodeGroupId::new(self.chance.uuid()),
            operation,
            driver: "local".to_owned(),
            default_quota: 1_000,
        }))
        .await;
        assert_eq!(self.ended(operation).await.state(), State::Succeeded);
        id
    }

    pub(crate) async fn begin_container(&self, cluster: ClusterId) -> OperationId {
        self.container(cluster).await.1
    }

    async fn container(&self, cluster: ClusterId) -> (ContainerId, OperationId) {
        let (id, operation) = (ContainerId::new(self.chance.uuid()), OperationId::new(self.chance.uuid()));
        let wish = ContainerWish { name: "c".to_owned(), image: "busybox".to_owned(), ..ContainerWish::default() };
        self.write(Command::ContainerCreate(ContainerCreate { id, cluster, wish, operation, timeout_ms: 60_000 })).await;
        (id, operation)
    }

    /// A container that is there.
    pub(crate) async fn made_container(&self, cluster: ClusterId) -> ContainerId {
        let (id, operation) = self.container(cluster).await;
        assert_eq!(self.ended(operation).await.state(), State::Succeeded);
        id
    }

    pub(crate) async fn begin_act(&self, id: ContainerId, kind: Kind) -> OperationId {
        let operation = OperationId::new(self.chance.uuid());
        self.write(Command::ContainerAct(ContainerAct { id, kind: kind.into(), operation, timeout_ms: 60_000, command: None })).await;
        operation
    }

    pub(crate) async fn operation(&self, id: OperationId) -> Operation {
        self.view(|view| operation::query::by_id(view, id).unwrap().unwrap()).await
    }

    pub(crate) async fn kill(&mut self, number: u64) -> SimDisk {
        let mut one = self.members.remove(&number).unwrap();
        self.sever(number);
        one.running.abort_all();
        while one.running.join_next().await.is_some() {}
        one.member.abort().await;
        one.disk
    }

    pub(crate) async fn start(&mut self, number: u64, disk: SimDisk) {
        self.wires.lock().unwrap().cut.remove(&format!("m{number}:1"));
        let store = Store::open(disk.attach(), Expect::default()).unwrap();
        let member = raft::restart(self.boot(number, store)).await.unwrap();
        self.enlist(number, member, disk).await;
    }

    /// Cuts a member off.
    pub(crate) fn sever(&self, number: u64) {
        let host = format!("m{number}:1");
        let mut wires = self.wires.lock().unwrap();
        wires.cut.insert(host.clone());
        if let Some(token) = wires.alive.remove(&host) {
            token.cancel();
        }
    }

    pub(crate) fn heal(&self) {
        self.wires.lock().unwrap().cut.clear();
    }

    pub(crate) fn leader(&self) -> Option<MemberId> {
        self.handle().leadership().borrow().leader
    }

    /// A bay whose owner does not lead.
    pub(crate) async fn bay_of_a_follower(&self) -> (ClusterId, Ownership) {
        for number in 0..6 {
            let bay = self.bay(&format!("bay{number}")).await;
            let owner = self.owner(bay).await.unwrap();
            if owner.owner() != self.leader() {
                return (bay, owner);
            }
        }
        panic!("all bays went to the leader");
    }

    /// No epoch's call came in after a newer epoch's: what a fence would have enforced.
    pub(crate) fn epochs_never_fall(&self) {
        let epochs: Vec<_> = self.outside.journal().iter().map(|called| called.epoch).filter(|epoch| *epoch != 0).collect();
        assert!(epochs.is_sorted(), "{:?}", self.outside.journal());
    }

    /// No call has acted for a bay after one of a newer epoch has. With one bay under work.
    pub(crate) fn effects_never_fall(&self) {
        let effects: Vec<_> = self.outside.effects().into_iter().filter(|called| called.epoch != 0).collect();
        assert!(effects.is_sorted_by_key(|called| called.epoch), "a call of a stale epoch has acted: {effects:?}");
    }
}

pub(crate) async fn called(outside: &Outside, what: &str, times: usize) {
    let waits = async {
        while outside.count(what) < times {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(LIMIT, waits).await.unwrap_or_else(|_| panic!("{what} is not called {times} times: {:?}", outside.journal()));
}

#[tokio::test(start_paused = true)]
async fn bays_are_spread_over_all_members() {
    let group = Group::new().await;
    let mut owners = BTreeMap::new();
    for number in 0..9 {
        let bay = group.bay(&format!("bay{number}")).await;
        *owners.entry(group.owner(bay).await.unwrap().member).or_insert(0) += 1;
    }
    assert_eq!(owners, BTreeMap::from([(1, 3), (2, 3), (3, 3)]));
}

#[tokio::test(start_paused = true)]
async fn the_bay_of_a_killed_owner_moves_after_lease_and_margin_and_its_work_goes_on() {
    let mut group = Group::new().await;
    let (bay, before) = group.bay_of_a_follower().await;
    sleep(Duration::from_secs(10)).await;
    group.outside.script("create", Trouble::Hangs);
    let operation = group.begin_container(bay).await;
    called(&group.outside, "create", 1).await;
    let killed = Instant::now();
    group.kill(before.member).await;
    let after = group.owner_when(bay, |row| row.epoch != before.epoch).await;
    let moved = killed.elapsed();
    assert_eq!(after.reason(), Reason::Lost);
    assert!(moved > Duration::from_secs(4) && moved < Duration::from_secs(8), "{moved:?}");
    assert_eq!(group.ended(operation).await.state(), State::Succeeded);
    assert_eq!(group.outside.containers().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_bay_of_a_killed_leader_moves_too() {
    let mut group = Group::new().await;
    let mut bay = group.bay("first").await;
    for number in 0..3 {
        if group.owner(bay).await.unwrap().owner() == group.leader() {
            break;
        }
        bay = group.bay(&format!("bay{number}")).await;
    }
    let before = group.owner(bay).await.unwrap();
    assert_eq!(before.owner(), group.leader());
    let killed = Instant::now();
    group.kill(before.member).await;
    group.owner_when(bay, |row| row.epoch != before.epoch).await;
    assert!(killed.elapsed() > Duration::from_secs(6) && killed.elapsed() < Duration::from_secs(9), "{:?}", killed.elapsed());
    let operation = group.begin_container(bay).await;
    assert_eq!(group.ended(operation).await.state(), State::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_is_cut_off_stops_before_its_successor_begins() {
    let group = Group::new().await;
    let (bay, before) = group.bay_of_a_follower().await;
    // In the middle of a call that would only work after its lease has run out.
    group.outside.script("create", Trouble::Slow(Duration::from_secs(30)));
    let operation = group.begin_container(bay).await;
    let calls = group.outside.count("create");
    called(&group.outside, "create", calls.max(1)).await;
    group.sever(before.member);
    let after = group.owner_when(bay, |row| row.epoch != before.epoch).await;
    assert_ne!(after.member, before.member);
    assert_eq!(group.ended(operation).await.state(), State::Succeeded);
    assert_eq!(usize::try_from(group.outside.made()), Ok(group.outside.networks() + 1));
    sleep(Duration::from_secs(40)).await;
    group.heal();
    sleep(Duration::from_secs(40)).await;
    assert_eq!(group.outside.containers().len(), 1);
    assert_eq!(group.outside.containers()[0].epoch, after.epoch, "the old owner's call was dropped with its lease");
    let calls = group.outside.journal();
    let first_new = calls.iter().position(|called| called.epoch == after.epoch).unwrap();
    assert!(calls[first_new..].iter().all(|called| called.epoch != before.epoch), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn a_restarted_member_gets_its_bay_back_under_a_new_epoch_without_waiting() {
    let mut group = Group::new().await;
    let (bay, before) = group.bay_of_a_follower().await;
    let disk = group.kill(before.member).await;
    let restarted = Instant::now();
    group.start(before.member, disk).await;
    let after = group.owner_when(bay, |row| row.epoch != before.epoch).await;
    assert!(restarted.elapsed() < Duration::from_secs(4), "{:?}", restarted.elapsed());
    assert_eq!((after.member, after.reason()), (before.member, Reason::Restarted));
    assert!(after.incarnation > before.incarnation);
    let operation = group.begin_container(bay).await;
    assert_eq!(group.ended(operation).await.state(), State::Succeeded);
    group.epochs_never_fall();
}

#[tokio::test(start_paused = true)]
async fn a_stopped_member_hands_over_without_waiting() {
    let mut group = Group::new().await;
    let (bay, before) = group.bay_of_a_follower().await;
    let stopped = Instant::now();
    let one = group.members.get_mut(&before.member).unwrap();
    one.stop.cancel();
    one.running.join_next().await.unwrap().unwrap().unwrap();
    let after = group.owner_when(bay, |row| row.owner().is_some() && row.member != before.member).await;
    assert!(stopped.elapsed() < Duration::from_secs(1), "{:?}", stopped.elapsed());
    assert_eq!(after.reason(), Reason::Released);
}

#[tokio::test(start_paused = true)]
async fn a_drained_member_hands_over() {
    let group = Group::new().await;
    let (bay, before) = group.bay_of_a_follower().await;
    group.write(Command::MemberDrain(MemberDrain { member: before.member, draining: true })).await;
    let after = group.owner_when(bay, |row| row.owner().is_some() && row.member != before.member).await;
    assert_eq!(after.reason(), Reason::Drain);
}

/// A create of a project that may have 20 clusters; sent again, to any member, until there is an answer.
async fn create_somewhere(handles: Vec<Handle>, first: usize, command: Command) -> Result<(), String> {
    let actor = Actor { project_id: "quota".to_owned(), user_id: "u".to_owned(), ..Actor::default() };
    for attempt in 0.. {
        let write = Write { command: command.clone(), actor: Some(actor.clone()), key: None };
        let handle = &handles[(first + attempt) % handles.len()];
        match handle.write(write, Instant::now() + Duration::from_secs(5)).await {
            Ok(written) => return written.outcome.into_result().map(drop).map_err(|refusal| refusal.code),
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
    Err("it is never answered".to_owned())
}

#[tokio::test(start_paused = true)]
async fn of_two_hundred_creates_over_all_members_exactly_the_quota_succeeds_whoever_leads() {
    let mut group = Group::new().await;
    let wish = TemplateWish { name: "q".to_owned(), coe: "swarm".to_owned(), public: true, ..TemplateWish::default() };
    let template_id = TemplateId::new(group.chance.uuid());
    group.write(Command::TemplateCreate(TemplateCreate { id: template_id, wish })).await;
    let handles: Vec<Handle> = group.members.values().map(|one| one.member.handle()).collect();
    let mut creates = JoinSet::new();
    for number in 0..200 {
        let command = Command::ClusterCreate(ClusterCreate {
            id: ClusterId::new(group.chance.uuid()),
            template_id,
            wish: ClusterWish { name: format!("c{number}"), ..ClusterWish::default() },
            node_count: 1,
            master_count: 1,
            worker_group: NodeGroupId::new(group.chance.uuid()),
            master_group: NodeGroupId::new(group.chance.uuid()),
            operation: OperationId::new(group.chance.uuid()),
            driver: "local".to_owned(),
            default_quota: 20,
        });
        let handles = handles.clone();
        creates.spawn(async move {
            sleep(Duration::from_micros(number * 50)).await;
            create_somewhere(handles, usize::try_from(number).unwrap(), command).await
        });
    }
    sleep(Duration::from_millis(5)).await;
    let leader = group.leader().unwrap();
    group.kill(leader.0).await;
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    while let Some(answer) = creates.join_next().await {
        let word = answer.unwrap().err().unwrap_or_else(|| "accepted".to_owned());
        *answers.entry(word).or_default() += 1;
    }
    let reading = group.handle().read(Consistency::Linearizable, Instant::now() + LIMIT).await.unwrap();
    let there = model::cluster::query::count_of_project(&*reading.view, "quota").unwrap();
    assert_eq!(there, 20, "{answers:?}");
    // A create that was accepted just before the leader died may be told that it is there already.
    let accepted = answers.remove("accepted").unwrap_or_default() + answers.remove("cluster-exists").unwrap_or_default();
    assert_eq!((accepted, answers), (20, BTreeMap::from([("quota-exceeded".to_owned(), 180)])));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_outlives_the_leader_under_whom_it_was_set() {
    let mut group = Group::new().await;
    let bay = group.bay("bay").await;
    group.outside.hang();
    let operation = group.begin_container(bay).await;
    sleep(Duration::from_secs(30)).await;
    let leader = group.leader().unwrap();
    group.kill(leader.0).await;
    let ended = group.ended(operation).await;
    assert_eq!(ended.state(), State::Failed, "{ended:#?}");
    let late = ended.ended_ms.unwrap() - ended.deadline_ms;
    assert!(late < 3_000, "{late} ms after its deadline");
    assert!(ended.reason.unwrap().starts_with("timed out after 60 s"));
}

#[tokio::test(start_paused = true)]
async fn a_new_owner_leaves_the_backend_alone_for_as_long_as_the_old_one_would_have() {
    let mut group = Group::new().await;
    let (bay, before) = group.bay_of_a_follower().await;
    sleep(Duration::from_secs(10)).await;
    let busy = drivers::Error::Busy { reason: "in maintenance".to_owned(), retry_after: Duration::from_secs(25) };
    group.outside.script("create", Trouble::Fails(busy));
    let operation = group.begin_container(bay).await;
    called(&group.outside, "create", 1).await;
    let asked = Instant::now();
    sleep(Duration::from_millis(100)).await;
    group.kill(before.member).await;
    let ended = group.ended(operation).await;
    assert_eq!((ended.state(), ended.attempts()), (State::Succeeded, 2));
    assert!(asked.elapsed() >= Duration::from_secs(25), "{:?}", asked.elapsed());
    let trouble = &ended.steps[0].troubles[0];
    assert_eq!(
        (trouble.failure(), trouble.epoch, trouble.reason.as_str()),
        (operation::Failure::Busy, before.epoch, "busy: in maintenance")
    );
}
