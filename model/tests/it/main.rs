//! What the state does, command by command and at random.
#![expect(clippy::unwrap_used, reason = "tests")]

mod template;
mod world;
