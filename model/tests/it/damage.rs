//! The checker finds what is wrong: every kind of damage, made by hand, gets a sentence.

use model::{
    MemoryTables, Tables, View,
    cluster::{Cluster, Status},
    container::Container,
    event::Event,
    member::Member,
    meta::Meta,
    nodegroup::NodeGroup,
    operation::{Failure, Left, Operation, State, Step, TROUBLES, Trouble},
    ownership::Ownership,
    record::{self, Record as _},
    sink::Sink,
    template::Template,
};

use crate::world::{World, id};

fn world() -> World {
    let mut world = World::new();
    let (cluster, _) = world.ready();
    world.container(cluster, 20);
    let template = world.template(2, "swarm");
    world.cluster(11, template);
    world
}

fn damaged(damage: impl FnOnce(&mut MemoryTables)) -> String {
    let mut tables = world().tables;
    assert_eq!(model::check::check(&tables).unwrap(), Vec::<String>::new());
    damage(&mut tables);
    let wrong = model::check::check(&tables).unwrap();
    assert!(!wrong.is_empty(), "the damage was not found");
    wrong.join("; ")
}

fn change<R: record::Record>(tables: &mut MemoryTables, key: &[u8], change: impl FnOnce(&mut R)) {
    let previous: R = record::get(tables, key).unwrap().unwrap();
    let mut record = previous.clone();
    change(&mut record);
    record::replace(tables, Some(&previous), &record);
}

#[test]
fn every_damage_gets_a_sentence() {
    let cluster = id::<model::id::kind::Cluster>(10);
    let key = cluster.bytes();
    let operation = id::<model::id::kind::Operation>(1_000_020);
    let missing = damaged(|tables| {
        let row = tables.rows().keys().find(|row| row.starts_with(b"x")).unwrap().clone();
        tables.delete(row);
    });
    assert!(missing.contains("is missing"), "{missing}");
    let extra = damaged(|tables| tables.put(b"x\x01abc".to_vec(), Vec::new()));
    assert!(extra.contains("belongs to no record"), "{extra}");
    let alien = damaged(|tables| tables.put(b"zzz".to_vec(), Vec::new()));
    assert!(alien.contains("in no table"), "{alien}");
    let stranger = damaged(|tables| {
        let value = tables.get(&record::whole_key(b'c', key)).unwrap().unwrap();
        tables.put(record::whole_key(b'c', &[7; 16]), value.to_vec());
    });
    assert!(stranger.contains("has another key"), "{stranger}");
    let status = damaged(|tables| change(tables, key, |cluster: &mut Cluster| cluster.set_status(Status::UpdateInProgress)));
    assert!(status.contains("UPDATE_IN_PROGRESS"), "{status}");
    let serial = damaged(|tables| change(tables, key, |cluster: &mut Cluster| cluster.serial = 2));
    assert!(serial.contains("serial 2 of a cluster is there 2 times"), "{serial}");
    let gone = damaged(|tables| {
        let cluster: Cluster = record::get(tables, key).unwrap().unwrap();
        record::delete(tables, &cluster);
    });
    for words in ["node group", "container", "has an owner and is gone", "does not know whether"] {
        assert!(gone.contains(words), "{words}: {gone}");
    }
    let group = damaged(|tables| {
        let group: NodeGroup = record::all(tables).unwrap().pop().unwrap();
        record::delete(tables, &group);
    });
    assert!(group.contains("default groups"), "{group}");
    let busy = damaged(|tables| {
        let group: NodeGroup = record::all(tables).unwrap().pop().unwrap();
        change(tables, group.id.bytes(), |group: &mut NodeGroup| group.set_status(Status::CreateComplete));
        let other: NodeGroup = record::all(tables).unwrap().swap_remove(0);
        change(tables, other.id.bytes(), |group: &mut NodeGroup| group.set_status(Status::UpdateInProgress));
    });
    assert!(busy.contains("disagree"), "{busy}");
    let template = damaged(|tables| {
        let template: Template = record::get(tables, id::<model::id::kind::Template>(1).bytes()).unwrap().unwrap();
        record::delete(tables, &template);
    });
    assert!(template.contains("lost its template"), "{template}");
    let owner = damaged(|tables| change(tables, key, |ownership: &mut Ownership| ownership.member = 9));
    assert!(owner.contains("is no member"), "{owner}");
    let unplaced = damaged(|tables| {
        let ownership: Ownership = record::get(tables, key).unwrap().unwrap();
        record::delete(tables, &ownership);
    });
    assert!(unplaced.contains("neither among"), "{unplaced}");
    let both = damaged(|tables| change(tables, operation.bytes(), |operation: &mut Operation| operation.ended_ms = Some(1)));
    assert!(both.contains("both open and ended"), "{both}");
    let waiting = damaged(|tables| {
        let container: Container = record::all(tables).unwrap().pop().unwrap();
        record::delete(tables, &container);
    });
    assert!(waiting.contains("waits for container"), "{waiting}");
    let counted = damaged(|tables| change(tables, b".", |meta: &mut Meta| meta.events += 1));
    assert!(counted.contains("are counted"), "{counted}");
    let member = damaged(|tables| {
        let member: Member = record::all(tables).unwrap().pop().unwrap();
        record::delete(tables, &member);
    });
    assert!(member.contains("is no member"), "{member}");
}

#[test]
fn every_damage_of_an_operation_gets_a_sentence() {
    let operation = id::<model::id::kind::Operation>(1_000_020);
    type Change = fn(&mut Operation);
    let changes: [(&str, Change); 7] = [
        ("in progress for ever", |operation| operation.deadline_ms = 0),
        ("is forced and no deletion", |operation| operation.force = true),
        ("left something behind", |operation| operation.left.push(Left::default())),
        ("does itself again", |operation| operation.retry_of = Some(operation.id)),
        ("succeeded and failed", |operation| {
            operation.set_state(State::Succeeded);
            operation.ended_ms = Some(1);
            operation.set_failure(Failure::Broken);
        }),
        ("remembers too much", |operation| operation.steps.push(Step { retry_ms: 5, ..Step::default() })),
        ("remembers too much", |operation| {
            operation.steps.push(Step { troubles: vec![Trouble::default(); TROUBLES + 1], ..Step::default() });
        }),
    ];
    for (words, damage) in changes {
        let found = damaged(|tables| change(tables, operation.bytes(), damage));
        assert!(found.contains(words), "{words}: {found}");
    }
}

#[test]
fn damage_to_events_and_their_sinks_gets_a_sentence() {
    let mut world = world();
    world.done(model::Command::SinkOpen(model::command::SinkOpen { name: "file".to_owned() }));
    world.template(3, "swarm");
    assert_eq!(model::check::check(&world.tables).unwrap(), Vec::<String>::new());
    let damaged = |damage: &dyn Fn(&mut MemoryTables)| {
        let mut tables = world.tables.clone();
        damage(&mut tables);
        model::check::check(&tables).unwrap().join("; ")
    };
    let gap = damaged(&|tables| {
        let event: Event = record::all(tables).unwrap().pop().unwrap();
        change(tables, &event.key(), |event: &mut Event| event.serial += 1);
    });
    assert!(gap.contains("the serials of events have a gap"), "{gap}");
    let low = damaged(&|tables| change(tables, b".", |meta: &mut Meta| meta.sinks_low = None));
    assert!(low.contains("the lowest cursor of the sinks is not"), "{low}");
    let behind = damaged(&|tables| change(tables, b"file", |sink: &mut Sink| sink.serial += 1));
    assert!(behind.contains("sink file has"), "{behind}");
}
