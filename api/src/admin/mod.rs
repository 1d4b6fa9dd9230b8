//! What operators ask of the group of members itself: `/v1/jeroboam/`. Administrators only.

pub(crate) mod events;
pub mod map;
pub(crate) mod members;
pub(crate) mod operations;
pub mod orphans;
pub mod ownership;
pub mod plan;
pub(crate) mod sinks;
pub(crate) mod status;

use crate::{call::Call, decode::scalar, error::Error};

/// The rule for all of it.
const RULE: &str = "jeroboam:admin";

/// The longest list that is given at once.
const LIMIT: usize = 1000;

/// The limit a request asks for, within [`LIMIT`].
pub(crate) fn limit(call: &Call<'_>) -> Result<usize, Error> {
    let Some(text) = call.query.get("limit") else { return Ok(LIMIT) };
    let limit = scalar::digits(text).filter(|limit| *limit > 0).ok_or_else(|| Error::invalid("limit must be a positive integer"))?;
    Ok(usize::try_from(limit).unwrap_or(LIMIT).min(LIMIT))
}

/// The number of a member in a query.
fn number(name: &str, text: &str) -> Result<u64, Error> {
    let number = scalar::digits(text).and_then(|number| u64::try_from(number).ok());
    number.ok_or_else(|| Error::invalid(format!("{name} must be the number of a member")))
}
