//! What happened, as the clients and the nemesis saw it.
//!
//! One line per event, in the order of one monotonic clock. An operation is two events of the same
//! process: `invoke`, written *before* the first byte is sent, and `ok`, `fail` or `info`, written
//! *after* the last byte arrived. `fail` is written only when the operation certainly did not happen;
//! whatever might have happened is `info`, and its process number is never used again.
//!
//! Two files are written side by side: `history.edn` in Jepsen's format, so that others can run Knossos
//! or Elle over it, and `history.jsonl` for our own tools. Each line is flushed when it is written, so a
//! killed harness still leaves evidence.

mod edn;
mod event;
mod recorder;

pub(crate) use event::words;
pub use event::{Draft, Event, Kind, Process, Value, Verb};
pub use recorder::{Recorder, load};
