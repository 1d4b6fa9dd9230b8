//! Containers: a queue of acts, one end for each.

use model::{
    Class, Command,
    command::*,
    container::{Container, ContainerStatus, Wanted, query},
    operation::{self, Kind, State},
};

use crate::world::{World, act, actor, container_create, id};

fn stored(world: &World) -> Container {
    query::by_id(&world.tables, id(20)).unwrap().unwrap()
}

fn open(world: &World) -> Vec<Kind> {
    operation::query::open(&world.tables, id(10)).unwrap().iter().map(|operation| operation.kind()).collect()
}

#[test]
fn acts_queue_in_the_order_in_which_they_were_accepted() {
    let mut world = World::new();
    let (cluster, epoch) = world.ready();
    let container = world.container(cluster, 20);
    assert_eq!((stored(&world).wanted(), stored(&world).status()), (Wanted::Created, ContainerStatus::Unknown));
    world.act(container, Kind::ContainerStart, 30).unwrap();
    world.act(container, Kind::ContainerExecute, 31).unwrap();
    world.act(container, Kind::ContainerPause, 32).unwrap();
    assert_eq!(open(&world), [Kind::ContainerCreate, Kind::ContainerStart, Kind::ContainerExecute, Kind::ContainerPause]);
    assert_eq!(stored(&world).wanted(), Wanted::Paused);
    world.end(id(1_000_020), epoch, State::Succeeded).unwrap();
    assert_eq!(stored(&world).status(), ContainerStatus::Stopped);
    world.end(id(30), epoch, State::Succeeded).unwrap();
    assert_eq!(stored(&world).status(), ContainerStatus::Running);
    world.end(id(31), epoch, State::Unknown).unwrap();
    world.end(id(32), epoch, State::Succeeded).unwrap();
    assert_eq!((stored(&world).status(), open(&world)), (ContainerStatus::Paused, vec![]));
    assert_eq!(operation::query::by_id(&world.tables, id(31)).unwrap().unwrap().command.as_deref(), Some("ls"));
}

#[test]
fn a_create_is_refused_for_its_reasons() {
    let mut world = World::new();
    let (cluster, _) = world.ready();
    assert_eq!(world.refused(container_create(id(99), 20)).code, "cluster-missing");
    assert_eq!(world.refused_as(actor("p2"), container_create(cluster, 20)).0, Class::Missing);
    let mesos = world.template(2, "mesos");
    world.cluster(11, mesos);
    assert_eq!(world.refused(container_create(id(11), 20)).class(), Class::Invalid);
    world.container(cluster, 20);
    assert_eq!(world.refused(container_create(cluster, 20)).code, "container-exists");
}

#[test]
fn a_deletion_overtakes_the_queue_and_is_one() {
    let mut world = World::new();
    let (cluster, epoch) = world.ready();
    let container = world.container(cluster, 20);
    world.act(container, Kind::ContainerStart, 30).unwrap();
    let done = world.act(container, Kind::ContainerDelete, 31).unwrap();
    assert_eq!(open(&world), [Kind::ContainerDelete]);
    let again = world.act(container, Kind::ContainerDelete, 32).unwrap();
    assert_eq!(again, done);
    let refusal = world.act(container, Kind::ContainerStart, 33).unwrap_err();
    assert_eq!(refusal.class(), Class::Conflict);
    let update = ContainerUpdate { id: container, expected_revision: stored(&world).revision, wish: stored(&world).wish };
    assert_eq!(world.refused(Command::ContainerUpdate(update)).class(), Class::Conflict);
    world.end(id(31), epoch, State::Succeeded).unwrap();
    assert_eq!(query::by_id(&world.tables, container).unwrap(), None);
    assert_eq!(world.act(container, Kind::ContainerDelete, 34).unwrap_err().class(), Class::Missing);
}

#[test]
fn a_failed_deletion_is_still_wanted_and_can_be_asked_for_again() {
    let mut world = World::new();
    let (cluster, epoch) = world.ready();
    let container = world.container(cluster, 20);
    world.act(container, Kind::ContainerDelete, 31).unwrap();
    world.end(id(31), epoch, State::Failed).unwrap();
    assert_eq!((stored(&world).status(), stored(&world).wanted()), (ContainerStatus::Error, Wanted::Deleted));
    assert_eq!(world.act(container, Kind::ContainerStart, 32).unwrap_err().class(), Class::Conflict);
    world.act(container, Kind::ContainerDelete, 33).unwrap();
    assert_eq!(open(&world), [Kind::ContainerDelete]);
}

