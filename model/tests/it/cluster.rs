//! Clusters: created whole, changed when idle, deleted in any status.

use model::{
    Change, Class, Command, Found, Ident, Page, Scope,
    cluster::{Cluster, Health, Status, query},
    command::*,
    nodegroup,
    operation::{self, Kind, State},
    ownership,
    template::TemplateWish,
};

use crate::world::{World, actor, admin, cluster_create, cluster_wish, container_create, id};

fn stored(world: &World, number: u128) -> Cluster {
    query::by_id(&world.tables, id(number)).unwrap().unwrap()
}

fn resize(number: u128, node_count: u32, operation: u128) -> Command {
    Command::ClusterUpdate(ClusterUpdate {
        id: id(number),
        expected_revision: 0,
        node_count: Some(node_count),
        health: None,
        operation: id(operation),
    })
}

fn health(number: u128, health: Health) -> Command {
    let reason = [("api".to_owned(), "ok".to_owned())].into();
    let report = HealthReport { health: Some(health.into()), has_reason: true, reason };
    Command::ClusterUpdate(ClusterUpdate { id: id(number), expected_revision: 0, node_count: None, health: Some(report), operation: id(1) })
}

fn delete(number: u128, operation: u128) -> Command {
    Command::ClusterDelete(ClusterDelete { id: id(number), expected_revision: 0, operation: id(operation), force: false })
}

#[test]
fn a_cluster_comes_with_its_groups_and_its_operation() {
    let mut world = World::new();
    let template = world.template(1, "swarm");
    let done = world.done(cluster_create(10, template));
    assert_eq!(done.operation, id::<model::id::kind::Operation>(1_000_010).bytes());
    for change in [Change::Cluster(id(10)), Change::Operation(id(1_000_010), id(10))] {
        assert!(world.changes.contains(&change));
    }
    let cluster = stored(&world, 10);
    assert_eq!((cluster.status(), cluster.coe.as_str(), cluster.operation), (Status::CreateInProgress, "swarm", Some(id(1_000_010))));
    let groups = nodegroup::query::of_cluster(&world.tables, id(10)).unwrap();
    let names: Vec<_> = groups.iter().map(|group| (group.name.as_str(), group.node_count, group.status())).collect();
    assert_eq!(names, [("default-master", 1, Status::CreateInProgress), ("default-worker", 2, Status::CreateInProgress)]);
    assert_eq!(nodegroup::query::counts(&groups), nodegroup::query::Counts { masters: 1, nodes: 2 });
    let operation = operation::query::by_id(&world.tables, id(1_000_010)).unwrap().unwrap();
    assert_eq!((operation.kind(), operation.deadline_ms), (Kind::ClusterCreate, world.at_ms + 600_000));
    let unowned = ownership::query::unowned(&world.tables, 10).unwrap();
    assert_eq!(unowned.iter().map(|ownership| (ownership.cluster, ownership.epoch)).collect::<Vec<_>>(), [(id(10), 0)]);
}

#[test]
fn no_timeout_means_sixty_minutes_and_nought_means_a_day() {
    let mut world = World::new();
    let template = world.template(1, "swarm");
    for (number, timeout, deadline) in [(10, None, 3_600_000), (11, Some(0), 24 * 3_600_000), (12, Some(10_000), 24 * 3_600_000)] {
        let mut create = cluster_wish(number, template);
        create.wish.create_timeout = timeout;
        world.done(Command::ClusterCreate(create));
        let operation = operation::query::by_id(&world.tables, id(1_000_000 + number)).unwrap().unwrap();
        assert_eq!(operation.deadline_ms, world.at_ms + deadline);
        assert_eq!(stored(&world, number).wanted.create_timeout, timeout);
    }
}

