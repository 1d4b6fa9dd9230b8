//! A cluster has its two default groups, its template, its place among the owned or unowned; nothing is left of a cluster that is gone.

use std::collections::{BTreeMap, BTreeSet};

use super::indexes::serials;
use crate::{
    cluster::{Cluster, Status},
    container::{Container, Wanted},
    id::ClusterId,
    member::Member,
    meta::Meta,
    node::Node,
    nodegroup::{DEFAULT_MASTER, DEFAULT_WORKER, NodeGroup},
    ownership::Ownership,
    record,
    tables::{Fault, View},
    template::Template,
};

pub(super) fn check(view: &(impl View + ?Sized), wrong: &mut Vec<String>) -> Result<(), Fault> {
    let clusters: BTreeMap<ClusterId, Cluster> = record::all::<Cluster>(view)?.into_iter().map(|cluster| (cluster.id, cluster)).collect();
    let meta = Meta::read(view)?;
    serials("cluster", meta.clusters, clusters.values().map(|cluster| cluster.serial), wrong);
    templates(view, &meta, &clusters, wrong)?;
    groups(view, &meta, &clusters, wrong)?;
    containers(view, &meta, &clusters, wrong)?;
    nodes(view, &meta, &clusters, wrong)?;
    owners(view, &clusters, wrong)
}

type Clusters = BTreeMap<ClusterId, Cluster>;

fn templates(view: &(impl View + ?Sized), meta: &Meta, clusters: &Clusters, wrong: &mut Vec<String>) -> Result<(), Fault> {
    let templates: Vec<Template> = record::all(view)?;
    serials("template", meta.templates, templates.iter().map(|template| template.serial), wrong);
    let ids: BTreeSet<_> = templates.iter().map(|template| template.id).collect();
    for cluster in clusters.values().filter(|cluster| !ids.contains(&cluster.template_id)) {
        wrong.push(format!("cluster {} has lost its template {}", cluster.id, cluster.template_id));
    }
    Ok(())
}

fn groups(view: &(impl View + ?Sized), meta: &Meta, clusters: &Clusters, wrong: &mut Vec<String>) -> Result<(), Fault> {
    let groups: Vec<NodeGroup> = record::all(view)?;
    serials("node group", meta.node_groups, groups.iter().map(|group| group.serial), wrong);
    let mut names: BTreeMap<ClusterId, Vec<&str>> = BTreeMap::new();
    for group in &groups {
        if !clusters.contains_key(&group.cluster) {
            wrong.push(format!("node group {} belongs to cluster {}, which is gone", group.id, group.cluster));
        }
        if group.is_default {
            names.entry(group.cluster).or_default().push(&group.name);
        }
    }
    for cluster in clusters.values() {
        let mut defaults = names.remove(&cluster.id).unwrap_or_default();
        defaults.sort_unstable();
        if defaults != [DEFAULT_MASTER, DEFAULT_WORKER] {
            wrong.push(format!("cluster {} has these default groups: {defaults:?}", cluster.id));
        }
    }
    Ok(())
}

fn containers(view: &(impl View + ?Sized), meta: &Meta, clusters: &Clusters, wrong: &mut Vec<String>) -> Result<(), Fault> {
    let containers: Vec<Container> = record::all(view)?;
    serials("container", meta.containers, containers.iter().map(|container| container.serial), wrong);
    for container in containers {
        match clusters.get(&container.cluster) {
            None => wrong.push(format!("container {} belongs to cluster {}, which is gone", container.id, container.cluster)),
            Some(cluster) if cluster.status() == Status::DeleteInProgress && container.wanted() != Wanted::Deleted => {
                wrong.push(format!("container {} is wanted though its cluster {} is being deleted", container.id, cluster.id));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn nodes(view: &(impl View + ?Sized), meta: &Meta, clusters: &Clusters, wrong: &mut Vec<String>) -> Result<(), Fault> {
    let nodes: Vec<Node> = record::all(view)?;
    serials("node", meta.nodes, nodes.iter().map(|node| node.serial), wrong);
    for node in nodes {
        if node.cluster.is_some_and(|cluster| !clusters.contains_key(&cluster)) {
            wrong.push(format!("node {} belongs to a cluster that is gone", node.id));
        }
    }
    Ok(())
}

fn owners(view: &(impl View + ?Sized), clusters: &Clusters, wrong: &mut Vec<String>) -> Result<(), Fault> {
    let members: BTreeMap<u64, Member> = record::all::<Member>(view)?.into_iter().map(|member| (member.number, member)).collect();
    let mut placed = BTreeSet::new();
    for ownership in record::all::<Ownership>(view)? {
        placed.insert(ownership.cluster);
        if !clusters.contains_key(&ownership.cluster) {
            wrong.push(format!("cluster {} has an owner and is gone", ownership.cluster));
        }
        if ownership.pin != 0 && !members.contains_key(&ownership.pin) {
            wrong.push(format!("cluster {} is pinned to {}, which is no member", ownership.cluster, ownership.pin));
        }
        if ownership.member == 0 {
            continue;
        }
        match members.get(&ownership.member) {
            None => wrong.push(format!("cluster {} is owned by {}, which is no member", ownership.cluster, ownership.member)),
            Some(member) if ownership.incarnation > member.incarnation => {
                wrong.push(format!("cluster {} is owned by a start of member {} that is yet to come", ownership.cluster, member.number));
            }
            Some(_) if ownership.epoch == 0 => wrong.push(format!("cluster {} is owned under no epoch", ownership.cluster)),
            Some(_) => {}
        }
    }
    for id in clusters.keys().filter(|id| !placed.contains(*id)) {
        wrong.push(format!("cluster {id} is neither among the owned nor among the unowned"));
    }
    Ok(())
}
