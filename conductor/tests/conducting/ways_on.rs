//! Operations that are called off, done again, superseded and forced while a worker is at them.

use std::time::Duration;

use drivers::Error;
use model::{
    Command,
    cluster::Status,
    command::{ClusterDelete, ClusterUpdate, OperationCancel, OperationRetry},
    id::{ClusterId, OperationId},
    operation::{Kind, State, StepOutcome},
};
use tokio::time::{Instant, sleep};

use crate::{rig::Rig, scripted::Trouble};

async fn called(rig: &Rig, what: &str, times: usize) {
    while rig.outside.count(what) < times {
        sleep(Duration::from_millis(10)).await;
    }
}

async fn resize(rig: &Rig, id: ClusterId, node_count: u32) -> OperationId {
    let operation = OperationId::new(rig.uuid());
    rig.done(Command::ClusterUpdate(ClusterUpdate { id, node_count: Some(node_count), operation, ..ClusterUpdate::default() })).await;
    operation
}

async fn delete(rig: &Rig, id: ClusterId, force: bool) -> OperationId {
    let operation = OperationId::new(rig.uuid());
    rig.done(Command::ClusterDelete(ClusterDelete { id, expected_revision: 0, operation, force })).await;
    operation
}

async fn retry(rig: &Rig, operation: OperationId) -> OperationId {
    let retry = OperationId::new(rig.uuid());
    rig.done(Command::OperationRetry(OperationRetry { operation, retry })).await;
    retry
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_operation_is_cancelled_is_dropped_and_the_next_one_runs() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    let id = rig.made_container(bay).await;
    rig.outside.script("start", Trouble::Hangs);
    let (start, _) = rig.begin_act(id, Kind::ContainerStart).await;
    called(&rig, "start", 1).await;
    rig.done(Command::OperationCancel(OperationCancel { operation: start })).await;
    let cancelled = Instant::now();
    assert_eq!(rig.act(id, Kind::ContainerStop).await.state(), State::Succeeded);
    assert!(cancelled.elapsed() > Duration::from_secs(14), "the dropped call could still act for {:?} only", cancelled.elapsed());
    let ended = rig.ended(start).await;
    assert_eq!((ended.state(), ended.steps[0].outcome()), (State::Cancelled, StepOutcome::Unknown));
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_works_when_it_is_done_again() {
    let rig = Rig::new().await;
    rig.outside.script("provision.create", Trouble::Fails(Error::Refused("no valid host".to_owned())));
    let (bay, create) = rig.begin_bay().await;
    assert_eq!(rig.ended(create).await.state(), State::Failed);
    assert_eq!(rig.cluster(bay).await.unwrap().status_reason.as_deref(), Some("no valid host"));
    let again = retry(&rig, create).await;
    let ended = rig.ended(again).await;
    assert_eq!((ended.state(), ended.retry_of), (State::Succeeded, Some(create)));
    assert_eq!(rig.cluster(bay).await.unwrap().status(), Status::CreateComplete);
    assert_eq!(rig.outside.networks(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_last_of_several_resizes_counts() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    rig.outside.script("provision.update", Trouble::Hangs);
    let first = resize(&rig, bay, 5).await;
    called(&rig, "provision.update", 1).await;
    let second = resize(&rig, bay, 3).await;
    let third = resize(&rig, bay, 4).await;
    assert_eq!(rig.ended(third).await.state(), State::Succeeded);
    for overtaken in [first, second] {
        assert_eq!(rig.ended(overtaken).await.state(), State::Superseded);
    }
    assert_eq!(rig.outside.count("provision.update"), 2, "the second was never begun");
    assert_eq!(rig.cluster(bay).await.unwrap().status(), Status::UpdateComplete);
    let groups = rig.read(|view| model::nodegroup::query::of_cluster(view, bay).unwrap()).await;
    assert_eq!(model::nodegroup::query::counts(&groups).nodes, 4);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_is_refused_can_be_forced_and_says_what_is_left() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    rig.made_container(bay).await;
    let refused = || Trouble::Fails(Error::Refused("it is locked".to_owned()));
    rig.outside.script("provision.delete", refused());
    let operation = delete(&rig, bay, false).await;
    assert_eq!(rig.ended(operation).await.state(), State::Failed);
    assert_eq!(rig.cluster(bay).await.unwrap().status(), Status::DeleteFailed);
    rig.outside.script("provision.delete", refused());
    let operation = delete(&rig, bay, true).await;
    let ended = rig.ended(operation).await;
    assert_eq!((ended.state(), ended.reason.as_deref()), (State::Succeeded, Some("forced: 2 things were left outside")));
    let left: Vec<_> = ended.left.iter().map(|left| (left.what.as_str(), left.id.as_str())).collect();
    assert_eq!(left, [("local", "network-1"), ("container", "outside-2")]);
    assert_eq!(ended.steps[0].reason.as_deref(), Some("it is locked"));
    assert!(rig.cluster(bay).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_forced_deletion_that_works_leaves_nothing() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    rig.made_container(bay).await;
    let operation = delete(&rig, bay, true).await;
    let ended = rig.ended(operation).await;
    assert_eq!((ended.state(), ended.left.len()), (State::Succeeded, 0));
    assert_eq!((rig.outside.networks(), rig.outside.containers().len()), (0, 0));
}

/// A driver that panics costs one attempt, not the cluster's owner: before, nobody worked on the cluster until the next full look.
#[tokio::test(start_paused = true)]
async fn a_step_that_breaks_is_tried_again_and_holds_up_nothing_else() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    let (first, second) = (rig.made_container(bay).await, rig.made_container(bay).await);
    let (made, began) = (rig.outside.made(), Instant::now());
    rig.outside.script("start", Trouble::Panics);
    let (start, _) = rig.begin_act(first, Kind::ContainerStart).await;
    called(&rig, "start", 1).await;
    assert_eq!(rig.act(second, Kind::ContainerStart).await.state(), State::Succeeded);
    assert!(began.elapsed() < Duration::from_secs(2), "another container waited {:?}", began.elapsed());
    let ended = rig.ended(start).await;
    assert_eq!((ended.state(), ended.attempts()), (State::Succeeded, 2));
    assert!(began.elapsed() < Duration::from_secs(20), "it was tried again only after {:?}", began.elapsed());
    assert_eq!(rig.outside.made(), made);
}

/// A leader that stood still for longer than a lease and leads on finds everybody silent, itself too. Before, nobody was ever granted anything
/// again, because nobody was there to take over from whom.
#[tokio::test(start_paused = true)]
async fn a_leader_that_stood_still_does_not_refuse_everybody_for_ever() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    let id = rig.made_container(bay).await;
    for _ in 0..5 {
        tokio::time::advance(Duration::from_secs(7)).await;
        sleep(Duration::from_millis(700)).await;
    }
    let began = Instant::now();
    assert_eq!(rig.act(id, Kind::ContainerStart).await.state(), State::Succeeded);
    assert!(began.elapsed() < Duration::from_secs(30), "it took {:?}", began.elapsed());
}
