//! openraft's state machine, over `storage::State` and `model::apply`.
//!
//! What is committed is applied in batches: one transaction, one batch with the applied mark (and the membership, if it changed), and only
//! then, when readers see it, everybody is told: pending writes of this member get their outcome, waiting reads go on, listeners hear of
//! the changes. An entry that cannot be applied stops the member with the reason; nothing of its batch is kept.

use std::{
    io,
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::Ordering},
};

use bytes::Bytes;
use futures::{FutureExt, Stream, StreamExt};
use model::Outcome;
use openraft::{
    OptionalSend, RaftSnapshotBuilder,
    storage::{ApplyResponder, EntryResponder, RaftStateMachine},
};
use prost::Message;
use storage::{Listing, Mark, Received, Snapshots, Transaction};

use crate::{
    Committed,
    codec::{self, AppliedRecord, decode_applied, decode_membership, encode_membership},
    inner::Shared,
    types::{Command, Entry, LogId, Payload, Snapshot, SnapshotMeta, StoredMembership, Types},
};

/// Entries in one transaction.
const BATCH: usize = 1_024;
/// Bytes of changes after which a transaction is ended.
const BATCH_BYTES: usize = 8 << 20;
/// Bytes of a snapshot read at once.
const PIECE: usize = 256 << 10;

/// The state machine of a member.
pub(crate) struct StateMachine {
    shared: Arc<Shared>,
    snapshots: Snapshots,
    applied: AppliedRecord,
    /// Entries must follow each other without a gap. Always so, but in openraft's own suite, which applies what it likes.
    gapless: bool,
}

/// A snapshot that is here, or one that has just come.
pub(crate) enum SnapshotData {
    /// On this member's disk.
    Here(Snapshots, storage::Snapshot),
    /// Received whole, not yet installed.
    Received(Received),
    /// Of a state to which nothing was applied yet: no files, nothing to send.
    Nothing,
}

/// What one transaction collects while it grows.
struct Batch {
    transaction: Transaction,
    applied: AppliedRecord,
    membership: Option<StoredMembership>,
    outcomes: Vec<(u64, u64, Outcome)>,
    committed: Vec<Committed>,
    responders: Vec<ApplyResponder<Types>>,
    entries: usize,
}

impl StateMachine {
    /// # Errors
    /// If the state's marks are damaged.
    pub(crate) fn new(shared: Arc<Shared>, snapshots: Snapshots) -> io::Result<Self> {
        let applied = read_applied(shared.state.applied())?;
        Ok(Self { shared, snapshots, applied, gapless: true })
    }

    /// For openraft's suite.
    #[cfg(test)]
    pub(crate) fn with_gaps(mut self) -> Self {
        self.gapless = false;
        self
    }

    fn begin(&self) -> Batch {
        Batch {
            transaction: self.shared.state.begin(),
            applied: self.applied,
            membership: None,
            outcomes: Vec::new(),
            committed: Vec::new(),
            responders: Vec::new(),
            entries: 0,
        }
    }

    /// Applies one entry inside the transaction.
    fn apply_entry(&self, batch: &mut Batch, entry: Entry) -> io::Result<()> {
        let log_id = entry.log_id;
        if self.gapless
            && let Some(last) = batch.applied.log_id
            && last.index.checked_add(1) != Some(log_id.index)
        {
            let words = format!("entry {} was to be applied after entry {}", log_id.index, last.index);
            return Err(io::Error::new(io::ErrorKind::InvalidData, words));
        }
        batch.applied.log_id = Some(log_id.into());
        batch.entries += 1;
        match entry.payload {
            Payload::Blank => {}
            Payload::Membership(membership) => batch.membership = Some(StoredMembership::new(Some(log_id), membership)),
            Payload::Normal(command) => self.apply_command(batch, log_id, &command)?,
        }
        Ok(())
    }

    fn apply_command(&self, batch: &mut Batch, log_id: LogId, command: &Command) -> io::Result<()> {
        let at_ms = command.at_ms.max(batch.applied.at_ms);
        batch.applied.at_ms = at_ms;
        let index = log_id.index;
        let term = log_id.leader_id.term;
        let entry = model::Entry { index, term, at_ms, payload: &command.payload };
        let applied = model::apply(&mut batch.transaction, &entry).map_err(|fault| {
            self.shared.fatal.set(format!("entry {index} cannot be applied: {fault}"));
            io::Error::other(fault)
        })?;
        let identity = self.shared.identity;
        if command.origin.member == identity.member.0 && command.origin.incarnation == identity.incarnation {
            batch.outcomes.push((command.origin.sequence, index, applied.outcome));
        }
        if !applied.changes.is_empty() {
            batch.committed.push(Committed { index, changes: applied.changes, everything: false });
        }
        Ok(())
    }

    /// Ends the transaction and tells everybody.
    fn commit(&mut self, batch: Batch) -> io::Result<()> {
        let Batch { transaction, applied, membership, outcomes, committed, responders, entries } = batch;
        let Some(log_id) = applied.log_id else { return Ok(()) };
        let shared = &self.shared;
        let membership = membership.as_ref().map(encode_membership);
        model::fault_point!("raft::apply::before");
        shared.state.commit(transaction, mark(applied), membership).inspect_err(|error| {
            shared.fatal.set(format!("the state cannot be written: {error}"));
        })?;
        model::fault_point!("raft::apply::after");
        self.applied = applied;
        shared.clock.seen(applied.at_ms);
        shared.tally.applied(entries);
        shared.progress.advance(log_id.index);
        shared.pending.applied_all(outcomes);
        for change in committed {
            // Nobody may be listening.
            drop(shared.changes.send(Arc::new(change)));
        }
        for responder in responders {
            responder.send(());
        }
        Ok(())
    }

