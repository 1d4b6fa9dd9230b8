//! Quotas.

use model::{Class, Command, Scope, command::*, quota::query};

use crate::world::{World, cluster_wish, id};

fn set(hard_limit: u32, create: Option<bool>) -> Command {
    Command::QuotaSet(QuotaSet { project_id: "p1".to_owned(), resource: "Cluster".to_owned(), hard_limit, create })
}

#[test]
fn a_quota_is_set_changed_and_removed() {
    let mut world = World::new();
    assert_eq!(world.refused(set(5, Some(false))).class(), Class::Missing);
    assert_eq!(world.done(set(5, Some(true))).number, 1);
    assert_eq!(world.refused(set(6, Some(true))).class(), Class::Conflict);
    world.done(set(7, None));
    assert_eq!(query::limit(&world.tables, "p1", "Cluster").unwrap(), Some(7));
    assert_eq!(query::list(&world.tables, Scope::Project("p2")).unwrap(), []);
    assert_eq!(query::list(&world.tables, Scope::All).unwrap().len(), 1);
    let delete = Command::QuotaDelete(QuotaDelete { project_id: "p1".to_owned(), resource: "Cluster".to_owned() });
    world.done(delete.clone());
    assert_eq!(world.refused(delete).class(), Class::Missing);
    let unknown = QuotaSet { project_id: "p1".to_owned(), resource: "Node".to_owned(), hard_limit: 1, create: None };
    assert_eq!(world.refused(Command::QuotaSet(unknown)).class(), Class::Invalid);
}

#[test]
fn a_quota_is_never_passed_and_a_deletion_makes_room() {
    let mut world = World::new();
    let member = world.join(1);
    let template = world.template(1, "swarm");
    let create = |number| Command::ClusterCreate(ClusterCreate { default_quota: 20, ..cluster_wish(number, template) });
    let mut refused = 0;
    for number in 100..300 {
        match world.ask(create(number)) {
            Ok(_) => {}
            Err(refusal) => {
                assert_eq!(refusal.class(), Class::OverQuota);
                refused += 1;
            }
        }
    }
    assert_eq!((model::cluster::query::count_of_project(&world.tables, "p1").unwrap(), refused), (20, 180));
    let epoch = world.assign(id(100), member, 1, 0);
    world.done(Command::ClusterDelete(ClusterDelete { id: id(100), operation: id(60), ..ClusterDelete::default() }));
    assert_eq!(world.refused(create(301)).class(), Class::OverQuota, "it is there until it is gone");
    world.end(id(60), epoch, model::operation::State::Succeeded).unwrap();
    world.done(create(301));
    assert_eq!(world.refused(create(302)).class(), Class::OverQuota);
}
