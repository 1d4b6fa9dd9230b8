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

/// The bridge interface of a cluster's network; unique in an engine. An interface's name has 15 bytes, so it is only the id's last 52
/// bits, which are random in every kind of id we use.
pub(crate) fn interface(id: ClusterId) -> String {
    let digits = id.uuid().simple().to_string();
    format!("jb{}", digits.get(19..).unwrap_or(&digits))
}

/// The filter "carries the label of any cluster", as lists of the Docker API take it.
pub(crate) fn of_any_cluster() -> std::collections::HashMap<String, Vec<String>> {
    [("label".to_owned(), vec![crate::mark::CLUSTER.to_owned()])].into()
}

/// The filter "one of these things has happened to a container that carries the label of any cluster", as the events of the Docker API
/// take it.
pub(crate) fn of_happenings(actions: &[&str]) -> std::collections::HashMap<String, Vec<String>> {
    let actions = actions.iter().map(|&action| action.to_owned()).collect();
    let mut filter = of_any_cluster();
    filter.extend([("type".to_owned(), vec!["container".to_owned()]), ("event".to_owned(), actions)]);
    filter
}

/// The filter "carries this cluster's label", as lists of the Docker API take it.
pub(crate) fn of_cluster(id: ClusterId) -> std::collections::HashMap<String, Vec<String>> {
    [("label".to_owned(), vec![format!("{}={id}", crate::mark::CLUSTER)])].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_has_a_name_that_fits() {
        let id: ClusterId = "01234567-89ab-4def-8123-456789abcdef".parse().unwrap();
        assert_eq!(interface(id), "jb3456789abcdef");
        assert_eq!(interface(id).len(), 15);
    }
}
