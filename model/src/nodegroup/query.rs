//! Reading node groups.

use crate::{
    found::{Ident, Page},
    id::{ClusterId, NodeGroupId},
    nodegroup::{NodeGroup, ROLE_MASTER},
    record::{self, Index},
    tables::{Fault, View},
};

/// A node group by id.
pub fn by_id(view: &(impl View + ?Sized), id: NodeGroupId) -> Result<Option<NodeGroup>, Fault> {
    record::get(view, id.bytes())
}

/// The node groups of a cluster in order of creation: `default-master`, `default-worker`, others.
pub fn of_cluster(view: &(impl View + ?Sized), cluster: ClusterId) -> Result<Vec<NodeGroup>, Fault> {
    record::page(view, Index::NodeGroupByCluster, cluster.bytes(), &Page::ALL)
}

/// A node group of a cluster by id or name; names are unique in a cluster.
pub fn find(view: &(impl View + ?Sized), cluster: ClusterId, ident: Ident<'_>) -> Result<Option<NodeGroup>, Fault> {
    Ok(of_cluster(view, cluster)?.into_iter().find(|group| match ident {
        Ident::Id(uuid) => group.id.uuid() == uuid,
        Ident::Name(name) => group.name == name,
    }))
}

/// How many machines a cluster's groups want.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Machines of groups with the role `master`.
    pub masters: u32,
    /// Machines of all other groups.
    pub nodes: u32,
}

/// The sums over some groups.
pub fn counts(groups: &[NodeGroup]) -> Counts {
    let mut counts = Counts::default();
    for group in groups {
        let sum = if group.role == ROLE_MASTER { &mut counts.masters } else { &mut counts.nodes };
        *sum = sum.saturating_add(group.node_count);
    }
    counts
}
