//! Operations as the product lists them.

use std::time::Duration;

use serde_json::Value;

use super::{Endpoint, Request};
use crate::Error;

/// How long one list may take.
const LIMIT: Duration = Duration::from_secs(5);

/// One accepted change of a bay or a container. Times are the product's log time in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operation {
    /// Its uuid.
    pub id: String,
    /// The bay.
    pub bay: String,
    /// The container, if it is about one.
    pub container: Option<String>,
    /// `container.start`, …
    pub kind: String,
    /// `OPEN`, `SUCCEEDED`, …
    pub state: String,
    /// When it was accepted.
    pub accepted_ms: u64,
    /// When it ended.
    pub ended_ms: Option<u64>,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// A step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// How often it was begun.
    pub attempts: u64,
    /// When it was begun last.
    pub begun_ms: u64,
}

impl Operation {
    /// Whether its bay is being updated while it is open.
    #[must_use]
    pub fn updates(&self) -> bool {
        self.container.is_none() && !["cluster.create", "cluster.delete"].contains(&self.kind.as_str())
    }
}

/// What is kept of a bay's operations, as one member lists them.
pub async fn of_bay(member: &Endpoint, bay: &str) -> Result<Vec<Operation>, Error> {
    let reply = member.ask(&Request::get(format!("/v1/jeroboam/operations?cluster={bay}")), LIMIT).await?;
    let rows = reply.body.get("operations").and_then(Value::as_array);
    Ok(rows.into_iter().flatten().map(read).collect())
}

fn read(row: &Value) -> Operation {
    let steps = row.get("steps").and_then(Value::as_array).into_iter().flatten();
    Operation {
        id: text(row, "operation"),
        bay: text(row, "cluster"),
        container: row.get("container").and_then(Value::as_str).map(str::to_owned),
        kind: text(row, "kind"),
        state: text(row, "state"),
        accepted_ms: number(row, "accepted_ms").unwrap_or(0),
        ended_ms: number(row, "ended_ms"),
        steps: steps
            .map(|step| Step {
                name: text(step, "name"),
                attempts: number(step, "attempts").unwrap_or(0),
                begun_ms: number(step, "begun_ms").unwrap_or(0),
            })
            .collect(),
    }
}

fn text(row: &Value, key: &str) -> String {
    row.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn number(row: &Value, key: &str) -> Option<u64> {
    row.get(key).and_then(Value::as_u64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_is_read() {
        let steps = json!([{"name": "container.start", "attempts": 2, "begun_ms": 7}]);
        let row = json!({"operation": "o", "cluster": "b", "container": "c", "kind": "container.start", "state": "OPEN",
            "accepted_ms": 5, "ended_ms": null, "steps": steps});
        let read = read(&row);
        assert!(!read.updates());
        assert!(Operation { kind: "cluster.heal".to_owned(), container: None, ..read.clone() }.updates());
        assert_eq!((read.id.as_str(), read.container.as_deref(), read.ended_ms), ("o", Some("c"), None));
        assert_eq!(read.steps, [Step { name: "container.start".to_owned(), attempts: 2, begun_ms: 7 }]);
    }
}
