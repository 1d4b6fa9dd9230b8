//! What a member says about itself.
//!
//! Used to aim (who leads, who owns) and to compare digests, never to judge what clients were promised.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use super::{Endpoint, Request};
use crate::{Error, check::replicas::Replica};

/// A question of the harness is not a workload: short, and asked again.
const LIMIT: Duration = Duration::from_secs(2);

/// One member's view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The member's name in the harness.
    pub name: String,
    /// The number the product gave it.
    pub member: u64,
    /// `leader`, `follower`, `candidate`, `learner`.
    pub role: String,
    /// The number of the leader it knows.
    pub leader: Option<u64>,
    /// Raft's term.
    pub term: u64,
    /// The last applied log index.
    pub applied: u64,
    /// The log index of the last snapshot.
    pub snapshot: u64,
    /// The last purged log index.
    pub purged: u64,
    /// Numbers of the voters.
    pub voters: Vec<u64>,
    /// Numbers of the learners.
    pub learners: Vec<u64>,
}

/// Who acts for a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// The cluster's uuid.
    pub cluster: String,
    /// The number of the owner.
    pub member: u64,
    /// Since which assignment.
    pub epoch: u64,
}

/// Asks a member how it is.
pub async fn status(member: &Endpoint) -> Result<Status, Error> {
    let reply = member.ask(&Request::get("/v1/jeroboam/status"), LIMIT).await?;
    let number = |key: &str| reply.body.get(key).and_then(loose_number);
    Ok(Status {
        name: member.name.to_string(),
        member: number("member").unwrap_or(0),
        role: reply.body.get("role").and_then(Value::as_str).unwrap_or_default().to_lowercase(),
        leader: number("leader"),
        term: number("term").unwrap_or(0),
        applied: number("applied").unwrap_or(0),
        snapshot: number("snapshot").unwrap_or(0),
        purged: number("purged").unwrap_or(0),
        voters: numbers(reply.body.get("voters")),
        learners: numbers(reply.body.get("learners")),
    })
}

/// Asks a member for the digest of its whole state, and the index it was taken at.
pub async fn replica(member: &Endpoint) -> Result<Replica, Error> {
    let reply = member.ask(&Request::get("/v1/jeroboam/digest"), Duration::from_secs(30)).await?;
    Ok(Replica {
        member: member.name.to_string(),
        applied: reply.body.get("applied").and_then(loose_number).unwrap_or(0),
        digest: reply.body.get("digest").and_then(Value::as_str).unwrap_or_default().to_owned(),
    })
}

/// Tells a member to take a snapshot now and to drop what it makes superfluous from its log.
pub async fn compact(member: &Endpoint) -> Result<(), Error> {
    let mut request = Request::get("/v1/jeroboam/snapshot");
    request.method = Method::POST;
    member.ask(&request, Duration::from_secs(15)).await.map(drop)
}

/// Asks a member who owns what.
pub async fn ownership(member: &Endpoint) -> Result<Vec<Ownership>, Error> {
    let reply = member.ask(&Request::get("/v1/jeroboam/ownership"), LIMIT).await?;
    let rows = reply.body.as_array().or_else(|| reply.body.get("ownership")?.as_array());
    let row = |row: &Value| {
        Some(Ownership {
            cluster: row.get("cluster")?.as_str()?.to_owned(),
            member: row.get("member").and_then(loose_number)?,
            epoch: row.get("epoch").and_then(loose_number)?,
        })
    };
    Ok(rows.into_iter().flatten().filter_map(row).collect())
}

/// Asks a member for counters of its `/metrics`, by their names without labels.
pub async fn counters<const N: usize>(member: &Endpoint, names: [&str; N]) -> Result<[u64; N], Error> {
    let reply = member.ask(&Request::get("/metrics"), LIMIT).await?;
    let text = reply.body.as_str().unwrap_or_default();
    let mut values = [0; N];
    for (name, value) in names.iter().zip(&mut values) {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        *value = line.ok_or_else(|| Error::Answer {
            member: member.name.to_string(),
            request: "GET /metrics".to_owned(),
            reason: format!("no counter {name}"),
        })?;
    }
    Ok(values)
}

/// A number, or a string that is one.
fn loose_number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn numbers(value: Option<&Value>) -> Vec<u64> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(loose_number).collect()
}
