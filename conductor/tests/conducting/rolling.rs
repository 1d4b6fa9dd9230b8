//! Work on machines by a worker: batches across deaths and changes of owner, pauses, replacements.

use std::{collections::BTreeMap, time::Duration};

use drivers::Error;
use model::{
    Command,
    cluster::Status,
    command::{ClusterResize, ClusterRotate, ClusterUpgrade, OperationPause, OperationRetry, TemplateCreate},
    id::{ClusterId, OperationId, TemplateId},
    operation::{self, Kind, Operation, State},
    template::TemplateWish,
};
use tokio::time::sleep;

use crate::{
    racks::REBUILT,
    rig::Rig,
    scripted::{Called, Trouble},
};

const NAMES: [&str; 5] = ["default-worker-002", "default-worker-003", "default-worker-004", "default-worker-005", "default-worker-006"];

/// A bay of one master and five workers.
async fn racks(rig: &Rig, labels: &[(&str, &str)]) -> ClusterId {
    let labels: BTreeMap<_, _> = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let (bay, operation) = rig.begin_racks(5, labels).await;
    assert_eq!(rig.ended(operation).await.state(), State::Succeeded);
    assert_eq!(names(rig, bay), [&["default-master-001"], &NAMES[..]].concat());
    bay
}

fn names(rig: &Rig, bay: ClusterId) -> Vec<String> {
    rig.outside.machines(bay).into_iter().map(|machine| machine.name).collect()
}

async fn resize(rig: &Rig, id: ClusterId, node_count: u32, remove: &[&str], max_batch_size: u32) -> OperationId {
    let operation = OperationId::new(rig.uuid());
    let remove = remove.iter().map(|name| (*name).to_owned()).collect();
    let command = ClusterResize { id, node_count, remove, max_batch_size, operation, ..ClusterResize::default() };
    rig.done(Command::ClusterResize(command)).await;
    operation
}

async fn upgrade(rig: &Rig, id: ClusterId, max_batch_size: u32) -> OperationId {
    let (template, operation) = (TemplateId::new(rig.uuid()), OperationId::new(rig.uuid()));
    let wish = TemplateWish { name: "next".to_owned(), coe: "swarm".to_owned(), image_id: "next".to_owned(), ..TemplateWish::default() };
    rig.done(Command::TemplateCreate(TemplateCreate { id: template, wish })).await;
    rig.done(Command::ClusterUpgrade(ClusterUpgrade { id, template, max_batch_size, operation, ..ClusterUpgrade::default() })).await;
    operation
}

async fn operation(rig: &Rig, id: OperationId) -> Operation {
    rig.read(|view| operation::query::by_id(view, id).unwrap().unwrap()).await
}

