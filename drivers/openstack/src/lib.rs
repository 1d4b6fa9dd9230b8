//! How are the services of an OpenStack cloud asked?
//!
//! A [`Session`] is one identity at one Keystone: it gets a token with its [`Credentials`], keeps it until shortly before its end, knows
//! from the token's catalog where each service is, and makes requests with it. On top stand one module per service with the few calls that
//! are made of it; [`keystone`] also says what a token that somebody else brought stands for.
//!
//! # Invariants
//! * Every request has a limit in time, every answer one in bytes, and redirects are not followed: a token must not go where nobody sent it.
//! * A token that a service refuses (401) is thrown away and asked for again once, never more often.
//! * However many wait for a new token, one request fetches it.
//! * Secrets and tokens are shown by no `Debug` and stand in no error.
//! * Times: how long a token is good follows from the two times Keystone wrote into it, counted on the monotonic clock from before the
//!   request; the wall clock of this machine decides nothing here.
//!
//! # Absent on purpose
//! Keystone v2, discovery of versions by their documents, retries (whoever calls knows what a repetition means), and every call nobody
//! makes.
//!
//! Read in this order: `transport`, `credentials`, `token`, `catalog`, `session`, `keystone`.

mod catalog;
mod credentials;
mod error;
pub mod keystone;
mod session;
mod token;
mod transport;

pub use catalog::{Catalog, Interface};
pub use credentials::{Credentials, Realm, Scope, Secret, User};
pub use error::Error;
pub use session::{Session, Target};
pub use token::{Granted, Named, Owned, Token};
pub use transport::{Answer, Limits, Transport, Wire, words};
