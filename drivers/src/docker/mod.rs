//! The Docker API: one Docker Engine, or anything that answers like one (coe `swarm`).
//!
//! A container of ours is called `jeroboam-<its id>` and carries our labels; the engine refuses a second one of that name with 409,
//! which is what makes create-or-adopt safe. The engine cannot fence: it compares no epochs. What remains is written in
//! [`engine`](crate::engine): unique names, changes by the engine's own id, ids that are never used again.
//!
//! Every request made for a cluster carries its [`Caller`](crate::Caller) as headers: Docker ignores them, a fencing proxy need not.
//!
//! Requests name no API version, so every engine speaks its own newest, and what we read from an answer is in all of them since
//! Docker 1.12. Registries that ask for a password, and TLS to the engine are not here yet.
//!
//! Read in this order: `name`, `wish`, `sight`, `client`, `containers`, `changes`, `output`, `events`, `networks`.

mod changes;
mod client;
pub(crate) mod containers;
mod engine;
mod events;
mod images;
mod name;
pub(crate) mod networks;
mod output;
mod sight;
mod wish;

pub use client::Client;
pub(crate) use client::within;
pub use engine::{DockerConnector, DockerEngine};
