//! Containers of clusters whose engine speaks the Docker API; only the classic API has them.
//!
//! A request never talks to an engine. It puts an intent into the log and waits for the operation that comes of it; what must be seen
//! fresh (a status, logs, the output of a command) is asked of the cluster's owner.

pub(crate) mod classic;
mod fault;
pub(crate) mod operations;
mod outcome;
mod owner;
