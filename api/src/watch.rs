//! A stream of changes: `GET /v1/jeroboam/watch`, server-sent events with the log index as cursor.
//!
//! An event's id is `<index>:<part>`. A watcher that comes back with the last id it saw (`Last-Event-ID`, or `?after=`) goes on there, on
//! whichever member. A cursor older than what is kept is 410: read everything afresh and begin at the `Jeroboam-Index` of that read.
//! The stream reads the event log in portions as the client takes them, so a slow client costs a cursor and one portion. A change is only a
//! wake-up. `GET /v1/jeroboam/audit` streams the same log as audit records ([`crate::audit`]). There is a comment at once and every so often, so that nothing in between takes the silence for an end.

use std::{collections::VecDeque, fmt::Write as _};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderName, StatusCode, header};
use model::event::{Event, query};
use raft::{Changed, Changes, Consistency};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout_at},
};

use crate::{admin::events::Shape, app::Shared, audit, auth::Caller, call::Call, error::Error, reply::Reply};

/// Events read at once.
const PORTION: usize = 256;

const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Where a watcher stands: it has seen everything up to part `part` of entry `index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cursor {
    index: u64,
    /// `u32::MAX`: the whole entry.
    part: u32,
}

impl Cursor {
    /// `<index>` or `<index>:<part>`.
    fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None => Some(Self { index: text.parse().ok()?, part: u32::MAX }),
            Some((index, part)) => Some(Self { index: index.parse().ok()?, part: part.parse().ok()? }),
        }
    }

    /// The entry after which to read.
    fn after(self) -> u64 {
        if self.part == u32::MAX { self.index } else { self.index.saturating_sub(1) }
    }

    fn passed(self, event: &Event) -> bool {
        event.index < self.index || (event.index == self.index && event.part <= self.part)
    }
}

/// What is streamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Every event the caller sees.
    Events,
    /// Audit records.
    Audit,
}

struct Watch {
    form: Form,
    app: std::sync::Arc<Shared>,
    caller: std::sync::Arc<Caller>,
    /// It acts for the whole cloud.
    admin: bool,
    changes: Changes,
    cursor: Cursor,
    ready: VecDeque<Bytes>,
    keep_alive: Instant,
    _place: OwnedSemaphorePermit,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.app.metrics.watches().dec();
    }
}

/// `GET /v1/jeroboam/watch?after=`
pub(crate) async fn watch(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow("jeroboam:watch")?;
    stream(call, Form::Events).await
}

/// `GET /v1/jeroboam/audit?after=`: the same cursor, as audit records.
pub(crate) async fn audit(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow("jeroboam:admin")?;
    stream(call, Form::Audit).await
}

async fn stream(call: &Call<'_>, form: Form) -> Result<Reply, Error> {
    let place = call.app.watches.clone().try_acquire_owned().map_err(|_| Error::busy("there are too many watches on this member"))?;
    let changes = call.app.handle.changes();
    let reading = call.read().await?;
    let cursor = match call.last_event.as_deref().or_else(|| call.query.get("after")) {
        None => Cursor { index: reading.index, part: u32::MAX },
        Some(text) => Cursor::parse(text).ok_or_else(|| Error::invalid("the cursor must be a log index, or the id of an event"))?,
    };
    if cursor.after() < query::floor(&*reading.view)? {
        return Err(Error::gone(
            "events after this cursor are not kept any more; read everything afresh and watch from its Jeroboam-Index",
        ));
    }
    drop(reading);
    call.app.metrics.watches().inc();
    let watch = Watch {
        form,
        app: call.app.clone(),
        caller: call.caller.clone(),
        admin: call.admin,
        changes,
        cursor,
        ready: VecDeque::from([Bytes::from_static(b": watching\n\n")]),
        keep_alive: Instant::now() + call.app.settings.keep_alive,
        _place: place,
    };
    let stream = futures::stream::unfold(watch, |mut watch| async move {
        let piece = watch.next().await?;
        Some((Ok::<_, std::convert::Infallible>(piece), watch))
    });
    let reply = Reply::of(StatusCode::OK, "text/event-stream", Body::from_stream(stream));
    Ok(reply.with(header::CACHE_CONTROL, "no-cache").with(BUFFERING, "no"))
}

impl Watch {
    /// The next piece of the stream; `None` ends it.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Some(piece);
            }
            if !self.read().await? {
                // Reading waits for nothing; others want the thread too.
                tokio::task::yield_now().await;
                continue;
            }
            let stopping = self.app.stopping.clone();
            let woken = tokio::select! {
                () = stopping.cancelled() => return None,
                woken = timeout_at(self.keep_alive, self.changes.recv()) => woken,
            };
            match woken {
                Err(_) => {
                    self.keep_alive = Instant::now() + self.app.settings.keep_alive;
                    return Some(Bytes::from_static(b": alive\n\n"));
                }
                Ok(Changed::Closed) => return None,
                Ok(Changed::Some(_) | Changed::Lagged) => {}
            }
        }
    }

    /// An event as this stream tells it: its name and its data.
    fn message(&self, event: &Event) -> Option<(String, String)> {
        match self.form {
            Form::Events => Some((format!("{}.{}", event.object, event.action), serde_json::to_string(&Shape::from(event)).ok()?)),
            Form::Audit => {
                let record = audit::record(event, self.app.handle.cluster(), &self.app.settings.name)?;
                Some((record.event_type().to_owned(), serde_json::to_string(&record).ok()?))
            }
        }
    }

    /// Reads one portion. Whether there was nothing left to read; `None`: the stream must end.
    async fn read(&mut self) -> Option<bool> {
        let reading = self.app.handle.read(Consistency::Stale, Instant::now()).await.ok()?;
        let view = &*reading.view;
        if self.cursor.after() < query::floor(view).ok()? {
            self.ready
                .push_back(Bytes::from_static(b"event: gone\ndata: {\"reason\":\"events after this cursor are not kept any more\"}\n\n"));
            self.cursor = Cursor { index: u64::MAX, part: u32::MAX };
            return Some(false);
        }
        if self.cursor.index == u64::MAX {
            return None;
        }
        let scope = if self.admin { model::Scope::All } else { model::Scope::Project(&self.caller.project_id) };
        let (events, reached) = query::after(view, self.cursor.after(), PORTION, scope).ok()?;
        let at_end = reached <= self.cursor.index && events.iter().all(|event| self.cursor.passed(event));
        let mut text = String::new();
        for event in events.iter().filter(|event| !self.cursor.passed(event)) {
            if let Some((name, data)) = self.message(event) {
                // Writing into a string does not fail.
                write!(text, "id: {}\nevent: {name}\ndata: {data}\n\n", event.place()).unwrap_or_default();
            }
        }
        if !text.is_empty() {
            self.ready.push_back(Bytes::from(text));
            self.keep_alive = Instant::now() + self.app.settings.keep_alive;
        }
        if reached > self.cursor.index || (reached == self.cursor.index && self.cursor.part != u32::MAX) {
            self.cursor = Cursor { index: reached, part: u32::MAX };
        }
        Some(at_end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_an_index_or_the_id_of_an_event() {
        assert_eq!(Cursor::parse("7").unwrap().after(), 7);
        let within = Cursor::parse("7:1").unwrap();
        assert_eq!(within.after(), 6);
        let event = |index, part| Event { index, part, ..Event::default() };
        assert!(within.passed(&event(7, 1)) && !within.passed(&event(7, 2)) && within.passed(&event(6, 9)));
        for bad in ["", "x", "-1", "1:", "1:2:3", "99999999999999999999"] {
            assert_eq!(Cursor::parse(bad), None, "{bad}");
        }
    }
}
