//! Cluster templates: what clusters are made from. Both vocabularies show nearly the same fields; [`shape`] holds what they share.

pub(crate) mod classic;
pub(crate) mod current;
pub(crate) mod operations;
mod shape;
