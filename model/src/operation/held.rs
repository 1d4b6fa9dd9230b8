//! Why work on machines stands still between two batches: what operators are shown of an operation that waits.
//!
//! A matter of display only, derived from what the state has anyway: nothing acts on it and nothing is stored for it, so it is never out of
//! date. Who paused an operation stands in the events, and so is known only as long as that event is kept.

use crate::{
    event::{self, Event},
    node,
    operation::{Operation, Pick},
    tables::{Fault, View},
};

/// Why no batch is begun.
#[derive(Clone, Debug, PartialEq)]
pub enum Held {
    /// Somebody paused it.
    Paused {
        /// The event that tells of it, if it is still kept.
        event: Option<Box<Event>>,
        /// Machines that are to come.
        waiting: usize,
    },
    /// Too many machines are out of service.
    Full {
        /// The node group whose turn it is.
        group: String,
        /// Names of its machines that are out of service.
        down: Vec<String>,
        /// How many may be.
        most: usize,
    },
}

/// Why an open operation begins no batch; `None`: it does, one is under work, or it does not work on machines.
pub fn held(view: &(impl View + ?Sized), operation: &Operation) -> Result<Option<Held>, Fault> {
    let Some(roll) = operation.roll.as_ref().filter(|_| operation.open()) else { return Ok(None) };
    let nodes = node::query::of_cluster(view, operation.cluster)?;
    Ok(match (roll.pick(&nodes), roll.waiting.first()) {
        (Pick::Paused, _) => Some(Held::Paused { event: paused(view, operation)?.map(Box::new), waiting: roll.waiting.len() }),
        (Pick::Full, Some(next)) => {
            let down = roll.down(&nodes, &next.group);
            let down = nodes.iter().filter(|node| node.external_id.as_deref().is_some_and(|id| down.contains(id)));
            let down = down.filter_map(|node| node.name.clone().or_else(|| node.external_id.clone())).collect();
            Some(Held::Full { group: next.group.clone(), down, most: roll.limit(next) })
        }
        _ => None,
    })
}

/// The last time that somebody paused it.
fn paused(view: &(impl View + ?Sized), operation: &Operation) -> Result<Option<Event>, Fault> {
    let id = operation.id.to_string();
    event::query::latest(view, operation.cluster, |event| event.object == "operation" && event.action == "paused" && event.id == id)
}
