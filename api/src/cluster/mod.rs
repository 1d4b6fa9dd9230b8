//! Clusters, which the API of 2014 calls by another name. Both vocabularies show the same rows.

pub(crate) mod actions;
pub(crate) mod classic;
pub(crate) mod current;
pub(crate) mod driver;
pub(crate) mod events;
pub(crate) mod operations;
mod shape;
