//! How often the outside is looked at, by whom, what is made of silence, and what all of that costs the log.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use drivers::Error;
use model::{
    Command, View,
    cluster::{self, ClusterWish, Health},
    command::{ClusterCreate, ClusterUpdate, HealthReport, TemplateCreate},
    id::{ClusterId, ContainerId, NodeGroupId, OperationId, TemplateId},
    operation::State,
    peer::{Strays, method},
    template::TemplateWish,
};
use prost::Message;
use tokio::time::{Instant, sleep};

use crate::{
    group::{Group, called},
    outbox::Receiver,
    rig::Rig,
    scripted::Trouble,
};

async fn template(rig: &Rig) -> TemplateId {
    let id = TemplateId::new(rig.uuid());
    let wish = TemplateWish { name: "t".to_owned(), coe: "swarm".to_owned(), ..TemplateWish::default() };
    rig.done(Command::TemplateCreate(TemplateCreate { id, wish })).await;
    id
}

async fn begin(rig: &Rig, template_id: TemplateId, labels: BTreeMap<String, String>) -> (ClusterId, OperationId) {
    let (id, operation) = (ClusterId::new(rig.uuid()), OperationId::new(rig.uuid()));
    rig.done(Command::ClusterCreate(ClusterCreate {
        id,
        template_id,
        wish: ClusterWish { name: "bay".to_owned(), labels, ..ClusterWish::default() },
        node_count: 1,
        master_count: 1,
        worker_group: NodeGroupId::new(rig.uuid()),
        master_group: NodeGroupId::new(rig.uuid()),
        operation,
        driver: "local".to_owned(),
        default_quota: 10_000,
    }))
    .await;
    (id, operation)
}

/// The health as recorded, and why.
fn health(view: &dyn View, id: ClusterId) -> (Health, String) {
    let observed = cluster::query::by_id(view, id).unwrap().unwrap().observed.unwrap();
    (observed.health(), observed.health_reason.get("api").cloned().unwrap_or_default())
}

#[tokio::test(start_paused = true)]
async fn each_bay_is_looked_at_by_its_owner_only_and_seldom_when_it_stands_still() {
    let group = Group::listened(Receiver::default()).await;
    for number in 0..6 {
        group.bay(&format!("bay{number}")).await;
    }
    sleep(Duration::from_secs(300)).await;
    let before = group.outside.count("look");
    sleep(Duration::from_secs(720)).await;
    let looks = group.outside.count("look") - before;
    // Every 60 to 72 s: ten to thirteen looks at each; three members that all looked would make three times as many.
    assert!((60..=78).contains(&looks), "{looks}");
}

#[tokio::test(start_paused = true)]
async fn one_lost_answer_says_nothing_and_silence_makes_health_unknown() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    sleep(Duration::from_secs(200)).await;
    let before = rig.handle.status().applied;
    rig.outside.script("look", Trouble::Fails(Error::Timeout("nothing for 10 s".to_owned())));
    let looks = rig.outside.count("look");
    while rig.outside.count("look") == looks {
        sleep(Duration::from_secs(1)).await;
    }
    sleep(Duration::from_secs(2)).await;
    assert_eq!(rig.read(|view| health(view, bay)).await, (Health::Healthy, "ok".to_owned()));
    sleep(Duration::from_secs(100)).await;
    assert_eq!(rig.handle.status().applied, before, "nothing was written for it");

    (0..4).for_each(|_| rig.outside.script("look", Trouble::Fails(Error::Timeout("nothing for 10 s".to_owned()))));
    rig.until("unknown", |view| (health(view, bay).0 == Health::Unknown).then_some(())).await;
    assert_eq!(rig.read(|view| health(view, bay)).await.1, "no answer: nothing for 10 s");
    rig.until("healthy", |view| (health(view, bay).0 == Health::Healthy).then_some(())).await;
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_changes_makes_larger_entries_and_not_more_of_them() {
    let rig = Rig::new().await;
    let template = template(&rig).await;
    let mut last = None;
    for _ in 0..300 {
        last = Some(begin(&rig, template, BTreeMap::new()).await.1);
    }
    assert_eq!(rig.ended(last.unwrap()).await.state(), State::Succeeded);
    sleep(Duration::from_secs(300)).await;
    let (quiet, looks) = (rig.handle.status().applied, rig.outside.count("look"));
    sleep(Duration::from_secs(300)).await;
    assert_eq!(rig.handle.status().applied, quiet, "looks that show nothing new write nothing");
    assert!(rig.outside.count("look") - looks >= 300 * 3);

    rig.outside.flap(true);
    sleep(Duration::from_secs(80)).await;
    let (before, counts) = (rig.handle.status().applied, rig.metrics.counts());
    sleep(Duration::from_secs(60)).await;
    let after = rig.metrics.counts();
    let entries = rig.handle.status().applied - before;
    let (seen, reports) = (after.sightings - counts.sightings, after.reports - counts.reports);
    assert!(seen > 1_000, "this is a storm: {seen} changes in a minute");
    assert!(entries <= 600 + 10 && entries >= reports, "{entries} entries for {seen} changes");
    assert!(seen > 2 * reports, "{seen} in {reports}");
}

