//! How is a certificate made and signed?
//!
//! An [`Authority`] is a key with a certificate that says it may sign; it issues certificates that serve both ends of a mutual TLS
//! connection. Everything is PEM text in and PEM text out; what is done with the text, where it is kept and how it is sealed, is the
//! caller's matter. The time is handed in, so that a certificate can be made for any moment and no clock is read here. Keys come from
//! the cryptographic library's own randomness: the one place where the entropy handle of a simulation does not reach, and need not,
//! because nothing is ever ordered or decided by a key.
//!
//! Invariants: elliptic curve P-256 throughout; an authority read from text is refused unless its key belongs to its certificate and
//! the certificate may sign; nothing issued outlives its authority; a private key is never shown by `Debug`.
//!
//! Absent for now: signing requests, revocation lists, intermediate authorities.
//!
//! Read in this order: `authority`, `issue`.

mod authority;
mod error;
mod issue;
mod moment;

pub use authority::Authority;
pub use error::Error;
pub use issue::{Issued, PrivateKey, Request};
