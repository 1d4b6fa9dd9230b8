//! One member with a real Raft over a simulated disk, and a conductor on it. Time is paused: it passes as fast as nothing is to be done.

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use conductor::{Conductor, Metrics, Settings};
use model::{
    Actor, Command, View,
    cluster::{self, Cluster, ClusterWish},
    command::{ClusterCreate, ClusterDelete, ContainerAct, ContainerCreate, MemberStarted, TemplateCreate},
    container::{self, Container, ContainerWish},
    id::{ClusterId, ContainerId, NodeGroupId, OperationId, TemplateId},
    member,
    operation::{self, Kind, Operation},
    ownership,
    template::TemplateWish,
};
use raft::{
    Addresses, Boot, Consistency, Handle, Member, MemberId, Write, Written,
    seam::{BoxedIo, Chance, Executor, Listener, Network, Seams, Wall},
};
use storage::{Expect, SimDisk, Store};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{outbox::Receiver, scripted::Outside};

/// Counts up: every number and id differs, every run is the same.
#[derive(Debug, Default)]
pub(crate) struct Counting(AtomicU64);

impl Chance for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let mixed = self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            chunk.copy_from_slice(&mixed.to_le_bytes()[..chunk.len()]);
        }
    }
}

#[derive(Debug)]
pub(crate) struct Noon;

impl Wall for Noon {
    fn now_ms(&self) -> u64 {
        1_700_000_000_000
    }
}

/// Nobody to talk to.
#[derive(Debug)]
struct Alone;

struct Silence;

#[async_trait::async_trait]
impl Network for Alone {
    async fn connect(&self, _address: &str) -> io::Result<BoxedIo> {
        Err(io::ErrorKind::ConnectionRefused.into())
    }
    async fn listen(&self, _address: &str) -> io::Result<Box<dyn Listener>> {
        Ok(Box::new(Silence))
    }
}

#[async_trait::async_trait]
impl Listener for Silence {
    async fn accept(&mut self) -> io::Result<(BoxedIo, String)> {
        std::future::pending().await
    }
    fn local(&self) -> String {
        "alone:1".to_owned()
    }
}

/// Whoever asks.
pub(crate) fn actor() -> Actor {
    Actor { project_id: "p".to_owned(), user_id: "u".to_owned(), ..Actor::default() }
}

/// How long anything may take, on the paused clock.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// See the module.
pub(crate) struct Rig {
    pub(crate) outside: Outside,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) handle: Handle,
    disk: SimDisk,
    chance: Arc<Counting>,
    member: Member,
    stop: CancellationToken,
    running: JoinSet<Result<(), conductor::Error>>,
    settings: Settings,
    receiver: Receiver,
}

