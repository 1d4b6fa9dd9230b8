//! Does it hold together?
//!
//! [`sim`] is three members in one deterministic world, run by the binary `simulate`; the binary `bench` measures beside etcd; the
//! integration tests live in `tests/`.

pub mod sim;
