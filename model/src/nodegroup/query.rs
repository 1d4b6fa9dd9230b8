//! Reading node groups.

use std::collections::BTreeMap;

use crate::{
    found::{Ident, Page},
    id::{ClusterId, NodeGroupId},
    nodegroup::{NodeGroup, ROLE_MASTER},
    record::{self, Index, index_prefix},
    tables::{Fault, KeyRange, View, Visit},
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

impl Counts {
    fn add(&mut self, master: bool, machines: u32) {
        let sum = if master { &mut self.masters } else { &mut self.nodes };
        *sum = sum.saturating_add(machines);
    }

    /// Adds what a group's index row says.
    fn add_covered(&mut self, covered: &[u8]) {
        if let Some((master, machines)) = covered.split_first()
            && let Ok(machines) = <[u8; 4]>::try_from(machines)
        {
            self.add(*master != 0, u32::from_be_bytes(machines));
        }
    }
}

/// The sums over some groups.
pub fn counts(groups: &[NodeGroup]) -> Counts {
    let mut counts = Counts::default();
    for group in groups {
        counts.add(group.role == ROLE_MASTER, group.node_count);
    }
    counts
}

/// The sums of each of these clusters, in their order; reads no group.
pub fn counts_of(view: &(impl View + ?Sized), clusters: impl Iterator<Item = ClusterId>) -> Result<Vec<Counts>, Fault> {
    let prefixes: Vec<Vec<u8>> = clusters.map(|cluster| index_prefix(Index::NodeGroupByCluster, cluster.bytes())).collect();
    let mut all = vec![Counts::default(); prefixes.len()];
    view.scan_each(&prefixes, &mut |number, _, covered| {
        if let Some(counts) = all.get_mut(number) {
            counts.add_covered(covered);
        }
        Visit::Continue
    })?;
    Ok(all)
}

/// The sums of all clusters; reads no group.
pub fn all_counts(view: &(impl View + ?Sized)) -> Result<BTreeMap<ClusterId, Counts>, Fault> {
    let prefix = index_prefix(Index::NodeGroupByCluster, &[]);
    let mut all: BTreeMap<ClusterId, Counts> = BTreeMap::new();
    view.scan(KeyRange::prefix(&prefix), &mut |row, covered| {
        if let Some(cluster) = row.get(prefix.len()..).and_then(|rest| rest.first_chunk::<16>()) {
            all.entry(ClusterId::new(uuid::Uuid::from_bytes(*cluster))).or_default().add_covered(covered);
        }
        Visit::Continue
    })?;
    Ok(all)
}
