//! What the handle and the tasks of one member share.
//!
//! [`Shared`] is everything that exists before Raft does (the state machine holds it, too); [`Inner`] adds Raft itself.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use model::{MemberId, Origin as ModelOrigin, Proposal};
use openraft::async_runtime::watch::WatchReceiver;
use prost::Message;
use storage::{Log, Snapshots, State};
use tokio::{
    sync::{Notify, broadcast, watch},
    time::{Instant, timeout_at},
};
use uuid::Uuid;

use crate::{
    Answer, Committed, Consistency, Error, Leadership, LogEntry, Reading, Settings, Status, Write, Written,
    clock::Clock,
    codec,
    contact::Contact,
    peer::Peers,
    pending::{Bounds, Pending, patience},
    progress::Progress,
    read_index::Rounds,
    reads::Reads,
    seam::Seams,
    status::{self, Tally},
    tasks::Tasks,
    types::Raft,
};

/// Who this member is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    pub(crate) cluster: Uuid,
    pub(crate) member: MemberId,
    pub(crate) incarnation: u64,
}

/// What exists before Raft does.
pub(crate) struct Shared {
    pub(crate) identity: Identity,
    pub(crate) settings: Settings,
    pub(crate) seams: Seams,
    pub(crate) log: Log,
    pub(crate) state: State,
    pub(crate) clock: Clock,
    pub(crate) pending: Pending,
    pub(crate) progress: Progress,
    pub(crate) reads: Reads,
    /// The read-index rounds led here.
    pub(crate) rounds: Rounds,
    /// Wakes the front task.
    pub(crate) wake: Notify,
    pub(crate) changes: broadcast::Sender<Arc<Committed>>,
    pub(crate) leadership: watch::Sender<Leadership>,
    pub(crate) contact: Contact,
    pub(crate) answers: Answers,
    pub(crate) fatal: Fatal,
    pub(crate) tasks: Arc<Tasks>,
    pub(crate) tally: Tally,
    /// Proposals a leader has handed to Raft and that are not settled yet.
    pub(crate) proposals: Arc<AtomicUsize>,
    /// The log index of the newest snapshot that was built or installed here.
    pub(crate) snapshot_index: AtomicU64,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// What a member is made from, before its parts are.
pub(crate) struct Parts {
    pub(crate) identity: Identity,
    pub(crate) settings: Settings,
    pub(crate) seams: Seams,
    pub(crate) log: Log,
    pub(crate) state: State,
    pub(crate) applied: codec::AppliedRecord,
    pub(crate) log_ms: u64,
    pub(crate) tasks: Arc<Tasks>,
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { identity, settings, seams, log, state, applied, log_ms, tasks } = parts;
        let bounds = Bounds {
            writes: settings.max_pending_writes,
            bytes: settings.max_pending_bytes,
            // What apply remembers: beyond it a retry could not be told from a new proposal.
            span: usize::try_from(model::remember::ORIGIN_WINDOW).unwrap_or(usize::MAX),
        };
        let index = applied.log_id.map_or(0, |id| id.index);
        Self {
            identity,
            log,
            state,
            clock: Clock::new(log_ms.max(applied.at_ms)),
            pending: Pending::new(bounds),
            progress: Progress::new(index),
            reads: Reads::default(),
            rounds: Rounds::default(),
            wake: Notify::new(),
            changes: broadcast::Sender::new(settings.changes_capacity),
            leadership: watch::Sender::new(Leadership { leader: None, term: 0, since: Instant::now() }),
            contact: Contact::default(),
            answers: Answers::default(),
            fatal: Fatal::default(),
            tasks,
            tally: Tally::default(),
            proposals: Arc::default(),
            snapshot_index: AtomicU64::new(0),
            settings,
            seams,
        }
    }

    /// The member cannot go on, for this reason unless there was one before: whoever waits is told.
    pub(crate) fn end(&self, words: &str) {
        if !words.is_empty() {
            self.fatal.set(words);
        }
        let reason = self.fatal.get().unwrap_or_default();
        self.pending.fail(&reason);
        self.reads.fail(&reason);
    }

    /// The present state as a linearizable answer.
    pub(crate) fn reading(&self, age: Duration) -> Result<Reading, Error> {
        let view = self.state.view().map_err(Error::storage)?;
        let index = view.index();
        Ok(Reading { view, index, age })
    }
}

