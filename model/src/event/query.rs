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

/// The first event after the entry `index`.
pub fn next(view: &(impl View + ?Sized), index: u64) -> Result<Option<Event>, Fault> {
    let mut range = KeyRange::prefix(&[table::EVENT]);
    range.start = whole_key(table::EVENT, &index.saturating_add(1).to_be_bytes());
    first(view, range)
}

/// The last event of the entry `index` or before it.
pub fn last(view: &(impl View + ?Sized), index: u64) -> Result<Option<Event>, Fault> {
    let mut range = KeyRange::prefix(&[table::EVENT]).backwards();
    range.end = whole_key(table::EVENT, &index.saturating_add(1).to_be_bytes());
    first(view, range)
}

fn first(view: &(impl View + ?Sized), range: KeyRange) -> Result<Option<Event>, Fault> {
    let mut found = None;
    view.scan(range, &mut |key, value| {
        found = Some(record::decode(key, value));
        Visit::Stop
    })?;
    found.transpose()
}

/// Which events of a cluster are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// After this event: log index and part; `u32::MAX`: the whole entry.
    pub after: (u64, u32),
    /// Not before this time of the wall clock, milliseconds since 1970.
    pub since_ms: u64,
    /// Before this time.
    pub until_ms: u64,
    /// Of this kind: an object (`operation`) or an object and what happened (`operation.ended`); empty: all.
    pub kind: &'a str,
    /// So many at the most.
    pub limit: usize,
    /// Whose.
    pub scope: Scope<'a>,
}

impl Wanted<'_> {
    fn fits(&self, event: &Event) -> bool {
        let (object, action) = self.kind.split_once('.').unwrap_or((self.kind, ""));
        self.scope.sees(&event.project_id)
            && (self.since_ms..self.until_ms).contains(&event.at_ms)
            && (object.is_empty() || event.object == object)
            && (action.is_empty() || event.action == action)
    }
}

/// How many events of a cluster are looked at for one page, whatever fits.
const PAGE_LOOKS: usize = 10_000;

/// Some events of a cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Story {
    /// Them, in order.
    pub events: Vec<Event>,
    /// Where to go on: there may be more after this event. `None`: these were the last.
    pub more: Option<(u64, u32)>,
}

/// The wanted events of a cluster, in order; also of one that is gone, as long as its events are kept.
pub fn story(view: &(impl View + ?Sized), cluster: ClusterId, wanted: &Wanted<'_>) -> Result<Story, Fault> {
    let prefix = index_prefix(Index::EventByCluster, cluster.bytes());
    let mut range = KeyRange::prefix(&prefix);
    let (index, part) = wanted.after;
    let start = (u128::from(index) << 32 | u128::from(part)).saturating_add(1);
    range.start = [prefix.as_slice(), start.to_be_bytes().get(4..).unwrap_or_default()].concat();
    let mut keys: Vec<Vec<u8>> = Vec::new();
    view.scan(range, &mut |row, _| {
        keys.push(row.get(prefix.len()..).unwrap_or_default().to_vec());
        if keys.len() < PAGE_LOOKS { Visit::Continue } else { Visit::Stop }
    })?;
    let mut story = Story::default();
    let mut reached = None;
    for key in &keys {
        if story.events.len() >= wanted.limit {
            story.more = reached;
            return Ok(story);
        }
        if let Some(event) = record::get::<Event>(view, key)? {
            reached = Some((event.index, event.part));
            if wanted.fits(&event) {
                story.events.push(event);
            }
        }
    }
    story.more = reached.filter(|_| keys.len() >= PAGE_LOOKS);
    Ok(story)
}

/// The last event of a cluster that fits, if it is among its last [`PAGE_LOOKS`].
pub(crate) fn latest(view: &(impl View + ?Sized), cluster: ClusterId, fits: impl Fn(&Event) -> bool) -> Result<Option<Event>, Fault> {
    let prefix = index_prefix(Index::EventByCluster, cluster.bytes());
    let mut keys: Vec<Vec<u8>> = Vec::new();
    view.scan(KeyRange::prefix(&prefix).backwards(), &mut |row, _| {
        keys.push(row.get(prefix.len()..).unwrap_or_default().to_vec());
        if keys.len() < PAGE_LOOKS { Visit::Continue } else { Visit::Stop }
    })?;
    for key in &keys {
        if let Some(event) = record::get::<Event>(view, key)?
            && fits(&event)
        {
            return Ok(Some(event));
        }
    }
    Ok(None)
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
