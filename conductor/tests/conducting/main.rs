//! The conductor of one member, with a real log under it and a scripted world around it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod deadlines;
mod draining;
mod fencing;
mod group;
mod late;
mod listening;
mod looking;
mod outbox;
mod racks;
mod rig;
mod rolling;
mod scripted;
mod ways_on;
mod wishes;

use std::time::Duration;

use bytes::Bytes;
use conductor::Settings;
use drivers::Error;
use futures::StreamExt;
use model::{
    cluster::{Health, Status},
    container::ContainerStatus,
    id::ContainerId,
    node,
    operation::{Kind, State, StepOutcome},
    ownership,
    peer::{ContainerLooked, ExecuteRequest, LogsRequest, LookContainer, Output, OwnershipStatus, StatusRequest, method},
};
use prost::Message;
use rig::Rig;
use scripted::Trouble;
use tokio::time::{Instant, sleep};

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

#[tokio::test(start_paused = true)]
async fn a_bay_is_assigned_made_and_looked_at() {
    let rig = Rig::new().await;
    let id = rig.bay().await;
    let cluster = rig.cluster(id).await.unwrap();
    assert_eq!(cluster.status(), Status::CreateComplete);
    let observed = cluster.observed.unwrap();
    assert_eq!(observed.health, Some(Health::Healthy.into()));
    assert_eq!(observed.coe_version.as_deref(), Some("27.0"));
    assert_eq!(observed.node_addresses, ["10.0.0.1"]);
    assert_eq!(rig.read(|view| node::query::of_cluster(view, id).unwrap().len()).await, 1);
    assert_eq!(rig.outside.networks(), 1);
    assert_eq!(rig.metrics.counts().owned, 1);
}

#[tokio::test(start_paused = true)]
async fn a_container_is_led_through_its_life() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    let id = rig.made_container(bay).await;
    for (kind, status) in [(Kind::ContainerStart, ContainerStatus::Running), (Kind::ContainerStop, ContainerStatus::Stopped)] {
        let operation = rig.act(id, kind).await;
        assert_eq!((operation.state(), operation.steps.len()), (State::Succeeded, 1));
        assert_eq!(rig.container(id).await.unwrap().status(), status);
    }
    assert_eq!(rig.act(id, Kind::ContainerDelete).await.state(), State::Succeeded);
    assert!(rig.container(id).await.is_none());
    assert!(rig.outside.containers().is_empty());
    assert_eq!(rig.outside.count("create"), 1);
}

