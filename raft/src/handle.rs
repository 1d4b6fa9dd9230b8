//! What the rest of the process sees of consensus: one cheap, cloneable handle.
//!
//! All methods may be called from any runtime. They touch a short lock and one channel or oneshot each; the work is done by the tasks of
//! the Raft runtime, in batches. Every wait ends at the caller's deadline at the latest.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use model::{Actor, Command, IdempotencyKey, MemberId, Outcome, View};
use tokio::{sync::watch, time::Instant};
use uuid::Uuid;

use crate::{
    Answer, ByteStream, Changes, Error, JoinToken, Leadership, LogEntry, Status,
    inner::Inner,
    membership::{self, Addresses, Change},
    peer::calls,
};

/// A state to read from, as of one log index.
pub type SharedView = Arc<dyn View + Send + Sync>;

/// A command to be written.
#[derive(Clone, Debug)]
pub struct Write {
    /// What to do.
    pub command: Command,
    /// Who wants it; `None`: the system itself.
    pub actor: Option<Actor>,
    /// With it, a repetition answers what the first attempt did.
    pub key: Option<IdempotencyKey>,
}

impl Write {
    /// A command of the system itself.
    pub const fn system(command: Command) -> Self {
        Self { command, actor: None, key: None }
    }
}

/// A write that was applied.
#[derive(Clone, Debug)]
pub struct Written {
    /// The log index it was applied at. This member's state shows it.
    pub index: u64,
    /// What came of it; a refusal is an outcome too.
    pub outcome: Outcome,
}

/// How fresh a read must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// Everything that was acknowledged anywhere before the read began is seen.
    Linearizable,
    /// Everything up to this log index is seen (one's own writes).
    AtLeast(u64),
    /// Whatever this member has.
    Stale,
}

/// A state to read from.
#[derive(Clone)]
pub struct Reading {
    /// The rows.
    pub view: SharedView,
    /// The last entry they contain.
    pub index: u64,
    /// How old they may be: since the leader last told this member that it has everything; zero for a linearizable read.
    pub age: Duration,
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reading").field("index", &self.index).field("age", &self.age).finish_non_exhaustive()
    }
}

/// Everything other parts may ask of consensus.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(crate) inner: Arc<Inner>,
}

impl Handle {
    /// This member.
    pub fn member(&self) -> MemberId {
        self.inner.shared.identity.member
    }

    /// How many times this member has been started.
    pub fn incarnation(&self) -> u64 {
        self.inner.shared.identity.incarnation
    }

    /// The cluster this member belongs to.
    pub fn cluster(&self) -> Uuid {
        self.inner.shared.identity.cluster
    }

    /// The seams this member runs on: conductor and API take chance and wall from here.
    pub fn seams(&self) -> &crate::seam::Seams {
        &self.inner.shared.seams
    }

    /// Puts a command into the log, wherever the leader is, and waits until this member has applied it. Proposed again, without being
    /// applied twice, when the leader changes meanwhile.
    ///
    /// # Errors
    /// [`Error::NoLeader`], [`Error::Overloaded`] and [`Error::TooLarge`]: it was not accepted. [`Error::Timeout`], [`Error::Fatal`]: unknown.
    pub async fn write(&self, write: Write, deadline: Instant) -> Result<Written, Error> {
        self.inner.write(write, deadline).await
    }

    /// A state to read from.
    ///
    /// # Errors
    /// [`Error::NoLeader`] or [`Error::Timeout`] if it was not fresh enough in time; never for [`Consistency::Stale`].
    pub async fn read(&self, consistency: Consistency, deadline: Instant) -> Result<Reading, Error> {
        self.inner.read(consistency, deadline).await
    }

    /// The index of an entry that covers everything acknowledged before this call: the answer of a read-index round that began after it.
    /// Does not wait until this member has applied it.
    ///
    /// # Errors
    /// [`Error::NoLeader`] or [`Error::Timeout`].
    pub async fn read_index(&self, deadline: Instant) -> Result<u64, Error> {
        self.inner.read_index(deadline).await
    }

    /// Waits until this member has applied `index`.
    ///
    /// # Errors
    /// [`Error::Timeout`].
    pub async fn wait_applied(&self, index: u64, deadline: Instant) -> Result<(), Error> {
        self.inner.wait_applied(index, deadline).await
    }

    /// A listener of what is committed from now on.
    pub fn changes(&self) -> Changes {
        Changes::new(self.inner.shared.changes.subscribe())
    }

