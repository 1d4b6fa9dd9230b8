//! Reading the event log. A watcher's cursor is a log index: it has seen everything up to and including that entry.

use crate::{
    event::Event,
    id::ClusterId,
    meta::Meta,
    record::{self, Index, index_prefix, whole_key},
    scope::Scope,
    tables::{Fault, KeyRange, View, Visit, table},
};

/// The greatest log index of which events were forgotten. A cursor below it has missed something and must read everything afresh.
pub fn floor(view: &(impl View + ?Sized)) -> Result<u64, Fault> {
    Ok(Meta::read(view)?.event_floor)
}

/// How many events are looked at, at the most, for each one that is asked for, so that other projects' events cost their reader little.
const LOOKED_AT: usize = 8;

/// Events after the entry `cursor` that the scope sees, in order. About `limit` of them, fewer when most are not seen: the events of one entry are
/// never torn apart, so that the last one's index is a cursor. The second value is the cursor for the next call, which also moves over
/// events that the scope does not see.
pub fn after(view: &(impl View + ?Sized), cursor: u64, limit: usize, scope: Scope<'_>) -> Result<(Vec<Event>, u64), Fault> {
    let mut range = KeyRange::prefix(&[table::EVENT]);
    range.start = whole_key(table::EVENT, &cursor.saturating_add(1).to_be_bytes());
    let mut events: Vec<Event> = Vec::new();
    let mut reached = cursor;
    let mut fault = None;
    let (mut looked_at, enough) = (0usize, limit.saturating_mul(LOOKED_AT));
    view.scan(range, &mut |key, value| match record::decode::<Event>(key, value) {
        Ok(event) => {
            looked_at += 1;
            if event.index != reached && (events.len() >= limit || looked_at > enough) {
                return Visit::Stop;
            }
            reached = event.index;
            if scope.sees(&event.project_id) {
                events.push(event);
            }
            Visit::Continue
        }
        Err(error) => {
            fault = Some(error);
            Visit::Stop
        }
    })?;
    fault.map_or(Ok((events, reached)), Err)
}

/// Events of a cluster after the entry `cursor`, in order, `limit` at most.
pub fn of_cluster(view: &(impl View + ?Sized), cluster: ClusterId, cursor: u64, limit: usize) -> Result<Vec<Event>, Fault> {
    let prefix = index_prefix(Index::EventByCluster, cluster.bytes());
    let mut range = KeyRange::prefix(&prefix);
    range.start = [prefix.as_slice(), &cursor.saturating_add(1).to_be_bytes()].concat();
    let mut keys: Vec<Vec<u8>> = Vec::new();
    if limit > 0 {
        view.scan(range, &mut |row, _| {
            keys.push(row.get(prefix.len()..).unwrap_or_default().to_vec());
            if keys.len() < limit { Visit::Continue } else { Visit::Stop }
        })?;
    }
    record::collect(view, keys.iter().map(Vec::as_slice))
}
