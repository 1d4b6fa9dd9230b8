//! Node rows on the wire: `/v1/nodes`.

use http::StatusCode;
use model::node::Node;
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::operations;
use crate::{
    call::Call,
    decode::{Fields, Object, Value},
    error::Error,
    link,
    patch::{self, Rules},
    reply::Reply,
    time::Shown,
};

const COLLECTION: &str = "nodes";

const PATCH: Rules = Rules { internal: &[], fixed: &[], dictionaries: &[] };

struct Shape<'a> {
    node: &'a Node,
    base: &'a str,
    full: bool,
}

impl Serialize for Shape<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let node = self.node;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("uuid", &node.id.uuid())?;
        map.serialize_entry("type", &node.kind)?;
        map.serialize_entry("image_id", &node.image_id)?;
        map.serialize_entry("ironic_node_id", &node.ironic_node_id)?;
        map.serialize_entry("links", &link::links(self.base, COLLECTION, node.id))?;
        if self.full {
            map.serialize_entry("created_at", &Shown(node.created_ms))?;
            map.serialize_entry("updated_at", &node.updated_ms.map(Shown))?;
        }
        map.end()
    }
}

fn reply(call: &Call<'_>, status: StatusCode, node: &Node) -> Result<Reply, Error> {
    Ok(Reply::json(status, &Shape { node, base: &call.base, full: true })?.revision(node.revision))
}

async fn listing(call: &Call<'_>, rule: &str, full: bool) -> Result<Reply, Error> {
    let (nodes, wanted) = operations::list(call, rule).await?;
    wanted.reply(call, COLLECTION, &nodes, |node| Shape { node, base: &call.base, full })
}

/// `GET /v1/nodes`
pub(crate) async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    listing(call, "node:get_all", false).await
}

/// `GET /v1/nodes/detail`
pub(crate) async fn detail(call: &Call<'_>) -> Result<Reply, Error> {
    listing(call, "node:detail", true).await
}

/// `GET /v1/nodes/{node}`
pub(crate) async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    reply(call, StatusCode::OK, &operations::show(call, call.param(0)).await?)
}

fn read(fields: &mut Fields, node: Node) -> Node {
    Node {
        kind: fields.text("type").some(),
        image_id: fields.text("image_id").some(),
        ironic_node_id: fields.text("ironic_node_id").some(),
        ..node
    }
}

/// `POST /v1/nodes`
pub(crate) async fn create(call: &Call<'_>) -> Result<Reply, Error> {
    let mut fields = call.fields()?;
    fields.read_only(&["links", "created_at", "updated_at", "project_id", "user_id"]);
    // Clients of 2015 send a name, which nodes never had; both are read and dropped.
    fields.text("uuid");
    fields.text("name");
    let node = read(&mut fields, Node::default());
    fields.finish()?;
    let made = operations::create(call, node).await?;
    let href = link::href(&call.base, COLLECTION, made.node.id);
    Ok(reply(call, StatusCode::CREATED, &made.node)?.location(&href).replayed(made.replayed))
}

fn document(node: &Node) -> Object {
    let fields = [("type", &node.kind), ("image_id", &node.image_id), ("ironic_node_id", &node.ironic_node_id)];
    fields.into_iter().map(|(name, value)| (name.to_owned(), Value::text(value.as_deref()))).collect()
}

/// `PATCH /v1/nodes/{node}`
pub(crate) async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let changed = operations::update(call, call.param(0), |node| {
        let mut fields = patch::apply(document(node), &call.body, &PATCH)?;
        let changed = read(&mut fields, node.clone());
        fields.finish()?;
        Ok(changed)
    })
    .await?;
    Ok(reply(call, StatusCode::OK, &changed.node)?.replayed(changed.replayed))
}

/// `DELETE /v1/nodes/{node}`
pub(crate) async fn delete(call: &Call<'_>) -> Result<Reply, Error> {
    let replayed = operations::delete(call, call.param(0)).await?;
    Ok(Reply::nothing().replayed(replayed))
}
