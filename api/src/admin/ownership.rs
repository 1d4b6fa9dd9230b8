//! Which member acts for which cluster.

use model::ownership::{Ownership, Reason, query};
use serde::Serialize;

use super::RULE;
use crate::{call::Call, error::Error, page::Listing, reply::Reply};

#[derive(Serialize)]
struct Shape {
    cluster: uuid::Uuid,
    member: Option<u64>,
    incarnation: u64,
    epoch: u64,
    reason: &'static str,
    since_ms: u64,
}

const fn word(reason: Reason) -> &'static str {
    match reason {
        Reason::New => "new",
        Reason::Lost => "lost",
        Reason::Restarted => "restarted",
        Reason::Drain => "drain",
        Reason::Balance => "balance",
        Reason::Removed => "removed",
        Reason::Released => "released",
    }
}

fn shape(ownership: &Ownership) -> Shape {
    Shape {
        cluster: ownership.cluster.uuid(),
        member: ownership.owner().map(|member| member.0),
        incarnation: ownership.incarnation,
        epoch: ownership.epoch,
        reason: word(ownership.reason()),
        since_ms: ownership.since_ms,
    }
}

/// `GET /v1/jeroboam/ownership`
pub(crate) async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow(RULE)?;
    let reading = call.read().await?;
    let rows = query::all(&*reading.view)?.iter().map(shape).collect();
    Reply::ok(&Listing { name: "ownership", rows, next: None })
}
