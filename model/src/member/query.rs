//! Reading members.

use crate::{
    id::MemberId,
    member::Member,
    record,
    tables::{Fault, View},
};

/// A member by its number.
pub fn by_number(view: &(impl View + ?Sized), member: MemberId) -> Result<Option<Member>, Fault> {
    record::get(view, &member.0.to_be_bytes())
}

/// All members by number.
pub fn all(view: &(impl View + ?Sized)) -> Result<Vec<Member>, Fault> {
    record::all(view)
}
