//! Why an operation that works on machines waits, in words, with what to do about it: for its own view and for its cluster's `status_reason`.

use model::{
    Fault, View,
    cluster::{Cluster, Status},
    id::OperationId,
    operation::{
        self, Operation,
        held::{Held, held},
    },
};

use crate::time::Shown;

/// Machines that are named at most.
const NAMED: usize = 5;

/// Why this operation begins no batch; `None`: it does, or has ended.
pub fn of_operation(view: &(impl View + ?Sized), operation: &Operation) -> Result<Option<String>, Fault> {
    Ok(held(view, operation)?.map(|held| words(&held, operation.id)))
}

/// What a cluster's `status_reason` shows: why the operation on it waits, or else what is recorded.
pub fn of_cluster(view: &(impl View + ?Sized), cluster: &Cluster) -> Result<Option<String>, Fault> {
    // Only what works on machines can be held, and that shows as an update.
    let operation = cluster.operation.filter(|_| cluster.status() == Status::UpdateInProgress);
    let operation = operation.map(|id| operation::query::by_id(view, id)).transpose()?.flatten();
    let held = operation.map(|operation| of_operation(view, &operation)).transpose()?.flatten();
    Ok(held.or_else(|| cluster.status_reason.clone()))
}

fn words(held: &Held, id: OperationId) -> String {
    match held {
        Held::Paused { event, waiting } => {
            let by = event.as_ref().map(|event| format!(" by {} at {}", event.user_id, Shown(event.at_ms))).unwrap_or_default();
            let resume = format!("POST /v1/operations/{id}/resume or `jeroboam operation resume {id}`");
            format!("paused{by}, {} to come; it goes on with {resume}", nodes(*waiting))
        }
        Held::Full { group, down, most } => {
            let more = if down.len() > NAMED { ", …" } else { "" };
            let named = down.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
            let out = format!("{} of node group {group} out of service ({named}{more})", nodes(down.len()));
            format!("waits for nodes to be ready again: {out}, at most {most} may be; it goes on by itself")
        }
    }
}

fn nodes(count: usize) -> String {
    if count == 1 { "1 node".to_owned() } else { format!("{count} nodes") }
}

#[cfg(test)]
mod tests {
    use model::event::Event;

    use super::*;

    #[test]
    fn a_pause_says_who_when_and_how_it_goes_on() {
        let id = OperationId::new(uuid::Uuid::from_u128(7));
        let event = Event { user_id: "alice".to_owned(), at_ms: 1_700_000_000_000, ..Event::default() };
        let known = words(&Held::Paused { event: Some(Box::new(event)), waiting: 3 }, id);
        assert!(known.starts_with("paused by alice at 2023-11-14T22:13:20+00:00, 3 nodes to come; "), "{known}");
        assert!(known.contains(&format!("/v1/operations/{id}/resume")) && known.contains(&format!("operation resume {id}")), "{known}");
        let forgotten = words(&Held::Paused { event: None, waiting: 1 }, id);
        assert!(forgotten.starts_with("paused, 1 node to come; "), "{forgotten}");
    }

    #[test]
    fn a_wait_says_what_is_waited_for() {
        let down: Vec<String> = (1..=7).map(|number| format!("node-{number}")).collect();
        let full = words(&Held::Full { group: "workers".to_owned(), down, most: 2 }, OperationId::default());
        for part in ["7 nodes of node group workers", "(node-1, node-2, node-3, node-4, node-5, …)", "at most 2 may be", "by itself"] {
            assert!(full.contains(part), "{part}: {full}");
        }
    }
}
