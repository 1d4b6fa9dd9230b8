//! Members and the cluster version.

use model::{Change, Class, Command, Entry, Fault, MemoryTables, Proposal, VERSION, View, apply, command::*, member::Member, meta};
use prost::Message;

use crate::world::{World, actor, objects, proposal};

fn started(number: u64, incarnation: u64, version_max: u32) -> Command {
    let member = Member { number, incarnation, version_max, peer_address: "h:1".to_owned(), ..Member::default() };
    Command::MemberStarted(MemberStarted { member })
}

fn stored(world: &World, number: u64) -> Option<Member> {
    model::member::query::by_number(&world.tables, model::MemberId(number)).unwrap()
}

#[test]
fn numbers_are_given_once() {
    let mut world = World::new();
    assert_eq!((world.join(1), world.join(1)), (1, 2));
    world.done(Command::MemberRemove(MemberRemove { member: 2 }));
    assert_eq!(world.join(1), 3);
    assert_eq!(model::member::query::all(&world.tables).unwrap().iter().map(|member| member.number).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(world.refused(Command::MemberRemove(MemberRemove { member: 2 })).class(), Class::Missing);
}

#[test]
fn a_start_is_recorded_and_an_older_one_refused() {
    let mut world = World::new();
    world.join(3);
    assert_eq!(world.refused(started(2, 1, 1)).class(), Class::Missing);
    assert_eq!(world.refused(started(1, 2, 1)).class(), Class::Conflict);
    world.done(Command::MemberDrain(MemberDrain { member: 1, draining: true }));
    world.done(started(1, 4, 1));
    assert_eq!(world.changes, [Change::Member(1)]);
    let member = stored(&world, 1).unwrap();
    assert_eq!((member.incarnation, member.peer_address.as_str(), member.draining), (4, "h:1", true));
    world.done(started(1, 4, 1));
    assert!(world.changes.is_empty());
}

#[test]
fn draining_begins_and_ends() {
    let mut world = World::new();
    world.join(1);
    for draining in [true, false] {
        world.done(Command::MemberDrain(MemberDrain { member: 1, draining }));
        assert_eq!(stored(&world, 1).unwrap().draining, draining);
    }
    assert_eq!(world.refused(Command::MemberDrain(MemberDrain { member: 9, draining: true })).class(), Class::Missing);
}

#[test]
fn the_version_goes_up_only_with_everybody() {
    let mut world = World::new();
    world.join(1);
    let raise = |version| Command::RaiseVersion(RaiseVersion { version });
    assert_eq!(meta::cluster_version(&world.tables).unwrap(), VERSION);
    world.done(raise(VERSION));
    assert_eq!(world.refused(raise(VERSION - 1)).class(), Class::Conflict);
    let refusal = world.refused(raise(VERSION + 1));
    assert_eq!(refusal.code, "member-too-old");
    world.done(started(1, 1, VERSION + 1));
    let before = objects(&world.tables);
    let fault = world.payload(&proposal(actor("p"), raise(VERSION + 1)).encode_to_vec()).unwrap_err();
    assert_eq!(
        fault,
        Fault::TooNew { index: world.index, needed: VERSION + 1, supported: VERSION },
        "this build cannot follow, though all say they can"
    );
    assert_eq!(objects(&world.tables), before);
}

#[test]
fn an_entry_of_a_newer_version_stops_the_member() {
    let mut world = World::new();
    let newer = Proposal { min_version: VERSION + 1, ..proposal(actor("p"), Command::Expire(Expire { limit: 1 })) };
    let fault = world.payload(&newer.encode_to_vec()).unwrap_err();
    assert_eq!(fault, Fault::TooNew { index: 1, needed: VERSION + 1, supported: VERSION });
    assert!(fault.to_string().contains("upgrade this member"));
}

#[test]
fn an_unknown_command_stops_the_member() {
    let mut payload = Proposal { command: None, ..proposal(actor("p"), Command::Expire(Expire { limit: 1 })) }.encode_to_vec();
    prost::encoding::encode_key(999, prost::encoding::WireType::LengthDelimited, &mut payload);
    prost::encoding::encode_varint(0, &mut payload);
    let mut tables = MemoryTables::default();
    let fault = apply(&mut tables, &Entry { index: 5, term: 1, at_ms: 1, payload: &payload }).unwrap_err();
    assert_eq!(fault, Fault::TooNew { index: 5, needed: VERSION + 1, supported: VERSION });
    assert!(tables.rows().is_empty());
}

#[test]
fn a_state_of_a_newer_version_stops_the_member() {
    let mut tables = MemoryTables::default();
    model::record::put(&mut tables, &meta::Meta { version: VERSION + 1, ..meta::Meta::default() }).unwrap();
    let payload = proposal(actor("p"), Command::Expire(Expire { limit: 1 })).encode_to_vec();
    let fault = apply(&mut tables, &Entry { index: 5, term: 1, at_ms: 1, payload: &payload }).unwrap_err();
    assert!(matches!(fault, Fault::TooNew { needed, .. } if needed == VERSION + 1));
    assert!(tables.get(b"e").unwrap().is_none());
}
