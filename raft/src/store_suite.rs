//! openraft's own suite for stores, over both disks.

use std::sync::Arc;

use model::MemberId;
use openraft::{
    StorageError,
    testing::log::{StoreBuilder, Suite},
};
use storage::{Disk, RocksDisk, SimDisk, Store};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{
    Settings,
    codec::AppliedRecord,
    inner::{Identity, Parts, Shared},
    log_store::LogStore,
    seam::{Executor, OsChance, OsWall, Seams, Tcp},
    state_machine::StateMachine,
    tasks::Tasks,
    types::Types,
};

fn seams() -> Seams {
    let executor = Executor::current().unwrap();
    Seams { chance: Arc::new(OsChance), wall: Arc::new(OsWall), network: Arc::new(Tcp), raft: executor.clone(), rest: executor }
}

async fn open(disk: Arc<dyn Disk>) -> (LogStore, StateMachine) {
    let Store { log, state, snapshots, .. } = Store::create(disk, Uuid::from_u128(1), 1).await.unwrap();
    let seams = seams();
    let identity = Identity { cluster: Uuid::from_u128(1), member: MemberId(1), incarnation: 1 };
    let tasks = Arc::new(Tasks::new(seams.raft.clone(), 1));
    let applied = AppliedRecord::default();
    let parts = Parts { identity, settings: Settings::default(), seams, log: log.clone(), state, applied, log_ms: 0, tasks };
    let shared = Arc::new(Shared::new(parts));
    (LogStore::new(log, shared.clone()), StateMachine::new(shared, snapshots).unwrap().with_gaps())
}

struct OnRocks;

impl StoreBuilder<Types, LogStore, StateMachine, TempDir> for OnRocks {
    async fn build(&self) -> Result<(TempDir, LogStore, StateMachine), StorageError<Types>> {
        let folder = tempfile::tempdir().unwrap();
        let (log, machine) = open(RocksDisk::open(folder.path().join("data")).unwrap()).await;
        Ok((folder, log, machine))
    }
}

struct OnSimulatedDisk;

impl StoreBuilder<Types, LogStore, StateMachine, SimDisk> for OnSimulatedDisk {
    async fn build(&self) -> Result<(SimDisk, LogStore, StateMachine), StorageError<Types>> {
        let disk = SimDisk::new(7);
        let (log, machine) = open(disk.attach()).await;
        Ok((disk, log, machine))
    }
}

#[tokio::test]
async fn the_suite_passes_on_rocksdb() {
    Suite::test_all(OnRocks).await.unwrap();
}

#[tokio::test]
async fn the_suite_passes_on_the_simulated_disk() {
    Suite::test_all(OnSimulatedDisk).await.unwrap();
}
