//! Outside names: derived from our ids and from nothing else.

use model::id::{ClusterId, ContainerId};

/// The engine's name of a container; unique in an engine.
pub(crate) fn container(id: ContainerId) -> String {
    format!("jeroboam-{id}")
}

/// The engine's name of a cluster's network; **not** unique in an engine.
pub(crate) fn network(id: ClusterId) -> String {
    format!("jeroboam-{id}")
}

/// The filter "carries this cluster's label", as lists of the Docker API take it.
pub(crate) fn of_cluster(id: ClusterId) -> std::collections::HashMap<String, Vec<String>> {
    [("label".to_owned(), vec![format!("{}={id}", crate::mark::CLUSTER)])].into()
}
