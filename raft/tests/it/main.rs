//! Members in one process, over real sockets on loopback and real folders.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod cluster;
mod faults;
mod membership;
mod reads;
mod snapshots;
mod speed;
mod tls;
mod valve;
mod writes;
