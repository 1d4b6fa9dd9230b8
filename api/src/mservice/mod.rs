//! Who does the work: one row per member, in the words Magnum has for its own processes.
//!
//! Whether a member is up is asked of the member itself, with a short limit, so any member gives the same answer.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use model::{
    member::{self, Member},
    peer::{StatusRequest, method},
};
use prost::Message;
use serde::{Serialize, Serializer, ser::SerializeMap};
use tokio::time::Instant;

use crate::{call::Call, error::Error, page::Listing, reply::Reply, time::Shown};

/// How long a member may take to say that it is up.
const PATIENCE: Duration = Duration::from_secs(1);

/// Members asked at once.
const TOGETHER: usize = 16;

struct Shape {
    member: Member,
    up: bool,
}

impl Serialize for Shape {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let member = &self.member;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("host", &member.name)?;
        map.serialize_entry("binary", "magnum-conductor")?;
        map.serialize_entry("state", if self.up { "up" } else { "down" })?;
        map.serialize_entry("id", &member.number)?;
        map.serialize_entry("report_count", &member.incarnation)?;
        map.serialize_entry("disabled", &member.draining)?;
        map.serialize_entry("disabled_reason", &member.draining.then_some("draining"))?;
        map.serialize_entry("created_at", &Shown(member.joined_ms))?;
        map.serialize_entry("updated_at", &Shown(member.started_ms))?;
        map.end()
    }
}

/// Whether a member answers. Any answer counts, a refusal too.
pub(crate) async fn up(call: &Call<'_>, member: &Member) -> bool {
    if member.id() == call.app.handle.member() {
        return true;
    }
    let limit = call.deadline.min(Instant::now() + PATIENCE);
    let body = Bytes::from(StatusRequest {}.encode_to_vec());
    let answer = call.app.handle.call(member.id(), method::STATUS, body, limit).await;
    matches!(answer, Ok(_) | Err(raft::Error::Refused(_) | raft::Error::NotNow(_)))
}

/// Members that have started at least once, with whether they are up.
pub(crate) async fn members(call: &Call<'_>) -> Result<Vec<(Member, bool)>, Error> {
    let reading = call.read().await?;
    let mut members = member::query::all(&*reading.view)?;
    drop(reading);
    members.retain(|member| member.incarnation > 0);
    let looks = members.into_iter().map(|member| async {
        let up = up(call, &member).await;
        (member, up)
    });
    Ok(futures::stream::iter(looks).buffered(TOGETHER).collect().await)
}

/// `GET /v1/mservices`
pub(crate) async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow("magnum-service:get_all")?;
    let rows = members(call).await?.into_iter().map(|(member, up)| Shape { member, up }).collect();
    Reply::ok(&Listing { name: "mservices", rows, next: None })
}
