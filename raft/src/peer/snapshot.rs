//! A snapshot on its way from one member to another: its listing, then its files in pieces with checksums, at a bounded rate.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use openraft::async_runtime::watch::WatchReceiver;
use storage::{Incoming, Listing, Snapshots};
use tokio::time::{Instant, sleep_until};
use tonic::{Status, Streaming};

use super::wire::{self, SnapshotAnswer, SnapshotHead, SnapshotPart, SnapshotPiece};
use crate::{
    inner::Inner,
    state_machine::{SnapshotData, read_meta},
    types::{Snapshot, Vote},
};

/// Bytes in one piece.
const PIECE: usize = 256 << 10;

/// What is left to be sent.
struct Sender {
    head: Option<SnapshotHead>,
    snapshots: Snapshots,
    snapshot: storage::Snapshot,
    file: usize,
    offset: u64,
    /// When the next piece may go.
    next: Instant,
    bytes_per_second: u64,
}

/// The parts of a snapshot, in order. A file that cannot be read ends the stream too early, which the receiver notices.
///
/// # Errors
/// If the snapshot is not one of this member's.
pub(crate) fn parts(
    vote: Vote,
    snapshot: Snapshot,
    bytes_per_second: u64,
) -> Result<impl Stream<Item = Bytes> + Send + 'static, &'static str> {
    let SnapshotData::Here(snapshots, data) = snapshot.snapshot else {
        return Err("this snapshot is not on this member's disk");
    };
    let head = SnapshotHead { vote: vote.into(), listing: data.listing().encode() };
    let bytes_per_second = bytes_per_second.max(1);
    let sender = Sender { head: Some(head), snapshots, snapshot: data, file: 0, offset: 0, next: Instant::now(), bytes_per_second };
    Ok(futures::stream::unfold(sender, |mut sender| async move {
        let part = sender.next_part().await?;
        Some((wire::encode(&part), sender))
    }))
}

impl Sender {
    async fn next_part(&mut self) -> Option<SnapshotPart> {
        if let Some(head) = self.head.take() {
            return Some(SnapshotPart { head: Some(head), piece: None });
        }
        loop {
            let file = self.snapshot.listing().files.get(self.file)?;
            if self.offset >= file.length {
                self.file += 1;
                self.offset = 0;
                continue;
            }
            let name = file.name.clone();
            let bytes = match self.snapshots.read(&self.snapshot, &name, self.offset, PIECE).await {
                Ok(bytes) if !bytes.is_empty() => bytes,
                Ok(_) => {
                    tracing::warn!(file = name, "a file of a snapshot is shorter than it was");
                    return None;
                }
                Err(error) => {
                    tracing::warn!(file = name, %error, "a snapshot cannot be read");
                    return None;
                }
            };
            self.pace(bytes.len()).await;
            let piece = SnapshotPiece { crc32c: crc32c::crc32c(&bytes), file: name, offset: self.offset, bytes };
            self.offset += piece.bytes.len() as u64;
            return Some(SnapshotPart { head: None, piece: Some(piece) });
        }
    }

    async fn pace(&mut self, bytes: usize) {
        sleep_until(self.next).await;
        let nanos = (bytes as u64).saturating_mul(1_000_000_000) / self.bytes_per_second;
        self.next = self.next.max(Instant::now()) + Duration::from_nanos(nanos);
    }
}

/// Receives a snapshot, whole, then hands it to Raft, which installs it.
pub(crate) async fn receive(inner: &Arc<Inner>, mut messages: Streaming<Bytes>) -> Result<Bytes, Status> {
    let head = next(&mut messages).await?.and_then(|part| part.head).ok_or_else(|| Status::invalid_argument("no head"))?;
    let vote: Vote = head.vote.into();
    if let Some(higher) = higher_vote(inner, vote) {
        return Ok(wire::encode(&SnapshotAnswer { vote: higher.into() }));
    }
    let refused = |error: storage::Error| Status::failed_precondition(error.to_string());
    let listing = Listing::decode(&head.listing).map_err(refused)?;
    let meta = read_meta(&listing).map_err(|error| Status::invalid_argument(error.to_string()))?;
    tracing::info!(index = listing.applied.index, bytes = listing.bytes(), "a snapshot is coming");
    let mut incoming = inner.snapshots.receive(listing).map_err(refused)?;
    while let Some(part) = next(&mut messages).await? {
        let piece = part.piece.ok_or_else(|| Status::invalid_argument("no piece"))?;
        write(&mut incoming, piece).await?;
    }
    let received = incoming.finish().await.map_err(refused)?;
    model::fault_point!("raft::snapshot::received", Err(Status::unavailable("the snapshot was lost")));
    let snapshot = Snapshot { meta, snapshot: SnapshotData::Received(received) };
    let answer = inner.raft.install_full_snapshot(vote, snapshot).await.map_err(|fatal| Status::unavailable(fatal.to_string()))?;
    tracing::info!("the snapshot is installed");
    model::fault_point!("raft::snapshot::answered", Err(Status::unavailable("the answer was lost")));
    Ok(wire::encode(&SnapshotAnswer { vote: answer.vote.into() }))
}

/// A deposed leader's snapshot is refused before it is taken in.
fn higher_vote(inner: &Inner, vote: Vote) -> Option<Vote> {
    let present = inner.raft.server_metrics().borrow_watched().vote;
    (present > vote).then_some(present)
}

async fn next(messages: &mut Streaming<Bytes>) -> Result<Option<SnapshotPart>, Status> {
    messages.next().await.transpose()?.map(|bytes| wire::read("snapshot part", bytes)).transpose()
}

async fn write(incoming: &mut Incoming, piece: SnapshotPiece) -> Result<(), Status> {
    if crc32c::crc32c(&piece.bytes) != piece.crc32c {
        return Err(Status::data_loss("a piece of the snapshot was damaged on its way"));
    }
    let bytes = Bytes::copy_from_slice(&piece.bytes);
    incoming.write(&piece.file, piece.offset, bytes).await.map_err(|error| Status::failed_precondition(error.to_string()))
}
