//! Who owns what: epochs, skipped assignments, releases, members that go.

use model::{
    Change, Command, MemberId,
    command::*,
    id::ClusterId,
    ownership::{Reason, query},
};

use crate::world::{World, id};

fn assign(world: &mut World, assignments: &[(ClusterId, u64, u64, u64)]) -> u64 {
    let assignments = assignments
        .iter()
        .map(|&(cluster, member, incarnation, expected_epoch)| Assignment { cluster, member, incarnation, expected_epoch, reason: 0 })
        .collect();
    world.done(Command::Assign(Assign { assignments, term: 0 })).number
}

fn two_clusters() -> World {
    let mut world = World::new();
    world.join(1);
    world.join(4);
    let template = world.template(1, "swarm");
    world.cluster(10, template);
    world.cluster(11, template);
    world
}

#[test]
fn the_entrys_index_is_the_epoch() {
    let mut world = two_clusters();
    assert_eq!(assign(&mut world, &[(id(10), 1, 1, 0), (id(11), 2, 4, 0)]), 2);
    assert!(world.changes.contains(&Change::Ownership(id(10))));
    for (number, member, incarnation) in [(10, 1, 1), (11, 2, 4)] {
        let ownership = query::of(&world.tables, id(number)).unwrap().unwrap();
        assert_eq!((ownership.member, ownership.incarnation, ownership.epoch), (member, incarnation, world.index));
    }
    assert_eq!(query::by_member(&world.tables, MemberId(1), 9).unwrap().len(), 1);
    assert!(query::unowned(&world.tables, 9).unwrap().is_empty());
}

#[test]
fn what_the_planner_saw_wrongly_is_skipped() {
    let mut world = two_clusters();
    let skipped = [(id(10), 3, 1, 0), (id(10), 1, 2, 0), (id(10), 1, 1, 7), (id(99), 1, 1, 0)];
    assert_eq!(assign(&mut world, &skipped), 0);
    assert_eq!(query::unowned(&world.tables, 9).unwrap().len(), 2);
    assert_eq!(assign(&mut world, &[(id(10), 1, 1, 0), (id(10), 2, 4, 0)]), 1, "one epoch names one owner");
    assert_eq!(assign(&mut world, &[(id(10), 2, 4, 0)]), 0);
}

#[test]
fn a_released_cluster_is_assigned_again_from_its_last_epoch() {
    let mut world = two_clusters();
    let epoch = world.assign(id(10), 1, 1, 0);
    world.done(Command::Release(Release { cluster: id(10), epoch, reason: 0 }));
    let ownership = query::of(&world.tables, id(10)).unwrap().unwrap();
    assert_eq!((ownership.owner(), ownership.epoch), (None, epoch));
    assert!(!query::is_current(&world.tables, id(10), epoch).unwrap());
    let next = world.assign(id(10), 2, 4, epoch);
    assert!(query::is_current(&world.tables, id(10), next).unwrap());
}

#[test]
fn a_new_start_of_the_same_member_gets_an_epoch_of_its_own() {
    let mut world = two_clusters();
    let first = world.assign(id(10), 1, 1, 0);
    let record = model::member::query::by_number(&world.tables, MemberId(1)).unwrap().unwrap();
    world.done(Command::MemberStarted(MemberStarted { member: model::member::Member { incarnation: 2, ..record } }));
    world.assign(id(10), 1, 2, first);
    let row = query::of(&world.tables, id(10)).unwrap().unwrap();
    assert_eq!((row.incarnation, row.epoch), (2, world.index));
    assert!(
        !query::is_current(&world.tables, id(10), first).unwrap(),
        "what the first start sent may still arrive, and is not of this epoch"
    );
}

#[test]
fn a_removed_members_clusters_lose_their_owner() {
    let mut world = two_clusters();
    let epoch = world.assign(id(10), 1, 1, 0);
    world.assign(id(11), 2, 4, 0);
    world.done(Command::MemberRemove(MemberRemove { member: 1 }));
    let unowned = query::unowned(&world.tables, 9).unwrap();
    assert_eq!(unowned.iter().map(|ownership| (ownership.cluster, ownership.epoch)).collect::<Vec<_>>(), [(id(10), epoch)]);
    assert!(world.changes.contains(&Change::Ownership(id(10))));
}

