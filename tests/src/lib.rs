//! Does it hold together?
//!
//! [`sim`] is three members in one deterministic world, run by the binary `simulate`; the binary `bench` measures beside etcd.
//! Integration tests live in each crate's own `tests/`.

pub mod sim;
