//! A stack as Heat shows it, and what its status means.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    mark::{self, Mark},
    seen::{Phase, Tagged},
};

/// A stack. Lists leave out parameters and outputs.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Stack {
    pub(super) id: String,
    #[serde(rename = "stack_name")]
    pub(super) name: String,
    #[serde(rename = "stack_status")]
    pub(super) status: String,
    #[serde(rename = "stack_status_reason", default)]
    reason: Option<String>,
    #[serde(default)]
    tags: Option<Vec<String>>,
    #[serde(default)]
    parameters: BTreeMap<String, Value>,
    #[serde(default)]
    outputs: Vec<Output>,
}

#[derive(Clone, Debug, Deserialize)]
struct Output {
    #[serde(rename = "output_key")]
    key: String,
    #[serde(rename = "output_value", default)]
    value: Value,
}

/// The tags of a stack that is made or changed under a mark.
pub(super) fn tags(mark: &Mark) -> String {
    mark.labels().map(|(key, value)| format!("{key}={value}")).join(",")
}

/// The tag by which the stack of a cluster is found.
pub(super) fn tag(cluster: model::id::ClusterId) -> String {
    format!("{}={cluster}", mark::CLUSTER)
}

impl Stack {
    /// Where it stands; `None`: it is deleted, and only its memory is shown.
    pub(super) fn phase(&self) -> Option<Phase> {
        let reason = || Phase::Failed(self.reason());
        Some(match self.status.as_str() {
            "DELETE_COMPLETE" => return None,
            "DELETE_IN_PROGRESS" => Phase::Deleting,
            // What was asked for was not done, however well it was undone.
            status if status.starts_with("ROLLBACK") && !status.ends_with("IN_PROGRESS") => reason(),
            // A check found something broken in it: which machine that is its resources say.
            "CHECK_FAILED" => Phase::Ready,
            status if status.ends_with("_IN_PROGRESS") => Phase::Working,
            status if status.ends_with("_COMPLETE") => Phase::Ready,
            _ => reason(),
        })
    }

    /// Why it stands so, in Heat's words.
    pub(super) fn reason(&self) -> String {
        let reason = self.reason.as_deref().unwrap_or_default();
        if reason.is_empty() { format!("the stack is {}", self.status) } else { reason.to_owned() }
    }

    /// Whether its last action was begun by this operation.
    pub(super) fn is_of(&self, mark: &Mark) -> bool {
        self.tagged(mark::OPERATION) == Some(mark.operation.to_string().as_str())
    }

    /// The epoch under which it was last changed.
    pub(super) fn epoch(&self) -> Option<u64> {
        self.tagged(mark::EPOCH)?.parse().ok()
    }

    fn tagged(&self, key: &str) -> Option<&str> {
        self.tags.iter().flatten().find_map(|tag| tag.strip_prefix(key)?.strip_prefix('='))
    }

    /// As a thing of the cluster whose tag it carries; `None`: it carries none.
    pub(super) fn owned(self) -> Option<Tagged> {
        let cluster = self.tagged(mark::CLUSTER)?.parse().ok()?;
        Some(Tagged { cluster, what: "stack", name: self.name, id: self.id })
    }

    /// A parameter as text, which is how Heat shows all of them.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        match self.parameters.get(name)? {
            Value::String(text) => Some(text.clone()),
            value => Some(value.to_string()),
        }
    }

    /// A parameter that is a map, such as the images of single machines.
    pub(super) fn map(&self, name: &str) -> BTreeMap<String, String> {
        match self.parameters.get(name) {
            Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_default(),
            Some(value) => serde_json::from_value(value.clone()).unwrap_or_default(),
            None => BTreeMap::new(),
        }
    }

    /// An output.
    pub(super) fn output(&self, key: &str) -> Option<&Value> {
        self.outputs.iter().find(|output| output.key == key).map(|output| &output.value).filter(|value| !value.is_null())
    }

    /// An output that has a text for each machine, by the machine's number.
    pub(super) fn by_number(&self, key: &str) -> BTreeMap<u64, String> {
        let rows = self.output(key).and_then(Value::as_object);
        let row = |(number, value): (&String, &Value)| Some((number.parse().ok()?, value.as_str()?.to_owned()));
        rows.map(|rows| rows.iter().filter_map(row).collect()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stack(status: &str) -> Stack {
        let shown = json!({"id": "1", "stack_name": "n", "stack_status": status, "stack_status_reason": "No valid host", "tags": null});
        serde_json::from_value(shown).unwrap()
    }

    #[test]
    fn a_status_says_where_a_stack_stands() {
        let failed = Some(Phase::Failed("No valid host".to_owned()));
        for (status, phase) in [
            ("CREATE_IN_PROGRESS", Some(Phase::Working)),
            ("ROLLBACK_IN_PROGRESS", Some(Phase::Working)),
            ("CREATE_COMPLETE", Some(Phase::Ready)),
            ("UPDATE_COMPLETE", Some(Phase::Ready)),
            ("CHECK_FAILED", Some(Phase::Ready)),
            ("DELETE_IN_PROGRESS", Some(Phase::Deleting)),
            ("DELETE_COMPLETE", None),
            ("CREATE_FAILED", failed.clone()),
            ("DELETE_FAILED", failed.clone()),
            ("ROLLBACK_COMPLETE", failed.clone()),
            ("ROLLBACK_FAILED", failed),
        ] {
            assert_eq!(stack(status).phase(), phase, "{status}");
        }
    }
}
