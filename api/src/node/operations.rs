//! What can be done with node rows.

use model::{
    Command, Page,
    command::{NodeCreate, NodeDelete, NodeUpdate},
    id::NodeId,
    node::{Node, query},
};
use uuid::Uuid;

use crate::{
    call::{Applied, Call},
    decode::fields::shortened,
    error::Error,
    page::{Key, Row, Wanted},
};

/// A row as this request left it.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) node: Node,
    pub(super) replayed: bool,
}

fn missing(name: &str) -> Error {
    Error::missing(format!("node {} could not be found", shortened(name)))
}

/// Nodes are found by their id only.
fn id(name: &str) -> Result<NodeId, Error> {
    Uuid::try_parse(name).map(NodeId::new).map_err(|_| missing(name))
}

/// One page of the nodes the caller sees.
pub(super) async fn list(call: &Call<'_>, rule: &str) -> Result<(Vec<Node>, Wanted), Error> {
    call.allow(rule)?;
    let wanted = Wanted::of::<Node>(call)?;
    let reading = call.read().await?;
    let view = &*reading.view;
    let marker = match wanted.marker {
        Some(uuid) => Some(query::find(view, NodeId::new(uuid), call.own())?.ok_or_else(|| missing(&uuid.to_string()))?),
        None => None,
    };
    let rows = wanted.select(marker.as_ref(), |page: &Page| query::list(view, call.own(), page))?;
    Ok((rows, wanted))
}

/// One node.
pub(super) async fn show(call: &Call<'_>, name: &str) -> Result<Node, Error> {
    call.allow("node:get")?;
    let reading = call.read().await?;
    query::find(&*reading.view, id(name)?, call.own())?.ok_or_else(|| missing(name))
}

/// Makes a row.
pub(super) async fn create(call: &Call<'_>, mut node: Node) -> Result<Changed, Error> {
    call.allow("node:create")?;
    node.id = NodeId::new(call.uuid());
    let applied = call.write(Command::NodeCreate(NodeCreate { node: node.clone() })).await?;
    node.created_ms = call.app.handle.seams().wall.now_ms();
    settled(call, &applied, node).await
}

/// Changes a row: `change` computes the new one from the present one, again when somebody else was faster.
pub(super) async fn update(call: &Call<'_>, name: &str, change: impl Fn(&Node) -> Result<Node, Error>) -> Result<Changed, Error> {
    call.allow("node:update")?;
    let mut attempt = 1;
    loop {
        let reading = call.read_newest().await?;
        if let Some(applied) = call.remembered(&reading)? {
            return settled(call, &applied, Node::default()).await;
        }
        let node = query::find(&*reading.view, id(name)?, call.own())?.ok_or_else(|| missing(name))?;
        drop(reading);
        call.check_revision(node.revision)?;
        let wished = change(&node)?;
        let command = NodeUpdate { node: wished.clone(), expected_revision: node.revision };
        match call.write(Command::NodeUpdate(command)).await {
            Ok(applied) => return settled(call, &applied, wished).await,
            Err(error) if call.again(attempt, &error) => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Removes a row. Whether it was removed before, by the same request.
pub(super) async fn delete(call: &Call<'_>, name: &str) -> Result<bool, Error> {
    call.allow("node:delete")?;
    let reading = call.read_newest().await?;
    if let Some(applied) = call.remembered(&reading)? {
        return Ok(applied.replayed);
    }
    let node = query::find(&*reading.view, id(name)?, call.own())?.ok_or_else(|| missing(name))?;
    drop(reading);
    let expected_revision = call.bound_revision(node.revision)?;
    Ok(call.write(Command::NodeDelete(NodeDelete { id: node.id, expected_revision })).await?.replayed)
}

async fn settled(call: &Call<'_>, applied: &Applied, written: Node) -> Result<Changed, Error> {
    let reading = call.read_after(applied.index).await?;
    let node = match query::by_id(&*reading.view, NodeId::new(applied.object()))? {
        Some(present) if applied.replayed || present.revision == applied.done.revision => present,
        None if applied.replayed => return Err(Error::missing("the first attempt succeeded, and the node is gone since").replayed(true)),
        _ => Node { revision: applied.done.revision, ..written },
    };
    Ok(Changed { node, replayed: applied.replayed })
}

impl Row for Node {
    fn serial(&self) -> u64 {
        self.serial
    }
    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }
    fn column(&self, name: &str) -> Option<Key> {
        Some(match name {
            "uuid" => Key::Text(self.id.to_string()),
            "type" => Key::from(self.kind.as_deref()),
            "image_id" => Key::from(self.image_id.as_deref()),
            "ironic_node_id" => Key::from(self.ironic_node_id.as_deref()),
            "project_id" => Key::from(self.project_id.as_str()),
            "user_id" => Key::from(self.user_id.as_str()),
            "created_at" => Key::Number(self.created_ms),
            "updated_at" => Key::from(self.updated_ms),
            _ => return None,
        })
    }
}
