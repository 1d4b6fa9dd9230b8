//! Reading operations.

use std::collections::BTreeMap;

use crate::{
    container,
    id::{ClusterId, ContainerId, OperationId},
    meta::Meta,
    operation::{Kind, Operation, history::each_by_time},
    record::{self, Index, index_prefix},
    remember::key,
    scope::Scope,
    tables::{Fault, KeyRange, View, Visit},
};

/// An operation by id.
pub fn by_id(view: &(impl View + ?Sized), id: OperationId) -> Result<Option<Operation>, Fault> {
    record::get(view, id.bytes())
}

/// The operations of a cluster that are kept, in order of acceptance, `limit` at most.
pub fn of_cluster(view: &(impl View + ?Sized), cluster: ClusterId, limit: usize) -> Result<Vec<Operation>, Fault> {
    record::list_by(view, Index::OperationByCluster, cluster.bytes(), limit)
}

/// The open operations of a cluster in order of acceptance: the order in which they run.
pub fn open(view: &(impl View + ?Sized), cluster: ClusterId) -> Result<Vec<Operation>, Fault> {
    record::list_by(view, Index::OperationOpenByCluster, cluster.bytes(), usize::MAX)
}

/// How many operations of a cluster are open; counts to `limit` at most.
pub fn open_count(view: &(impl View + ?Sized), cluster: ClusterId, limit: usize) -> Result<usize, Fault> {
    Ok(record::keys_by::<Operation>(view, Index::OperationOpenByCluster, cluster.bytes(), 16, limit)?.len())
}

/// How many operations of each cluster are open; clusters without any are not there.
pub fn open_counts(view: &(impl View + ?Sized)) -> Result<BTreeMap<ClusterId, u32>, Fault> {
    let prefix = index_prefix(Index::OperationOpenByCluster, &[]);
    let mut counts: BTreeMap<ClusterId, u32> = BTreeMap::new();
    view.scan(KeyRange::prefix(&prefix), &mut |row, _| {
        if let Some((cluster, _)) = row.get(prefix.len()..).and_then(|rest| rest.split_first_chunk::<16>()) {
            *counts.entry(ClusterId::new(uuid::Uuid::from_bytes(*cluster))).or_default() += 1;
        }
        Visit::Continue
    })?;
    Ok(counts)
}

/// The open operations of one container in order of acceptance.
pub fn open_of_container(view: &(impl View + ?Sized), cluster: ClusterId, container: ContainerId) -> Result<Vec<Operation>, Fault> {
    let mut operations = open(view, cluster)?;
    operations.retain(|operation| operation.container == Some(container));
    Ok(operations)
}

/// Whether an operation is in a scope: that of its cluster's project, or of its container's.
pub fn seen_by(view: &(impl View + ?Sized), operation: &Operation, scope: Scope<'_>) -> Result<bool, Fault> {
    if scope.sees(&operation.owner_id) {
        return Ok(true);
    }
    let Some(container) = operation.container else { return Ok(false) };
    Ok(container::query::by_id(view, container)?.is_some_and(|container| scope.sees(&container.project_id)))
}

/// Open operations of all clusters, by cluster and in order of acceptance, `limit` at most.
pub fn all_open(view: &(impl View + ?Sized), limit: usize) -> Result<Vec<Operation>, Fault> {
    record::list_by(view, Index::OperationOpenByCluster, &[], limit)
}

/// Forced deletions that have left something outside, in order of acceptance, `limit` at most.
pub fn with_left(view: &(impl View + ?Sized), limit: usize) -> Result<Vec<Operation>, Fault> {
    record::list_by(view, Index::OperationByLeft, &[], limit)
}

/// The open deletion of a cluster itself.
pub fn open_deletion(view: &(impl View + ?Sized), cluster: ClusterId) -> Result<Option<Operation>, Fault> {
    Ok(open(view, cluster)?.into_iter().find(|operation| operation.kind() == Kind::ClusterDelete))
}

/// Operations of a cluster, open or ended, that have a step whose outside call may still take effect at `at_ms` of log time. What
/// superseded them has to reckon with those calls.
pub fn in_flight(view: &(impl View + ?Sized), cluster: ClusterId, at_ms: u64) -> Result<Vec<Operation>, Fault> {
    let mut operations = of_cluster(view, cluster, usize::MAX)?;
    operations.retain(|operation| operation.steps.iter().any(|step| step.may_still_act(at_ms)));
    Ok(operations)
}

/// Keys of operations whose time in an index by time has come, earliest first.
pub(super) fn due(view: &(impl View + ?Sized), index: Index, at_ms: u64, limit: usize) -> Result<Vec<[u8; 16]>, Fault> {
    let mut keys = Vec::new();
    if limit == 0 {
        return Ok(keys);
    }
    each_by_time(view, index, &mut |time, id| {
        if time > at_ms {
            return Visit::Stop;
        }
        keys.push(id);
        if keys.len() < limit { Visit::Continue } else { Visit::Stop }
    })?;
    Ok(keys)
}

/// The earliest deadline of an open operation, log time in milliseconds.
pub fn next_deadline(view: &(impl View + ?Sized)) -> Result<Option<u64>, Fault> {
    let mut deadline = None;
    each_by_time(view, Index::OperationByDeadline, &mut |time, _| {
        deadline = Some(time);
        Visit::Stop
    })?;
    Ok(deadline)
}

/// Whether an `Expire` at `at_ms` of log time would find something to do: a deadline, a remembered key, a forgotten operation.
pub fn expire_due(view: &(impl View + ?Sized), at_ms: u64) -> Result<bool, Fault> {
    let meta = Meta::read(view)?;
    Ok(!due(view, Index::OperationByDeadline, at_ms, 1)?.is_empty()
        || !due(view, Index::OperationByForget, at_ms, 1)?.is_empty()
        || key::due(view, at_ms, meta.key_floor_ms)?)
}