#[tokio::test(start_paused = true)]
async fn a_bay_in_the_midst_of_an_operation_goes_on_before_many_that_stand_still_are_looked_at() {
    let rig = Rig::new().await;
    let template = template(&rig).await;
    let mut bays = Vec::new();
    for _ in 0..60 {
        bays.push(begin(&rig, template, BTreeMap::new()).await);
    }
    for (_, operation) in &bays {
        rig.ended(*operation).await;
    }
    rig.outside.script("create", Trouble::Hangs);
    let (_, operation) = rig.begin_container(bays[30].0).await;
    called(&rig.outside, "create", 1).await;
    let before = rig.outside.journal().len();
    (0..60).for_each(|_| rig.outside.script("look", Trouble::Slow(Duration::from_secs(1))));
    let rig = rig.crash().await;
    called(&rig.outside, "create", 2).await;
    let calls = rig.outside.journal().split_off(before);
    let looks = calls.iter().take_while(|called| called.what != "create").filter(|called| called.what == "look").count();
    assert!((1..40).contains(&looks), "its own look comes first, but not everybody's: {looks}");
    assert_eq!(rig.ended(operation).await.state(), State::Succeeded);
    sleep(Duration::from_secs(3)).await;
    let looks = rig.outside.journal().split_off(before).iter().filter(|called| called.what == "look").count();
    assert!(looks >= 60, "nobody waits for long: {looks}");
}

#[tokio::test(start_paused = true)]
async fn what_an_agent_in_the_cluster_says_is_left_to_it() {
    let rig = Rig::new().await;
    let template = template(&rig).await;
    let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let labels = BTreeMap::from([label("auto_healing_enabled", "True"), label("auto_healing_controller", "magnum-auto-healer")]);
    let (bay, operation) = begin(&rig, template, labels).await;
    rig.ended(operation).await;
    let report = HealthReport {
        health: Some(Health::Unhealthy.into()),
        has_reason: true,
        reason: BTreeMap::from([label("api", "as the agent says")]),
    };
    let update =
        ClusterUpdate { id: bay, expected_revision: 0, node_count: None, health: Some(report), operation: OperationId::new(rig.uuid()) };
    rig.done(Command::ClusterUpdate(update)).await;
    (0..3).for_each(|_| rig.outside.script("look", Trouble::Fails(Error::Broken("connection refused".to_owned()))));
    sleep(Duration::from_secs(300)).await;
    assert_eq!(rig.read(|view| health(view, bay)).await, (Health::Unhealthy, "as the agent says".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn health_that_nobody_can_look_at_becomes_unknown_until_somebody_does() {
    let mut group = Group::listened(Receiver::default()).await;
    let (bay, owner) = group.bay_of_a_follower().await;
    for number in [1, 2, 3] {
        if number != owner.member {
            group.without_drivers(number).await;
        }
    }
    let disk = group.kill(owner.member).await;
    sleep(Duration::from_secs(50)).await;
    assert_eq!(group.view(|view| health(view, bay)).await.0, Health::Healthy, "not at once: a restart is no matter for anybody");
    sleep(Duration::from_secs(30)).await;
    let (now, why) = group.view(|view| health(view, bay)).await;
    assert!(now == Health::Unknown && why.starts_with("nobody looks at it: "), "{now:?} {why}");
    group.start(owner.member, disk).await;
    sleep(Duration::from_secs(20)).await;
    assert_eq!(group.view(|view| health(view, bay)).await, (Health::Healthy, "ok".to_owned()));
}

/// What a member says of things whose clusters are not there: their kinds and clusters, and what it could not see.
async fn strays(rig: &Rig) -> (Vec<(String, ClusterId)>, Vec<String>) {
    let answer = rig.handle.call(rig.member(), method::STRAYS, Bytes::new(), Instant::now() + Duration::from_secs(30)).await.unwrap();
    let Strays { things, unseen } = Strays::decode(answer).unwrap();
    (things.into_iter().map(|thing| (thing.what, thing.cluster)).collect(), unseen)
}

#[tokio::test(start_paused = true)]
async fn what_carries_the_tag_of_a_bay_that_is_not_there_is_shown_and_left_alone() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    rig.made_container(bay).await;
    assert_eq!(strays(&rig).await, (vec![], vec![]), "what a bay has is its owner's");
    let gone = ClusterId::new(rig.uuid());
    rig.outside.leave(gone);
    rig.outside.plant(gone, ContainerId::new(rig.uuid()));
    let left = vec![("container".to_owned(), gone), ("network".to_owned(), gone)];
    assert_eq!(strays(&rig).await, (left.clone(), vec![]));
    sleep(Duration::from_secs(120)).await;
    assert_eq!(strays(&rig).await.0, left, "nobody owns it, so nobody removes it");
    rig.outside.script("provision.tagged", Trouble::Fails(Error::Broken("connection refused".to_owned())));
    assert_eq!(strays(&rig).await, (vec![], vec!["local: connection refused".to_owned()]));
}
