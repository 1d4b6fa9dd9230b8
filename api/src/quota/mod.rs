//! `/v1/quotas`: how many clusters a project may have.

pub(crate) mod current;
mod operations;
