//! A cluster gets a new authority and new credentials. Each of them has a number, so that a call that comes again brings no further ones.

use crate::{
    cluster::{
        Status,
        create::{accepted, begin, set_group_status, timeout_ms},
        update::visible,
        upgrade::idle,
    },
    command::ClusterRotate,
    context::{Answer, Context, Stop, refuse, still_at},
    id::{ClusterId, OperationId},
    operation::{self, Kind, Operation, Request},
    outcome::Class,
    template,
};

/// Gives a cluster new credentials.
pub(crate) fn rotate(context: &mut Context<'_>, command: &ClusterRotate) -> Answer {
    still_at(command.expected_revision, visible(context, command.id)?.revision)?;
    operation::free(context, command.operation)?;
    start(context, command.id, (command.operation, None))
}

/// Brings the same credentials again.
pub(crate) fn again(context: &mut Context<'_>, old: &Operation, id: OperationId) -> Answer {
    start(context, old.cluster, (id, Some(old.id)))
}

fn start(context: &mut Context<'_>, cluster: ClusterId, (id, retry_of): (OperationId, Option<OperationId>)) -> Answer {
    let previous = visible(context, cluster)?;
    idle(&previous)?;
    operation::room(context, &previous)?;
    secured(context, &previous.template_id)?;
    let cluster = begin(context, &previous, Status::UpdateInProgress, id);
    set_group_status(context, &cluster, Status::UpdateInProgress, None, |_| true)?;
    let request = Request {
        retry_of,
        credentials: cluster.credentials.saturating_add(1),
        ..Request::new(id, &cluster, Kind::ClusterRotate, timeout_ms(&cluster.wanted))
    };
    operation::accept(context, request)?;
    Ok(accepted(&cluster, id))
}

/// Refuses a cluster without an authority.
fn secured(context: &Context<'_>, id: &crate::id::TemplateId) -> Result<(), Stop> {
    let template = template::query::by_id(context.tables, *id)?;
    if template.is_some_and(|template| template.wish.tls_disabled) {
        return refuse(
            Class::Invalid,
            "tls-disabled",
            "the cluster works without TLS: it has no authority whose certificate could be replaced",
        );
    }
    Ok(())
}
