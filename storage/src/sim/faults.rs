//! What a simulated disk may do wrong.

use std::ops::Range;
use std::time::Duration;

/// What a crash leaves of the batches and bytes that were never flushed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CrashKeeps {
    /// Nothing: the harshest power loss.
    #[default]
    Nothing,
    /// A random prefix, as a disk does that was writing in the background.
    Prefix,
    /// Everything: the process was killed, the machine lives.
    Everything,
}

/// The faults in force. Probabilities are per call, from 0 to 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    /// How long a flush or another file job takes; an empty range is no time at all, and then no clock is needed.
    pub delay: Range<Duration>,
    /// A submit or file write fails with an I/O error; sticky for the engine.
    pub write_error: f64,
    /// A flush fails with an I/O error after its delay; sticky for the engine.
    pub flush_error: f64,
    /// A read fails with an I/O error.
    pub read_error: f64,
    /// A row that is read has one flipped bit, which its checksum finds.
    pub rot: f64,
    /// Every write fails for want of space; sticky for the engine.
    pub full: bool,
    /// What a crash leaves.
    pub crash: CrashKeeps,
}
