//! How a member starts, joins, stops, and how one is rescued.

use std::{collections::BTreeMap, io, sync::Arc, time::Duration};

use model::{MemberId, member::Member as MemberRecord};
use openraft::{
    Config, ServerState, SnapshotPolicy,
    async_runtime::watch::WatchReceiver,
    errors::{InitializeError, RaftError},
};
use storage::{DataFolder, Store};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use uuid::Uuid;

use crate::{
    Consistency, Error, Handle, JoinToken, Leadership, PeerTls, Settings,
    clock::Clock,
    codec::{decode_entry, encode_entry},
    driver, front,
    inner::{Identity, Inner, Parts, Shared},
    log_store::{LogStore, Watch},
    membership::{self, Addresses},
    peer::{Gate, Network, Peers, PeersParts, accept},
    removal,
    seam::Seams,
    state_machine::{StateMachine, read_applied},
    status::Tally,
    tasks::Tasks,
    types::{Entry, LeaderId, LogId, Membership, Payload, Raft, Vote, index_of},
};

/// How long a stop may wait for the member's tasks.
const STOP: Duration = Duration::from_secs(5);
/// A pause between attempts to join.
const PAUSE: Duration = Duration::from_millis(200);

/// What a member is started from.
pub struct Boot {
    /// Its opened data folder (or simulated disk). It says which member of which cluster this is.
    pub store: Store,
    /// Time of day, chance, sockets, runtimes.
    pub seams: Seams,
    /// Timings and bounds.
    pub settings: Settings,
    /// Certificates; `None`: members talk in the clear.
    pub tls: Option<PeerTls>,
    /// `host:port` to listen on for other members.
    pub listen: String,
    /// Where others reach it. Written into the membership once, when it becomes a member.
    pub addresses: Addresses,
}

/// A running member. Dropping it ends nothing: call [`Member::stop`].
pub struct Member {
    handle: Handle,
    /// Holds the data folder against a second process.
    _folder: DataFolder,
}

impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Member").field("handle", &self.handle).finish_non_exhaustive()
    }
}

/// Starts the first member of a new cluster and makes it the cluster's one voter. The store must be fresh and for member 1.
///
/// # Errors
/// [`Error::Refused`] if the store is not fresh; [`Error::Fatal`] if Raft cannot start.
pub async fn bootstrap(boot: Boot, deadline: Instant) -> Result<Member, Error> {
    if boot.store.identity().member != 1 || boot.store.log.vote().is_some() {
        return Err(Error::Refused(String::from("a new cluster begins with member 1 and an empty data folder")));
    }
    let addresses = boot.addresses.clone();
    let member = start(boot).await?;
    let inner = member.handle.inner.clone();
    let id = inner.shared.identity.member;
    match inner.raft.initialize(BTreeMap::from([(id.0, addresses)])).await {
        Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => {}
        Err(error) => return Err(Error::Fatal(error.to_string())),
    }
    timeout_at(deadline, first_record(inner)).await.map_err(|_| Error::Timeout)?;
    Ok(member)
}

/// Starts a member again that was one before.
///
/// # Errors
/// [`Error::Fatal`] if Raft cannot start, for example because the log is damaged.
pub async fn restart(boot: Boot) -> Result<Member, Error> {
    let member = start(boot).await?;
    let inner = member.handle.inner.clone();
    if inner.shared.identity.member == MemberId(1) {
        // The very first start may have ended before the cluster knew its first member.
        inner.shared.tasks.spawn(first_record(inner.clone()));
    }
    Ok(member)
}

/// Starts a new member and has it let in as a learner. The store must have been made for the token's cluster and member. May be repeated.
///
/// # Errors
/// [`Error::Refused`] if the token is not good (any more); [`Error::Unreachable`] or [`Error::NotNow`] at the deadline.
pub async fn join(boot: Boot, token: &JoinToken, deadline: Instant) -> Result<Member, Error> {
    let identity = boot.store.identity();
    if identity.cluster != token.cluster || identity.member != token.member.0 {
        let words = format!("the token is for member {} of cluster {}, the data folder for another", token.member, token.cluster);
        return Err(Error::Refused(words));
    }
    let addresses = boot.addresses.clone();
    let member = start(boot).await?;
    let inner = &member.handle.inner;
    let mut last = Error::Refused(String::from("the token names nobody to ask"));
    loop {
        for (contact, address) in &token.contacts {
            let until = deadline.min(Instant::now() + Duration::from_secs(10));
            match membership::ask_to_join(&inner.peers, token, (*contact, address), &addresses, until).await {
                Ok(()) => return Ok(member),
                Err(Error::Refused(reason)) => {
                    member.stop().await;
                    return Err(Error::Refused(reason));
                }
                Err(error) => last = error,
            }
        }
        if Instant::now() + PAUSE >= deadline {
            member.stop().await;
            return Err(last);
        }
        sleep(PAUSE).await;
    }
}