#[test]
fn what_a_deposed_leader_planned_is_skipped() {
    let mut world = two_clusters();
    let assignment = Assignment { cluster: id(10), member: 1, incarnation: 1, expected_epoch: 0, reason: 0 };
    // The entries of this world stand in term 1.
    let late = Command::Assign(Assign { assignments: vec![assignment.clone()], term: 2 });
    assert_eq!(world.done(late).number, 0);
    assert_eq!(world.done(Command::Assign(Assign { assignments: vec![assignment], term: 1 })).number, 1);
}

#[test]
fn a_pin_outlives_assignments_and_ends_with_its_member() {
    let mut world = two_clusters();
    let pin = |world: &World| query::of(&world.tables, id(10)).unwrap().unwrap().pinned();
    world.done(Command::Pin(Pin { cluster: id(10), member: 2 }));
    assert_eq!(pin(&world), Some(MemberId(2)));
    let epoch = world.assign(id(10), 1, 1, 0);
    world.done(Command::Release(Release { cluster: id(10), epoch, reason: Reason::Pinned.into() }));
    let row = query::of(&world.tables, id(10)).unwrap().unwrap();
    assert_eq!((row.owner(), row.reason(), row.pinned()), (None, Reason::Pinned, Some(MemberId(2))));
    world.done(Command::Pin(Pin { cluster: id(10), member: 0 }));
    assert_eq!(pin(&world), None);
    world.done(Command::Pin(Pin { cluster: id(10), member: 2 }));
    world.done(Command::MemberRemove(MemberRemove { member: 2 }));
    assert_eq!(pin(&world), None, "nobody is left to be bound to");
}

#[test]
fn a_pin_names_what_is_there() {
    let mut world = two_clusters();
    assert_eq!(world.refused(Command::Pin(Pin { cluster: id(10), member: 7 })).code, "member-missing");
    assert_eq!(world.refused(Command::Pin(Pin { cluster: id(99), member: 1 })).code, "cluster-missing");
}

#[test]
fn a_wish_for_balance_stands_until_it_is_fulfilled_or_replaced() {
    let mut world = two_clusters();
    let wish = |world: &World| model::meta::Meta::read(&world.tables).unwrap().balance_wish;
    let balance = |fulfilled| Command::Balance(Balance { fulfilled });
    let first = world.done(balance(0)).number;
    assert_eq!((wish(&world), first), (world.index, world.index));
    assert_eq!(world.changes, [Change::Balance]);
    let second = world.done(balance(0)).number;
    world.done(balance(first));
    assert_eq!(wish(&world), second, "the wish that was fulfilled is not the one that stands");
    assert!(world.changes.is_empty());
    world.done(balance(second));
    assert_eq!((wish(&world), world.changes.clone()), (0, vec![Change::Balance]));
    world.done(balance(second));
    assert!(world.changes.is_empty());
}

#[test]
fn moves_stand_in_the_clusters_events_with_their_reasons() {
    let mut world = two_clusters();
    let epoch = world.assign(id(10), 1, 1, 0);
    world.done(Command::Release(Release { cluster: id(10), epoch, reason: Reason::Drain.into() }));
    let lost = Assignment { cluster: id(10), member: 2, incarnation: 4, expected_epoch: epoch, reason: Reason::Drain.into() };
    world.done(Command::Assign(Assign { assignments: vec![lost], term: 0 }));
    let epoch = query::of(&world.tables, id(10)).unwrap().unwrap().epoch;
    let lost = Assignment { cluster: id(10), member: 1, incarnation: 1, expected_epoch: epoch, reason: Reason::Lost.into() };
    world.done(Command::Assign(Assign { assignments: vec![lost], term: 0 }));
    let told: Vec<String> = model::event::query::of_cluster(&world.tables, id(10), 0, 99)
        .unwrap()
        .into_iter()
        .filter(|event| event.object == "ownership")
        .map(|event| format!("{} {}", event.action, event.detail))
        .collect();
    assert_eq!(
        told,
        ["assigned member 1 (new)", "released member 1 (drain)", "assigned member 2 (drain)", "assigned member 1 (lost, before: member 2)"]
    );
}