impl Rig {
    pub(crate) async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        Self::listened(Receiver::default(), settings).await
    }

    /// With somebody who is given the events.
    pub(crate) async fn listened(receiver: Receiver, settings: Settings) -> Self {
        #[cfg(feature = "faults")]
        model::planted::arm().unwrap();
        let (disk, chance) = (SimDisk::new(1), Arc::new(Counting::default()));
        let store = Store::create(disk.attach(), Uuid::from_u128(77), 1).await.unwrap();
        let member = raft::bootstrap(boot(store, &chance), Instant::now() + LIMIT).await.unwrap();
        Self::start(disk, chance, member, Outside::default(), (settings, receiver)).await
    }

    async fn start(
        disk: SimDisk,
        chance: Arc<Counting>,
        member: Member,
        outside: Outside,
        (settings, receiver): (Settings, Receiver),
    ) -> Self {
        let handle = member.handle();
        let conductor = Conductor::new(handle.clone(), outside.registry(), settings.clone(), chance.clone());
        let conductor = conductor.with_sinks(receiver.sinks(1));
        let metrics = conductor.metrics();
        handle.serve(conductor.answers());
        let stop = CancellationToken::new();
        let mut running = JoinSet::new();
        running.spawn(conductor.run(stop.clone()));
        let rig = Self { outside, metrics, handle, disk, chance, member, stop, running, settings, receiver };
        rig.announce().await;
        rig
    }

    /// What the process does after its start: says which drivers it has.
    async fn announce(&self) {
        let record = timeout(LIMIT, async {
            loop {
                if let Some(record) = self.read(|view| member::query::by_number(view, self.handle.member()).unwrap()).await {
                    return record;
                }
                sleep(Duration::from_millis(50)).await;
            }
        });
        let record = record.await.unwrap();
        let member = member::Member {
            drivers: vec!["local".to_owned(), "racks".to_owned()],
            incarnation: self.handle.incarnation(),
            version_max: model::VERSION,
            ..record
        };
        self.done(Command::MemberStarted(MemberStarted { member })).await;
    }

    /// Ends the process without a word, and starts it again on the same disk.
    pub(crate) async fn crash(mut self) -> Self {
        self.running.abort_all();
        while self.running.join_next().await.is_some() {}
        self.member.abort().await;
        let store = Store::open(self.disk.attach(), Expect::default()).unwrap();
        let member = raft::restart(boot(store, &self.chance)).await.unwrap();
        Self::start(self.disk, self.chance, member, self.outside, (self.settings, self.receiver)).await
    }

    /// Stops the conductor in order; the rest runs on.
    pub(crate) async fn stop(&mut self) {
        self.stop.cancel();
        timeout(LIMIT, self.running.join_next()).await.unwrap().unwrap().unwrap().unwrap();
    }

    pub(crate) async fn read<T>(&self, work: impl FnOnce(&dyn View) -> T) -> T {
        let reading = self.handle.read(Consistency::Stale, Instant::now() + LIMIT).await.unwrap();
        work(&*reading.view)
    }

    pub(crate) async fn write(&self, command: Command) -> Written {
        self.handle.write(Write { command, actor: Some(actor()), key: None }, Instant::now() + LIMIT).await.unwrap()
    }

    pub(crate) async fn done(&self, command: Command) -> Written {
        let written = self.write(command).await;
        written.outcome.clone().into_result().unwrap();
        written
    }

    pub(crate) fn uuid(&self) -> Uuid {
        self.chance.uuid()
    }

    /// Waits until the state shows it.
    pub(crate) async fn until<T>(&self, what: &str, mut look: impl FnMut(&dyn View) -> Option<T>) -> T {
        let waits = async {
            loop {
                if let Some(found) = self.read(&mut look).await {
                    return found;
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        match timeout(LIMIT, waits).await {
            Ok(found) => found,
            Err(_) => panic!("never: {what}; calls: {:?}", self.outside.journal()),
        }
    }

    pub(crate) async fn ended(&self, id: OperationId) -> Operation {
        self.until("the operation ends", |view| operation::query::by_id(view, id).unwrap().filter(|operation| !operation.open())).await
    }

    /// Begins to make a bay.
    pub(crate) async fn begin_bay(&self) -> (ClusterId, OperationId) {
        self.begin_bay_within(None).await
    }

    /// Begins to make a bay whose operations may take so many minutes.
    pub(crate) async fn begin_bay_within(&self, minutes: Option<u32>) -> (ClusterId, OperationId) {
        let wish = ClusterWish { name: "bay".to_owned(), create_timeout: minutes, ..ClusterWish::default() };
        self.begin_with("local", 1, wish).await
    }

    /// Begins to make a bay whose machines are kept in groups.
    pub(crate) async fn begin_racks(&self, node_count: u32, labels: BTreeMap<String, String>) -> (ClusterId, OperationId) {
        self.begin_with("racks", node_count, ClusterWish { name: "racks".to_owned(), labels, ..ClusterWish::default() }).await
    }

    async fn begin_with(&self, driver: &str, node_count: u32, cluster: ClusterWish) -> (ClusterId, OperationId) {
        let template = TemplateId::new(self.uuid());
        let wish = TemplateWish { name: "t".to_owned(), coe: "swarm".to_owned(), ..TemplateWish::default() };
        self.done(Command::TemplateCreate(TemplateCreate { id: template, wish })).await;
        let (id, operation) = (ClusterId::new(self.uuid()), OperationId::new(self.uuid()));
        self.done(Command::ClusterCreate(ClusterCreate {
            id,
            template_id: template,
            wish: cluster,
            node_count,
            master_count: 1,
            worker_group: NodeGroupId::new(self.uuid()),
            master_group: NodeGroupId::new(self.uuid()),
            operation,
            driver: driver.to_owned(),
            default_quota: 20,
        }))
        .await;
        (id, operation)
    }

    /// A bay that is complete.
    pub(crate) async fn bay(&self) -> ClusterId {
        let (id, operation) = self.begin_bay().await;
        assert_eq!(self.ended(operation).await.state(), operation::State::Succeeded);
        id
    }

    pub(crate) async fn cluster(&self, id: ClusterId) -> Option<Cluster> {
        self.read(|view| cluster::query::by_id(view, id).unwrap()).await
    }

    /// The epoch of a bay's owner.
    pub(crate) async fn epoch(&self, id: ClusterId) -> u64 {
        self.read(|view| ownership::query::of(view, id).unwrap().unwrap().epoch).await
    }

    pub(crate) async fn container(&self, id: ContainerId) -> Option<Container> {
        self.read(|view| container::query::by_id(view, id).unwrap()).await
    }

    pub(crate) async fn begin_container(&self, cluster: ClusterId) -> (ContainerId, OperationId) {
        let (id, operation) = (ContainerId::new(self.uuid()), OperationId::new(self.uuid()));
        let wish = ContainerWish { name: "c".to_owned(), image: "busybox".to_owned(), ..ContainerWish::default() };
        self.done(Command::ContainerCreate(ContainerCreate { id, cluster, wish, operation, timeout_ms: 60_000 })).await;
        (id, operation)
    }

    /// A container that is there, and what the bay's id is.
    pub(crate) async fn made_container(&self, cluster: ClusterId) -> ContainerId {
        let (id, operation) = self.begin_container(cluster).await;
        assert_eq!(self.ended(operation).await.state(), operation::State::Succeeded);
        id
    }

    /// Begins an act; its operation, and the log index at which it was accepted.
    pub(crate) async fn begin_act(&self, id: ContainerId, kind: Kind) -> (OperationId, u64) {
        let operation = OperationId::new(self.uuid());
        let command = (kind == Kind::ContainerExecute).then(|| "echo hello".to_owned());
        let act = ContainerAct { id, kind: kind.into(), operation, timeout_ms: 60_000, command };
        (operation, self.done(Command::ContainerAct(act)).await.index)
    }

    pub(crate) async fn act(&self, id: ContainerId, kind: Kind) -> Operation {
        let (operation, _) = self.begin_act(id, kind).await;
        self.ended(operation).await
    }

    pub(crate) async fn begin_delete(&self, id: ClusterId) -> OperationId {
        let operation = OperationId::new(self.uuid());
        self.done(Command::ClusterDelete(ClusterDelete { id, expected_revision: 0, operation, force: false })).await;
        operation
    }

    pub(crate) fn member(&self) -> MemberId {
        self.handle.member()
    }
}

fn boot(store: Store, chance: &Arc<Counting>) -> Boot {
    let executor = Executor::current().unwrap();
    let seams = Seams { chance: chance.clone(), wall: Arc::new(Noon), network: Arc::new(Alone), raft: executor.clone(), rest: executor };
    let addresses = Addresses { peer: "alone:1".to_owned(), api: "alone:2".to_owned(), ..Addresses::default() };
    Boot { store, seams, settings: raft::Settings::default(), tls: None, listen: "alone:1".to_owned(), addresses }
}
