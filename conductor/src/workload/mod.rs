//! Operations on what runs in a cluster: containers now; pods, services and replication controllers when an engine has them.

pub mod container;

pub(crate) mod act;
