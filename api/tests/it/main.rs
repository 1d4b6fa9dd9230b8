//! The API over a real member of a group of one, on a simulated disk.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod actions;
mod admin;
mod battery;
mod clusters;
mod containers;
mod cost;
mod events;
mod http_rules;
mod keystone;
mod operations;
mod owner;
mod quotas;
mod server;
mod templates;
mod tenants;
mod watching;
