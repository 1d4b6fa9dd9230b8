//! Members in one process, over real sockets on loopback and real folders.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod cluster;
mod membership;
mod reads;
mod snapshots;
mod tls;
mod writes;
