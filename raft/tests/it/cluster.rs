//! A cluster to be tested: members that can be started, stopped and broken.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use model::{MemberId, command};
use raft::{
    Addresses, Boot, Consistency, Error, Handle, JoinToken, Member, PeerTls, Settings, Write, Written,
    seam::{Executor, OsChance, OsWall, Seams, Tcp},
};
use storage::{Expect, Store};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::valve::Valve;

/// How a member of this cluster gets its certificates.
pub(crate) type Issue = Arc<dyn Fn(Uuid, MemberId) -> PeerTls + Send + Sync>;

pub(crate) struct Cluster {
    root: TempDir,
    pub(crate) id: Uuid,
    pub(crate) settings: Settings,
    pub(crate) members: BTreeMap<u64, Member>,
    pub(crate) peers: BTreeMap<u64, String>,
    pub(crate) issue: Option<Issue>,
    /// Whether every member has a runtime of its own.
    pub(crate) apart: bool,
    pub(crate) valves: BTreeMap<u64, Valve>,
}

pub(crate) fn seams() -> Seams {
    let executor = Executor::current().unwrap();
    Seams { chance: Arc::new(OsChance), wall: Arc::new(OsWall), network: Arc::new(Tcp), raft: executor.clone(), rest: executor }
}

/// A runtime with one thread, as every member has for Raft in production. It lives as long as the process.
fn one_thread() -> Executor {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    Executor::new(Box::leak(Box::new(runtime)).handle().clone())
}

pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

/// Timings that forgive a loaded machine.
pub(crate) fn settings() -> Settings {
    Settings {
        heartbeat: Duration::from_millis(100),
        election_min: Duration::from_millis(400),
        election_max: Duration::from_millis(800),
        ..Settings::default()
    }
}

fn free_address() -> String {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().to_string()
}

impl Cluster {
    /// A cluster of one.
    pub(crate) async fn of_one(settings: Settings, issue: Option<Issue>) -> Self {
        Self::begin(settings, issue, false).await
    }

    /// Three voters, each with a runtime of its own.
    pub(crate) async fn three_apart(settings: Settings) -> Self {
        let mut cluster = Self::begin(settings, None, true).await;
        for _ in 0..2 {
            let id = cluster.add_learner().await;
            cluster.handle(1).promote(MemberId(id), soon()).await.unwrap();
        }
        cluster
    }

    async fn begin(settings: Settings, issue: Option<Issue>, apart: bool) -> Self {
        let mut cluster = Self {
            root: tempfile::tempdir().unwrap(),
            id: Uuid::from_u128(0x1234_5678),
            settings,
            members: BTreeMap::new(),
            peers: BTreeMap::new(),
            issue,
            apart,
            valves: BTreeMap::new(),
        };
        let store = Store::create_in(&cluster.folder(1), cluster.id, 1).await.unwrap();
        let boot = cluster.boot(1, store);
        let member = raft::bootstrap(boot, soon()).await.unwrap();
        cluster.members.insert(1, member);
        cluster
    }

    /// A cluster of `count` voters.
    pub(crate) async fn of(count: u64, settings: Settings) -> Self {
        let mut cluster = Self::of_one(settings, None).await;
        for _ in 1..count {
            let id = cluster.add_learner().await;
            cluster.handle(1).promote(MemberId(id), soon()).await.unwrap();
        }
        cluster
    }

    pub(crate) fn folder(&self, id: u64) -> PathBuf {
        self.root.path().join(format!("member-{id}"))
    }

    pub(crate) fn boot(&mut self, id: u64, store: Store) -> Boot {
        let peer = self.peers.entry(id).or_insert_with(free_address).clone();
        let mut seams = seams();
        seams.network = Arc::new(self.valves.entry(id).or_default().clone());
        if self.apart {
            seams.raft = one_thread();
        }
        Boot {
            store,
            seams,
            settings: self.settings.clone(),
            tls: self.issue.as_ref().map(|issue| issue(self.id, MemberId(id))),
            listen: peer.clone(),
            addresses: Addresses { peer, api: format!("http://api-{id}"), name: format!("m{id}") },
        }
    }

