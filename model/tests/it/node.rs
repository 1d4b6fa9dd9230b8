//! Classic node rows.

use model::{
    Class, Command, Page, Scope,
    command::*,
    node::{Node, query},
};

use crate::world::{World, actor, id};

fn row(kind: &str) -> Node {
    Node { id: id(5), kind: Some(kind.to_owned()), ..Node::default() }
}

#[test]
fn a_row_is_made_changed_and_removed() {
    let mut world = World::new();
    world.done(Command::NodeCreate(NodeCreate { node: Node { project_id: "forged".to_owned(), cluster: Some(id(9)), ..row("virt") } }));
    assert_eq!(world.refused(Command::NodeCreate(NodeCreate { node: row("virt") })).class(), Class::Conflict);
    let node = query::find(&world.tables, id(5), Scope::Project("p1")).unwrap().unwrap();
    assert_eq!((node.cluster, node.kind.as_deref()), (None, Some("virt")), "a client makes no machine of a cluster");
    world.done(Command::NodeUpdate(NodeUpdate { node: row("bare"), expected_revision: node.revision }));
    assert_eq!(world.refused(Command::NodeUpdate(NodeUpdate { node: row("x"), expected_revision: 1 })).class(), Class::Precondition);
    assert_eq!(world.refused_as(actor("p2"), Command::NodeDelete(NodeDelete { id: id(5), expected_revision: 0 })).0, Class::Missing);
    assert_eq!(query::list(&world.tables, Scope::Project("p1"), &Page::ALL).unwrap().len(), 1);
    assert_eq!(query::list(&world.tables, Scope::All, &Page::ALL).unwrap().len(), 1);
    world.done(Command::NodeDelete(NodeDelete { id: id(5), expected_revision: 0 }));
    assert_eq!(query::by_id(&world.tables, id(5)).unwrap(), None);
}

#[test]
fn a_machine_of_a_cluster_is_its_owners() {
    let mut world = World::new();
    let (cluster, epoch) = world.ready();
    let seen = Sighting { cluster, epoch, nodes: vec![row("virt")], nodes_seen: true, ..Sighting::default() };
    world.done(Command::Observe(Observe { sightings: vec![seen] }));
    assert_eq!(world.refused(Command::NodeDelete(NodeDelete { id: id(5), expected_revision: 0 })).class(), Class::Conflict);
    assert_eq!(query::list(&world.tables, Scope::Project("p1"), &Page::ALL).unwrap().len(), 1);
}
