//! A stuck status is set by hand: for administrators, after they have put the world right by other means.
//!
//! Nothing outside is touched. The cluster's own open operation is cancelled, so nobody goes on leading it elsewhere; who did it, from what
//! to what, and why, stands in the event.

use crate::{
    Change,
    cluster::{Cluster, Status, create::set_group_status, update::visible},
    command::ClusterReset,
    context::{Answer, Context, Stop, done_to, refuse},
    event::Note,
    operation::{
        self, State,
        end::{End, close},
    },
    outcome::Class,
    record,
};

/// The status words that can be set: every end that this program gives by itself.
pub const ENDS: [Status; 5] =
    [Status::CreateComplete, Status::CreateFailed, Status::UpdateComplete, Status::UpdateFailed, Status::DeleteFailed];

/// Sets the status of a cluster.
pub(crate) fn reset(context: &mut Context<'_>, command: &ClusterReset) -> Answer {
    let status = allowed(context, command)?;
    let previous = visible(context, command.id)?;
    if previous.status() == status {
        return done_to(previous.id.bytes(), previous.revision);
    }
    if let Some(id) = previous.operation
        && let Some(running) = operation::query::by_id(context.tables, id)?
    {
        let reason = Some(format!("an operator set the status of the cluster to {}", status.word()));
        close(context, &running, &End { state: State::Cancelled, reason, ..End::default() })?;
    }
    let reason = Some(command.reason.clone()).filter(|reason| !reason.is_empty());
    let cluster = Cluster {
        revision: context.index,
        status: status.into(),
        status_reason: reason.clone(),
        operation: None,
        next_template_id: None,
        updated_ms: Some(context.wall_ms),
        ..previous.clone()
    };
    record::replace(context.tables, Some(&previous), &cluster);
    context.changes.push(Change::Cluster(cluster.id));
    let words = format!("{} to {}: {}", previous.status().word(), status.word(), command.reason);
    context.event(Note::cluster(&cluster, "reset").detail(words));
    set_group_status(context, &cluster, status, reason.as_deref(), |group| !group.status().idle())?;
    done_to(cluster.id.bytes(), cluster.revision)
}

fn allowed(context: &Context<'_>, command: &ClusterReset) -> Result<Status, Stop> {
    if !context.actor.all_projects {
        return refuse(Class::Forbidden, "reset-forbidden", "only an administrator sets a status by hand");
    }
    match Status::try_from(command.status) {
        Ok(status) if ENDS.contains(&status) => Ok(status),
        _ => {
            let words: Vec<_> = ENDS.iter().map(|status| status.word()).collect();
            refuse(Class::Invalid, "status-invalid", format!("a status is set to one of {}", words.join(", ")))
        }
    }
}
