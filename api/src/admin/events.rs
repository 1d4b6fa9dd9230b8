//! The event log: who changed what. What [`crate::watch`] streams, as pages.

use model::{
    Scope, cluster,
    event::{Event, query},
};
use serde::Serialize;

use super::RULE;
use crate::{
    call::{Call, ident, one},
    error::Error,
    page::Listing,
    reply::Reply,
    time::Shown,
};

/// An event on the wire.
#[derive(Debug, Serialize)]
pub(crate) struct Shape<'a> {
    index: u64,
    part: u32,
    object: &'a str,
    id: &'a str,
    action: &'a str,
    cluster: Option<uuid::Uuid>,
    project_id: &'a str,
    user_id: &'a str,
    request_id: &'a str,
    detail: &'a str,
    epoch: u64,
    at: Shown,
}

impl<'a> From<&'a Event> for Shape<'a> {
    fn from(event: &'a Event) -> Self {
        Self {
            index: event.index,
            part: event.part,
            object: &event.object,
            id: &event.id,
            action: &event.action,
            cluster: event.cluster.map(|cluster| cluster.uuid()),
            project_id: &event.project_id,
            user_id: &event.user_id,
            request_id: &event.request_id,
            detail: &event.detail,
            epoch: event.epoch,
            at: Shown(event.at_ms),
        }
    }
}

/// `GET /v1/jeroboam/events?after=&cluster=&limit=`
pub(crate) async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow(RULE)?;
    let limit = super::limit(call)?;
    let after = match call.query.get("after") {
        None => 0,
        Some(text) => text.parse().map_err(|_| Error::invalid("after must be a log index"))?,
    };
    let reading = call.read().await?;
    let view = &*reading.view;
    let events = match call.query.get("cluster") {
        None => query::after(view, after, limit, Scope::All)?.0,
        Some(name) => {
            let cluster = match ident(name) {
                model::Ident::Id(uuid) => model::id::ClusterId::new(uuid),
                by_name @ model::Ident::Name(_) => one(cluster::query::find(view, by_name, Scope::All)?, "cluster", name)?.id,
            };
            query::of_cluster(view, cluster, after, limit)?
        }
    };
    Reply::ok(&Listing { name: "events", rows: events.iter().map(Shape::from).collect(), next: None })
}