    pub(crate) async fn join(&mut self, token: &JoinToken) -> Result<(), Error> {
        let id = token.member.0;
        let store = Store::create_in(&self.folder(id), token.cluster, id).await.unwrap();
        let boot = self.boot(id, store);
        let member = raft::join(boot, token, soon()).await?;
        self.members.insert(id, member);
        Ok(())
    }

    /// Adds a new member by a token.
    pub(crate) async fn add_learner(&mut self) -> u64 {
        let token = self.any().create_token(Duration::from_secs(60), soon()).await.unwrap();
        self.join(&token).await.unwrap();
        token.member.0
    }

    pub(crate) fn handle(&self, id: u64) -> Handle {
        self.members[&id].handle()
    }

    pub(crate) fn any(&self) -> Handle {
        self.members.values().next().unwrap().handle()
    }

    pub(crate) fn handles(&self) -> Vec<Handle> {
        self.members.values().map(Member::handle).collect()
    }

    /// The member that all who are up agree to lead.
    pub(crate) async fn leader(&self) -> u64 {
        self.leader_of(&self.members.keys().copied().collect::<Vec<_>>()).await
    }

    /// The member that these agree to lead, if it is one of them.
    pub(crate) async fn leader_of(&self, members: &[u64]) -> u64 {
        let deadline = soon();
        loop {
            let seen: Vec<_> = members.iter().map(|id| self.handle(*id).leadership().borrow().leader).collect();
            if let Some(Some(first)) = seen.first()
                && seen.iter().all(|leader| leader == &Some(*first))
                && members.contains(&first.0)
            {
                return first.0;
            }
            assert!(Instant::now() < deadline, "no leader: {seen:?}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn a_follower(&self) -> u64 {
        let leader = self.leader().await;
        *self.members.keys().find(|id| **id != leader).unwrap()
    }

    /// Stops a member without telling anybody.
    pub(crate) async fn kill(&mut self, id: u64) {
        self.members.remove(&id).unwrap().abort().await;
    }

    pub(crate) async fn stop(&mut self, id: u64) {
        self.members.remove(&id).unwrap().stop().await;
    }

    pub(crate) async fn restart(&mut self, id: u64) {
        // The lock of the folder goes with the last task that holds the store.
        let deadline = soon();
        let store = loop {
            match Store::open_in(&self.folder(id), Expect { cluster: Some(self.id), member: Some(id) }) {
                Ok(store) => break store,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            sleep(Duration::from_millis(20)).await;
        };
        let boot = self.boot(id, store);
        self.members.insert(id, raft::restart(boot).await.unwrap());
    }

    /// All members have applied the same and have the same rows.
    pub(crate) async fn assert_equal(&self) {
        let index = self.any().read_index(soon()).await.unwrap();
        let mut digests = Vec::new();
        for handle in self.handles() {
            handle.wait_applied(index, soon()).await.unwrap();
            digests.push(handle.digest().unwrap());
        }
        assert!(digests.windows(2).all(|pair| pair[0] == pair[1]), "{digests:?}");
    }
}

static NAMES: AtomicU64 = AtomicU64::new(1);

/// A name nobody used before.
pub(crate) fn fresh_name() -> String {
    format!("project-{}", NAMES.fetch_add(1, Ordering::Relaxed))
}

/// A command that can be done once only: a second time it is refused.
pub(crate) fn create(project: &str, limit: u32) -> Write {
    set(project, limit, Some(true))
}

/// A register.
pub(crate) fn set(project: &str, limit: u32, create: Option<bool>) -> Write {
    let resource = model::quota::CLUSTER.to_owned();
    let command = command::QuotaSet { project_id: project.to_owned(), resource, hard_limit: limit, create };
    Write::system(command::Command::QuotaSet(command))
}

/// Asserts that it was done.
pub(crate) fn done(written: Written) -> u64 {
    written.outcome.into_result().map_err(|refusal| panic!("{}: {}", refusal.code, refusal.message)).unwrap();
    written.index
}

/// What a read at this consistency sees.
pub(crate) async fn get(handle: &Handle, project: &str, consistency: Consistency) -> Option<u32> {
    let reading = handle.read(consistency, soon()).await.unwrap();
    model::quota::query::limit(&*reading.view, project, model::quota::CLUSTER).unwrap()
}
