//! What can be done with operations, in no vocabulary.

use model::{
    Command, Ident, View,
    cluster::{self, Cluster},
    command::{OperationCancel, OperationPause, OperationRetry},
    found::Found,
    id::{ClusterId, OperationId},
    operation::{Operation, State, query},
};

use crate::{
    call::{Applied, Call, ident, one},
    decode::fields::shortened,
    error::Error,
};

/// An operation as this request left it.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) operation: Operation,
    pub(super) replayed: bool,
}

/// Which states are asked for: one, or all.
///
/// # Errors
/// 400 for a word that is no state.
fn states(call: &Call<'_>) -> Result<Option<State>, Error> {
    let Some(text) = call.query.get("state") else { return Ok(None) };
    let all = [State::Open, State::Succeeded, State::Failed, State::Superseded, State::Unknown, State::Cancelled];
    let found = all.into_iter().find(|state| state.word().eq_ignore_ascii_case(text));
    let words = all.map(State::word).join(", ");
    found.map(Some).ok_or_else(|| Error::invalid(format!("state must be one of {words}")))
}

/// The operations of a cluster that are kept, the newest first; by id also of a cluster that is gone.
pub(super) async fn of_cluster(call: &Call<'_>, name: &str, limit: usize) -> Result<Vec<Operation>, Error> {
    call.allow("operation:get_all")?;
    let wanted = states(call)?;
    let reading = call.read().await?;
    let view = &*reading.view;
    let id = match cluster::query::find(view, ident(name), call.wide())? {
        Found::Missing => gone(call, view, name)?,
        found => one::<Cluster>(found, "cluster", name)?.id,
    };
    let mut operations = query::of_cluster(view, id, usize::MAX)?;
    operations.retain(|operation| wanted.is_none_or(|state| operation.state() == state));
    operations.reverse();
    operations.truncate(limit);
    Ok(operations)
}

/// The id of a cluster that is gone and has operations in the caller's sight.
fn gone(call: &Call<'_>, view: &(impl View + ?Sized), name: &str) -> Result<ClusterId, Error> {
    let missing = || Error::missing(format!("cluster {} could not be found", shortened(name)));
    let Ident::Id(uuid) = ident(name) else { return Err(missing()) };
    let id = ClusterId::new(uuid);
    match query::of_cluster(view, id, 1)?.first() {
        Some(operation) if query::seen_by(view, operation, call.wide())? => Ok(id),
        _ => Err(missing()),
    }
}

fn id(name: &str) -> Result<OperationId, Error> {
    match ident(name) {
        Ident::Id(uuid) => Ok(OperationId::new(uuid)),
        Ident::Name(_) => Err(missing(name)),
    }
}

fn missing(name: &str) -> Error {
    Error::missing(format!("operation {} could not be found", shortened(name)))
}

/// One operation.
pub(super) async fn show(call: &Call<'_>, name: &str) -> Result<Operation, Error> {
    call.allow("operation:get")?;
    let id = id(name)?;
    let reading = call.read().await?;
    match query::by_id(&*reading.view, id)? {
        Some(operation) if query::seen_by(&*reading.view, &operation, call.wide())? => Ok(operation),
        _ => Err(missing(name)),
    }
}

/// Calls one off.
pub(super) async fn cancel(call: &Call<'_>, name: &str) -> Result<Changed, Error> {
    call.allow("operation:cancel")?;
    call.no_body()?;
    let operation = id(name)?;
    let reading = call.read_newest().await?;
    let applied = match call.remembered(&reading)? {
        Some(applied) => applied,
        None => call.write(Command::OperationCancel(OperationCancel { operation })).await?,
    };
    settled(call, &applied, operation).await
}

/// Lets one begin no further batch of machines, or go on.
pub(super) async fn pause(call: &Call<'_>, name: &str, paused: bool) -> Result<Changed, Error> {
    call.allow("operation:pause")?;
    call.no_body()?;
    let operation = id(name)?;
    let reading = call.read_newest().await?;
    let applied = match call.remembered(&reading)? {
        Some(applied) => applied,
        None => call.write(Command::OperationPause(OperationPause { operation, paused })).await?,
    };
    settled(call, &applied, operation).await
}

/// Asks for one again.
pub(super) async fn retry(call: &Call<'_>, name: &str) -> Result<Changed, Error> {
    call.allow("operation:retry")?;
    call.no_body()?;
    let operation = id(name)?;
    let reading = call.read_newest().await?;
    let applied = match call.remembered(&reading)? {
        Some(applied) => applied,
        None => {
            let retry = OperationId::new(call.uuid());
            call.write(Command::OperationRetry(OperationRetry { operation, retry })).await?
        }
    };
    let begun = applied.operation().map_or(operation, OperationId::new);
    settled(call, &applied, begun).await
}

async fn settled(call: &Call<'_>, applied: &Applied, id: OperationId) -> Result<Changed, Error> {
    let reading = call.read_after(applied.index).await?;
    let gone = || Error::missing("the operation is not kept any more").replayed(applied.replayed);
    let operation = query::by_id(&*reading.view, id)?.ok_or_else(gone)?;
    Ok(Changed { operation, replayed: applied.replayed })
}
