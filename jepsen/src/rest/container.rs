//! Containers in a bay.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Endpoint, Reply, Request};
use crate::{Error, check::inventory::Wanted};

/// Lives until it is stopped, and then ends at once: the first process of a container gets no SIGTERM it has no handler for.
const COMMAND: &str = "sh -c 'trap \"exit 0\" TERM; while :; do sleep 0.2; done'";

/// `POST /v1/containers`: a container that lives until it is stopped.
#[must_use]
pub fn create(name: &str, bay: &str, image: &str, key: String) -> Request {
    let body = json!({"name": name, "image": image, "bay_uuid": bay, "command": COMMAND});
    Request::change(Method::POST, "/v1/containers", Some(body), key)
}

/// `PUT /v1/containers/{uuid}/{action}`.
#[must_use]
pub fn act(uuid: &str, action: &str, key: String) -> Request {
    Request::change(Method::PUT, format!("/v1/containers/{uuid}/{action}"), None, key)
}

/// `DELETE /v1/containers/{uuid}`.
#[must_use]
pub fn delete(uuid: &str, key: String) -> Request {
    Request::change(Method::DELETE, format!("/v1/containers/{uuid}"), None, key)
}

/// `GET /v1/containers/{uuid}`.
#[must_use]
pub fn read(uuid: &str) -> Request {
    Request::get(format!("/v1/containers/{uuid}"))
}

/// The status in an answer, empty when there is none.
#[must_use]
pub fn status(reply: &Reply) -> String {
    text(&reply.body, "status")
}

/// The containers of a bay as one member lists them.
pub async fn list(member: &Endpoint, bay: &str) -> Result<Vec<Wanted>, Error> {
    let request = Request::get(format!("/v1/containers?bay_ident={bay}"));
    let reply = member.ask(&request, Duration::from_secs(15)).await?;
    let rows = reply.body.get("containers").and_then(Value::as_array).ok_or_else(|| Error::Answer {
        member: member.name.to_string(),
        request: request.path.clone(),
        reason: reply.body.to_string(),
    })?;
    Ok(rows.iter().map(|row| Wanted { uuid: text(row, "uuid"), status: text(row, "status") }).collect())
}

fn text(row: &Value, key: &str) -> String {
    row.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}