/// What a recovery found and did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The new cluster's id.
    pub cluster: Uuid,
    /// The member that is now its one voter.
    pub member: MemberId,
    /// Entries up to here were known to be committed.
    pub committed: u64,
    /// Entries up to here are kept: all that this member had.
    pub last: u64,
}

/// Makes the one voter of a new cluster out of a stopped member whose cluster has lost its majority for good. Everything in this member's log
/// is kept, also what was not known to be committed. The old members are fenced: they belong to a cluster of another id, which both ends of
/// every connection check. Start it with [`restart`], have new members join, and remove the records of the old ones.
///
/// # Errors
/// [`Error::Storage`] if the folder cannot be read or written.
pub async fn recover(mut store: Store, addresses: Addresses, cluster: Uuid) -> Result<Recovered, Error> {
    let member = store.identity().member;
    let applied: Option<LogId> = read_applied(store.state.applied()).map_err(Error::storage)?.log_id.map(Into::into);
    let mut last = match store.log.last().map_err(Error::storage)? {
        Some((_, bytes)) => Some(decode_entry(bytes).map_err(Error::storage)?.log_id),
        None => None,
    };
    if let Some(applied) = applied
        && index_of(last.as_ref()) < applied.index
    {
        store.log.purge_to(crate::log_store::mark(applied)).await.map_err(Error::storage)?;
        last = Some(applied);
    }
    let Some(last) = last else {
        return Err(Error::Refused(String::from("this member has nothing to recover: its log is empty")));
    };
    let vote: Option<Vote> = store
        .log
        .vote()
        .map(|bytes| crate::codec::decode::<crate::codec::VoteRecord>("vote", bytes).map(Into::into))
        .transpose()
        .map_err(Error::storage)?;
    let term = vote.map_or(0, |vote| vote.leader_id.term).max(last.leader_id.term) + 1;
    let log_id = LogId::new(LeaderId { term, node_id: member }, last.index + 1);
    let voters = vec![[member].into()];
    let membership = Membership::new(voters, BTreeMap::from([(member, addresses)])).map_err(Error::storage)?;
    let entry = encode_entry(Entry { log_id, payload: Payload::Membership(membership) });
    let vote = crate::codec::VoteRecord::from(Vote { leader_id: log_id.leader_id, committed: true });
    // The vote before the entry: an entry of a term that nobody voted for must never be there.
    store.log.save_vote(crate::peer::wire::encode(&vote)).await.map_err(Error::storage)?;
    store.log.append(vec![(log_id.index, entry)]).await.map_err(Error::storage)?;
    store.flush().await.map_err(Error::storage)?;
    let committed = store.log.committed().map_or(0, |mark| mark.index).max(index_of(applied.as_ref()));
    store.folder.adopt(cluster, member).map_err(Error::storage)?;
    Ok(Recovered { cluster, member: MemberId(member), committed, last: log_id.index })
}

impl Member {
    /// The handle for the rest of the process.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Why it cannot go on; see [`Handle::fatal`].
    pub async fn fatal(&self) -> String {
        self.handle.fatal().await
    }

    /// Stops in order: hands leadership over, lets pending writes finish, ends Raft and all tasks, flushes. Bounded by
    /// [`Settings::transfer_timeout`] and a few seconds more.
    pub async fn stop(self) {
        let inner = &self.handle.inner;
        let shared = &inner.shared;
        let patience = shared.settings.transfer_timeout;
        let leads = inner.raft.server_metrics().borrow_watched().state == ServerState::Leader;
        let alone = inner.raft.server_metrics().borrow_watched().membership_config.voter_ids().count() < 2;
        if leads && !alone && shared.fatal.get().is_none() {
            let deadline = Instant::now() + patience;
            if let Err(error) = membership::transfer_leader(inner, None, deadline).await {
                tracing::warn!(%error, "leadership was not handed over before the stop");
            }
        }
        let finished = async {
            while shared.pending.load().0 > 0 {
                sleep(Duration::from_millis(5)).await;
            }
        };
        if timeout(patience, finished).await.is_err() {
            tracing::warn!(writes = shared.pending.load().0, "writes were still pending at the stop");
        }
        self.end().await;
    }

