//! What an event is in the words of audit: a resource, an action of CADF's taxonomy, an outcome. Or nothing.

use model::event::{Event, Verdict};

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct About<'a> {
    pub(super) resource: &'static str,
    pub(super) action: &'a str,
    pub(super) outcome: &'static str,
}

pub(super) fn about(event: &Event) -> Option<About<'_>> {
    let (resource, action) = match event.object.as_str() {
        "cluster" => ("cluster", of_cluster(event)?),
        "operation" => of_operation(event)?,
        "container" => ("container", of_container(event)?),
        "template" => ("clustertemplate", verb(&event.action)),
        // Machines of a cluster are its own matter.
        "node" if event.epoch == 0 => ("node", verb(&event.action)),
        "quota" => ("quota", verb(&event.action)),
        "member" => ("member", verb(&event.action)),
        // What people did; the balancer's doing is no matter of audit.
        "ownership" if !event.user_id.is_empty() => ("cluster", "update"),
        "version" | "sink" | "event" | "balance" => ("configuration", "configure"),
        _ => return None,
    };
    let outcome = match event.verdict() {
        Verdict::None => Verdict::Success,
        verdict => verdict,
    };
    Some(About { resource, action, outcome: outcome.word() })
}

/// Of a cluster itself; its operations say the same once more and are left out.
fn of_cluster(event: &Event) -> Option<&'static str> {
    match event.action.as_str() {
        "observed" => None,
        "created" => Some("create"),
        "deleting" | "deleted" => Some("delete"),
        "status" if event.detail.starts_with("CREATE") => Some("create"),
        "status" if event.detail.starts_with("DELETE") => Some("delete"),
        _ => Some("update"),
    }
}

/// Of containers: accepted and ended. Of clusters only that another one took its place, which no status tells.
fn of_operation(event: &Event) -> Option<(&'static str, &str)> {
    let (resource, action) = event.kind.split_once('.')?;
    match (resource, event.action.as_str()) {
        ("container", "accepted" | "ended") => Some(("container", action)),
        ("cluster", "ended") if event.detail.split(' ').nth(1) == Some("SUPERSEDED") => Some(("cluster", action)),
        _ => None,
    }
}

/// A change without an operation of its own.
fn of_container(event: &Event) -> Option<&'static str> {
    match event.action.as_str() {
        "updated" => Some("update"),
        "deleted" if event.kind == "cluster.delete" => Some("delete"),
        _ => None,
    }
}

/// The taxonomy's verb for what happened to a thing.
fn verb(action: &str) -> &'static str {
    match action {
        "created" | "joined" => "create",
        "deleted" | "removed" => "delete",
        "started" => "start",
        _ => "update",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(object: &str, action: &str, detail: &str, kind: &str, verdict: Verdict) -> Event {
        let mut event = Event {
            object: object.to_owned(),
            action: action.to_owned(),
            detail: detail.to_owned(),
            kind: kind.to_owned(),
            ..Event::default()
        };
        event.set_verdict(verdict);
        event
    }

    fn said(object: &str, action: &str, detail: &str, kind: &str, verdict: Verdict) -> Option<String> {
        let event = event(object, action, detail, kind, verdict);
        about(&event).map(|about| format!("{}.{} {}", about.resource, about.action, about.outcome))
    }

    #[test]
    fn a_transition_is_one_record() {
        use Verdict::{Failure, None as Nothing, Pending, Success};
        let cases = [
            (("cluster", "created", "CREATE_IN_PROGRESS", "", Pending), Some("cluster.create pending")),
            (("operation", "accepted", "cluster.create", "cluster.create", Pending), None),
            (("operation", "step.begun", "cluster.create provision.create attempt 1", "cluster.create", Pending), None),
            (("operation", "ended", "cluster.create SUCCEEDED", "cluster.create", Success), None),
            (("cluster", "status", "CREATE_COMPLETE", "cluster.create", Success), Some("cluster.create success")),
            (("cluster", "status", "UPDATE_FAILED", "cluster.update", Failure), Some("cluster.update failure")),
            (("cluster", "deleting", "DELETE_IN_PROGRESS", "", Pending), Some("cluster.delete pending")),
            (("operation", "ended", "cluster.create SUPERSEDED it goes", "cluster.create", Failure), Some("cluster.create failure")),
            (("cluster", "deleted", "DELETE_IN_PROGRESS", "cluster.delete", Success), Some("cluster.delete success")),
            (("cluster", "observed", "CREATE_COMPLETE", "", Nothing), None),
            (("operation", "accepted", "container.start", "container.start", Pending), Some("container.start pending")),
            (("operation", "ended", "container.start FAILED no", "container.start", Failure), Some("container.start failure")),
            (("container", "status", "RUNNING", "container.start", Success), None),
            (("template", "created", "", "", Nothing), Some("clustertemplate.create success")),
            (("ownership", "assigned", "", "", Nothing), None),
        ];
        for ((object, action, detail, kind, verdict), expected) in cases {
            assert_eq!(said(object, action, detail, kind, verdict).as_deref(), expected, "{object}.{action} {detail}");
        }
    }
}