/// Who answers calls; set once the rest of the process is up.
#[derive(Default)]
pub(crate) struct Answers(RwLock<Option<Arc<dyn Answer>>>);

impl Answers {
    pub(crate) fn set(&self, answer: Arc<dyn Answer>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    }
    pub(crate) fn get(&self) -> Option<Arc<dyn Answer>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The reason this member cannot go on. The first one stays.
#[derive(Debug)]
pub(crate) struct Fatal(watch::Sender<Option<String>>);

impl Default for Fatal {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Fatal {
    /// Sets it, if there is none yet.
    pub(crate) fn set(&self, reason: impl Into<String>) {
        self.0.send_if_modified(|present| {
            if present.is_some() {
                return false;
            }
            let reason = reason.into();
            tracing::error!(%reason, "this member cannot go on");
            *present = Some(reason);
            true
        });
    }

    /// An orderly stop: the same for whoever asks, but nobody is alarmed.
    pub(crate) fn close(&self, reason: &str) {
        self.0.send_if_modified(|present| {
            if present.is_some() {
                return false;
            }
            *present = Some(reason.to_owned());
            true
        });
    }

    /// The reason, if there is one.
    pub(crate) fn get(&self) -> Option<String> {
        self.0.borrow().clone()
    }

    /// Waits for it.
    pub(crate) async fn wait(&self) -> String {
        let mut receiver = self.0.subscribe();
        match receiver.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            // The sender lives as long as `self`.
            Err(_) => std::future::pending().await,
        }
    }
}

/// A running member.
pub(crate) struct Inner {
    pub(crate) shared: Arc<Shared>,
    pub(crate) raft: Raft,
    pub(crate) peers: Arc<Peers>,
    pub(crate) snapshots: Snapshots,
    /// One change of the membership at a time is started here.
    pub(crate) changing: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("identity", &self.shared.identity).finish_non_exhaustive()
    }
}

impl Inner {
    pub(crate) async fn write(&self, write: Write, deadline: Instant) -> Result<Written, Error> {
        let shared = &self.shared;
        self.alive()?;
        let Write { command, actor, key } = write;
        let mut proposal = Proposal {
            origin: None,
            actor,
            key,
            wall_ms: shared.seams.wall.now_ms(),
            min_version: model::version::needed(&command),
            command: Some(command),
        };
        let identity = shared.identity;
        let limit = shared.settings.max_command_bytes;
        let size = proposal.encoded_len();
        if size > limit {
            return Err(Error::TooLarge { size, limit });
        }
        let (sequence, answer) = shared.pending.accept(|sequence| {
            proposal.origin = Some(ModelOrigin { member: identity.member.0, incarnation: identity.incarnation, sequence });
            Ok(Bytes::from(proposal.encode_to_vec()))
        })?;
        // A caller that goes away must not leave its write to be sent again and again.
        let guard = Forget { shared, sequence };
        shared.wake.notify_one();
        let outcome = self.outcome(sequence, answer, deadline).await;
        drop(guard);
        outcome
    }

    async fn outcome(&self, sequence: u64, mut answer: crate::pending::Answer, deadline: Instant) -> Result<Written, Error> {
        let shared = &self.shared;
        let first = patience(deadline, shared.settings.leader_wait);
        if let Ok(outcome) = timeout_at(first, &mut answer).await {
            return outcome.unwrap_or_else(|_| Err(self.gone()));
        }
        // Nobody could be asked so far: say so now instead of at the deadline, so that a client may go elsewhere.
        if shared.pending.ever_sent(sequence) == Some(false) {
            return match shared.pending.forget(sequence) {
                Some(false) => Err(Error::NoLeader { retry_after: shared.settings.election_max }),
                Some(true) => Err(Error::Timeout),
                None => answer.await.unwrap_or_else(|_| Err(self.gone())),
            };
        }
        match timeout_at(deadline, &mut answer).await {
            Ok(outcome) => outcome.unwrap_or_else(|_| Err(self.gone())),
            Err(_) if shared.pending.forget(sequence).is_some() => Err(Error::Timeout),
            Err(_) => answer.await.unwrap_or_else(|_| Err(self.gone())),
        }
    }

