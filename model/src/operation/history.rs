//! How long ended operations are kept: the last [`KEPT`] of a cluster and those of the last [`RECENT_MS`] while it is there, and
//! [`AFTERLIFE_MS`] after it is gone, so that whoever waits for one still finds its end.

use crate::{
    Change,
    context::Context,
    id::ClusterId,
    operation::{Operation, left, query},
    record::{self, Index, index_prefix},
    tables::{Fault, KeyRange, Visit},
};

/// Ended operations that are kept for a cluster.
pub(crate) const KEPT: usize = 64;

/// How long an ended operation is kept however many there are: a minute of log time, milliseconds.
pub(crate) const RECENT_MS: u64 = 60 * 1000;

/// How long operations outlive their cluster: an hour of log time, milliseconds.
pub(crate) const AFTERLIFE_MS: u64 = 60 * 60 * 1000;

/// How many rows beyond [`KEPT`] are looked at in one entry.
const LOOKED_AT: usize = 32;

/// Forgets ended operations of a cluster that are too many. One whose call may still take effect stays: its successor has to wait it out.
pub(crate) fn prune(context: &mut Context<'_>, cluster: ClusterId) -> Result<(), Fault> {
    let rows = record::keys_by::<Operation>(context.tables, Index::OperationByCluster, cluster.bytes(), 16, KEPT + LOOKED_AT)?;
    let surplus = rows.len().saturating_sub(KEPT);
    for key in rows.iter().take(surplus) {
        let operation: Option<Operation> = record::get(context.tables, key)?;
        if let Some(operation) = operation
            && operation.ended_ms.is_some_and(|ended| ended.saturating_add(RECENT_MS) <= context.at_ms)
            && !operation.steps.iter().any(|step| step.may_still_act(context.at_ms))
        {
            record::delete(context.tables, &operation);
            context.changes.push(Change::Operation(operation.id, operation.cluster));
        }
    }
    Ok(())
}

/// Lets the operations of a cluster that is gone outlive it for a while, and longer where something was left outside.
pub(crate) fn outlive(context: &mut Context<'_>, cluster: ClusterId) -> Result<(), Fault> {
    for previous in query::of_cluster(context.tables, cluster, usize::MAX)? {
        let kept = if previous.left.is_empty() { AFTERLIFE_MS } else { left::KEPT_MS };
        let operation = Operation { forget_ms: context.at_ms.saturating_add(kept), ..previous.clone() };
        record::replace(context.tables, Some(&previous), &operation);
    }
    Ok(())
}

/// Forgets operations whose cluster has been gone for long enough, `limit` at most.
pub(crate) fn expire(context: &mut Context<'_>, limit: usize) -> Result<usize, Fault> {
    let due = due_keys(context, Index::OperationByForget, limit)?;
    for key in &due {
        if let Some(operation) = record::get::<Operation>(context.tables, key)? {
            record::delete(context.tables, &operation);
        }
    }
    Ok(due.len())
}

/// Keys of the operations whose time in `index` has come, earliest first.
pub(super) fn due_keys(context: &Context<'_>, index: Index, limit: usize) -> Result<Vec<[u8; 16]>, Fault> {
    query::due(context.tables, index, context.at_ms, limit)
}

impl Operation {
    /// Splits a row of an index by time into time and id.
    pub(super) fn time_row(row: &[u8]) -> Option<(u64, [u8; 16])> {
        let (time, id) = row.get(2..)?.split_first_chunk::<8>()?;
        Some((u64::from_be_bytes(*time), <[u8; 16]>::try_from(id).ok()?))
    }
}

/// Visits the rows of an index by time from the earliest on.
pub(super) fn each_by_time(
    view: &(impl crate::tables::View + ?Sized),
    index: Index,
    visit: &mut dyn FnMut(u64, [u8; 16]) -> Visit,
) -> Result<(), Fault> {
    view.scan(KeyRange::prefix(&index_prefix(index, &[])), &mut |row, _| match Operation::time_row(row) {
        Some((time, id)) => visit(time, id),
        None => Visit::Continue,
    })
}
