//! One sink during one term: read behind the cursor, deliver, move the cursor, wait.
//!
//! Ends only by being dropped. Each await may be the last: what was taken and not noted is delivered again.

use std::time::Duration;

use model::{
    Scope,
    command::{Command, SinkAdvance, SinkOpen},
    event::{self, Event},
    meta::Meta,
    sink,
};
use raft::{Changed, Changes, handle::SharedView};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    error::Halt,
    outbox::{Sink, Unwilling},
    reconcile::retry,
    shared::Shared,
};

/// Events delivered together.
const PORTION: usize = 256;

/// How long others may join before a delivery.
const GATHER: Duration = Duration::from_millis(50);

/// The cursor is moved at the end of a backlog, and in a long one once in this time: what a fail-over repeats at the most, besides one portion.
const NOTE: Duration = Duration::from_millis(500);

/// How long one delivery may take before it counts as failed. A sink has bounds of its own below this.
const TAKE: Duration = Duration::from_secs(60);

/// Signals that are taken for one.
const DRAIN: usize = 10_000;

/// The longest time between two looks when no change is heard.
const IDLE: Duration = Duration::from_secs(5);

/// See the module.
pub(super) struct Delivery<'a> {
    shared: &'a Shared,
    sink: &'a dyn Sink,
    term: u64,
    failures: u32,
}

/// How far this term's delivery is.
struct Place {
    /// The cursor as replicated.
    noted: u64,
    /// What the sink has taken.
    reached: u64,
    /// Records taken since `noted`.
    records: u64,
    noted_at: Instant,
}

impl<'a> Delivery<'a> {
    pub(super) fn new(shared: &'a Shared, sink: &'a dyn Sink, term: u64) -> Self {
        Self { shared, sink, term, failures: 0 }
    }

    /// Delivers for as long as the term lasts.
    pub(super) async fn run(mut self) {
        let mut changes = self.shared.handle.changes();
        loop {
            match self.serve(&mut changes).await {
                Ok(()) => {}
                Err(error) => tracing::debug!(sink = self.sink.name(), %error, "delivery is interrupted"),
            }
            sleep(self.shared.jittered(Duration::from_millis(500))).await;
        }
    }

    /// From the replicated cursor on, until something is not as it should be: then from the beginning.
    async fn serve(&mut self, changes: &mut Changes) -> Result<(), Halt> {
        let Some(cursor) = self.open().await? else { return Ok(()) };
        let mut place = Place { noted: cursor, reached: cursor, records: 0, noted_at: Instant::now() };
        loop {
            let view = self.shared.view().await?;
            let (events, reached) = event::query::after(&*view, place.reached, PORTION, Scope::All)?;
            if !self.tell(&view, &place)? {
                return Ok(()); // somebody closed it
            }
            if events.is_empty() {
                if !self.note(&mut place).await? {
                    return Ok(());
                }
                wait(changes).await;
                continue;
            }
            if !self.leads().await? {
                return Ok(());
            }
            model::fault_point!("outbox::delivery::before");
            let taken = timeout(TAKE, self.sink.take(&events)).await;
            model::fault_point!("outbox::delivery::after", Ok(()));
            match taken.unwrap_or_else(|_| Err(Unwilling(format!("it took longer than {} s", TAKE.as_secs())))) {
                Ok(records) => {
                    self.failures = 0;
                    self.shared.metrics.sink_took(self.sink.name(), records);
                    place.reached = reached;
                    place.records = place.records.saturating_add(records);
                    if place.noted_at.elapsed() >= NOTE && !self.note(&mut place).await? {
                        return Ok(());
                    }
                }
                Err(error) => self.failed(&events, &error).await,
            }
        }
    }

    /// Whether this member still leads, as a majority says now.
    async fn leads(&self) -> Result<bool, Halt> {
        self.shared.handle.read_index(self.shared.deadline()).await?;
        // The round may have been another leader's.
        let now = self.shared.handle.leadership();
        let now = now.borrow();
        Ok(now.leader == Some(self.shared.member()) && now.term == self.term)
    }

    /// Waits before the same events are delivered again.
    async fn failed(&mut self, events: &[Event], error: &Unwilling) {
        self.failures = self.failures.saturating_add(1);
        self.shared.metrics.sink_failed(self.sink.name());
        let pause = retry::pause(self.failures, None, &*self.shared.chance);
        let first = events.first().map_or_else(String::new, Event::place);
        tracing::warn!(sink = self.sink.name(), first, attempt = self.failures, ?pause, %error, "a sink did not take events; they are kept for it");
        sleep(pause).await;
    }

    /// Makes sure that the sink is known; its cursor. `None`: not yet.
    async fn open(&self) -> Result<Option<u64>, Halt> {
        let name = self.sink.name();
        if let Some(row) = sink::query::by_name(&*self.shared.fresh_view().await?, name)? {
            return Ok(Some(row.cursor));
        }
        if let Err(refusal) = self.shared.write(Command::SinkOpen(SinkOpen { name: name.to_owned() })).await? {
            // Until every member runs a program that knows sinks.
            tracing::debug!(sink = name, reason = refusal.message, "events are not kept for the sink yet");
            return Ok(None);
        }
        Ok(sink::query::by_name(&*self.shared.view().await?, name)?.map(|row| row.cursor))
    }

    /// Moves the cursor behind what was taken. False: it is not this delivery's any more.
    async fn note(&self, place: &mut Place) -> Result<bool, Halt> {
        if place.reached > place.noted {
            let (from, to) = (place.noted, place.reached);
            let advance = SinkAdvance { name: self.sink.name().to_owned(), term: self.term, from, to, records: place.records };
            if let Err(refusal) = self.shared.write(Command::SinkAdvance(advance)).await? {
                tracing::info!(sink = self.sink.name(), reason = refusal.message, "the cursor was moved by somebody else");
                return Ok(false);
            }
            model::fault_point!("outbox::cursor::after", Err(raft::Error::Timeout.into()));
        }
        *place = Place { noted: place.reached, reached: place.reached, records: 0, noted_at: Instant::now() };
        Ok(true)
    }

    /// Tells the metrics how far the sink is behind. False: it is not there any more, or its cursor was moved over what was forgotten.
    fn tell(&self, view: &SharedView, place: &Place) -> Result<bool, Halt> {
        let Some(row) = sink::query::by_name(&**view, self.sink.name())? else { return Ok(false) };
        let meta = Meta::read(&**view)?;
        self.shared.metrics.sink_stands(self.sink.name(), sink::query::lag(&meta, &row), row.lost);
        Ok(row.cursor <= place.reached.max(place.noted))
    }
}

/// Waits until something has changed, and a moment longer.
async fn wait(changes: &mut Changes) {
    // Without a change a look now and then finds what a lost signal would have said.
    if let Ok(Changed::Closed) = timeout(IDLE, changes.recv()).await {
        return sleep(IDLE).await;
    }
    sleep(GATHER).await;
    for _ in 0..DRAIN {
        if !matches!(timeout(Duration::ZERO, changes.recv()).await, Ok(Changed::Some(_) | Changed::Lagged)) {
            return;
        }
    }
}
