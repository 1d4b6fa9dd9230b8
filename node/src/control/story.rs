//! The story of one bay for `jeroboam events`.

use model::{
    Ident, Scope, View, cluster,
    event::{
        Event,
        query::{self, Wanted},
    },
    id::ClusterId,
};
use raft::{Consistency, Handle};
use tokio::time::Instant;

use super::wire::{EventRow, Story, StoryOf};

/// One page.
const PAGE: usize = 500;

/// One page of the events of a bay.
pub(super) async fn story(handle: &Handle, asked: &StoryOf, deadline: Instant) -> Result<Story, String> {
    let reading = handle.read(Consistency::Linearizable, deadline).await.map_err(|error| error.to_string())?;
    let view = &*reading.view;
    let (id, name) = find(view, &asked.bay)?;
    let after = match &asked.after {
        None => (0, 0),
        Some(text) => place(text).ok_or_else(|| format!("{text} is no id of an event (such as 120:0), and no log index"))?,
    };
    let wanted = Wanted {
        after,
        since_ms: asked.since_ms,
        until_ms: u64::MAX,
        kind: &asked.kind,
        limit: PAGE.min(usize::try_from(asked.limit).unwrap_or(PAGE)),
        scope: Scope::All,
    };
    let story = query::story(view, id, &wanted).map_err(|fault| fault.to_string())?;
    if name.is_none() && story.events.is_empty() && asked.after.is_none() && asked.kind.is_empty() && asked.since_ms == 0 {
        return Err(format!("there is no bay {}, and no event of one is kept", asked.bay));
    }
    let last_name = story.events.iter().find(|event| event.object == "cluster").map(|event| event.name.clone());
    Ok(Story {
        bay: id.to_string(),
        name: name.or(last_name).unwrap_or_default(),
        events: story.events.iter().map(row).collect(),
        more: story.more.map(|(index, part)| format!("{index}:{part}")),
    })
}

/// The bay's id, and its name if it is still there.
fn find(view: &dyn View, text: &str) -> Result<(ClusterId, Option<String>), String> {
    let ident = Ident::parse(text);
    let found = cluster::query::find(view, ident, Scope::All).map_err(|fault| fault.to_string())?;
    match (found.required("bay", text), ident) {
        (Ok(cluster), _) => Ok((cluster.id, Some(cluster.wanted.name))),
        (Err(_), Ident::Id(uuid)) => Ok((ClusterId::new(uuid), None)),
        (Err(refusal), Ident::Name(_)) => Err(refusal.message),
    }
}

fn place(text: &str) -> Option<(u64, u32)> {
    match text.split_once(':') {
        None => Some((text.parse().ok()?, u32::MAX)),
        Some((index, part)) => Some((index.parse().ok()?, part.parse().ok()?)),
    }
}

fn row(event: &Event) -> EventRow {
    EventRow {
        id: event.place(),
        at_ms: event.at_ms,
        object: event.object.clone(),
        action: event.action.clone(),
        object_id: event.id.clone(),
        name: event.name.clone(),
        detail: event.detail.clone(),
        verdict: event.verdict().word().to_owned(),
        reason: event.reason.clone(),
        operation: event.operation.map(|operation| operation.to_string()),
        kind: event.kind.clone(),
        step: event.step.clone(),
        attempt: event.attempt,
        user: event.user_id.clone(),
        request: event.request_id.clone(),
        member: event.member,
        epoch: event.epoch,
    }
}