    /// Ends Raft and all tasks at once, without handing over: what a crash does, for tests.
    pub async fn abort(self) {
        self.end().await;
    }

    async fn end(self) {
        let inner = &self.handle.inner;
        let shared = &inner.shared;
        if timeout(STOP, inner.raft.shutdown()).await.is_err() {
            tracing::warn!("Raft did not end in time");
        }
        shared.fatal.close("it is stopping");
        shared.pending.fail("it is stopping");
        shared.reads.fail("it is stopping");
        shared.tasks.stop(STOP).await;
        let flushed = async {
            shared.log.flush().await?;
            shared.state.flush().await
        };
        if let Err(error) = flushed.await {
            tracing::warn!(%error, "the data folder could not be flushed at the stop; the next start replays the log");
        }
    }
}

impl Watch for Shared {
    fn clock(&self) -> &Clock {
        &self.clock
    }
    fn tally(&self) -> &Tally {
        &self.tally
    }
}

/// Starts everything, on Raft's runtime.
async fn start(boot: Boot) -> Result<Member, Error> {
    let executor = boot.seams.raft.clone();
    let tasks = Arc::new(Tasks::new(executor.clone(), boot.seams.chance.number()));
    let started = executor.spawn(tasks.clone().seeded(start_here(boot, tasks)));
    started.await.map_err(|error| Error::Fatal(format!("the start broke off: {error}")))?
}

async fn start_here(boot: Boot, tasks: Arc<Tasks>) -> Result<Member, Error> {
    let Boot { store, seams, settings, tls, listen, addresses } = boot;
    let Store { log, state, snapshots, folder } = store;
    let found = folder.identity();
    let identity = Identity { cluster: found.cluster, member: MemberId(found.member), incarnation: found.incarnation };
    let config = config(&settings, identity)?;
    let cannot_listen = |error: io::Error| Error::Refused(format!("cannot listen for members on {listen}: {error}"));
    let listener = seams.network.listen(&listen).await.map_err(cannot_listen)?;
    let applied = read_applied(state.applied()).map_err(Error::storage)?;
    let log_ms = last_time(&log, &seams)?;
    let shared = Arc::new(Shared::new(Parts { identity, settings, seams, log, state, applied, log_ms, tasks }));
    let settings = &shared.settings;
    let peers = Arc::new(Peers::new(PeersParts {
        seams: shared.seams.clone(),
        tls: tls.clone(),
        cluster: identity.cluster,
        member: identity.member,
        connect_within: settings.election_min,
        max_message: settings.max_message_bytes,
    }));
    let machine = StateMachine::new(shared.clone(), snapshots.clone()).map_err(Error::storage)?;
    let log_store = LogStore::new(shared.log.clone(), shared.clone());
    let network = Network::new(peers.clone(), settings.clone(), identity.member);
    let raft = Raft::new(identity.member.0, Arc::new(config), network, log_store, machine)
        .await
        .map_err(|fatal| Error::Fatal(shared.fatal.get().unwrap_or_else(|| fatal.to_string())))?;
    let inner = Arc::new(Inner { shared: shared.clone(), raft, peers, snapshots, changing: tokio::sync::Mutex::default() });
    let gate = Gate {
        cluster: identity.cluster,
        member: identity.member,
        tls,
        max_message: settings.max_message_bytes,
        inner: Arc::downgrade(&inner),
        tasks: shared.tasks.clone(),
    };
    let tasks = &shared.tasks;
    let broken = || {
        let shared = shared.clone();
        move |words: String| shared.end(&words)
    };
    tasks.spawn_vital("accept", accept(Arc::new(gate), listener), broken());
    tasks.spawn_vital("leadership", follow_leadership(inner.clone()), broken());
    tasks.spawn_vital("watch", watch_for_the_end(inner.clone()), broken());
    tasks.spawn_vital("removal", removal::stand_still(inner.clone()), broken());
    tasks.spawn_vital("front", front::run(inner.clone()), broken());
    tasks.spawn_vital("driver", driver::run(inner.clone()), broken());
    tracing::info!(member = %identity.member, cluster = %identity.cluster, incarnation = identity.incarnation, peer = addresses.peer, "the member is up");
    Ok(Member { handle: Handle { inner }, _folder: folder })
}

