//! The story of one cluster: its events, in pages, while they are kept; also of a cluster that is gone.

use model::{
    Class, Ident, View,
    cluster::query,
    event::{
        Event,
        query::{Story, Wanted, story},
    },
    id::ClusterId,
};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    call::{Call, ident, one},
    decode::scalar,
    error::Error,
    page::Listing,
    query::encoded,
    reply::Reply,
    time::{self, Shown},
};

/// The longest page.
const LIMIT: usize = 1000;

/// An event as its cluster's users see it.
#[derive(Debug, Serialize)]
struct Shape<'a> {
    id: String,
    serial: u64,
    time: Shown,
    r#type: String,
    object: &'a str,
    object_id: &'a str,
    name: &'a str,
    detail: &'a str,
    outcome: Option<&'static str>,
    reason: Option<&'a str>,
    operation: Option<Uuid>,
    kind: Option<&'a str>,
    step: Option<&'a str>,
    attempt: Option<u32>,
    user_id: Option<&'a str>,
    request_id: Option<&'a str>,
    member: Option<u64>,
    epoch: Option<u64>,
}

impl<'a> From<&'a Event> for Shape<'a> {
    fn from(event: &'a Event) -> Self {
        fn said(text: &str) -> Option<&str> {
            (!text.is_empty()).then_some(text)
        }
        Self {
            id: event.place(),
            serial: event.serial,
            time: Shown(event.at_ms),
            r#type: format!("{}.{}", event.object, event.action),
            object: &event.object,
            object_id: &event.id,
            name: &event.name,
            detail: &event.detail,
            outcome: said(event.verdict().word()),
            reason: event.reason.as_deref(),
            operation: event.operation.map(|operation| operation.uuid()),
            kind: said(&event.kind),
            step: said(&event.step),
            attempt: (event.attempt != 0).then_some(event.attempt),
            user_id: said(&event.user_id),
            request_id: said(&event.request_id),
            member: (event.member != 0).then_some(event.member),
            epoch: (event.epoch != 0).then_some(event.epoch),
        }
    }
}

/// `GET /v1/clusters/{cluster}/events?after=&limit=&since=&until=&type=`
pub(crate) async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow("cluster:events")?;
    let wanted = read(call)?;
    let reading = call.read().await?;
    let cluster = find(call, &*reading.view, call.param(0))?;
    let Story { events, more } = story(&*reading.view, cluster, &wanted)?;
    let next = more.map(|place| link(call, place));
    Reply::ok(&Listing { name: "events", rows: events.iter().map(Shape::from).collect(), next })
}

fn read<'a>(call: &'a Call<'_>) -> Result<Wanted<'a>, Error> {
    let limit = match call.query.get("limit") {
        None => LIMIT,
        Some(text) => match scalar::digits(text) {
            Some(limit) if limit > 0 => usize::try_from(limit).unwrap_or(LIMIT).min(LIMIT),
            _ => return Err(Error::invalid("limit must be a positive integer")),
        },
    };
    let moment = |name: &str, default: u64| match call.query.get(name) {
        None => Ok(default),
        Some(text) => time::parse(text).ok_or_else(|| Error::invalid(format!("{name} must be a time such as 2026-11-20T08:52:05Z"))),
    };
    let after = match call.query.get("after") {
        None => (0, 0),
        Some(text) => place(text).ok_or_else(|| Error::invalid("after must be the id of an event, or a log index"))?,
    };
    let kind = call.query.get("type").unwrap_or_default();
    Ok(Wanted { after, since_ms: moment("since", 0)?, until_ms: moment("until", u64::MAX)?, kind, limit, scope: call.wide() })
}

/// `<index>:<part>`, or `<index>` for the whole entry.
fn place(text: &str) -> Option<(u64, u32)> {
    match text.split_once(':') {
        None => Some((text.parse().ok()?, u32::MAX)),
        Some((index, part)) => Some((index.parse().ok()?, part.parse().ok()?)),
    }
}

/// A cluster by id or name; by id also one that is gone, as long as the caller sees an event of it.
fn find(call: &Call<'_>, view: &dyn View, name: &str) -> Result<ClusterId, Error> {
    let found = one(query::find(view, ident(name), call.wide())?, "cluster", name);
    match (found, ident(name)) {
        (Ok(cluster), _) => Ok(cluster.id),
        (Err(error), Ident::Id(uuid)) if error.is(Class::Missing) => {
            let id = ClusterId::new(uuid);
            let any = Wanted { after: (0, 0), since_ms: 0, until_ms: u64::MAX, kind: "", limit: 1, scope: call.wide() };
            if story(view, id, &any)?.events.is_empty() { Err(error) } else { Ok(id) }
        }
        (Err(error), _) => Err(error),
    }
}

fn link(call: &Call<'_>, (index, part): (u64, u32)) -> String {
    let mut link = format!("{}/v1/clusters/{}/events?after={index}:{part}", call.base, encoded(call.param(0)));
    for (name, value) in call.query.others(&["after"]) {
        link.push_str(&format!("&{}={}", encoded(name), encoded(value)));
    }
    link
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_an_entry_or_an_event_in_it() {
        assert_eq!(place("7"), Some((7, u32::MAX)));
        assert_eq!(place("7:0"), Some((7, 0)));
        for bad in ["", ":", "7:", ":7", "7:x", "-1", "7:4294967296"] {
            assert_eq!(place(bad), None, "{bad}");
        }
    }
}
