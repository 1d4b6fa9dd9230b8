//! Quotas.

use model::{Class, Command, Scope, command::*, quota::query};

use crate::world::World;

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