/// The time of the log's last entry; of the wall, in an empty log.
fn last_time(log: &storage::Log, seams: &Seams) -> Result<u64, Error> {
    match log.last().map_err(Error::storage)? {
        Some((_, bytes)) => match decode_entry(bytes).map_err(Error::storage)?.payload {
            Payload::Normal(command) => Ok(command.at_ms),
            Payload::Blank | Payload::Membership(_) => Ok(0),
        },
        None if log.purged().is_some() => Ok(0),
        None => Ok(seams.wall.now_ms()),
    }
}

fn config(settings: &Settings, identity: Identity) -> Result<Config, Error> {
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    Config {
        cluster_name: identity.cluster.to_string(),
        heartbeat_interval: millis(settings.heartbeat),
        election_timeout_min: millis(settings.election_min),
        election_timeout_max: millis(settings.election_max),
        install_snapshot_timeout: millis(settings.snapshot_timeout),
        max_payload_entries: settings.max_append_entries,
        replication_lag_threshold: settings.lag_threshold,
        // Snapshots and purges are the driver's.
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: u64::MAX,
        // A leader that has lost its quorum must let the others elect; lease and election time are the least it may wait.
        quorum_loss_probe_interval: Some(millis(settings.election_max * 2)),
        enable_pre_vote: Some(true),
        // A leader that comes back must be elected again: what it had not applied may have been overtaken.
        enable_leader_restore: Some(false),
        allow_log_reversion: Some(false),
        backoff: String::from("20ms 40ms ...300ms"),
        ..Config::default()
    }
    .validate()
    .map_err(|error| Error::Refused(format!("these timings cannot work: {error}")))
}

/// Tells who leads.
async fn follow_leadership(inner: Arc<Inner>) {
    let mut metrics = inner.raft.server_metrics();
    let mut removed = inner.peers.removal().told();
    loop {
        let (leader, term) = {
            let seen = metrics.borrow_and_update();
            (seen.current_leader.map(MemberId), seen.vote.leader_id.term)
        };
        // Nobody leads a member that was removed.
        let leader = leader.filter(|_| !*removed.borrow_and_update());
        inner.shared.leadership.send_if_modified(|known| {
            if (known.leader, known.term) == (leader, term) {
                return false;
            }
            *known = Leadership { leader, term, since: Instant::now() };
            true
        });
        tokio::select! {
            changed = metrics.changed() => if changed.is_err() { return },
            Ok(()) = removed.changed() => {}
        }
    }
}

/// Notices when Raft has ended by itself.
async fn watch_for_the_end(inner: Arc<Inner>) {
    let mut metrics = inner.raft.metrics();
    let shared = &inner.shared;
    let ended = metrics.wait_until(|metrics| metrics.running_state.is_err()).await;
    match ended {
        Ok(metrics) => match &metrics.running_state {
            Err(openraft::errors::Fatal::Stopped) => shared.fatal.close("it is stopping"),
            Err(fatal) => shared.fatal.set(format!("Raft has stopped: {fatal}")),
            Ok(()) => {}
        },
        Err(_) => shared.fatal.set("Raft has stopped without a word: it panicked"),
    }
    shared.end("");
}

/// Has the cluster's first member counted, once it leads.
async fn first_record(inner: Arc<Inner>) {
    let shared = &inner.shared;
    let own = shared.identity.member;
    loop {
        let deadline = Instant::now() + Duration::from_secs(5);
        if let Ok(reading) = inner.read(Consistency::Linearizable, deadline).await {
            match model::record::all::<MemberRecord>(&*reading.view) {
                Ok(members) if members.is_empty() && model::meta::Meta::read(&*reading.view).is_ok_and(|meta| meta.members == 0) => {
                    let addresses = inner.addresses(own).unwrap_or_default();
                    let Addresses { peer, api, name } = addresses;
                    let record = MemberRecord { name, peer_address: peer, api_address: api, ..MemberRecord::default() };
                    match membership::join_member(&inner, record, deadline).await {
                        Ok(_) => return,
                        Err(error) => tracing::debug!(%error, "the first member is not counted yet"),
                    }
                }
                Ok(_) => return,
                Err(fault) => {
                    shared.fatal.set(format!("the state cannot be read: {fault}"));
                    return;
                }
            }
        }
        sleep(PAUSE).await;
    }
}
