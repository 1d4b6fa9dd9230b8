//! What the end of an operation means for its container.

use crate::{
    Change,
    container::{Container, ContainerStatus, Wanted, query},
    context::Context,
    event::Note,
    operation::{self, Kind, Operation, State, end::End},
    record,
    tables::Fault,
};

/// An operation on a container has ended.
pub(crate) fn ended(context: &mut Context<'_>, operation: &Operation, end: &End) -> Result<(), Fault> {
    let Some(id) = operation.container else {
        return Ok(());
    };
    let Some(previous) = query::by_id(context.tables, id)? else {
        return Ok(());
    };
    let succeeded = end.state == State::Succeeded;
    if succeeded && operation.kind() == Kind::ContainerDelete {
        record::delete(context.tables, &previous);
        context.changes.push(Change::Container(previous.id, previous.cluster));
        context.event(Note::container(&previous, "deleted").of(operation).end(end.state).epoch(end.epoch));
        return Ok(());
    }
    let mut container = previous.clone();
    if succeeded {
        if !end.sighted {
            presume(&mut container, operation.kind());
        }
    } else {
        fail(context, &mut container, operation, end)?;
    }
    if container == previous {
        return Ok(());
    }
    container.revision = context.index;
    container.updated_ms = Some(context.wall_ms);
    record::replace(context.tables, Some(&previous), &container);
    context.changes.push(Change::Container(container.id, container.cluster));
    context.event(Note::container(&container, "status").of(operation).end(end.state).because(end.reason.as_deref()).epoch(end.epoch));
    Ok(())
}

/// What a container must look like after a success that came without a sighting.
fn presume(container: &mut Container, kind: Kind) {
    let status = match kind {
        Kind::ContainerCreate | Kind::ContainerStop => ContainerStatus::Stopped,
        Kind::ContainerStart | Kind::ContainerUnpause | Kind::ContainerReboot => ContainerStatus::Running,
        Kind::ContainerPause => ContainerStatus::Paused,
        _ => return,
    };
    container.set_status(status);
    container.status_reason = None;
}

/// A failed create leaves a record in error, as does a failed deletion, which is still wanted. After any other failure the container is
/// wanted as it is, unless more acts wait.
fn fail(context: &Context<'_>, container: &mut Container, operation: &Operation, end: &End) -> Result<(), Fault> {
    match operation.kind() {
        Kind::ContainerExecute => return Ok(()),
        Kind::ContainerCreate => container.set_status(ContainerStatus::Error),
        Kind::ContainerDelete if !end.sighted => container.set_status(ContainerStatus::Error),
        _ => {}
    }
    container.status_reason.clone_from(&end.reason);
    if matches!(container.wanted(), Wanted::Deleted | Wanted::Created)
        || !operation::query::open_of_container(context.tables, container.cluster, container.id)?.is_empty()
    {
        return Ok(());
    }
    match container.status() {
        ContainerStatus::Running => container.set_wanted(Wanted::Running),
        ContainerStatus::Stopped => container.set_wanted(Wanted::Stopped),
        ContainerStatus::Paused => container.set_wanted(Wanted::Paused),
        ContainerStatus::Unknown | ContainerStatus::Error => {}
    }
    Ok(())
}