#[test]
fn a_failed_create_leaves_the_record_in_error() {
    let mut world = World::new();
    let (cluster, epoch) = world.ready();
    world.container(cluster, 20);
    world.end(id(1_000_020), epoch, State::Failed).unwrap();
    let container = stored(&world);
    assert_eq!((container.status(), container.status_reason.as_deref()), (ContainerStatus::Error, Some("because")));
    world.act(id(20), Kind::ContainerDelete, 31).unwrap();
}

#[test]
fn after_a_failed_act_a_container_is_wanted_as_it_is() {
    let mut world = World::new();
    let (cluster, epoch) = world.ready();
    let container = world.container(cluster, 20);
    world.end(id(1_000_020), epoch, State::Succeeded).unwrap();
    world.act(container, Kind::ContainerStart, 30).unwrap();
    world.act(container, Kind::ContainerPause, 31).unwrap();
    world.end(id(30), epoch, State::Failed).unwrap();
    assert_eq!(stored(&world).wanted(), Wanted::Paused, "another act waits");
    world.end(id(31), epoch, State::Failed).unwrap();
    assert_eq!((stored(&world).wanted(), stored(&world).status()), (Wanted::Stopped, ContainerStatus::Stopped));
}

#[test]
fn what_is_no_act_is_refused() {
    let mut world = World::new();
    let (cluster, _) = world.ready();
    let container = world.container(cluster, 20);
    for kind in [Kind::ContainerCreate, Kind::ClusterDelete] {
        assert_eq!(world.act(container, kind, 30).unwrap_err().class(), Class::Invalid);
    }
    let unknown = ContainerAct { id: container, kind: 99, operation: id(30), ..ContainerAct::default() };
    assert_eq!(world.refused(Command::ContainerAct(unknown)).class(), Class::Invalid);
    let silent = ContainerAct { id: container, kind: Kind::ContainerExecute.into(), operation: id(30), ..ContainerAct::default() };
    assert_eq!(world.refused(Command::ContainerAct(silent)).code, "command-missing");
    assert_eq!(world.refused_as(actor("p2"), act(container, Kind::ContainerStart, 30)).0, Class::Missing);
    assert_eq!(world.act(container, Kind::ContainerStart, 1_000_020).unwrap_err().code, "operation-exists");
}

#[test]
fn with_its_cluster_going_a_container_is_deleted_by_it() {
    let mut world = World::new();
    let (cluster, _) = world.ready();
    let container = world.container(cluster, 20);
    world.done(Command::ClusterDelete(ClusterDelete { id: cluster, expected_revision: 0, operation: id(60), force: false }));
    let done = world.act(container, Kind::ContainerDelete, 31).unwrap();
    assert_eq!(done.operation, id::<model::id::kind::Operation>(60).bytes());
    assert_eq!(world.act(container, Kind::ContainerStop, 32).unwrap_err().class(), Class::Conflict);
}

#[test]
fn an_update_changes_the_record_only() {
    let mut world = World::new();
    let (cluster, _) = world.ready();
    let container = world.container(cluster, 20);
    let present = stored(&world);
    let wish = model::container::ContainerWish { name: "other".to_owned(), ..present.wish.clone() };
    let update = ContainerUpdate { id: container, expected_revision: present.revision, wish };
    world.done(Command::ContainerUpdate(update.clone()));
    assert_eq!(stored(&world).wish.name, "other");
    assert_eq!(world.refused(Command::ContainerUpdate(update)).class(), Class::Precondition);
    assert_eq!(open(&world), [Kind::ContainerCreate]);
}

#[test]
fn a_clusters_queue_has_an_end() {
    let mut world = World::new();
    let (cluster, _) = world.ready();
    let container = world.container(cluster, 20);
    // Proposed without the checks of `ask`: a thousand whole-state checks would take long.
    for number in 1..u128::try_from(operation::OPEN_LIMIT).unwrap() {
        let applied = world.propose(&crate::world::proposal(actor("p1"), act(container, Kind::ContainerStart, 100 + number)));
        applied.outcome.into_result().unwrap();
    }
    assert_eq!(world.act(container, Kind::ContainerStart, 31).unwrap_err().class(), Class::Busy);
    world.act(container, Kind::ContainerDelete, 32).unwrap();
    assert_eq!(open(&world), [Kind::ContainerDelete]);
}
