//! Reading nodes.

use crate::{
    found::Page,
    id::{ClusterId, NodeId},
    node::Node,
    record::{self, Index, text_key},
    scope::Scope,
    tables::{Fault, View},
};

/// A node by id, whoever's it is.
pub fn by_id(view: &(impl View + ?Sized), id: NodeId) -> Result<Option<Node>, Fault> {
    record::get(view, id.bytes())
}

/// A visible node by id. Nodes have no names to look them up by.
pub fn find(view: &(impl View + ?Sized), id: NodeId, scope: Scope<'_>) -> Result<Option<Node>, Fault> {
    Ok(by_id(view, id)?.filter(|node| scope.sees(&node.project_id)))
}

/// One page of the visible nodes: machines of clusters and classic rows.
pub fn list(view: &(impl View + ?Sized), scope: Scope<'_>, page: &Page) -> Result<Vec<Node>, Fault> {
    match scope {
        Scope::All => record::page(view, Index::NodeBySerial, &[], page),
        Scope::Project(project) => record::page(view, Index::NodeByProject, &text_key(project), page),
    }
}

/// The machines of a cluster in order of creation.
pub fn of_cluster(view: &(impl View + ?Sized), cluster: ClusterId) -> Result<Vec<Node>, Fault> {
    record::page(view, Index::NodeByCluster, cluster.bytes(), &Page::ALL)
}
