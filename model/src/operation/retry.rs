//! What has failed is asked for again: the same kind with the same wish, as a new operation that names the old one.
//!
//! Only the last operation on a thing is done again: an older one would lead back to what somebody has changed his mind about since.

use crate::{
    cluster,
    command::{ClusterDelete, OperationRetry},
    container,
    context::{Answer, Context, Stop, refuse},
    operation::{Kind, Operation, State, apply::ended, cancel::visible, free, query},
    outcome::Class,
};

/// Accepts an ended operation once more.
pub(crate) fn retry(context: &mut Context<'_>, command: &OperationRetry) -> Answer {
    let old = visible(context, command.operation)?;
    match old.state() {
        State::Failed | State::Cancelled | State::Unknown => {}
        State::Open => {
            return refuse(Class::Conflict, "operation-open", format!("operation {} has not ended; it goes on by itself", old.id));
        }
        State::Succeeded | State::Superseded => return Err(ended(&old)),
    }
    free(context, command.retry)?;
    last(context, &old)?;
    match old.kind() {
        Kind::ClusterCreate => cluster::create::again(context, &old, command.retry),
        Kind::ClusterUpdate | Kind::ClusterResize => cluster::resize::again(context, &old, command.retry),
        Kind::ClusterUpgrade => cluster::upgrade::again(context, &old, command.retry),
        Kind::ClusterRotate => cluster::rotate::again(context, &old, command.retry),
        Kind::ClusterHeal => cluster::heal::again(context, &old, command.retry),
        Kind::ClusterDelete => {
            let delete = ClusterDelete { id: old.cluster, expected_revision: 0, operation: command.retry, force: old.force };
            cluster::delete::again(context, &delete, Some(old.id))
        }
        Kind::ContainerExecute => {
            let message = "the output of an execute goes to who asked for it; ask for a new one";
            refuse(Class::Invalid, "execute-not-repeated", message)
        }
        _ => container::apply::again(context, &old, command.retry),
    }
}

/// Refuses what is not the last operation on its thing. A container's create counts while it has not been made.
fn last(context: &Context<'_>, old: &Operation) -> Result<(), Stop> {
    let newer = query::of_cluster(context.tables, old.cluster, usize::MAX)?
        .into_iter()
        .rev()
        .find(|other| other.container == old.container && (old.kind() != Kind::ContainerCreate || other.kind() == old.kind()));
    match newer {
        Some(newer) if newer.id != old.id => {
            let message = format!("operation {} came after it; only the last operation on a thing is done again", newer.id);
            refuse(Class::Conflict, "operation-overtaken", message)
        }
        _ => Ok(()),
    }
}
