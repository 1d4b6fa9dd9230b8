//! What is done to a cluster by name: `POST /v1/clusters/{cluster}/actions/…`.
//!
//! Beside Magnum's own fields a resize knows `max_batch_size`: how many of the nodes that go may be out of service at a time.

use http::StatusCode;
use model::{
    Class, Command, Ident,
    cluster::Cluster,
    command::{ClusterResize, ClusterUpgrade},
    id::{NodeGroupId, OperationId},
    nodegroup::NodeGroup,
    template,
};
use serde::Serialize;

use super::{
    driver,
    operations::{self, Whole},
    shape,
};
use crate::{
    call::{Call, ident, one},
    decode::{Fields, Given, Value, fields::shortened},
    error::Error,
    reply::Reply,
    version::{self, Version},
};

/// How many nodes one request may name.
const NAMED_MAX: usize = 1000;

/// The longest name of a node.
const NAME_MAX: usize = 255;

#[derive(Serialize)]
struct Accepted {
    uuid: uuid::Uuid,
}

/// The answer to what goes on after it: only the id.
pub(crate) fn accepted(changed: &operations::Changed) -> Result<Reply, Error> {
    let cluster: &Cluster = &changed.whole.cluster;
    let reply = Reply::json(StatusCode::ACCEPTED, &Accepted { uuid: cluster.id.uuid() })?;
    Ok(reply.revision(cluster.revision).replayed(changed.replayed))
}

/// # Errors
/// 406 for a version that has no such action yet.
fn since(call: &Call<'_>, first: Version) -> Result<(), Error> {
    if call.version >= first {
        return Ok(());
    }
    Err(Error::not_acceptable(format!("this action needs version {first} of the API; ask for it in the header OpenStack-API-Version")))
}

/// The names of nodes.
fn names(fields: &mut Fields, key: &str) -> Vec<String> {
    let list = match fields.take(key) {
        Given::Absent | Given::Null => return Vec::new(),
        Given::Set(Value::List(list)) if list.len() <= NAMED_MAX => list,
        Given::Set(_) => {
            fields.complain(format!("{key} must be a list of at most {NAMED_MAX} strings"));
            return Vec::new();
        }
    };
    let mut names = Vec::new();
    for value in list {
        match value {
            Value::Text(name) if !name.is_empty() && name.chars().count() <= NAME_MAX => names.push(name),
            // A node without a server is named by its index.
            Value::Integer(index) => names.push(index.to_string()),
            _ => fields.complain(format!("{key} must hold strings of 1 to {NAME_MAX} characters")),
        }
    }
    names
}

/// The node group that is named.
fn group(whole: &Whole, name: Option<&str>) -> Result<Option<NodeGroupId>, Error> {
    let Some(name) = name else { return Ok(None) };
    let is = |group: &&NodeGroup| match ident(name) {
        Ident::Id(uuid) => group.id.uuid() == uuid,
        Ident::Name(name) => group.name == name,
    };
    let found = whole.groups.iter().find(is).map(|group| Some(group.id));
    found.ok_or_else(|| Error::class(Class::Missing, format!("nodegroup {} could not be found", shortened(name))))
}

/// `POST /v1/clusters/{cluster}/actions/resize`
pub(crate) async fn resize(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow("cluster:resize")?;
    since(call, version::RESIZE)?;
    let mut fields = call.fields()?;
    let least = u32::from(call.version < version::ZERO_NODES);
    let given = fields.integer("node_count", least, shape::NODES_MAX);
    let node_count = fields.mandatory("node_count", given, false);
    let remove = names(&mut fields, "nodes_to_remove");
    let named = fields.text("nodegroup").some();
    let max_batch_size = fields.integer("max_batch_size", 1, shape::NODES_MAX).or(0);
    fields.finish()?;
    let changed = operations::act(call, call.own(), |_, whole, expected_revision| {
        Ok(Command::ClusterResize(ClusterResize {
            id: whole.cluster.id,
            expected_revision,
            group: group(whole, named.as_deref())?,
            node_count,
            remove: remove.clone(),
            max_batch_size,
            operation: OperationId::new(call.uuid()),
        }))
    });
    accepted(&changed.await?)
}

/// `POST /v1/clusters/{cluster}/actions/upgrade`
pub(crate) async fn upgrade(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow("cluster:upgrade")?;
    since(call, version::RESIZE)?;
    if call.version < version::UPGRADE {
        return Err(Error::invalid(format!("upgrades need version {} of the API", version::UPGRADE)));
    }
    let mut fields = call.fields()?;
    let wanted = fields.required("cluster_template");
    let max_batch_size = fields.integer("max_batch_size", 1, shape::NODES_MAX).or(1);
    let named = fields.text("nodegroup").some();
    fields.finish()?;
    let changed = operations::act(call, call.wide(), |view, whole, expected_revision| {
        driver::changes_machines(&whole.cluster.driver, "be upgraded")?;
        let template = one(template::query::find(view, ident(&wanted), call.wide())?, "template", &wanted)?;
        Ok(Command::ClusterUpgrade(ClusterUpgrade {
            id: whole.cluster.id,
            expected_revision,
            template: template.id,
            group: group(whole, named.as_deref())?,
            max_batch_size,
            operation: OperationId::new(call.uuid()),
        }))
    });
    accepted(&changed.await?)
}
