//! How do people ask? REST in both of Magnum's vocabularies over one model.
//!
//! A request goes through `request` (identity, version, types, body), is found in the table of `router`, and reaches a
//! handler. Each resource has a folder: `operations` knows no vocabulary and no JSON, `current` and `classic` translate between JSON and the
//! model and do nothing else. The words of the classic vocabulary stand in files called `classic.rs`, in the table of routes and in `version.rs`.
//!
//! # Invariants
//! * A request never acts on the outside world: it reads the state and puts commands into the log; only owners act.
//! * Checks that must not race are made by apply, not here. What is checked here is form.
//! * An object of another project is missing (404), never forbidden.
//! * There is one mapping from what went wrong to a status: `error`.
//! * Every answer carries the log index it was made at; every wait has an end.
//!
//! # What the process around it must do
//! Serve [`router`] over HTTP/1 and HTTP/2 with a limit on the time and the size of request heads (hyper: `header_read_timeout`,
//! `max_headers`, `max_buf_size`), a limit on connections, and graceful shutdown; call [`App::stop`] first. Bodies, their time and their
//! size are limited here.

mod admin;
mod app;
pub mod audit;
mod auth;
mod call;
mod certificate;
mod cluster;
mod container;
mod decode;
mod discovery;
mod error;
mod headers;
mod health;
mod link;
mod metrics;
mod mservice;
mod node;
mod operation;
mod page;
mod patch;
mod query;
mod quota;
mod reply;
mod request;
mod router;
mod settings;
mod stats;
mod template;
mod time;
mod version;
mod watch;

pub use admin::{map, orphans, ownership, plan};
pub use app::App;
pub use auth::{Caller, Error as TokenError, Identity, Keystone, KeystoneSettings, Policy, Tokens, policy};
pub use operation::held;
pub use router::{router, routes};
pub use settings::Settings;