    /// Files on another member's (or store's) disk become a received snapshot here.
    async fn fetch(&self, from: &Snapshots, snapshot: &storage::Snapshot) -> Result<Received, storage::Error> {
        let mut incoming = self.snapshots.receive(snapshot.listing().clone())?;
        while let Some((file, offset)) = incoming.next().map(|(file, offset)| (file.to_owned(), offset)) {
            let bytes = from.read(snapshot, &file, offset, PIECE).await?;
            incoming.write(&file, offset, bytes).await?;
        }
        incoming.finish().await
    }
}

impl StateMachine {
    async fn apply_all<Strm>(&mut self, mut entries: Strm) -> io::Result<()>
    where
        Strm: Stream<Item = io::Result<EntryResponder<Types>>> + Unpin + OptionalSend,
    {
        let mut batch = self.begin();
        while let Some(item) = entries.next().await {
            let (entry, responder) = item?;
            self.apply_entry(&mut batch, entry)?;
            batch.responders.extend(responder);
            if batch.entries >= BATCH || batch.transaction.size() >= BATCH_BYTES {
                let full = std::mem::replace(&mut batch, self.begin());
                self.commit(full)?;
                batch = self.begin();
                // Others of this runtime come first now: a heartbeat must not wait for a long replay.
                tokio::task::yield_now().await;
            }
        }
        if batch.entries > 0 { self.commit(batch) } else { Ok(()) }
    }

    async fn install(&mut self, meta: &SnapshotMeta, snapshot: SnapshotData) -> io::Result<()> {
        let received = match snapshot {
            SnapshotData::Received(received) => received,
            SnapshotData::Here(from, snapshot) => self.fetch(&from, &snapshot).await?,
            SnapshotData::Nothing => return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is nothing to install")),
        };
        if read_meta(received.listing())? != *meta {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the snapshot's files are not of the entry it was sent for"));
        }
        self.snapshots.install(received).await?;
        model::fault_point!("raft::snapshot::installed");
        self.applied = read_applied(self.shared.state.applied())?;
        // Others may need it from here; a checkpoint is only links.
        self.snapshots.build().await?;
        let index = self.applied.log_id.map_or(0, |id| id.index);
        let shared = &self.shared;
        shared.snapshot_index.fetch_max(index, Ordering::Relaxed);
        shared.clock.seen(self.applied.at_ms);
        shared.progress.advance(index);
        drop(shared.changes.send(Arc::new(Committed { index, changes: Vec::new(), everything: true })));
        // Entries of this member may be among those the snapshot stands for: proposed again, they answer what came of them.
        shared.tally.resent(shared.pending.relink());
        shared.wake.notify_one();
        Ok(())
    }
}

/// A panic in here must end the member: openraft goes on without the task in which it happened, and the member would follow, vote and answer,
/// and never apply anything again.
async fn unbroken<T>(shared: &Shared, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| {
        shared.end("its state machine broke");
        Err(io::Error::other("the state machine broke"))
    })
}

/// The state's mark as storage keeps it.
fn mark(applied: AppliedRecord) -> Mark {
    Mark::new(applied.log_id.map_or(0, |id| id.index), Bytes::from(applied.encode_to_vec()))
}

/// What stands in a mark.
pub(crate) fn read_applied(mark: Option<Mark>) -> Result<AppliedRecord, codec::Undecodable> {
    decode_applied(mark.as_ref().map(|mark| &*mark.id))
}

/// What a snapshot says of itself.
pub(crate) fn read_meta(listing: &Listing) -> Result<SnapshotMeta, codec::Undecodable> {
    let applied = decode_applied(Some(&listing.applied.id))?;
    Ok(SnapshotMeta { last_log_id: applied.log_id.map(Into::into), last_membership: decode_membership(listing.membership.as_deref())? })
}

impl RaftStateMachine<Types> for StateMachine {
    type SnapshotData = SnapshotData;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        let membership = decode_membership(self.shared.state.membership().as_deref())?;
        Ok((self.applied.log_id.map(Into::into), membership))
    }

    async fn apply<Strm>(&mut self, entries: Strm) -> io::Result<()>
    where
        Strm: Stream<Item = io::Result<EntryResponder<Types>>> + Unpin + OptionalSend,
    {
        let shared = self.shared.clone();
        unbroken(&shared, self.apply_all(entries)).await
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        Builder { shared: self.shared.clone(), snapshots: self.snapshots.clone() }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, snapshot: SnapshotData) -> io::Result<()> {
        let shared = self.shared.clone();
        unbroken(&shared, self.install(meta, snapshot)).await
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        let Some(snapshot) = self.snapshots.latest() else { return Ok(None) };
        Ok(Some(Snapshot { meta: read_meta(snapshot.listing())?, snapshot: SnapshotData::Here(self.snapshots.clone(), snapshot) }))
    }
}

/// Builds snapshots beside apply.
pub(crate) struct Builder {
    shared: Arc<Shared>,
    snapshots: Snapshots,
}

impl RaftSnapshotBuilder<Types> for Builder {
    type SnapshotData = SnapshotData;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        unbroken(&self.shared, self.build()).await
    }
}

impl Builder {
    async fn build(&self) -> io::Result<Snapshot> {
        if self.shared.state.applied().is_none() {
            return Ok(Snapshot { meta: SnapshotMeta::default(), snapshot: SnapshotData::Nothing });
        }
        let snapshot = self.snapshots.build().await?;
        model::fault_point!("raft::snapshot::built");
        let meta = read_meta(snapshot.listing())?;
        self.shared.snapshot_index.fetch_max(snapshot.applied().index, Ordering::Relaxed);
        Ok(Snapshot { meta, snapshot: SnapshotData::Here(self.snapshots.clone(), snapshot) })
    }
}