    /// Who leads, now and from now on.
    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        self.inner.shared.leadership.subscribe()
    }

    /// Whether this member has been told that it was removed from the cluster, which is never taken back.
    pub fn removed(&self) -> bool {
        *self.inner.peers.removal().told().borrow()
    }

    /// What this member knows about itself and the others.
    pub fn status(&self) -> Status {
        self.inner.status()
    }

    /// Asks another member (or this one) something that is not Raft's.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Timeout`], or [`Error::Refused`] with the other's words. The other may have acted on any of the first two.
    pub async fn call(&self, to: MemberId, method: &str, body: Bytes, deadline: Instant) -> Result<Bytes, Error> {
        calls::call(&self.inner, to, method, body, deadline).await
    }

    /// Asks another member (or this one) for a stream. The deadline is for its beginning; the stream ends when it is dropped.
    ///
    /// # Errors
    /// As [`Handle::call`].
    pub async fn call_stream(&self, to: MemberId, method: &str, body: Bytes, deadline: Instant) -> Result<ByteStream<Error>, Error> {
        calls::call_stream(&self.inner, to, method, body, deadline).await
    }

    /// Sets who answers calls from other members. Until then they are told to try again.
    pub fn serve(&self, answer: Arc<dyn Answer>) {
        self.inner.shared.answers.set(answer);
    }

    /// The log's time here, in ms since 1970: the last entry's time and what has passed on the monotonic clock since it arrived.
    pub fn now_ms(&self) -> u64 {
        self.inner.shared.clock.now_ms()
    }

    /// A digest over all rows of the state and the log index it was taken at: equal on all members at the same index.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub fn digest(&self) -> Result<(u64, String), Error> {
        self.inner.digest()
    }

    /// What stands in this member's log now, oldest first: for those who compare the logs of members.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub fn log(&self) -> Result<Vec<LogEntry>, Error> {
        self.inner.log()
    }

    /// Makes a token with which one new member may join within `life`. It names the new member's id, which is used up by it.
    ///
    /// # Errors
    /// As [`Handle::write`].
    pub async fn create_token(&self, life: Duration, deadline: Instant) -> Result<JoinToken, Error> {
        membership::create_token(&self.inner, life, deadline).await
    }

    /// Adds a member that does not vote. [`crate::join`] asks for this by itself.
    ///
    /// # Errors
    /// [`Error::Refused`] in words; otherwise as [`Handle::write`].
    pub async fn add_learner(&self, member: MemberId, addresses: Addresses, deadline: Instant) -> Result<(), Error> {
        membership::change(&self.inner, Change::AddLearner(member, addresses), deadline).await
    }

    /// Makes a learner a voter, once it has caught up.
    ///
    /// # Errors
    /// As [`Handle::add_learner`]; refused while it is far behind.
    pub async fn promote(&self, member: MemberId, deadline: Instant) -> Result<(), Error> {
        membership::change(&self.inner, Change::Promote(member), deadline).await
    }

    /// Makes a voter a learner.
    ///
    /// # Errors
    /// As [`Handle::add_learner`]; refused where the remaining voters would have no living quorum.
    pub async fn demote(&self, member: MemberId, deadline: Instant) -> Result<(), Error> {
        membership::change(&self.inner, Change::Demote(member), deadline).await
    }

    /// Removes a member for good; its id is never used again. A leader hands over first.
    ///
    /// # Errors
    /// As [`Handle::demote`].
    pub async fn remove(&self, member: MemberId, deadline: Instant) -> Result<(), Error> {
        membership::change(&self.inner, Change::Remove(member), deadline).await
    }

    /// Puts `new` (a learner that has caught up) in the place of `old` in one change.
    ///
    /// # Errors
    /// As [`Handle::promote`].
    pub async fn replace(&self, old: MemberId, new: MemberId, deadline: Instant) -> Result<(), Error> {
        membership::change(&self.inner, Change::Replace(old, new), deadline).await
    }

    /// Hands leadership to `to`, or to the most advanced other voter. Returns when another leader is seen here.
    ///
    /// # Errors
    /// [`Error::Refused`] if there is nobody to hand over to; [`Error::Timeout`].
    pub async fn transfer_leader(&self, to: Option<MemberId>, deadline: Instant) -> Result<(), Error> {
        membership::transfer_leader(&self.inner, to, deadline).await
    }

    /// Takes a snapshot now and purges what may be purged. For tests and before a planned stop.
    ///
    /// # Errors
    /// [`Error::Fatal`], [`Error::Storage`].
    pub async fn compact(&self) -> Result<(), Error> {
        crate::driver::compact(&self.inner, true).await
    }

    /// Why this member can go on no longer; resolves once, when that happens. The process should exit with it.
    pub async fn fatal(&self) -> String {
        self.inner.shared.fatal.wait().await
    }
}
