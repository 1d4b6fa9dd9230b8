//! What an engine tells by itself: it brings looks forward, costs little however much it is, and is listened to once.

use std::time::Duration;

use model::{container::ContainerStatus, id::ContainerId, operation::Kind};
use tokio::time::sleep;

use crate::rig::Rig;

async fn s(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}

/// One bay with a container, and the engine tells what happens to it. All has stood still for long.
async fn quiet() -> (Rig, ContainerId) {
    let rig = Rig::new().await;
    rig.outside.talk();
    let bay = rig.bay().await;
    let container = rig.made_container(bay).await;
    s(300).await;
    (rig, container)
}

/// A look was just made, so that no other one is due for ten seconds.
async fn looked(rig: &Rig, container: ContainerId) -> usize {
    rig.outside.set_status(container, ContainerStatus::Paused);
    s(2).await;
    let before = rig.outside.count("look");
    rig.outside.set_status(container, ContainerStatus::Running);
    s(2).await;
    assert_eq!(rig.outside.count("look"), before + 1);
    before + 1
}

#[tokio::test(start_paused = true)]
async fn what_happens_outside_is_seen_within_a_second() {
    let (rig, container) = quiet().await;
    looked(&rig, container).await;
    rig.outside.set_status(container, ContainerStatus::Stopped);
    s(1).await;
    assert_eq!(rig.container(container).await.unwrap().status(), ContainerStatus::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_events_costs_a_look_a_second_and_ends() {
    let (rig, container) = quiet().await;
    let before = looked(&rig, container).await;
    for number in 0..2_000 {
        let status = if number % 2 == 0 { ContainerStatus::Stopped } else { ContainerStatus::Running };
        rig.outside.set_status(container, status);
        sleep(Duration::from_millis(5)).await;
    }
    let looks = rig.outside.count("look") - before;
    assert!((5..=11).contains(&looks), "{looks} in ten seconds");
    s(4).await;
    assert!(rig.outside.count("look") - before <= looks + 2, "what came during the last look, and no more");
}

#[tokio::test(start_paused = true)]
async fn own_changes_cost_no_look() {
    let (rig, container) = quiet().await;
    let before = looked(&rig, container).await;
    rig.act(container, Kind::ContainerStop).await;
    rig.act(container, Kind::ContainerStart).await;
    s(4).await;
    assert_eq!(rig.outside.count("look"), before);
}

#[tokio::test(start_paused = true)]
async fn an_engine_is_listened_to_once_as_long_as_a_bay_is_there() {
    let mut rig = Rig::new().await;
    rig.outside.talk();
    let mut bays = Vec::new();
    for _ in 0..5 {
        bays.push(rig.bay().await);
    }
    s(30).await;
    assert_eq!(rig.outside.listeners(), 1);
    let last = bays.pop().unwrap();
    for bay in bays {
        let deletion = rig.begin_delete(bay).await;
        rig.ended(deletion).await;
    }
    s(30).await;
    assert_eq!(rig.outside.listeners(), 1);
    let deletion = rig.begin_delete(last).await;
    rig.ended(deletion).await;
    s(1).await;
    assert_eq!(rig.outside.listeners(), 0, "nobody is left to listen for");
    rig.bay().await;
    s(30).await;
    assert_eq!(rig.outside.listeners(), 1);
    rig.stop().await;
    assert_eq!(rig.outside.listeners(), 0, "nothing outlives the conductor");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_is_opened_again_without_a_storm_of_looks() {
    let (rig, container) = quiet().await;
    let before = looked(&rig, container).await;
    rig.outside.talk();
    s(2).await;
    assert_eq!((rig.outside.listeners(), rig.outside.count("look")), (1, before));
    rig.outside.set_status(container, ContainerStatus::Stopped);
    s(1).await;
    assert_eq!(rig.container(container).await.unwrap().status(), ContainerStatus::Stopped);
}

#[tokio::test(start_paused = true)]
async fn where_all_stands_still_a_watch_changes_nothing() {
    let (rig, _) = quiet().await;
    let before = rig.outside.count("look");
    s(720).await;
    // Every 60 to 72 s.
    let looks = rig.outside.count("look") - before;
    assert!((10..=12).contains(&looks), "{looks}");
}
