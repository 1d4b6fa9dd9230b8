//! What an engine did so far, for the metrics page.

use std::time::Duration;

/// Plain numbers since the engine was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counters {
    /// Batches taken.
    pub batches: u64,
    /// Bytes of keys and values in them.
    pub bytes: u64,
    /// Group writes to the write-ahead log (log engine) or to the memtable (state engine).
    pub writes: u64,
    /// Times the disk was asked to sync (log engine) or memtables were flushed (state engine).
    pub syncs: u64,
    /// Time spent in them, seconds.
    pub sync_seconds: f64,
    /// The last one, seconds.
    pub last_sync_seconds: f64,
    /// Bytes taken but not yet written.
    pub queued_bytes: u64,
}

impl Counters {
    /// Counts one sync.
    pub(crate) fn synced(&mut self, took: Duration) {
        self.syncs += 1;
        self.last_sync_seconds = took.as_secs_f64();
        self.sync_seconds += self.last_sync_seconds;
    }

    /// Counts one batch.
    pub(crate) fn taken(&mut self, bytes: usize) {
        self.batches += 1;
        self.bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
    }
}
