//! Bays: made, listed, removed.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Endpoint, Request};
use crate::Error;

/// The most bays the product puts on one page.
const PAGE: usize = 1000;
/// How long one page may take.
const LIMIT: Duration = Duration::from_secs(15);

/// A bay in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bay {
    /// Its uuid.
    pub uuid: String,
    /// Its name.
    pub name: String,
    /// Its status: `CREATE_COMPLETE`, …
    pub status: String,
}

/// A list and the log index it was served at.
#[derive(Clone, Debug, Default)]
pub struct Bays {
    /// The least index of the pages.
    pub served: u64,
    /// All bays.
    pub all: Vec<Bay>,
}

/// `POST /v1/bays`.
#[must_use]
pub fn create(name: &str, baymodel: &str, key: String) -> Request {
    let body = json!({"name": name, "baymodel_id": baymodel, "node_count": 1});
    Request::change(Method::POST, "/v1/bays", Some(body), key)
}

/// `POST /v1/bays` of one that must be made within so many minutes.
#[must_use]
pub fn create_within(name: &str, baymodel: &str, minutes: u64, key: String) -> Request {
    let body = json!({"name": name, "baymodel_id": baymodel, "node_count": 1, "bay_create_timeout": minutes});
    Request::change(Method::POST, "/v1/bays", Some(body), key)
}

/// `DELETE /v1/bays/{uuid}`.
#[must_use]
pub fn delete(uuid: &str, key: String) -> Request {
    Request::change(Method::DELETE, format!("/v1/bays/{uuid}"), None, key)
}

/// The status of a bay.
pub async fn status(member: &Endpoint, bay: &str) -> Result<String, Error> {
    let reply = member.ask(&Request::get(format!("/v1/bays/{bay}")), LIMIT).await?;
    Ok(reply.body.get("status").and_then(Value::as_str).unwrap_or_default().to_owned())
}

/// All bays as one member sees them, page by page.
pub async fn list(member: &Endpoint) -> Result<Bays, Error> {
    let mut bays = Bays::default();
    loop {
        let mut path = format!("/v1/bays?limit={PAGE}");
        if let Some(last) = bays.all.last() {
            path.push_str(&format!("&marker={}", last.uuid));
        }
        let reply = member.ask(&Request::get(path), LIMIT).await?;
        let page = read(&reply.body).ok_or_else(|| Error::Answer {
            member: member.name.to_string(),
            request: "GET /v1/bays".to_owned(),
            reason: reply.body.to_string().chars().take(200).collect(),
        })?;
        let served = reply.index.unwrap_or(0);
        bays.served = if bays.all.is_empty() { served } else { bays.served.min(served) };
        let full = page.len() >= PAGE;
        bays.all.extend(page);
        if !full {
            return Ok(bays);
        }
    }
}

fn read(body: &Value) -> Option<Vec<Bay>> {
    let text = |row: &Value, key: &str| row.get(key).and_then(Value::as_str).map(str::to_owned);
    let rows = body.get("bays")?.as_array()?;
    rows.iter().map(|row| Some(Bay { uuid: text(row, "uuid")?, name: text(row, "name")?, status: text(row, "status")? })).collect()
}