/// Waits until this batch has begun outside.
async fn batch(rig: &Rig, id: OperationId, number: u32, what: &str) {
    rig.until("the batch", |view| {
        let roll = operation::query::by_id(view, id).unwrap().unwrap().roll.unwrap();
        (roll.batches == number && !roll.batch.is_empty()).then_some(())
    })
    .await;
    let before = rig.outside.count(what);
    while rig.outside.count(what) == before {
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn named_machines_go_batch_by_batch_though_every_owner_dies() {
    let mut rig = Rig::new().await;
    let bay = racks(&rig, &[]).await;
    let operation = resize(&rig, bay, 1, &[NAMES[0], NAMES[2], NAMES[1]], 2).await;
    for number in 1..=2 {
        batch(&rig, operation, number, "nodes.remove").await;
        rig = rig.crash().await;
    }
    let ended = rig.ended(operation).await;
    assert_eq!((ended.state(), ended.reason.as_deref()), (State::Succeeded, None));
    assert_eq!(names(&rig, bay), ["default-master-001", NAMES[3]], "those that were named, and then the youngest");
    assert_eq!(rig.outside.gone(), [NAMES[0], NAMES[1], NAMES[2], NAMES[4]], "batches in the order of the records");
    assert_eq!(rig.outside.most_out(bay), 2);
    assert_eq!(ended.roll.unwrap().batches, 2);
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_is_paused_between_batches_and_goes_on() {
    let mut rig = Rig::new().await;
    let bay = racks(&rig, &[]).await;
    let id = upgrade(&rig, bay, 2).await;
    batch(&rig, id, 2, "nodes.upgrade").await;
    rig.done(Command::OperationPause(OperationPause { operation: id, paused: true })).await;
    sleep(REBUILT * 2).await;
    rig = rig.crash().await;
    sleep(Duration::from_secs(60)).await;
    let upgraded = |rig: &Rig| rig.outside.machines(bay).iter().filter(|machine| machine.image.as_deref() == Some("next")).count();
    let paused = operation(&rig, id).await;
    assert_eq!((upgraded(&rig), paused.roll.clone().unwrap().done, paused.open_step()), (3, 3, None), "the batch that was begun, no more");
    rig.done(Command::OperationPause(OperationPause { operation: id, paused: false })).await;
    assert_eq!(rig.ended(id).await.state(), State::Succeeded);
    assert_eq!((upgraded(&rig), rig.outside.most_out(bay), rig.outside.count("racks.upgrade") > 0), (6, 2, true));
    assert_eq!(rig.cluster(bay).await.unwrap().status(), Status::UpdateComplete);
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_that_breaks_machines_stops_by_itself() {
    let rig = Rig::new().await;
    let bay = racks(&rig, &[]).await;
    for name in [NAMES[3], NAMES[4]] {
        rig.outside.set_ready(bay, name, false);
    }
    // Seen only because something is under way that minds.
    let id = upgrade(&rig, bay, 2).await;
    batch(&rig, id, 1, "nodes.upgrade").await;
    sleep(Duration::from_secs(100)).await;
    assert!(rig.outside.most_out(bay) <= 3, "one master, and what was down already");
    let ended = rig.ended(id).await;
    assert_eq!(ended.state(), State::Succeeded, "machines that are down come first, and are well again when they are rebuilt");
    assert_eq!(rig.outside.most_out(bay), 3);
}

#[tokio::test(start_paused = true)]
async fn a_late_call_of_a_batch_is_waited_out_before_the_next_batch() {
    let rig = Rig::new().await;
    let bay = racks(&rig, &[]).await;
    rig.outside.script("nodes.remove", Trouble::Late(Duration::from_secs(8)));
    let id = resize(&rig, bay, 3, &[NAMES[0], NAMES[1]], 1).await;
    let ended = rig.ended(id).await;
    assert_eq!(ended.state(), State::Succeeded);
    assert_eq!((rig.outside.most_out(bay), rig.outside.gone()), (1, vec![NAMES[0].to_owned(), NAMES[1].to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_fails_ends_the_operation_and_is_first_when_it_is_done_again() {
    let rig = Rig::new().await;
    let bay = racks(&rig, &[]).await;
    rig.outside.script("nodes.remove", Trouble::Fails(Error::Refused("the server is locked".to_owned())));
    let id = resize(&rig, bay, 4, &[NAMES[1]], 1).await;
    let failed = rig.ended(id).await;
    assert_eq!((failed.state(), failed.reason.as_deref()), (State::Failed, Some("the server is locked")));
    assert_eq!(rig.cluster(bay).await.unwrap().status(), Status::UpdateFailed);
    let retry = OperationId::new(rig.uuid());
    rig.done(Command::OperationRetry(OperationRetry { operation: id, retry })).await;
    assert_eq!(rig.ended(retry).await.state(), State::Succeeded);
    assert_eq!(rig.outside.gone(), [NAMES[1]]);
}

#[tokio::test(start_paused = true)]
async fn credentials_are_replaced() {
    let rig = Rig::new().await;
    let bay = racks(&rig, &[]).await;
    let operation = OperationId::new(rig.uuid());
    rig.done(Command::ClusterRotate(ClusterRotate { id: bay, operation, ..ClusterRotate::default() })).await;
    assert_eq!(rig.ended(operation).await.state(), State::Succeeded);
    assert_eq!((rig.outside.count("rotate"), rig.cluster(bay).await.unwrap().credentials), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_stays_away_is_replaced_once_though_owners_die() {
    let mut rig = Rig::new().await;
    let bay = racks(&rig, &[("auto_healing_enabled", "true"), ("auto_healing_after", "120")]).await;
    rig.outside.set_ready(bay, NAMES[1], false);
    sleep(Duration::from_secs(60)).await;
    rig.outside.set_ready(bay, NAMES[1], true);
    sleep(Duration::from_secs(180)).await;
    assert_eq!(rig.outside.count("nodes.replace"), 0, "it came back in time");
    rig.outside.set_ready(bay, NAMES[1], false);
    rig.until("it is seen", |view| model::node::query::of_cluster(view, bay).unwrap().into_iter().find(|node| node.not_ready).map(drop))
        .await;
    rig = rig.crash().await;
    let heal = rig
        .until("it is being replaced", |view| {
            operation::query::open(view, bay).unwrap().into_iter().find(|operation| operation.kind() == Kind::ClusterHeal)
        })
        .await;
    batch(&rig, heal.id, 1, "nodes.replace").await;
    rig = rig.crash().await;
    assert_eq!(rig.ended(heal.id).await.state(), State::Succeeded);
    sleep(Duration::from_secs(600)).await;
    assert_eq!(rig.outside.gone(), [NAMES[1]], "one machine was replaced, once");
    assert_eq!(names(&rig, bay).len(), 6);
    let operations = rig.read(|view| operation::query::of_cluster(view, bay, 100).unwrap()).await;
    assert_eq!(operations.iter().filter(|operation| operation.kind() == Kind::ClusterHeal).count(), 1);
    let made = |called: &Called| called.what == "nodes.replace";
    assert!(
        rig.outside
            .journal()
            .iter()
            .filter(|called| made(called))
            .map(|called| called.epoch)
            .collect::<std::collections::BTreeSet<_>>()
            .len()
            == 2
    );
}

#[tokio::test]
async fn machines_in_groups_pass_the_contract() {
    let outside = crate::scripted::Outside::default();
    let registry = outside.registry();
    let spec = drivers::ClusterSpec {
        id: uuid::Uuid::from_u128(77).into(),
        coe: "swarm".to_owned(),
        driver: "racks".to_owned(),
        template: TemplateWish { image_id: "first".to_owned(), ..TemplateWish::default() },
        ..drivers::ClusterSpec::default()
    };
    tokio::time::pause();
    drivers::contract::nodes(&registry, &spec, 1).await.unwrap();
    drivers::contract::without_nodes(&registry, &drivers::ClusterSpec { driver: "local".to_owned(), ..spec }, 1).await.unwrap();
}
