//! From what the Docker API shows to what we saw.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    ContainerInspectResponse, ContainerState, ContainerStateStatusEnum as Word, ContainerSummary, ContainerSummaryStateEnum as ShortWord,
    EndpointSettings, SystemInfo,
};
use model::{cluster::Health, container::ContainerStatus};

use crate::{
    mark,
    seen::{ContainerSeen, EngineSeen, NodeSeen},
};

/// What an inspection shows; `None` when the labels are not ours.
pub(crate) fn container(shown: ContainerInspectResponse) -> Option<ContainerSeen> {
    let config = shown.config.unwrap_or_default();
    let state = shown.state.unwrap_or_default();
    let mut seen = labelled(&config.labels?)?;
    seen.external_id = shown.id?;
    seen.image = config.image.unwrap_or_default();
    seen.status = status(&state);
    seen.reason = reason(&state);
    seen.exit_code = state.exit_code.filter(|_| matches!(state.status, Some(Word::EXITED | Word::DEAD)));
    seen.address = address(shown.network_settings.and_then(|settings| settings.networks));
    Some(seen)
}

/// What a list shows of a container that runs or is paused; of others a list shows too little to tell.
pub(crate) fn listed(shown: &ContainerSummary) -> Option<ContainerSeen> {
    let status = match shown.state? {
        ShortWord::RUNNING => ContainerStatus::Running,
        ShortWord::PAUSED => ContainerStatus::Paused,
        _ => return None,
    };
    let mut seen = labelled(shown.labels.as_ref()?)?;
    seen.external_id = shown.id.clone()?;
    seen.image = shown.image.clone().unwrap_or_default();
    seen.status = status;
    seen.address = address(shown.network_settings.clone().and_then(|settings| settings.networks));
    Some(seen)
}

/// The host behind the engine, as the one node of its cluster.
pub(crate) fn engine(shown: SystemInfo, address: Option<String>) -> EngineSeen {
    let name = shown.name.unwrap_or_default();
    let node = NodeSeen {
        external_id: shown.id.unwrap_or_else(|| name.clone()),
        name: name.clone(),
        address,
        image: shown.operating_system,
        group: None,
        master: false,
        ready: true,
        processors: shown.ncpu.and_then(|count| u32::try_from(count).ok()).unwrap_or(0),
        memory_bytes: shown.mem_total.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0),
    };
    let parts = [("api".to_owned(), "ok".to_owned()), (format!("{name}.Ready"), "True".to_owned())];
    EngineSeen {
        coe_version: shown.server_version.clone(),
        container_version: shown.server_version,
        health: Some(Health::Healthy),
        health_reason: BTreeMap::from(parts),
        nodes: vec![node],
    }
}

fn labelled(labels: &HashMap<String, String>) -> Option<ContainerSeen> {
    let label = |key: &str| labels.get(key).map(String::as_str);
    Some(ContainerSeen {
        id: label(mark::CONTAINER)?.parse().ok()?,
        cluster: label(mark::CLUSTER)?.parse().ok()?,
        external_id: String::new(),
        name: label(mark::NAME).unwrap_or_default().to_owned(),
        epoch: label(mark::EPOCH).and_then(|epoch| epoch.parse().ok()).unwrap_or(0),
        operation: label(mark::OPERATION).and_then(|operation| operation.parse().ok()),
        status: ContainerStatus::Unknown,
        reason: None,
        exit_code: None,
        image: String::new(),
        address: None,
    })
}

/// A container that never ran because its start failed is an error; one that ran and ended is stopped, however it ended.
fn status(state: &ContainerState) -> ContainerStatus {
    let failed = state.error.as_deref().is_some_and(|error| !error.is_empty());
    match state.status {
        Some(Word::RUNNING | Word::RESTARTING | Word::STOPPING) => ContainerStatus::Running,
        Some(Word::PAUSED) => ContainerStatus::Paused,
        Some(Word::CREATED) if failed => ContainerStatus::Error,
        Some(Word::CREATED | Word::EXITED) => ContainerStatus::Stopped,
        Some(Word::DEAD) => ContainerStatus::Error,
        Some(Word::REMOVING | Word::EMPTY) | None => ContainerStatus::Unknown,
    }
}

fn reason(state: &ContainerState) -> Option<String> {
    if let Some(error) = state.error.as_ref().filter(|error| !error.is_empty()) {
        return Some(error.clone());
    }
    match (state.status, state.oom_killed, state.exit_code) {
        (Some(Word::EXITED), Some(true), _) => Some("killed for want of memory".to_owned()),
        (Some(Word::EXITED), _, Some(code)) if code != 0 => Some(format!("ended with exit status {code}")),
        (Some(Word::DEAD), ..) => Some("the engine could not remove all of it".to_owned()),
        (Some(Word::REMOVING), ..) => Some("it is being removed".to_owned()),
        _ => None,
    }
}

fn address(networks: Option<HashMap<String, EndpointSettings>>) -> Option<String> {
    let mut addresses: Vec<String> = networks?.into_values().filter_map(|endpoint| endpoint.ip_address).collect();
    addresses.retain(|address| !address.is_empty());
    addresses.into_iter().min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::ContainerConfig;

    const ID: &str = "00000000-0000-0000-0000-000000000001";

    fn shown(word: Word, error: &str, exit_code: i64) -> ContainerInspectResponse {
        let labels = [(mark::CONTAINER, ID), (mark::CLUSTER, ID), (mark::EPOCH, "7")];
        let labels = labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let state =
            ContainerState { status: Some(word), error: Some(error.to_owned()), exit_code: Some(exit_code), ..ContainerState::default() };
        ContainerInspectResponse {
            id: Some("abc".to_owned()),
            config: Some(ContainerConfig { labels: Some(labels), ..ContainerConfig::default() }),
            state: Some(state),
            ..ContainerInspectResponse::default()
        }
    }

    #[test]
    fn every_word_of_the_engine_has_one_of_ours() {
        use ContainerStatus::{Error, Paused, Running, Stopped, Unknown};
        for (word, error, exit, status, reason) in [
            (Word::CREATED, "", 0, Stopped, None),
            (Word::CREATED, "no such program", 127, Error, Some("no such program")),
            (Word::RUNNING, "", 0, Running, None),
            (Word::PAUSED, "", 0, Paused, None),
            (Word::RESTARTING, "", 1, Running, None),
            (Word::EXITED, "", 0, Stopped, None),
            (Word::EXITED, "", 3, Stopped, Some("ended with exit status 3")),
            (Word::REMOVING, "", 0, Unknown, Some("it is being removed")),
            (Word::DEAD, "", 0, Error, Some("the engine could not remove all of it")),
        ] {
            let seen = container(shown(word, error, exit)).unwrap();
            assert_eq!((seen.status, seen.reason.as_deref()), (status, reason), "{word}");
            assert_eq!(seen.exit_code, (word == Word::EXITED || word == Word::DEAD).then_some(exit), "{word}");
            assert_eq!((seen.epoch, seen.operation), (7, None));
        }
    }

    #[test]
    fn what_carries_no_readable_labels_is_not_ours() {
        for broken in [mark::CONTAINER, mark::CLUSTER] {
            for label in [None, Some("not an id")] {
                let mut shown = shown(Word::RUNNING, "", 0);
                let labels = shown.config.as_mut().and_then(|config| config.labels.as_mut()).unwrap();
                labels.remove(broken);
                labels.extend(label.map(|label| (broken.to_owned(), label.to_owned())));
                assert_eq!(container(shown), None);
            }
        }
    }
}
