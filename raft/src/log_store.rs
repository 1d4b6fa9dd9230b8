//! openraft's log, over `storage::Log`.
//!
//! Entries are encoded here. An append is acknowledged from the callback of its `Flushed`, on whatever thread that comes; it returns as soon
//! as the entries can be read. A read that fails is an error, never a shorter answer.

use std::{fmt::Debug, io, ops::RangeBounds, sync::Arc};

use bytes::Bytes;
use futures::{Stream, stream};
use openraft::{
    LogState, OptionalSend, RaftLogReader,
    storage::{IOFlushed, RaftLogStorage},
};
use prost::Message;
use storage::{Log, Mark};
use tokio::time::Instant;

use crate::{
    clock::Clock,
    codec::{self, VoteRecord, decode_entry, decode_log_id, encode_entry, encode_log_id},
    status::Tally,
    types::{Entry, LogId, Payload, Types, Vote},
};

/// About this many bytes of entries go into one message to a follower.
const BATCH_BYTES: usize = 2 << 20;

/// The log and what wants to know of it.
#[derive(Clone)]
pub(crate) struct LogStore {
    log: Log,
    watch: Arc<dyn Watch>,
}

/// Who is told of what is appended.
pub(crate) trait Watch: Send + Sync + 'static {
    /// Where the time of entries goes.
    fn clock(&self) -> &Clock;
    /// Where flushes are counted.
    fn tally(&self) -> &Tally;
}

impl LogStore {
    pub(crate) const fn new(log: Log, watch: Arc<dyn Watch>) -> Self {
        Self { log, watch }
    }

    fn read(&self, range: impl RangeBounds<u64>, max_bytes: usize) -> io::Result<Vec<Entry>> {
        let range = half_open(&range);
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let purged = self.log.purged().map_or(0, |mark| mark.index + 1);
        let range = range.start.max(purged)..range.end;
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let entries = self.log.entries(range, max_bytes)?;
        entries.into_iter().map(|(_, bytes)| decode_entry(bytes).map_err(Into::into)).collect()
    }

    /// An error if a range begins with entries that are gone.
    fn refuse_purged(&self, range: &std::ops::Range<u64>) -> io::Result<()> {
        match self.log.purged() {
            Some(purged) if range.start <= purged.index && range.start < range.end => {
                Err(storage::Error::Purged { upto: purged.index }.into())
            }
            _ => Ok(()),
        }
    }

    fn vote(&self) -> io::Result<Option<Vote>> {
        self.log.vote().map(|bytes| codec::decode::<VoteRecord>("vote", bytes).map(Into::into)).transpose().map_err(Into::into)
    }
}

fn half_open(range: &impl RangeBounds<u64>) -> std::ops::Range<u64> {
    use std::ops::Bound::{Excluded, Included, Unbounded};
    let start = match range.start_bound() {
        Included(start) => *start,
        Excluded(before) => before.saturating_add(1),
        Unbounded => 0,
    };
    let end = match range.end_bound() {
        Included(last) => last.saturating_add(1),
        Excluded(end) => *end,
        Unbounded => u64::MAX,
    };
    start..end
}

/// Raft's own name of a mark, as bytes.
pub(crate) fn mark(id: LogId) -> Mark {
    Mark::new(id.index, encode_log_id(id))
}

fn unmark(mark: Option<Mark>) -> io::Result<Option<LogId>> {
    mark.map(|mark| decode_log_id(&mark.id)).transpose().map_err(Into::into)
}

impl RaftLogReader<Types> for LogStore {
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> io::Result<Vec<Entry>>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        self.read(range, usize::MAX)
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        // This goes to a follower, behind the entry before `start`: entries that begin later would leave a hole in its log.
        self.refuse_purged(&(start..end))?;
        self.read(start..end, BATCH_BYTES)
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        self.vote()
    }

    async fn entries_stream<RB>(&mut self, range: RB) -> impl Stream<Item = io::Result<Entry>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        // Only apply reads this way: what it needs and is gone is an error, never skipped.
        let (range, store) = (half_open(&range), self.clone());
        // In pieces: a member that starts may have to read a hundred thousand entries here.
        stream::unfold(Some((range, Vec::new().into_iter())), move |state| {
            let next = store.next_entry(state);
            std::future::ready(next)
        })
    }
}

type Piece = Option<(std::ops::Range<u64>, std::vec::IntoIter<Entry>)>;

impl LogStore {
    fn next_entry(&self, state: Piece) -> Option<(io::Result<Entry>, Piece)> {
        let (range, mut piece) = state?;
        if let Some(entry) = piece.next() {
            return Some((Ok(entry), Some((range, piece))));
        }
        if let Err(error) = self.refuse_purged(&range) {
            return Some((Err(error), None));
        }
        let entries = match self.read(range.clone(), BATCH_BYTES) {
            Ok(entries) => entries,
            Err(error) => return Some((Err(error), None)),
        };
        let rest = entries.last()?.log_id.index.saturating_add(1)..range.end;
        let mut piece = entries.into_iter();
        let entry = piece.next()?;
        Some((Ok(entry), Some((rest, piece))))
    }
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types>> {
        let last_purged_log_id = unmark(self.log.purged())?;
        let last_log_id = match self.log.last()? {
            Some((_, bytes)) => Some(decode_entry(bytes)?.log_id),
            None => last_purged_log_id,
        };
        Ok(LogState { last_purged_log_id, last_log_id })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        self.log.save_vote(Bytes::from(VoteRecord::from(*vote).encode_to_vec())).await?;
        model::fault_point!("raft::vote::saved");
        Ok(())
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        let Some(id) = committed else { return Ok(()) };
        // Not waited for: it is behind the entries it names on their way to the disk, and losing it costs only a replay.
        self.log.save_committed(mark(id)).then(|result| {
            if let Err(error) = result {
                tracing::warn!(%error, "the committed mark was not kept");
            }
        });
        Ok(())
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        unmark(self.log.committed())
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut encoded = Vec::new();
        let mut newest = 0;
        for entry in entries {
            if let Payload::Normal(command) = &entry.payload {
                newest = newest.max(command.at_ms);
            }
            encoded.push((entry.log_id.index, encode_entry(entry)));
        }
        model::fault_point!("raft::log::append");
        self.watch.clock().seen(newest);
        let (watch, count, begun) = (self.watch.clone(), encoded.len(), Instant::now());
        self.log.append(encoded).then(move |result| {
            model::fault_point!("raft::log::flushed");
            watch.tally().flushed(count, begun.elapsed());
            callback.io_completed(result.map_err(Into::into));
        });
        Ok(())
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogId>) -> io::Result<()> {
        let from = last_log_id.map_or(0, |id| id.index.saturating_add(1));
        Ok(self.log.truncate_from(from).await?)
    }

    async fn purge(&mut self, log_id: LogId) -> io::Result<()> {
        model::fault_point!("raft::purge::before");
        self.log.purge_to(mark(log_id)).await?;
        model::fault_point!("raft::purge::after");
        Ok(())
    }
}
