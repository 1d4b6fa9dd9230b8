//! The event log: who saw what, pages of whole entries, retention.

use model::{
    Command, Scope,
    command::*,
    event::{Event, query},
    template::TemplateWish,
};

use crate::world::{World, actor, id};

fn create(number: u128) -> Command {
    Command::TemplateCreate(TemplateCreate { id: id(number), wish: TemplateWish { name: "t".to_owned(), ..TemplateWish::default() } })
}

#[test]
fn an_entrys_events_are_never_torn_apart() {
    let mut world = World::new();
    let template = world.template(1, "swarm");
    world.cluster(10, template);
    world.template(2, "swarm");
    let (events, cursor) = query::after(&world.tables, 0, 2, Scope::Project("p1")).unwrap();
    let words: Vec<_> = events.iter().map(|event| (event.index, event.part, event.object.as_str(), event.action.as_str())).collect();
    assert_eq!(words, [(1, 0, "template", "created"), (2, 0, "cluster", "created"), (2, 1, "operation", "accepted")]);
    assert_eq!(events.first().unwrap().request_id, "req-1");
    let (rest, end) = query::after(&world.tables, cursor, 9, Scope::Project("p1")).unwrap();
    assert_eq!((rest.len(), end), (1, 3));
    assert_eq!(query::after(&world.tables, end, 9, Scope::All).unwrap(), (vec![], 3));
    assert_eq!(query::of_cluster(&world.tables, id(10), 0, 9).unwrap().len(), 2);
    assert_eq!(query::of_cluster(&world.tables, id(10), 2, 9).unwrap().len(), 0);
}

#[test]
fn a_project_sees_its_own_events_and_its_cursor_moves_over_others() {
    let mut world = World::new();
    world.done(create(1));
    world.try_as(actor("p2"), create(2)).unwrap();
    world.join(1);
    let seen = |scope| query::after(&world.tables, 0, 9, scope).unwrap();
    assert_eq!((seen(Scope::Project("p2")).0.len(), seen(Scope::Project("p2")).1), (1, 3));
    assert_eq!(seen(Scope::All).0.len(), 3);
}

#[test]
fn the_oldest_events_go_and_the_floor_says_so() {
    let mut tables = model::MemoryTables::default();
    let mut floors = Vec::new();
    // More than are kept, each with its own entry; applied in place.
    for number in 1..=201_030_u64 {
        let proposal = crate::world::proposal(actor("p1"), create(u128::from(number)));
        let payload = prost::Message::encode_to_vec(&proposal);
        model::apply(&mut tables, &model::Entry { index: number, term: 1, at_ms: number, payload: &payload }).unwrap();
        if number > 200_000 {
            floors.push(query::floor(&tables).unwrap());
        }
    }
    floors.dedup();
    assert_eq!(floors, [0, 513, 1026], "they go in portions");
    let events: Vec<Event> = model::record::all(&tables).unwrap();
    assert_eq!((events.len(), events.first().unwrap().index), (200_004, 1027));
    let (page, _) = query::after(&tables, 1026, 1, Scope::All).unwrap();
    assert_eq!(page.first().unwrap().index, 1027);
}
