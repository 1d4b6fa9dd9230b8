//! The record as JSON: names and spellings are CADF's and oslo.messaging's.

use model::event::Event;
use serde::Serialize;
use uuid::Uuid;

use super::about::About;
use crate::time::{Audited, Logged};

/// An OpenStack notification with a CADF event in it.
#[derive(Debug, Serialize)]
pub struct Record<'a> {
    message_id: Uuid,
    publisher_id: String,
    event_type: String,
    priority: &'static str,
    timestamp: Logged,
    payload: Activity<'a>,
}

impl Record<'_> {
    /// `magnum.<resource>.<action>`
    pub fn event_type(&self) -> &str {
        &self.event_type
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Activity<'a> {
    #[serde(rename = "typeURI")]
    type_uri: &'static str,
    event_type: &'static str,
    id: Uuid,
    event_time: Audited,
    action: &'a str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason<'a>>,
    initiator: Initiator<'a>,
    target: Target<'a>,
    observer: Observer,
    attachments: [Attachment<'a>; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Reason<'a> {
    reason_type: &'static str,
    reason_code: &'a str,
}

#[derive(Debug, Serialize)]
struct Initiator<'a> {
    #[serde(rename = "typeURI")]
    type_uri: &'static str,
    id: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    user_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    project_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    request_id: &'a str,
}

#[derive(Debug, Serialize)]
struct Target<'a> {
    #[serde(rename = "typeURI")]
    type_uri: String,
    id: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
}

#[derive(Debug, Serialize)]
struct Observer {
    #[serde(rename = "typeURI")]
    type_uri: &'static str,
    id: Uuid,
}

#[derive(Debug, Serialize)]
struct Attachment<'a> {
    #[serde(rename = "typeURI")]
    type_uri: &'static str,
    name: &'static str,
    content: Content<'a>,
}

/// Where it stands in the log, and who acted.
#[derive(Debug, Serialize)]
struct Content<'a> {
    place: String,
    serial: u64,
    detail: &'a str,
    cluster: Option<Uuid>,
    operation: Option<Uuid>,
    member: Option<u64>,
    epoch: Option<u64>,
}

pub(super) fn record<'a>(event: &'a Event, about: About<'a>, group: Uuid, publisher: &str) -> Record<'a> {
    let id = Uuid::new_v5(&group, event.place().as_bytes());
    Record {
        message_id: id,
        publisher_id: format!("magnum.{publisher}"),
        event_type: format!("magnum.{}.{}", about.resource, about.action),
        priority: if about.outcome == "failure" { "ERROR" } else { "INFO" },
        timestamp: Logged(event.at_ms),
        payload: Activity {
            type_uri: "http://schemas.dmtf.org/cloud/audit/1.0/event",
            event_type: "activity",
            id,
            event_time: Audited(event.at_ms),
            action: about.action,
            outcome: about.outcome,
            reason: event.reason.as_deref().map(|words| Reason { reason_type: "status_reason", reason_code: words }),
            initiator: initiator(event, group),
            target: Target { type_uri: format!("service/magnum/{}", about.resource), id: target(event), name: &event.name },
            observer: Observer { type_uri: "service/magnum/cluster", id: group },
            attachments: [Attachment { type_uri: "service/magnum/event", name: "event", content: content(event) }],
        },
    }
}

/// The user who asked; the service itself where nobody did.
fn initiator(event: &Event, group: Uuid) -> Initiator<'_> {
    let person = !event.user_id.is_empty();
    Initiator {
        type_uri: if person { "service/security/account/user" } else { "service/magnum" },
        id: if person { event.user_id.clone() } else { group.to_string() },
        user_id: &event.user_id,
        project_id: &event.user_project_id,
        request_id: &event.request_id,
    }
}

/// What it was done to: an operation's object, not the operation.
fn target(event: &Event) -> String {
    match (event.object.as_str(), event.container, event.cluster) {
        ("operation", Some(container), _) => container.to_string(),
        ("operation", None, Some(cluster)) => cluster.to_string(),
        _ => event.id.clone(),
    }
}

fn content(event: &Event) -> Content<'_> {
    let known = |number: u64| (number != 0).then_some(number);
    Content {
        place: event.place(),
        serial: event.serial,
        detail: &event.detail,
        cluster: event.cluster.map(|cluster| cluster.uuid()),
        operation: event.operation.map(|operation| operation.uuid()),
        member: known(event.member),
        epoch: known(event.epoch),
    }
}
