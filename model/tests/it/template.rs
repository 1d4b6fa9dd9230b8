//! Templates: visibility, the rule for referenced ones, revisions.

use model::{
    Class, Command, Found, Ident, Page, Scope,
    command::*,
    template::{Template, TemplateWish, query},
};

use crate::world::{World, actor, admin, id};

fn wish(name: &str) -> TemplateWish {
    TemplateWish { name: name.to_owned(), coe: "swarm".to_owned(), image_id: "i".to_owned(), ..TemplateWish::default() }
}

fn create(number: u128, wish: TemplateWish) -> Command {
    Command::TemplateCreate(TemplateCreate { id: id(number), wish })
}

fn update(template: &Template, wish: TemplateWish) -> Command {
    Command::TemplateUpdate(TemplateUpdate { id: template.id, expected_revision: template.revision, wish })
}

fn delete(number: u128, expected_revision: u64) -> Command {
    Command::TemplateDelete(TemplateDelete { id: id(number), expected_revision })
}

fn stored(world: &World, number: u128) -> Template {
    query::by_id(&world.tables, id(number)).unwrap().unwrap()
}

#[test]
fn a_template_is_made_changed_and_removed() {
    let mut world = World::new();
    let done = world.done(create(1, wish("a")));
    assert_eq!((done.object.as_slice(), done.revision), (id::<model::id::kind::Template>(1).bytes().as_slice(), 1));
    let first = stored(&world, 1);
    assert_eq!((first.serial, first.project_id.as_str(), first.updated_ms), (1, "p1", None));

    world.done(update(&first, wish("b")));
    let second = stored(&world, 1);
    assert_eq!((second.revision, second.wish.name.as_str(), second.serial), (2, "b", 1));
    assert!(second.updated_ms.is_some());
    world.done(update(&second, wish("b")));
    assert_eq!(stored(&world, 1), second, "what changes nothing is not a change");

    world.done(delete(1, 2));
    assert_eq!(query::by_id(&world.tables, id(1)).unwrap(), None);
    assert_eq!(world.refused(delete(1, 0)).class(), Class::Missing);
}

#[test]
fn a_taken_id_is_refused() {
    let mut world = World::new();
    world.done(create(1, wish("a")));
    assert_eq!(world.refused(create(1, wish("b"))).class(), Class::Conflict);
}

#[test]
fn an_old_revision_is_refused_with_the_present_one() {
    let mut world = World::new();
    world.done(create(1, wish("a")));
    let first = stored(&world, 1);
    world.done(update(&first, wish("b")));
    let refusal = world.refused(update(&first, wish("c")));
    assert_eq!((refusal.class(), refusal.revision), (Class::Precondition, 2));
    assert_eq!(world.refused(delete(1, 1)).class(), Class::Precondition);
}

#[test]
fn others_see_public_templates_and_cannot_change_them() {
    let mut world = World::new();
    world.done(create(1, wish("own")));
    world.done(create(2, TemplateWish { public: true, ..wish("shared") }));
    world.done(create(3, TemplateWish { public: true, hidden: true, ..wish("shared") }));
    let other = actor("p2");
    assert_eq!(world.refused_as(other.clone(), delete(1, 0)).0, Class::Missing);
    assert_eq!(world.refused_as(other.clone(), delete(2, 0)).0, Class::Forbidden);
    assert_eq!(world.refused_as(other.clone(), delete(3, 0)).0, Class::Missing);

    let names = |scope, page: Page| -> Vec<u64> {
        query::list(&world.tables, scope, &page).unwrap().into_iter().map(|template| template.serial).collect()
    };
    assert_eq!(names(Scope::Project("p1"), Page::ALL), [1, 2, 3]);
    assert_eq!(names(Scope::Project("p2"), Page::ALL), [2]);
    assert_eq!(names(Scope::All, Page::ALL), [1, 2, 3]);
    assert_eq!(names(Scope::Project("p1"), Page { after: Some(3), limit: 1, descending: true }), [2]);
    assert_eq!(names(Scope::Project("p1"), Page { after: Some(1), limit: 9, descending: false }), [2, 3]);
    assert_eq!(names(Scope::All, Page { after: None, limit: 2, descending: true }), [3, 2]);

    let find = |ident, scope| query::find(&world.tables, ident, scope).unwrap();
    assert_eq!(find(Ident::Name("shared"), Scope::Project("p1")), Found::Several);
    assert!(matches!(find(Ident::Name("shared"), Scope::Project("p2")), Found::One(template) if template.serial == 2));
    assert_eq!(find(Ident::Name("own"), Scope::Project("p2")), Found::Missing);
    let text = id::<model::id::kind::Template>(1).to_string().to_uppercase();
    assert!(matches!(find(Ident::parse(&text), Scope::All), Found::One(_)));
    world.try_as(admin(), delete(1, 0)).unwrap();
}

#[test]
fn a_referenced_template_changes_in_one_harmless_way_at_a_time() {
    let mut world = World::new();
    let template = world.template(1, "swarm");
    world.cluster(10, template);
    let present = stored(&world, 1);
    let refused = |world: &mut World, wish: TemplateWish| {
        let refusal = world.refused(update(&stored(world, 1), wish));
        assert_eq!((refusal.class(), refusal.code.as_str()), (Class::Invalid, "template-referenced"));
    };
    refused(&mut world, TemplateWish { image_id: "j".to_owned(), ..present.wish.clone() });
    refused(&mut world, TemplateWish { name: "n".to_owned(), tags: Some("t".to_owned()), ..present.wish.clone() });
    for change in [
        |wish: &mut TemplateWish| wish.name = "n".to_owned(),
        |wish: &mut TemplateWish| wish.tags = Some("t".to_owned()),
        |wish: &mut TemplateWish| wish.hidden = true,
        |wish: &mut TemplateWish| wish.hidden = false,
        |wish: &mut TemplateWish| wish.public = true,
    ] {
        let present = stored(&world, 1);
        let mut wish = present.wish.clone();
        change(&mut wish);
        world.done(update(&present, wish));
    }
    let present = stored(&world, 1).wish;
    refused(&mut world, TemplateWish { public: false, ..present.clone() });
    refused(&mut world, TemplateWish { tags: None, ..present });
    assert_eq!(world.refused(delete(1, 0)).class(), Class::Invalid);
}
