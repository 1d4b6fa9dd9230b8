//! A cluster is led to another template, batch by batch, masters first; its other node groups follow one by one.
//!
//! Until it has succeeded the cluster has its old template, and uses the new one, too, so that neither is removed. A label that the cluster has
//! from its old template becomes that of the new one; one that it has of its own stays.

use crate::{
    cluster::{
        Cluster, Status,
        create::{accepted, begin, set_group_status, timeout_ms},
        resize::group,
        update::visible,
    },
    command::ClusterUpgrade,
    context::{Answer, Context, Stop, refuse, still_at},
    id::{OperationId, TemplateId},
    node,
    nodegroup::{self, NodeGroup},
    operation::{self, Kind, Machine, Operation, Request, Roll},
    outcome::Class,
    record,
    tables::Fault,
    template::{self, Template, TemplateWish},
};

/// Leads a cluster to another template.
pub(crate) fn upgrade(context: &mut Context<'_>, command: &ClusterUpgrade) -> Answer {
    let cluster = visible(context, command.id)?;
    still_at(command.expected_revision, cluster.revision)?;
    operation::free(context, command.operation)?;
    if command.max_batch_size == 0 {
        return refuse(Class::Invalid, "batch-empty", "max_batch_size is at least 1");
    }
    let group = group(context, &cluster, command.group)?;
    let template = allowed(context, &cluster, &group, command.template)?;
    let waiting = machines(context, &cluster, &group)?;
    start(context, &cluster, (&group, template.id), Roll::new(command.max_batch_size, waiting), (command.operation, None))
}

/// Goes on with an upgrade that did not come to its end: the machines that it had half done come first.
pub(crate) fn again(context: &mut Context<'_>, old: &Operation, id: OperationId) -> Answer {
    let cluster = visible(context, old.cluster)?;
    let group = group(context, &cluster, old.group)?;
    let template = allowed(context, &cluster, &group, old.template.unwrap_or(cluster.template_id))?;
    let roll = old.roll.clone().unwrap_or_default();
    start(context, &cluster, (&group, template.id), Roll::new(roll.batch_max, roll.resume()), (id, Some(old.id)))
}

/// Refuses what cannot be upgraded now, or not to this template.
fn allowed(context: &Context<'_>, cluster: &Cluster, group: &NodeGroup, id: TemplateId) -> Result<Template, Stop> {
    let found = template::query::by_id(context.tables, id)?;
    let Some(template) = found.filter(|template| template::query::visible(template, context.scope())) else {
        return refuse(Class::Missing, "template-missing", format!("template {id} could not be found"));
    };
    if template.wish.coe != cluster.coe {
        let message = format!("a cluster of the coe {} cannot be led to a template of the coe {}", cluster.coe, template.wish.coe);
        return refuse(Class::Invalid, "coe-different", message);
    }
    if !group.is_default && id != cluster.template_id {
        let message = format!("node group {} can be upgraded to the template of its cluster only; upgrade the cluster first", group.name);
        return refuse(Class::Conflict, "template-different", message);
    }
    idle(cluster)?;
    operation::room(context, cluster)?;
    Ok(template)
}

/// Refuses a change of a cluster on which something else is done, or which was never made.
pub(super) fn idle(cluster: &Cluster) -> Result<(), Stop> {
    let status = cluster.status();
    if status.idle() || status == Status::UpdateFailed {
        return Ok(());
    }
    let message = format!("cluster {} cannot be changed while its status is {}", cluster.id, status.word());
    refuse(Class::Invalid, "cluster-not-idle", message)
}

/// Whether an upgrade of `target` is about a group: those that came with the cluster go together.
pub(super) fn about(target: &NodeGroup, group: &NodeGroup) -> bool {
    group.id == target.id || (target.is_default && group.is_default)
}

/// The machines of an upgrade, masters first.
fn machines(context: &Context<'_>, cluster: &Cluster, target: &NodeGroup) -> Result<Vec<Machine>, Fault> {
    let groups = nodegroup::query::of_cluster(context.tables, cluster.id)?;
    let ours = |name: &str| groups.iter().any(|group| group.name == name && about(target, group));
    let nodes = node::query::of_cluster(context.tables, cluster.id)?;
    let mut machines: Vec<Machine> = nodes.iter().filter_map(Machine::of).filter(|machine| ours(&machine.group)).collect();
    machines.sort_by_key(|machine| !machine.master);
    Ok(machines)
}

fn start(
    context: &mut Context<'_>,
    previous: &Cluster,
    (group, template): (&NodeGroup, TemplateId),
    roll: Roll,
    (id, retry_of): (OperationId, Option<OperationId>),
) -> Answer {
    let begun = begin(context, previous, Status::UpdateInProgress, id);
    let cluster = Cluster { next_template_id: Some(template), ..begun.clone() };
    record::replace(context.tables, Some(&begun), &cluster);
    set_group_status(context, &cluster, Status::UpdateInProgress, None, |other| about(group, other))?;
    let request = Request {
        retry_of,
        group: Some(group.id),
        template: Some(template),
        roll: Some(roll),
        ..Request::new(id, &cluster, Kind::ClusterUpgrade, timeout_ms(&cluster.wanted))
    };
    operation::accept(context, request)?;
    Ok(accepted(&cluster, id))
}

/// The cluster as it is after its upgrade; its node groups are set, too.
pub(super) fn arrived(context: &mut Context<'_>, cluster: Cluster, operation: &Operation) -> Result<Cluster, Fault> {
    let Some(new) = operation.template.map(|id| template::query::by_id(context.tables, id)).transpose()?.flatten() else {
        return Ok(cluster);
    };
    let old = template::query::by_id(context.tables, cluster.template_id)?.map(|template| template.wish).unwrap_or_default();
    let groups = nodegroup::query::of_cluster(context.tables, cluster.id)?;
    let target = groups.iter().find(|group| Some(group.id) == operation.group).cloned();
    for previous in groups.iter().filter(|group| target.as_ref().is_some_and(|target| about(target, group))) {
        let mut group = NodeGroup { revision: context.index, image_id: Some(new.wish.image_id.clone()), ..previous.clone() };
        relabel(&mut group.labels, &old, &new.wish);
        record::replace(context.tables, Some(previous), &group);
    }
    let mut cluster = Cluster { template_id: new.id, ..cluster };
    relabel(&mut cluster.wanted.labels, &old, &new.wish);
    Ok(cluster)
}

/// Labels that were the old template's become the new one's.
fn relabel(labels: &mut std::collections::BTreeMap<String, String>, old: &TemplateWish, new: &TemplateWish) {
    labels.retain(|key, value| old.labels.get(key) != Some(value) || new.labels.contains_key(key));
    for (key, value) in &new.labels {
        let own = labels.get(key).is_some_and(|present| old.labels.get(key) != Some(present));
        if !own {
            labels.insert(key.clone(), value.clone());
        }
    }
}
