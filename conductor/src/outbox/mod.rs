//! The outbox: every event of the log is given to every sink, at least once, by one member at a time.
//!
//! *Who.* The leader. Leading is exclusive already, ends by itself when a member is cut off, and needs no assignment of its own; what is
//! delivered is little beside what a leader does. It asks a quorum whether it still leads before every delivery (a read-index round), so a deposed
//! leader delivers nothing once the others have turned away; and its advances carry its term, so apply refuses those of an earlier one.
//!
//! *What is remembered* is one cursor per sink, replicated ([`model::sink`]). It moves after the sink has taken the events, never before: a leader that
//! dies in between makes its successor deliver those again. A receiver tells a repetition by the event's place in the log, and a gap by its
//! serial.
//!
//! *Bounds.* One portion of events is in memory per sink; the log keeps what a sink has not taken, within its own bound. A sink that fails is tried
//! again, with pauses that double, for ever: it holds up nobody but itself.
//!
//! What a sink makes of events (audit records, notifications) and where they go is not known here: see `node`.

mod deliver;
mod sink;

pub(crate) mod keep;
pub(crate) mod run;

pub use sink::{Sink, Unwilling};
