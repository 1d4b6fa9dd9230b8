//! Reading who owns what.

use crate::{
    id::{ClusterId, MemberId},
    ownership::Ownership,
    record::{self, Index},
    tables::{Fault, View},
};

/// The assignment of a cluster; one without an owner has the epoch of its last assignment, 0 if there was none.
pub fn of(view: &(impl View + ?Sized), cluster: ClusterId) -> Result<Option<Ownership>, Fault> {
    record::get(view, cluster.bytes())
}

/// Assignments to a member, whichever incarnation they name; `limit` at most.
pub fn by_member(view: &(impl View + ?Sized), member: MemberId, limit: usize) -> Result<Vec<Ownership>, Fault> {
    record::list_by(view, Index::OwnershipByMember, &member.0.to_be_bytes(), limit)
}

/// Clusters that nobody owns; `limit` at most.
pub fn unowned(view: &(impl View + ?Sized), limit: usize) -> Result<Vec<Ownership>, Fault> {
    by_member(view, MemberId(0), limit)
}

/// Every assignment.
pub fn all(view: &(impl View + ?Sized)) -> Result<Vec<Ownership>, Fault> {
    record::all(view)
}

/// Whether `epoch` is the present one of a cluster and somebody holds it.
pub fn is_current(view: &(impl View + ?Sized), cluster: ClusterId, epoch: u64) -> Result<bool, Fault> {
    let fenced = !crate::planted!("m6");
    Ok(of(view, cluster)?.is_some_and(|ownership| !fenced || (ownership.member != 0 && ownership.epoch == epoch)))
}
