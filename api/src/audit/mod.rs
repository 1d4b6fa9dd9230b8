//! Audit records: what an event of the log looks like to a cloud's other systems.
//!
//! A record is a CADF activity event in the envelope of an OpenStack notification, as Magnum's conductor sends it: event type
//! `magnum.<resource>.<action>`, outcome `pending`, `success` or `failure`, priority `ERROR` where it failed. It is a pure function of the event: whoever
//! makes it, on whichever member, makes the same id, so that a receiver tells two deliveries from two events.
//!
//! One record per transition: accepted and ended are two. Steps, looks and moves between owners are events and no records. Deliberately
//! absent: the whole cluster as an attachment, which Magnum sends along; by the time of delivery it may have changed, and an audit record must not.

mod about;
mod shape;

pub use shape::Record;

use model::event::Event;
use uuid::Uuid;

/// The record of an event, if there is one. `group`: the id of the group of members. `publisher`: the member's name, for people.
pub fn record<'a>(event: &'a Event, group: Uuid, publisher: &'a str) -> Option<Record<'a>> {
    about::about(event).map(|about| shape::record(event, about, group, publisher))
}