#[test]
fn a_create_is_refused_for_its_reasons() {
    let mut world = World::new();
    assert_eq!(world.refused(cluster_create(10, id(1))).code, "template-missing");
    let template = world.template(1, "swarm");
    assert_eq!(world.refused_as(actor("p2"), cluster_create(10, template)).0, Class::Missing);
    let wish = TemplateWish { name: "h".to_owned(), hidden: true, ..TemplateWish::default() };
    world.done(Command::TemplateCreate(TemplateCreate { id: id(2), wish }));
    assert_eq!(world.refused(cluster_create(10, id(2))).class(), Class::Forbidden);
    world.try_as(admin(), cluster_create(9, id(2))).unwrap();

    for number in 10..13 {
        world.cluster(number, template);
    }
    assert_eq!(world.refused(cluster_create(13, template)).class(), Class::OverQuota);
    world.done(Command::QuotaSet(QuotaSet { project_id: "p1".to_owned(), resource: "Cluster".to_owned(), hard_limit: 4, create: None }));
    world.cluster(13, template);
    assert_eq!(world.refused(cluster_create(13, template)).code, "cluster-exists");
    let create = cluster_wish(14, template);
    let taken = ClusterCreate { operation: id(1_000_010), ..create.clone() };
    assert_eq!(world.refused(Command::ClusterCreate(taken)).code, "operation-exists");
    let taken = ClusterCreate { worker_group: id(2_000_020), ..create.clone() };
    assert_eq!(world.refused(Command::ClusterCreate(taken)).code, "nodegroup-exists");
    let twice = ClusterCreate { worker_group: create.master_group, ..create };
    assert_eq!(world.refused(Command::ClusterCreate(twice)).code, "nodegroup-exists");
}

#[test]
fn a_resize_runs_through_its_states_even_to_the_same_size() {
    let mut world = World::new();
    let (cluster, epoch) = world.ready();
    assert_eq!(stored(&world, 10).status(), Status::CreateComplete);
    for (operation, node_count) in [(50, 2), (51, 7)] {
        world.done(resize(10, node_count, operation));
        assert_eq!(stored(&world, 10).status(), Status::UpdateInProgress);
        assert_eq!(world.refused(health(10, Health::Healthy)).class(), Class::Invalid);
        world.end(id(operation), epoch, State::Succeeded).unwrap();
        assert_eq!(stored(&world, 10).status(), Status::UpdateComplete);
    }
    let groups = nodegroup::query::of_cluster(&world.tables, cluster).unwrap();
    assert_eq!(nodegroup::query::counts(&groups).nodes, 7);
    let words: Vec<_> = groups.iter().map(|group| group.status()).collect();
    assert_eq!(words, [Status::CreateComplete, Status::UpdateComplete]);
    assert_eq!(world.refused(resize(10, 1, 51)).code, "operation-exists");
}

#[test]
fn a_failed_resize_restores_the_size() {
    let mut world = World::new();
    let (cluster, epoch) = world.ready();
    world.done(resize(10, 7, 50));
    world.end(id(50), epoch, State::Failed).unwrap();
    let present = stored(&world, 10);
    assert_eq!((present.status(), present.status_reason.as_deref(), present.operation), (Status::UpdateFailed, Some("because"), None));
    let groups = nodegroup::query::of_cluster(&world.tables, cluster).unwrap();
    assert_eq!(nodegroup::query::counts(&groups).nodes, 2);
    world.done(resize(10, 3, 51));
    assert_eq!(stored(&world, 10).status(), Status::UpdateInProgress, "a failed change is no dead end");
}

#[test]
fn health_touches_no_status_and_nothing_changes_nothing() {
    let mut world = World::new();
    world.ready();
    let done = world.done(health(10, Health::Unhealthy));
    assert_eq!(done.operation, Vec::<u8>::new());
    let cluster = stored(&world, 10);
    assert_eq!((cluster.status(), cluster.observed.as_ref().unwrap().health()), (Status::CreateComplete, Health::Unhealthy));
    world.done(health(10, Health::Unhealthy));
    assert_eq!(stored(&world, 10), cluster);
    let nothing = ClusterUpdate { id: id(10), ..ClusterUpdate::default() };
    world.done(Command::ClusterUpdate(nothing));
    assert_eq!(stored(&world, 10), cluster);
    let old = ClusterUpdate { id: id(10), expected_revision: 1, ..ClusterUpdate::default() };
    assert_eq!(world.refused(Command::ClusterUpdate(old)).revision, cluster.revision);
}

