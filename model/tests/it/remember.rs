//! Retries: by the same origin, under the same key.

use model::{
    Class, Command, ORIGIN_WINDOW, Origin, Outcome, Proposal,
    command::*,
    outcome::Answer,
    remember::key::{CAP, LIFE_MS, PORTION},
    template::TemplateWish,
};

use crate::world::{World, actor, id, objects, proposal};

fn create(number: u128) -> Command {
    Command::TemplateCreate(TemplateCreate { id: id(number), wish: TemplateWish { name: "t".to_owned(), ..TemplateWish::default() } })
}

fn from(member: u64, incarnation: u64, sequence: u64, command: Command) -> Proposal {
    Proposal { origin: Some(Origin { member, incarnation, sequence }), ..proposal(actor("p1"), command) }
}

fn class(outcome: &Outcome) -> Option<Class> {
    match &outcome.answer {
        Some(Answer::Refused(refusal)) => Some(refusal.class()),
        _ => None,
    }
}

#[test]
fn the_same_proposal_changes_nothing_the_second_time() {
    let mut world = World::new();
    let first = world.propose(&from(1, 1, 1, create(1)));
    let before = objects(&world.tables);
    let second = world.propose(&from(1, 1, 1, create(1)));
    assert_eq!(second.outcome, first.outcome);
    assert_eq!((second.outcome.index, second.changes.len()), (1, 0));
    assert_eq!(objects(&world.tables), before);
    let refused = world.propose(&from(1, 1, 2, create(1)));
    assert_eq!(world.propose(&from(1, 1, 2, create(1))).outcome, refused.outcome);
    assert_eq!(class(&refused.outcome), Some(Class::Conflict));
}

#[test]
fn a_proposal_older_than_the_window_is_refused() {
    let mut world = World::new();
    world.propose(&from(1, 1, 1, create(1)));
    world.propose(&from(1, 1, 1 + ORIGIN_WINDOW, create(2)));
    assert_eq!(class(&world.propose(&from(1, 1, 1, create(1))).outcome), Some(Class::Broken));
    world.propose(&from(1, 2, 1, create(3))).outcome.into_result().unwrap();
    assert_eq!(class(&world.propose(&from(1, 1, 1 + ORIGIN_WINDOW, create(2))).outcome), Some(Class::Broken));
}

#[test]
fn a_new_start_counts_from_one_again() {
    let mut world = World::new();
    let first = world.propose(&from(1, 1, 1, create(1)));
    let second = world.propose(&from(1, 2, 1, create(2)));
    assert_ne!(first.outcome, second.outcome);
    assert_eq!(class(&world.propose(&from(1, 1, 1, create(1))).outcome), Some(Class::Broken), "its slot was taken by a later one");
}

#[test]
fn a_removed_member_proposes_nothing_any_more() {
    let mut world = World::new();
    let member = world.join(1);
    world.propose(&from(member, 1, 1, create(1)));
    let remove = Command::MemberRemove(MemberRemove { member });
    world.propose(&from(member, 1, 2, remove)).outcome.into_result().unwrap();
    assert_eq!(model::check::check(&world.tables).unwrap(), Vec::<String>::new());
    assert_eq!(class(&world.propose(&from(member, 1, 1, create(1))).outcome), Some(Class::Missing));
    assert_eq!(class(&world.propose(&from(member, 1, 3, create(3))).outcome), Some(Class::Missing));
    assert_eq!(model::check::check(&world.tables).unwrap(), Vec::<String>::new());
}

#[test]
fn the_same_key_gives_the_first_answer() {
    let mut world = World::new();
    let first = world.keyed("k", b"d", create(1));
    let before = objects(&world.tables);
    assert_eq!(world.keyed("k", b"d", create(2)), first, "whatever ids were chosen for the retry");
    assert_eq!(class(&world.keyed("k", b"other", create(2))), Some(Class::KeyReused));
    assert_eq!(objects(&world.tables), before);
    assert_eq!(class(&world.keyed("l", b"d", create(1))), Some(Class::Conflict));
    assert_eq!(class(&world.keyed("l", b"d", create(5))), Some(Class::Conflict), "a refusal is an answer too");
    assert_eq!(model::check::check(&world.tables).unwrap(), Vec::<String>::new());
}

#[test]
fn a_key_belongs_to_a_project_and_a_user() {
    let mut world = World::new();
    world.keyed("k", b"d", create(1));
    let key = Some(IdempotencyKey { key: "k".to_owned(), digest: b"other".to_vec() });
    let user = Actor { user_id: "u2".to_owned(), ..actor("p1") };
    for (number, actor) in [(2, actor("p2")), (3, user)] {
        let proposal = Proposal { key: key.clone(), ..proposal(actor, create(number)) };
        world.propose(&proposal).outcome.into_result().unwrap();
    }
}

#[test]
fn an_answer_that_asks_to_come_again_is_not_kept() {
    let mut world = World::new();
    world.done(create(1));
    let delete = |expected_revision| Command::TemplateDelete(TemplateDelete { id: id(1), expected_revision });
    assert_eq!(class(&world.keyed("k", b"d", delete(7))), Some(Class::Precondition));
    assert_eq!(class(&world.keyed("k", b"d", delete(1))), None);
}

#[test]
fn a_key_is_forgotten_after_its_time() {
    let mut world = World::new();
    world.keyed("k", b"d", create(1));
    world.wait(LIFE_MS / 2);
    world.keyed("l", b"d", create(2));
    assert_eq!(world.done(Command::Expire(Expire { limit: 9 })).number, 0);
    world.wait(LIFE_MS / 2);
    assert_eq!(world.done(Command::Expire(Expire { limit: 9 })).number, 1);
    assert_eq!(class(&world.keyed("k", b"e", create(3))), None);
    world.wait(LIFE_MS / 2);
    assert_eq!(class(&world.keyed("l", b"e", create(4))), None, "also before an expiry came by");
    assert_eq!(model::check::check(&world.tables).unwrap(), Vec::<String>::new());
}

#[test]
fn a_projects_keys_have_a_cap() {
    let mut world = World::new();
    let expire = Command::Expire(Expire { limit: 0 });
    let mut digest = 0_u64;
    let mut tables = std::mem::take(&mut world.tables);
    // In place: cloning a state of ten thousand keys at every step would take long.
    for number in 0..CAP + PORTION + 1 {
        digest += 1;
        let key = IdempotencyKey { key: format!("k{number}"), digest: digest.to_be_bytes().to_vec() };
        let proposal = Proposal { key: Some(key), ..proposal(actor("p1"), expire.clone()) };
        let payload = prost::Message::encode_to_vec(&proposal);
        model::apply(&mut tables, &model::Entry { index: number + 1, term: 1, at_ms: number, payload: &payload }).unwrap();
    }
    let kept: Vec<model::remember::RememberedKey> = model::record::all(&tables).unwrap();
    assert_eq!(u64::try_from(kept.len()), Ok(CAP));
    let oldest = kept.iter().map(|held| held.expires_ms).min();
    assert_eq!(oldest, Some(LIFE_MS + PORTION + 1), "the oldest went");
    assert_eq!(model::check::check(&tables).unwrap(), Vec::<String>::new());
}
