//! The event log: who saw what, pages of whole entries, retention.

use model::{
    Actor, Command, Scope,
    cluster::{Health, Observed},
    command::*,
    event::{Event, Verdict, query},
    operation::State,
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

fn story(world: &World, kind: &str, limit: usize, after: (u64, u32)) -> query::Story {
    let wanted = query::Wanted { after, since_ms: 0, until_ms: u64::MAX, kind, limit, scope: Scope::All };
    query::story(&world.tables, id(10), &wanted).unwrap()
}

#[test]
fn an_event_says_who_asked_and_who_reported_how_it_came_out_and_why() {
    let mut world = World::new();
    world.join(1);
    let template = world.template(1, "swarm");
    let cluster = world.cluster(10, template);
    let epoch = world.assign(cluster, 1, 1, 0);
    let begin = StepBegin { operation: id(1_000_010), epoch, name: "provision.create".to_owned(), ..StepBegin::default() };
    world.try_as(Actor::default(), Command::StepBegin(begin)).unwrap();
    let end = OperationEnd {
        operation: id(1_000_010),
        epoch,
        state: State::Failed.into(),
        reason: Some("no room".to_owned()),
        failure: 0,
        seen: None,
    };
    world.try_as(Actor::default(), Command::OperationEnd(end)).unwrap();

    let events = story(&world, "", 99, (0, 0)).events;
    let words: Vec<_> = events.iter().map(|event| (format!("{}.{}", event.object, event.action), event.verdict(), event.member)).collect();
    let expected = [
        ("cluster.created", Verdict::Pending, 0),
        ("operation.accepted", Verdict::Pending, 0),
        ("ownership.assigned", Verdict::None, 1),
        ("operation.step.begun", Verdict::Pending, 1),
        ("operation.ended", Verdict::Failure, 1),
        ("cluster.status", Verdict::Failure, 1),
    ];
    assert_eq!(words, expected.map(|(word, verdict, member)| (word.to_owned(), verdict, member)));
    let step = &events[3];
    assert_eq!((step.step.as_str(), step.attempt, step.kind.as_str(), step.epoch), ("provision.create", 1, "cluster.create", epoch));
    assert_eq!((step.user_id.as_str(), step.request_id.as_str()), ("u1", "req-1"), "who asked stands in what its owner reports, too");
    let status = &events[5];
    assert_eq!((status.name.as_str(), status.detail.as_str(), status.reason.as_deref()), ("c10", "CREATE_FAILED", Some("no room")));
    assert_eq!(status.operation, Some(id(1_000_010)));
    assert!(events.windows(2).all(|pair| pair[0].serial < pair[1].serial));
}

#[test]
fn the_deletion_of_a_cluster_is_told_by_its_last_owner_and_outlives_it() {
    let mut world = World::new();
    world.join(1);
    let template = world.template(1, "swarm");
    let cluster = world.cluster(10, template);
    let epoch = world.assign(cluster, 1, 1, 0);
    world.done(Command::ClusterDelete(ClusterDelete { id: cluster, expected_revision: 0, operation: id(77), force: false }));
    world.end(id(77), epoch, State::Succeeded).unwrap();
    let last = story(&world, "cluster.deleted", 9, (0, 0)).events.pop().unwrap();
    assert_eq!((last.member, last.epoch, last.verdict(), last.kind.as_str()), (1, epoch, Verdict::Success, "cluster.delete"));
}

#[test]
fn a_clusters_story_is_read_in_pages_and_by_kind() {
    let mut world = World::new();
    let (_, epoch) = world.ready();
    let all = story(&world, "", 99, (0, 0));
    assert_eq!(all.more, None);
    let mut paged = Vec::new();
    let mut after = (0, 0);
    loop {
        let page = story(&world, "", 1, after);
        paged.extend(page.events);
        match page.more {
            Some(more) => after = more,
            None => break,
        }
    }
    assert_eq!(paged, all.events);
    let operations = story(&world, "operation", 99, (0, 0)).events;
    assert!(operations.len() >= 2 && operations.iter().all(|event| event.object == "operation"));
    assert_eq!(story(&world, "operation.accepted", 99, (0, 0)).events.len(), 1);
    assert_eq!(story(&world, "", 99, (epoch, u32::MAX)).events.iter().map(|event| event.index).min(), Some(epoch + 1));
    let none = query::Wanted { after: (0, 0), since_ms: 2_000, until_ms: 3_000, kind: "", limit: 9, scope: Scope::All };
    assert!(query::story(&world.tables, id(10), &none).unwrap().events.is_empty());
    let foreign = query::Wanted { since_ms: 0, scope: Scope::Project("p2"), ..none };
    assert!(query::story(&world.tables, id(10), &foreign).unwrap().events.is_empty());
}

#[test]
fn health_that_nobody_looks_at_lapses_once_and_words_alone_are_no_event() {
    let mut world = World::new();
    let (cluster, epoch) = world.ready();
    let look = |health: Health, word: &str| {
        let health_reason = [("api".to_owned(), word.to_owned())].into();
        let observed = Observed { health: Some(health.into()), health_reason, ..Observed::default() };
        Command::Observe(Observe { sightings: vec![Sighting { cluster, epoch, observed: Some(observed), ..Sighting::default() }] })
    };
    let told = |world: &World| story(world, "cluster.observed", 99, (0, 0)).events;
    world.done(look(Health::Healthy, "ok"));
    world.done(look(Health::Unhealthy, "no room"));
    world.done(look(Health::Unhealthy, "no room at all"));
    let words: Vec<_> = told(&world).iter().map(|event| (event.detail.clone(), event.reason.clone())).collect();
    assert_eq!(words, [("HEALTHY".to_owned(), None), ("UNHEALTHY".to_owned(), Some("no room".to_owned()))]);

    let lapse = |epoch| Command::HealthLapse(HealthLapse { clusters: vec![Lapsed { cluster, epoch, reason: "nobody".to_owned() }] });
    assert_eq!(world.done(lapse(epoch - 1)).number, 0, "under an epoch that is over nobody says how it is");
    assert_eq!(world.done(lapse(epoch)).number, 1);
    assert_eq!(world.done(lapse(epoch)).number, 0);
    let last = told(&world).pop().unwrap();
    assert_eq!((last.detail.as_str(), last.reason.as_deref(), last.member), ("UNKNOWN", Some("nobody"), 0));
    world.done(look(Health::Unhealthy, "no room at all"));
    assert_eq!(told(&world).len(), 4, "whoever looks again says what is");
}
