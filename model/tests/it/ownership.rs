//! Who owns what: epochs, skipped assignments, releases, members that go.

use model::{Change, Command, MemberId, command::*, id::ClusterId, ownership::query};

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
    world.done(Command::Release(Release { cluster: id(10), epoch }));
    let ownership = query::of(&world.tables, id(10)).unwrap().unwrap();
    assert_eq!((ownership.owner(), ownership.epoch), (None, epoch));
    assert!(!query::is_current(&world.tables, id(10), epoch).unwrap());
    let next = world.assign(id(10), 2, 4, epoch);
    assert!(query::is_current(&world.tables, id(10), next).unwrap());
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