#[test]
fn a_deletion_overtakes_everything_and_leaves_nothing() {
    let mut world = World::new();
    let (cluster, epoch) = world.ready();
    world.container(cluster, 20);
    let nodes = (1..3).map(|number| model::node::Node { id: id(number), ..Default::default() }).collect();
    let seen = Sighting { cluster, epoch, nodes, nodes_seen: true, ..Sighting::default() };
    assert_eq!(world.done(Command::Observe(Observe { sightings: vec![seen] })).number, 1);
    world.done(resize(10, 7, 50));
    let done = world.done(delete(10, 60));
    assert_eq!(stored(&world, 10).status(), Status::DeleteInProgress);
    for superseded in [50, 1_000_020] {
        assert_eq!(operation::query::by_id(&world.tables, id(superseded)).unwrap().unwrap().state(), State::Superseded);
    }
    let again = world.done(delete(10, 61));
    assert_eq!(again, done, "asked again it is the same deletion");
    assert_eq!(operation::query::by_id(&world.tables, id(61)).unwrap(), None);
    assert_eq!(world.refused(container_create(cluster, 21)).class(), Class::Invalid);
    assert_eq!(world.refused_as(actor("p2"), delete(10, 62)).0, Class::Missing);

    world.end(id(60), epoch, State::Succeeded).unwrap();
    assert_eq!(query::by_id(&world.tables, cluster).unwrap(), None);
    assert_eq!(ownership::query::of(&world.tables, cluster).unwrap(), None);
    assert_eq!(model::node::query::by_id(&world.tables, id(2)).unwrap(), None);
    assert_eq!(model::container::query::by_id(&world.tables, id(20)).unwrap(), None);
    assert_eq!(world.refused(delete(10, 63)).class(), Class::Missing);
    let ended = operation::query::by_id(&world.tables, id(60)).unwrap().unwrap();
    assert_eq!(ended.state(), State::Succeeded, "whoever waits for it still finds its end");
    world.wait(3_700_000);
    assert!(operation::query::expire_due(&world.tables, world.at_ms).unwrap());
    world.done(Command::Expire(Expire { limit: 100 }));
    assert_eq!(operation::query::by_id(&world.tables, id(60)).unwrap(), None);
    world.done(Command::TemplateDelete(TemplateDelete { id: id(1), expected_revision: 0 }));
}

#[test]
fn a_failed_deletion_can_be_asked_for_again() {
    let mut world = World::new();
    let (_, epoch) = world.ready();
    world.done(delete(10, 60));
    world.end(id(60), epoch, State::Failed).unwrap();
    assert_eq!(stored(&world, 10).status(), Status::DeleteFailed);
    let done = world.done(delete(10, 61));
    assert_eq!(done.operation, id::<model::id::kind::Operation>(61).bytes());
    world.end(id(61), epoch, State::Succeeded).unwrap();
    assert_eq!(query::by_id(&world.tables, id(10)).unwrap(), None);
}

#[test]
fn clusters_are_found_and_listed_by_scope() {
    let mut world = World::new();
    let wish = TemplateWish { name: "t".to_owned(), public: true, coe: "swarm".to_owned(), ..TemplateWish::default() };
    world.done(Command::TemplateCreate(TemplateCreate { id: id(1), wish }));
    world.cluster(10, id(1));
    world.try_as(actor("p2"), cluster_create(11, id(1))).unwrap();
    world.cluster(12, id(1));
    let serials =
        |scope| -> Vec<u64> { query::list(&world.tables, scope, &Page::ALL).unwrap().into_iter().map(|cluster| cluster.serial).collect() };
    assert_eq!((serials(Scope::All), serials(Scope::Project("p1")), serials(Scope::Project("p3"))), (vec![1, 2, 3], vec![1, 3], vec![]));
    assert_eq!(query::find(&world.tables, Ident::Name("c11"), Scope::Project("p1")).unwrap(), Found::Missing);
    assert!(matches!(query::find(&world.tables, Ident::Name("c11"), Scope::All).unwrap(), Found::One(_)));
    assert_eq!(query::ids(&world.tables).unwrap(), [id(10), id(11), id(12)]);
}
