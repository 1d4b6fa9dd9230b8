//! What the state does, command by command and at random.
#![expect(clippy::unwrap_used, reason = "tests")]

mod cluster;
mod container;
mod damage;
mod entry;
mod event;
mod format;
mod member;
mod node;
mod operation;
mod ownership;
mod quota;
mod random;
mod remember;
mod rolling;
mod sink;
mod template;
mod ways_on;
mod world;
