//! Baymodels: the smallest durable object, used as a set element and as a register.
//!
//! A register's value is written twice, by one patch: as the name (`r-<value>`) and as the label `v`. A read that
//! shows two different values has seen half of a patch.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Endpoint, Reply, Request};
use crate::{Error, check::sets::Listed};

/// The most objects the product puts on one page.
const PAGE: usize = 1000;

/// `POST /v1/baymodels` with a name of the caller's choice.
#[must_use]
pub fn create(name: &str, value: u64, key: String) -> Request {
    let body = json!({
        "name": name,
        "image_id": "busybox",
        "keypair_id": "chaos",
        "coe": "swarm",
        "labels": {"v": value.to_string()},
    });
    Request::change(Method::POST, "/v1/baymodels", Some(body), key)
}

/// `GET /v1/baymodels/{uuid}`.
#[must_use]
pub fn read(uuid: &str) -> Request {
    Request::get(format!("/v1/baymodels/{uuid}"))
}

/// One patch that sets the register's two fields, if the revision is still the expected one.
#[must_use]
pub fn write(uuid: &str, value: u64, expect: Option<u64>, key: String) -> Request {
    let body = json!([
        {"op": "replace", "path": "/name", "value": register_name(value)},
        {"op": "replace", "path": "/labels/v", "value": value.to_string()},
    ]);
    let mut request = Request::change(Method::PATCH, format!("/v1/baymodels/{uuid}"), Some(body), key);
    request.if_match = expect;
    request
}

/// The name of a register with this value.
#[must_use]
pub fn register_name(value: u64) -> String {
    format!("r-{value}")
}

/// The uuid in an answer.
#[must_use]
pub fn uuid(reply: &Reply) -> Option<&str> {
    reply.body.get("uuid")?.as_str()
}

/// The register's value as the name says and as the label says.
#[must_use]
pub fn values(reply: &Reply) -> Option<(u64, u64)> {
    let name = reply.body.get("name")?.as_str()?.strip_prefix("r-")?.parse().ok()?;
    let label = reply.body.get("labels")?.get("v")?.as_str()?.parse().ok()?;
    Some((name, label))
}

/// The whole list as one member sees it, page by page, from after `marker` on.
pub async fn list(member: &Endpoint, marker: Option<&str>) -> Result<Vec<Listed>, Error> {
    let mut all: Vec<Listed> = Vec::new();
    loop {
        let last = all.last().map(|one| one.uuid.as_str()).or(marker);
        let mut path = format!("/v1/baymodels?limit={PAGE}");
        if let Some(last) = last {
            path.push_str(&format!("&marker={last}"));
        }
        let reply = member.ask(&Request::get(path), Duration::from_secs(15)).await?;
        let page = page(member, &reply)?;
        let full = page.len() >= PAGE;
        all.extend(page);
        if !full {
            return Ok(all);
        }
    }
}

fn page(member: &Endpoint, reply: &Reply) -> Result<Vec<Listed>, Error> {
    let unreadable = || Error::Answer {
        member: member.name.to_string(),
        request: "GET /v1/baymodels".to_owned(),
        reason: reply.body.to_string().chars().take(200).collect(),
    };
    let rows = reply.body.get("baymodels").and_then(Value::as_array).ok_or_else(unreadable)?;
    rows.iter()
        .map(|row| {
            let text = |key: &str| row.get(key).and_then(Value::as_str).map(str::to_owned);
            Some(Listed { name: text("name")?, uuid: text("uuid")? })
        })
        .collect::<Option<_>>()
        .ok_or_else(unreadable)
}
