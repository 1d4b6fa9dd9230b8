//! What a forced deletion leaves outside: said while there is still somebody who knows it.
//!
//! An owner that gives up looks at what is there by tag and says so. When nobody could look (no owner, no answer, no time), what the records
//! know stands in for it: then a thing may be named that is gone already, but none is forgotten.

use prost::Message;

use crate::{
    cluster::Cluster,
    container,
    context::Context,
    operation::{Operation, StepOutcome, query},
    tables::Fault,
};

/// How long a deletion goes on once it is forced: two minutes of log time, milliseconds.
pub const FORCED_MS: u64 = 2 * 60 * 1000;

/// How many things one deletion names.
pub const LEFT_LIMIT: usize = 1000;

/// How long a deletion that has left something is remembered: thirty days of log time, milliseconds.
pub(crate) const KEPT_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// One thing outside that nobody looks after any more.
#[derive(Clone, PartialEq, Message)]
pub struct Left {
    /// What it is, such as `network`, `container`, `stack`, or `unknown` for something that may be there.
    #[prost(string, tag = "1")]
    pub what: String,
    /// Its outside name: what to search for.
    #[prost(string, tag = "2")]
    pub name: String,
    /// The backend's own id, where it is known.
    #[prost(string, tag = "3")]
    pub id: String,
}

/// What the records know of a cluster's things outside.
pub(crate) fn recorded(context: &Context<'_>, cluster: &Cluster) -> Result<Vec<Left>, Fault> {
    let mut left = Vec::new();
    let operations = query::of_cluster(context.tables, cluster.id, usize::MAX)?;
    if !operations.iter().any(removed) {
        left.extend(endpoint(cluster, &operations));
        for container in container::query::of_cluster(context.tables, cluster.id, &crate::Page::ALL)? {
            if let Some(id) = container.engine_id {
                left.push(Left { what: "container".to_owned(), name: container.wish.name, id });
            }
        }
    }
    left.truncate(LEFT_LIMIT);
    Ok(left)
}

/// Whether the operation is a deletion whose outside part is done.
fn removed(operation: &Operation) -> bool {
    operation.kind().removes() && operation.container.is_none() && operation.steps.iter().any(|step| step.outcome() == StepOutcome::Done)
}

/// What the provisioner made, or may have made.
fn endpoint(cluster: &Cluster, operations: &[Operation]) -> Option<Left> {
    let observed = cluster.observed.as_ref().and_then(|observed| observed.backend_id.clone());
    let mut steps = operations.iter().filter(|operation| operation.container.is_none()).flat_map(|operation| &operation.steps);
    let step = steps.find(|step| !step.target.is_empty());
    let name = step.map_or_else(|| cluster.wanted.name.clone(), |step| step.target.clone());
    let made = step.and_then(|step| step.external_id.clone());
    match observed.or(made) {
        Some(id) => Some(Left { what: cluster.driver.clone(), name, id }),
        // A call was made of which nobody has heard.
        None => step.map(|_| Left { what: "unknown".to_owned(), name, id: String::new() }),
    }
}

/// How many things were left, in words; `None`: nothing was.
pub(crate) fn words(left: &[Left]) -> Option<String> {
    match left.len() {
        0 => None,
        1 => Some("forced: 1 thing was left outside".to_owned()),
        more => Some(format!("forced: {more} things were left outside")),
    }
}
