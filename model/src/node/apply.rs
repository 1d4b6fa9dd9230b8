//! Classic node rows are made, changed and removed by clients; machines of clusters by their owners only.

use crate::{
    Change,
    command::{NodeCreate, NodeDelete, NodeUpdate},
    context::{Answer, Context, Stop, done_to, made_from, refuse, still_at},
    event::Note,
    id::NodeId,
    node::{Node, query},
    outcome::Class,
    record,
};

/// Makes a row.
pub(crate) fn create(context: &mut Context<'_>, command: &NodeCreate) -> Answer {
    let wish = &command.node;
    if record::exists::<Node>(context.tables, wish.id.bytes())? {
        return refuse(Class::Conflict, "node-exists", format!("there is a node {} already", wish.id));
    }
    let node = Node {
        serial: context.serial(|meta| &mut meta.nodes),
        revision: context.index,
        project_id: context.actor.project_id.clone(),
        user_id: context.actor.user_id.clone(),
        kind: wish.kind.clone(),
        id: wish.id,
        image_id: wish.image_id.clone(),
        ironic_node_id: wish.ironic_node_id.clone(),
        created_ms: context.wall_ms,
        ..Node::default()
    };
    record::replace(context.tables, None, &node);
    context.changes.push(Change::Node(node.id));
    context.event(Note::node(&node, "created"));
    done_to(node.id.bytes(), node.revision)
}

fn changeable(context: &Context<'_>, id: NodeId) -> Result<Node, Stop> {
    let Some(node) = query::find(context.tables, id, context.scope())? else {
        return refuse(Class::Missing, "node-missing", format!("node {id} could not be found"));
    };
    if node.cluster.is_some() {
        return refuse(Class::Conflict, "node-of-cluster", format!("node {id} is a machine of a cluster and changes with it only"));
    }
    Ok(node)
}

/// Changes a row's kind, image and Ironic id.
pub(crate) fn update(context: &mut Context<'_>, command: &NodeUpdate) -> Answer {
    let previous = changeable(context, command.node.id)?;
    made_from(command.expected_revision, previous.revision)?;
    let mut node = Node {
        kind: command.node.kind.clone(),
        image_id: command.node.image_id.clone(),
        ironic_node_id: command.node.ironic_node_id.clone(),
        ..previous.clone()
    };
    if node != previous {
        node.revision = context.index;
        node.updated_ms = Some(context.wall_ms);
        record::replace(context.tables, Some(&previous), &node);
        context.changes.push(Change::Node(node.id));
        context.event(Note::node(&node, "updated"));
    }
    done_to(node.id.bytes(), node.revision)
}

/// Removes a row.
pub(crate) fn delete(context: &mut Context<'_>, command: &NodeDelete) -> Answer {
    let node = changeable(context, command.id)?;
    still_at(command.expected_revision, node.revision)?;
    record::delete(context.tables, &node);
    context.changes.push(Change::Node(node.id));
    context.event(Note::node(&node, "deleted"));
    done_to(node.id.bytes(), context.index)
}
