//! No status is in progress past its time and a minute, whatever became of the backend, the owner, the leader.

use std::time::Duration;

use model::{
    Command,
    cluster::{Cluster, Status},
    command::{ClusterDelete, ClusterUpdate, MemberStarted, OperationRetry, Release},
    id::{ClusterId, OperationId},
    member::Member,
    operation::{Kind, Operation, State},
};
use tokio::time::sleep;

use crate::rig::Rig;

/// What every operation here may take: a minute.
const TIME: Duration = Duration::from_secs(60);

/// And how much later it has ended at the latest.
const GRACE: Duration = Duration::from_secs(60);

async fn bay(rig: &Rig) -> ClusterId {
    let (id, operation) = rig.begin_bay_within(Some(1)).await;
    assert_eq!(rig.ended(operation).await.state(), State::Succeeded);
    id
}

async fn all(rig: &Rig) -> (Vec<Cluster>, Vec<Operation>) {
    rig.read(|view| (model::record::all(view).unwrap(), model::record::all(view).unwrap())).await
}

/// Something of every kind is accepted; nothing of it can be done.
async fn begin_everything(rig: &Rig, bays: &[ClusterId; 3]) {
    let containers = [rig.made_container(bays[0]).await, rig.made_container(bays[0]).await, rig.made_container(bays[0]).await];
    rig.outside.hang();
    rig.begin_bay_within(Some(1)).await;
    rig.begin_container(bays[0]).await;
    rig.begin_act(containers[0], Kind::ContainerStart).await;
    rig.begin_act(containers[0], Kind::ContainerExecute).await;
    rig.begin_act(containers[1], Kind::ContainerReboot).await;
    rig.begin_act(containers[2], Kind::ContainerDelete).await;
    let operation = OperationId::new(rig.uuid());
    rig.done(Command::ClusterUpdate(ClusterUpdate { id: bays[1], node_count: Some(3), operation, ..ClusterUpdate::default() })).await;
    rig.begin_delete(bays[2]).await;
}

/// Nothing is in progress, and everything has ended in time.
async fn nothing_is_late(rig: &Rig, expected: &[(Status, usize)]) {
    let (clusters, operations) = all(rig).await;
    for (status, times) in expected {
        assert_eq!(clusters.iter().filter(|cluster| cluster.status() == *status).count(), *times, "{status:?}");
    }
    assert!(clusters.iter().all(|cluster| !cluster.status().in_progress()));
    for operation in operations {
        let ended = operation.ended_ms.unwrap_or(u64::MAX);
        assert!(!operation.open(), "{:?} {}", operation.kind(), operation.id);
        assert!(ended <= operation.deadline_ms + u64::try_from(GRACE.as_millis()).unwrap(), "{:?}", operation.kind());
    }
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_hangs_leaves_nothing_in_progress_and_a_way_on() {
    let rig = Rig::new().await;
    let bays = [bay(&rig).await, bay(&rig).await, bay(&rig).await];
    begin_everything(&rig, &bays).await;
    sleep(TIME + GRACE).await;
    let failed = [(Status::CreateFailed, 1), (Status::UpdateFailed, 1), (Status::DeleteFailed, 1), (Status::CreateComplete, 1)];
    nothing_is_late(&rig, &failed).await;

    rig.outside.heal();
    let (_, operations) = all(&rig).await;
    let again =
        |operation: &&Operation| matches!(operation.state(), State::Failed | State::Unknown) && operation.kind() != Kind::ContainerExecute;
    let mut last: Vec<_> = operations.iter().filter(again).collect();
    // The execute came after the start on the same container.
    last.retain(|operation| operation.kind() != Kind::ContainerStart);
    assert_eq!(last.len(), 6, "{last:#?}");
    let unknown = operations.iter().filter(|operation| operation.state() == State::Unknown).map(Operation::kind);
    assert_eq!(unknown.collect::<Vec<_>>(), [Kind::ContainerReboot], "it may have run");
    let mut retries = Vec::new();
    for failed in last {
        let retry = OperationId::new(rig.uuid());
        rig.done(Command::OperationRetry(OperationRetry { operation: failed.id, retry })).await;
        retries.push(retry);
    }
    for retry in retries {
        let ended = rig.ended(retry).await;
        assert_eq!(ended.state(), State::Succeeded, "{ended:#?}");
    }
    let (clusters, _) = all(&rig).await;
    assert_eq!(clusters.len(), 3, "the deletion was done");
    assert!(clusters.iter().all(|cluster| cluster.status().idle()));
}

#[tokio::test(start_paused = true)]
async fn without_an_owner_nothing_stays_in_progress() {
    let rig = Rig::new().await;
    let bays = [bay(&rig).await, bay(&rig).await, bay(&rig).await];
    // The one member there is has lost its driver: what it gives back nobody takes.
    let member = rig.read(|view| model::member::query::by_number(view, rig.member()).unwrap().unwrap()).await;
    rig.done(Command::MemberStarted(MemberStarted { member: Member { drivers: Vec::new(), ..member } })).await;
    for row in rig.read(|view| model::ownership::query::all(view).unwrap()).await {
        rig.done(Command::Release(Release { cluster: row.cluster, epoch: row.epoch, reason: 0 })).await;
    }
    rig.begin_bay_within(Some(1)).await;
    let operation = OperationId::new(rig.uuid());
    rig.done(Command::ClusterUpdate(ClusterUpdate { id: bays[0], node_count: Some(3), operation, ..ClusterUpdate::default() })).await;
    rig.begin_container(bays[1]).await;
    rig.begin_delete(bays[2]).await;
    let calls = rig.outside.count("create") + rig.outside.count("provision.delete");
    sleep(TIME + GRACE).await;
    let failed = [(Status::CreateFailed, 1), (Status::UpdateFailed, 1), (Status::DeleteFailed, 1), (Status::CreateComplete, 1)];
    nothing_is_late(&rig, &failed).await;
    assert_eq!(rig.outside.count("create") + rig.outside.count("provision.delete"), calls, "nobody acted");
    let owned = rig.read(|view| model::ownership::query::all(view).unwrap()).await;
    assert!(owned.iter().all(|row| row.owner().is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_hangs_is_forced_to_its_end() {
    let rig = Rig::new().await;
    let bay = bay(&rig).await;
    rig.made_container(bay).await;
    rig.outside.hang();
    let operation = OperationId::new(rig.uuid());
    rig.done(Command::ClusterDelete(ClusterDelete { id: bay, expected_revision: 0, operation, force: true })).await;
    sleep(Duration::from_millis(model::operation::FORCED_MS) + GRACE).await;
    let ended = rig.read(|view| model::operation::query::by_id(view, operation).unwrap().unwrap()).await;
    assert_eq!(ended.state(), State::Succeeded);
    let left: Vec<_> = ended.left.iter().map(|left| left.what.as_str()).collect();
    assert_eq!(left, ["local", "container"], "the records say what is left");
    assert!(rig.cluster(bay).await.is_none());
    assert_eq!((rig.outside.networks(), rig.outside.containers().len()), (1, 1), "it is");
}
