//! Sinks of events: how far each of them is, and the end of one that is not coming back.

use model::{Command, command::SinkClose, event, meta::Meta, sink::query};
use serde::Serialize;

use super::RULE;
use crate::{call::Call, error::Error, reply::Reply, time::Shown};

#[derive(Serialize)]
struct Shape<'a> {
    name: &'a str,
    /// Everything up to this log index was taken.
    cursor: u64,
    /// Events it has still to be given.
    lag: u64,
    /// Records it has taken.
    records: u64,
    /// Events that were forgotten before it was given them.
    lost: u64,
    opened_at: Shown,
}

#[derive(Serialize)]
struct Listing<'a> {
    sinks: Vec<Shape<'a>>,
    /// Events there are.
    events: u64,
    /// Events that are kept.
    keep: u64,
    /// Events that are kept besides, for sinks.
    backlog: u64,
}

/// `GET /v1/jeroboam/sinks`
pub(crate) async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow(RULE)?;
    let reading = call.read().await?;
    let meta = Meta::read(&*reading.view)?;
    let sinks = query::all(&*reading.view)?;
    let (keep, backlog) = event::bounds(&meta);
    let rows = sinks.iter().map(|sink| Shape {
        name: &sink.name,
        cursor: sink.cursor,
        lag: query::lag(&meta, sink),
        records: sink.records,
        lost: sink.lost,
        opened_at: Shown(sink.opened_ms),
    });
    Reply::ok(&Listing { sinks: rows.collect(), events: meta.events, keep, backlog })
}

/// `DELETE /v1/jeroboam/sinks/{sink}`: nothing is kept for it any more. One that is still configured comes again, as a new one.
pub(crate) async fn close(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow(RULE)?;
    call.write(Command::SinkClose(SinkClose { name: call.param(0).to_owned() })).await?;
    Ok(Reply::nothing())
}
