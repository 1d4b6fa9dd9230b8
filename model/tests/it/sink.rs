//! Sinks: cursors that only their leader moves, events that wait for them, and the bound of that.

use model::{
    Command, Scope,
    command::*,
    event::{self, Event},
    meta::Meta,
    sink::{Sink, query},
    template::TemplateWish,
};

use crate::world::{World, id};

fn open(name: &str) -> Command {
    Command::SinkOpen(SinkOpen { name: name.to_owned() })
}

fn advance(name: &str, from: u64, to: u64) -> Command {
    Command::SinkAdvance(SinkAdvance { name: name.to_owned(), term: 1, from, to, records: 2 })
}

fn sink(world: &World, name: &str) -> Sink {
    query::by_name(&world.tables, name).unwrap().unwrap()
}

fn lag(world: &World, name: &str) -> u64 {
    query::lag(&Meta::read(&world.tables).unwrap(), &sink(world, name))
}

/// A world with one event and one entry without.
fn world() -> World {
    let mut world = World::new();
    world.join(1);
    world.done(Command::Expire(Expire { limit: 1 }));
    world
}

#[test]
fn a_new_sink_is_given_everything_that_is_kept() {
    let mut world = world();
    world.template(1, "swarm");
    world.done(open("file"));
    // The opening is an event itself.
    assert_eq!((sink(&world, "file").cursor, lag(&world, "file")), (0, 3));
    let (events, _) = event::query::after(&world.tables, 0, 9, Scope::All).unwrap();
    assert_eq!(events.iter().map(|event| event.serial).collect::<Vec<_>>(), [1, 2, 3]);
    world.done(open("file"));
    assert_eq!(query::all(&world.tables).unwrap().len(), 1);
    for bad in ["", "a b", "a/b", &"x".repeat(65)] {
        assert_eq!(world.refused(open(bad)).code, "sink-name");
    }
    for number in 1..16 {
        world.done(open(&format!("s{number}")));
    }
    assert_eq!(world.refused(open("another")).code, "too-many-sinks");
}

#[test]
fn a_cursor_moves_once_and_only_for_the_leader_that_delivers() {
    let mut world = world();
    world.template(1, "swarm");
    world.done(open("file"));
    world.done(advance("file", 0, 3));
    assert_eq!((sink(&world, "file").cursor, sink(&world, "file").records, lag(&world, "file")), (3, 2, 1));
    assert_eq!(world.refused(advance("file", 0, 3)).code, "sink-moved", "a second delivery of the same events counts once");
    let later = Command::SinkAdvance(SinkAdvance { term: 2, from: 3, to: 4, name: "file".to_owned(), records: 0 });
    assert_eq!(world.refused(later).code, "sink-overtaken");
    assert_eq!(world.refused(advance("file", 3, 3)).code, "sink-cursor");
    assert_eq!(world.refused(advance("file", 3, 99)).code, "sink-cursor");
    assert_eq!(world.refused(advance("mail", 0, 1)).code, "sink-missing");
    world.done(advance("file", 3, 4));
    assert_eq!(lag(&world, "file"), 0);
    let events = Meta::read(&world.tables).unwrap().events;
    world.done(advance("file", 4, 9));
    assert_eq!(Meta::read(&world.tables).unwrap().events, events, "an advance is no event, or there would be no end of them");
    world.done(Command::SinkClose(SinkClose { name: "file".to_owned() }));
    assert_eq!(Meta::read(&world.tables).unwrap().sinks_low, None);
}

fn fill(world: &mut World, events: u64) {
    for _ in 0..events {
        let number = u128::from(world.index) + 100;
        let wish = TemplateWish { name: "t".to_owned(), ..TemplateWish::default() };
        let create = Command::TemplateCreate(TemplateCreate { id: id(number), wish });
        world.propose(&crate::world::proposal(crate::world::actor("p1"), create));
    }
}

fn kept(world: &World) -> u64 {
    Meta::read(&world.tables).unwrap().events
}

#[test]
fn events_wait_for_a_slow_sink_within_the_bound_and_losses_are_counted() {
    let mut world = world();
    assert_eq!(world.refused(Command::EventsKeep(EventsKeep { keep: 9, backlog: 1_000 })).code, "keep-invalid");
    world.done(Command::EventsKeep(EventsKeep { keep: 1_000, backlog: 1_000 }));
    world.done(open("slow"));
    world.done(open("quick"));
    fill(&mut world, 1_900);
    assert!(kept(&world) > 1_900, "nothing is forgotten before it was delivered");
    let to = world.index - 500;
    world.done(advance("slow", 0, to));
    world.done(advance("quick", 0, to));
    fill(&mut world, 1);
    let floor = event::query::floor(&world.tables).unwrap();
    assert!((1_000..1_600).contains(&kept(&world)) && floor <= to, "what was delivered goes: {}", kept(&world));

    // Nobody takes anything any more: the bound holds, and the sinks know what they lost.
    fill(&mut world, 4_000);
    assert!((2_000..=2_000 + 512 + 1).contains(&kept(&world)), "{}", kept(&world));
    let floor = event::query::floor(&world.tables).unwrap();
    let slow = sink(&world, "slow");
    // Two of the entries since were advances, without an event.
    assert_eq!((slow.cursor, slow.lost), (floor, floor - to - 2));
    assert_eq!(slow.lost, sink(&world, "quick").lost);
    assert_eq!(model::check::check(&world.tables).unwrap(), Vec::<String>::new());
    let first: Event = event::query::next(&world.tables, slow.cursor).unwrap().unwrap();
    assert_eq!(first.serial, slow.serial + 1, "the next event given says by its serial how many are missing");
}
