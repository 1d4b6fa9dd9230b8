//! Reading sinks.

use crate::{
    meta::Meta,
    record,
    sink::Sink,
    tables::{Fault, View},
};

/// A sink by its name.
pub fn by_name(view: &(impl View + ?Sized), name: &str) -> Result<Option<Sink>, Fault> {
    record::get(view, name.as_bytes())
}

/// All sinks, by name.
pub fn all(view: &(impl View + ?Sized)) -> Result<Vec<Sink>, Fault> {
    record::all(view)
}

/// How many events a sink has still to be given.
pub fn lag(meta: &Meta, sink: &Sink) -> u64 {
    meta.event_serial.saturating_sub(sink.serial)
}