    pub(crate) async fn read(&self, consistency: Consistency, deadline: Instant) -> Result<Reading, Error> {
        match consistency {
            Consistency::Linearizable => {
                self.alive()?;
                let answer = self.shared.reads.state()?;
                self.shared.wake.notify_one();
                self.await_read(answer, deadline).await
            }
            Consistency::AtLeast(index) => {
                self.wait_applied(index, deadline).await?;
                self.shared.reading(self.age())
            }
            Consistency::Stale => self.shared.reading(self.age()),
        }
    }

    pub(crate) async fn read_index(&self, deadline: Instant) -> Result<u64, Error> {
        self.alive()?;
        let answer = self.shared.reads.index()?;
        self.shared.wake.notify_one();
        self.await_read(answer, deadline).await
    }

    async fn await_read<T>(&self, mut answer: tokio::sync::oneshot::Receiver<Result<T, Error>>, deadline: Instant) -> Result<T, Error> {
        let settings = &self.shared.settings;
        let retry_after = settings.election_max;
        if let Ok(outcome) = timeout_at(patience(deadline, settings.leader_wait), &mut answer).await {
            return outcome.unwrap_or_else(|_| Err(self.gone()));
        }
        if self.shared.leadership.borrow().leader.is_none() {
            return Err(Error::NoLeader { retry_after });
        }
        match timeout_at(deadline, &mut answer).await {
            Ok(outcome) => outcome.unwrap_or_else(|_| Err(self.gone())),
            Err(_) => Err(Error::NoLeader { retry_after }),
        }
    }

    pub(crate) async fn wait_applied(&self, index: u64, deadline: Instant) -> Result<(), Error> {
        if self.shared.progress.applied() >= index {
            return Ok(());
        }
        let reached = self.shared.progress.reached(index);
        match timeout_at(deadline, reached).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.gone()),
            Err(_) => Err(self.shared.fatal.get().map_or(Error::Timeout, Error::Fatal)),
        }
    }

    /// How old the state here may be.
    pub(crate) fn age(&self) -> Duration {
        let led = self.shared.rounds.age();
        let heard = self.shared.contact.age(self.shared.progress.applied());
        match (led, heard) {
            (Some(led), Some(heard)) => led.min(heard),
            (Some(age), None) | (None, Some(age)) => age,
            // Never heard of a leader since the start: as old as one likes.
            (None, None) => Duration::MAX,
        }
    }

    pub(crate) fn status(&self) -> Status {
        status::of(self)
    }

    pub(crate) fn digest(&self) -> Result<(u64, String), Error> {
        let view = self.shared.state.view().map_err(Error::storage)?;
        let digest = view.digest(&[]).map_err(Error::storage)?;
        Ok((view.index(), digest.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    pub(crate) fn log(&self) -> Result<Vec<LogEntry>, Error> {
        let entries = self.shared.log.present(0..u64::MAX, usize::MAX).map_err(Error::storage)?;
        entries.into_iter().map(|(_, bytes)| LogEntry::of(bytes)).collect()
    }

    /// The reason why this member has stopped, as an error.
    fn alive(&self) -> Result<(), Error> {
        self.shared.fatal.get().map_or(Ok(()), |reason| Err(Error::Fatal(reason)))
    }

    /// The error for an answer that will never come.
    pub(crate) fn gone(&self) -> Error {
        Error::Fatal(self.shared.fatal.get().unwrap_or_else(|| String::from("it is stopping")))
    }

    /// Where a member is, by the membership in force.
    pub(crate) fn addresses(&self, member: MemberId) -> Option<crate::Addresses> {
        self.raft.server_metrics().borrow_watched().membership_config.get_node(&member.0).cloned()
    }

    /// Whether somebody is a member, by the membership in force.
    pub(crate) fn is_member(&self, member: MemberId) -> bool {
        self.raft.server_metrics().borrow_watched().membership_config.get_node(&member.0).is_some()
    }

    /// Proposals under way on this leader.
    pub(crate) fn proposals(&self) -> usize {
        self.shared.proposals.load(Ordering::Relaxed)
    }
}

/// Takes a write out of the table when its caller goes away.
struct Forget<'a> {
    shared: &'a Shared,
    sequence: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.shared.pending.forget(self.sequence);
    }
}