#[tokio::test(start_paused = true)]
async fn every_call_carries_the_epoch_and_stands_in_the_log_first() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    let epoch = rig.read(|view| ownership::query::of(view, bay).unwrap().unwrap().epoch).await;
    rig.outside.script("create", Trouble::Slow(Duration::from_secs(2)));
    let (_, operation) = rig.begin_container(bay).await;
    rig.until("the intent", |view| {
        let operation = model::operation::query::by_id(view, operation).unwrap().unwrap();
        operation.steps.first().filter(|step| step.outcome() == StepOutcome::Begun && step.epoch == epoch).map(|_| ())
    })
    .await;
    assert_eq!(rig.ended(operation).await.state(), State::Succeeded);
    assert!(rig.outside.journal().iter().filter(|called| called.epoch != 0).all(|called| called.epoch == epoch));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_makes_nothing_twice() {
    let rig = Rig::new().await;
    rig.outside.script("provision.create", Trouble::AnswerLost);
    let bay = rig.bay().await;
    rig.outside.script("create", Trouble::AnswerLost);
    rig.made_container(bay).await;
    assert_eq!((rig.outside.count("create"), rig.outside.containers().len()), (2, 1));
    assert_eq!((rig.outside.count("provision.create"), rig.outside.networks()), (2, 1));
    assert_eq!(rig.outside.made(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_fails_the_operation_with_the_backends_words() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    rig.outside.script("create", Trouble::Fails(Error::Refused("no such image: nonsense".to_owned())));
    let (id, operation) = rig.begin_container(bay).await;
    let operation = rig.ended(operation).await;
    assert_eq!((operation.state(), operation.reason.as_deref()), (State::Failed, Some("no such image: nonsense")));
    assert_eq!(rig.container(id).await.unwrap().status(), ContainerStatus::Error);
    assert_eq!(rig.outside.count("create"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_broken_backend_is_tried_again_until_the_deadline_and_never_for_ever() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    let id = rig.made_container(bay).await;
    for _ in 0..50 {
        rig.outside.script("start", Trouble::Fails(Error::Broken("connection refused".to_owned())));
    }
    let operation = rig.act(id, Kind::ContainerStart).await;
    assert_eq!(operation.state(), State::Failed);
    assert_eq!(operation.reason.as_deref(), Some("connection refused"));
    let tries = rig.outside.count("start");
    assert!((3..20).contains(&tries), "{tries}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_is_ended_by_the_deadline() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    let id = rig.made_container(bay).await;
    rig.outside.script("start", Trouble::Hangs);
    let operation = rig.act(id, Kind::ContainerStart).await;
    assert_eq!((operation.state(), operation.reason.as_deref()), (State::Failed, Some("timed out after 60 s")));
    // The container is not stuck: the next operation runs.
    assert_eq!(rig.act(id, Kind::ContainerStop).await.state(), State::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_the_new_epoch_finishes_what_the_old_one_began() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    let before = rig.read(|view| ownership::query::of(view, bay).unwrap().unwrap()).await;
    rig.outside.script("create", Trouble::Hangs);
    let (_, operation) = rig.begin_container(bay).await;
    while rig.outside.count("create") == 0 {
        sleep(Duration::from_millis(10)).await;
    }
    let began = Instant::now();
    let rig = rig.crash().await;
    let operation = rig.ended(operation).await;
    assert_eq!(operation.state(), State::Succeeded);
    assert!(began.elapsed() < Duration::from_secs(6), "create-or-adopt does not wait: {:?}", began.elapsed());
    let after = rig.read(|view| ownership::query::of(view, bay).unwrap().unwrap()).await;
    assert!(after.epoch > before.epoch && after.incarnation > before.incarnation);
    assert_eq!(operation.steps[0].epoch, after.epoch);
    assert_eq!(rig.outside.containers().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_new_epochs_first_act_is_to_list_what_carries_the_tag() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    rig.outside.script("create", Trouble::Hangs);
    let (_, operation) = rig.begin_container(bay).await;
    while rig.outside.count("create") == 0 {
        sleep(Duration::from_millis(10)).await;
    }
    // What a call of the old epoch has left, which no record knows of.
    rig.outside.plant(bay, ContainerId::new(rig.uuid()));
    let before = rig.outside.journal().len();
    let rig = rig.crash().await;
    assert_eq!(rig.ended(operation).await.state(), State::Succeeded);
    let calls: Vec<_> = rig.outside.journal()[before..].iter().map(|called| called.what).collect();
    assert_eq!(calls[..4], ["look", "containers", "remove", "create"], "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_a_delete_waits_for_the_old_epochs_late_create() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    // The old epoch's call travels on after its sender is dead.
    rig.outside.script("create", Trouble::Late(Duration::from_secs(8)));
    let (id, operation) = rig.begin_container(bay).await;
    while rig.outside.count("create") == 0 {
        sleep(Duration::from_millis(10)).await;
    }
    let rig = rig.crash().await;
    assert_eq!(rig.ended(operation).await.state(), State::Succeeded);
    assert_eq!(rig.act(id, Kind::ContainerDelete).await.state(), State::Succeeded);
    sleep(Duration::from_secs(20)).await;
    assert!(rig.outside.containers().is_empty(), "the late create has left an orphan");
    assert_eq!(rig.outside.made(), 2, "a sweep has hidden an orphan");
}

#[tokio::test(start_paused = true)]
async fn a_delete_waits_for_ones_own_late_create() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    sleep(Duration::from_secs(60)).await;
    rig.outside.script("create", Trouble::Late(Duration::from_secs(8)));
    let id = rig.made_container(bay).await;
    assert_eq!(rig.act(id, Kind::ContainerDelete).await.state(), State::Succeeded);
    let deleted = Instant::now();
    assert!(rig.outside.containers().is_empty());
    sleep(Duration::from_secs(9)).await;
    assert!(rig.outside.containers().is_empty(), "an orphan {:?} after the deletion", deleted.elapsed());
    assert_eq!(rig.outside.made(), 2, "a sweep has hidden an orphan");
}

/// What the two tests before this one would find, if nothing waited; and that the full pass is the net under it.
#[tokio::test(start_paused = true)]
async fn without_the_wait_there_is_an_orphan_until_the_next_sweep() {
    let rig = Rig::with(Settings { tail: Duration::ZERO, ..Settings::default() }).await;
    let bay = rig.bay().await;
    sleep(Duration::from_secs(60)).await;
    rig.outside.script("create", Trouble::Late(Duration::from_secs(8)));
    let id = rig.made_container(bay).await;
    assert_eq!(rig.act(id, Kind::ContainerDelete).await.state(), State::Succeeded);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(rig.outside.made(), 3, "the network, the container, and the late create's");
    assert_eq!((rig.outside.containers().len(), rig.metrics.counts().orphans), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_reboot_that_was_interrupted_is_not_repeated() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    let id = rig.made_container(bay).await;
    rig.outside.script("reboot", Trouble::Hangs);
    let (operation, _) = rig.begin_act(id, Kind::ContainerReboot).await;
    while rig.outside.count("reboot") == 0 {
        sleep(Duration::from_millis(10)).await;
    }
    let rig = rig.crash().await;
    let operation = rig.ended(operation).await;
    assert_eq!(operation.state(), State::Unknown);
    assert!(operation.reason.unwrap().contains("at most once"));
    assert_eq!(rig.outside.count("reboot"), 1);
    assert_eq!(rig.act(id, Kind::ContainerStart).await.state(), State::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_reboot_without_an_answer_ends_as_unknown() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    let id = rig.made_container(bay).await;
    rig.outside.script("reboot", Trouble::AnswerLost);
    assert_eq!(rig.act(id, Kind::ContainerReboot).await.state(), State::Unknown);
    assert_eq!(rig.outside.count("reboot"), 1);
}

#[tokio::test(start_paused = true)]
async fn an_execute_streams_to_whoever_came() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    let id = rig.made_container(bay).await;
    let (operation, index) = rig.begin_act(id, Kind::ContainerExecute).await;
    let request: Bytes = ExecuteRequest { operation, index }.encode_to_vec().into();
    let mut stream = rig.handle.call_stream(rig.member(), method::EXECUTE, request.clone(), soon()).await.unwrap();
    let mut output = Vec::new();
    let mut ended = None;
    while let Some(piece) = stream.next().await {
        let piece = Output::decode(piece.unwrap()).unwrap();
        output.extend_from_slice(&piece.data);
        ended = piece.ended.or(ended);
    }
    assert_eq!(output, b"ran echo hello\n");
    assert_eq!(ended.unwrap().exit_code, Some(3));
    let done = rig.ended(operation).await;
    assert_eq!((done.state(), done.steps[0].reason.as_deref()), (State::Succeeded, Some("exit status 3")));
    assert!(rig.handle.call_stream(rig.member(), method::EXECUTE, request, soon()).await.is_err(), "it runs once");
    assert_eq!(rig.outside.count("execute"), 1);
}

#[tokio::test(start_paused = true)]
async fn an_execute_nobody_comes_for_fails_without_running() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    let id = rig.made_container(bay).await;
    let operation = rig.act(id, Kind::ContainerExecute).await;
    assert_eq!((operation.state(), operation.reason.as_deref()), (State::Failed, Some("nobody came for the output")));
    assert_eq!(rig.outside.count("execute"), 0);
}

#[tokio::test(start_paused = true)]
async fn looks_and_logs_come_from_the_owner() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    let id = rig.made_container(bay).await;
    let request = LogsRequest { container: id, ..LogsRequest::default() }.encode_to_vec().into();
    let stream = rig.handle.call_stream(rig.member(), method::LOGS, request, soon()).await.unwrap();
    let pieces: Vec<_> = stream.map(|piece| Output::decode(piece.unwrap()).unwrap().data).collect().await;
    assert_eq!(pieces.concat(), b"one\ntwo\n");
    rig.outside.set_status(id, ContainerStatus::Paused);
    let request = LookContainer { container: id }.encode_to_vec().into();
    let looked = rig.handle.call(rig.member(), method::LOOK_CONTAINER, request, soon()).await.unwrap();
    assert_eq!(ContainerLooked::decode(looked).unwrap().status(), ContainerStatus::Paused);
    // What a look found is recorded soon after, long before the next pass.
    let began = Instant::now();
    rig.until("the sighting", |view| {
        model::container::query::by_id(view, id).unwrap().filter(|container| container.status() == ContainerStatus::Paused)
    })
    .await;
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn orphans_are_swept_and_strange_states_are_seen() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    let id = rig.made_container(bay).await;
    rig.outside.plant(bay, ContainerId::new(rig.uuid()));
    rig.outside.set_status(id, ContainerStatus::Running);
    assert_eq!(rig.outside.containers().len(), 2);
    sleep(Duration::from_secs(40)).await;
    assert_eq!(rig.outside.containers().len(), 1);
    assert_eq!(rig.container(id).await.unwrap().status(), ContainerStatus::Running);
    assert_eq!(rig.metrics.counts().orphans, 1);
}

#[tokio::test(start_paused = true)]
async fn a_silent_engine_is_unhealthy_and_recovers() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    for _ in 0..2 {
        rig.outside.script("look", Trouble::Fails(Error::Broken("connection refused".to_owned())));
    }
    let health = |wanted: Health| {
        move |view: &dyn model::View| {
            let cluster = model::cluster::query::by_id(view, bay).unwrap().unwrap();
            (cluster.observed.unwrap().health == Some(wanted.into())).then_some(())
        }
    };
    rig.until("unhealthy", health(Health::Unhealthy)).await;
    rig.until("healthy", health(Health::Healthy)).await;
}

#[tokio::test(start_paused = true)]
async fn a_quiet_bay_writes_nothing_into_the_log() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    rig.made_container(bay).await;
    sleep(Duration::from_secs(70)).await;
    let before = rig.handle.status().applied;
    sleep(Duration::from_secs(300)).await;
    assert_eq!(rig.handle.status().applied, before);
    assert!(rig.outside.count("look") > 5);
}

#[tokio::test(start_paused = true)]
async fn deleting_a_bay_overtakes_what_runs_in_it_and_leaves_nothing() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    rig.made_container(bay).await;
    rig.outside.script("create", Trouble::Hangs);
    let (_, hanging) = rig.begin_container(bay).await;
    while rig.outside.count("create") < 2 {
        sleep(Duration::from_millis(10)).await;
    }
    let delete = rig.begin_delete(bay).await;
    assert_eq!(rig.ended(delete).await.state(), State::Succeeded);
    assert_eq!(rig.ended(hanging).await.state(), State::Superseded);
    assert!(rig.cluster(bay).await.is_none());
    assert_eq!((rig.outside.containers().len(), rig.outside.networks()), (0, 0));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(rig.metrics.counts().owned, 0);
}

#[tokio::test(start_paused = true)]
async fn a_stop_gives_everything_back() {
    let mut rig = Rig::new().await;
    let bay = rig.bay().await;
    rig.outside.script("create", Trouble::Slow(Duration::from_secs(3)));
    let (_, operation) = rig.begin_container(bay).await;
    while rig.outside.count("create") == 0 {
        sleep(Duration::from_millis(10)).await;
    }
    rig.stop().await;
    let operation = rig.read(|view| model::operation::query::by_id(view, operation).unwrap().unwrap()).await;
    assert_eq!(operation.state(), State::Succeeded, "a running step may end");
    let owner = rig.read(|view| ownership::query::of(view, bay).unwrap().unwrap()).await;
    assert_eq!(owner.owner(), None);
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_ever() {
    let mut rig = Rig::with(Settings { stop: Duration::from_secs(3), ..Settings::default() }).await;
    let bay = rig.bay().await;
    rig.outside.script("create", Trouble::Hangs);
    rig.begin_container(bay).await;
    while rig.outside.count("create") == 0 {
        sleep(Duration::from_millis(10)).await;
    }
    let began = Instant::now();
    rig.stop().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_status_says_what_is_owned() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    let request = StatusRequest {}.encode_to_vec().into();
    let status = rig.handle.call(rig.member(), method::STATUS, request, soon()).await.unwrap();
    let status = OwnershipStatus::decode(status).unwrap();
    assert_eq!(status.clusters.iter().map(|owned| owned.cluster).collect::<Vec<_>>(), [bay]);
    assert!(status.lease_left_ms > 0 && status.lease_left_ms <= 5000);
    assert_eq!(status.grants.len(), 1);
}
