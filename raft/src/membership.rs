//! Who is a member, and how that changes while the cluster works.
//!
//! A change is asked of any member and carried out by the leader, one at a time. All of them may be repeated: what is already so is done.
//! Voters are changed by joint consensus. A change that would leave a set of voters without a living majority is refused: it could not be
//! committed, or could not be undone.
//!
//! # Joining
//! [`Handle::create_token`](crate::Handle::create_token) lets the replicated counter give the new member's id (the command `MemberJoin`) and keeps, as the name of that reserved
//! record, the digest of a secret and the log time at which it ends. The token holds the cluster's id, the member's id, the secret, and where
//! to ask. Who brings it in time is added as a learner under that id. An id can be added with one address only and never again after it was removed,
//! which makes the token work once. A member that lost its data gets a new token, and so a new id; the old id is removed.
//!
//! The id is known before the new member starts: its certificate can be made from the token.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use bytes::Bytes;
use model::{MemberId, command, member::Member, outcome::Class};
use openraft::{
    ChangeMembers, Instant as _,
    async_runtime::watch::WatchReceiver,
    errors::{ChangeMembershipError, ClientWriteError, RaftError},
};
use prost::Message;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep, timeout_at};
use tonic::Status;
use uuid::Uuid;

use crate::{
    Error, Write,
    inner::Inner,
    peer::{
        CallError, Destination, Purpose, method,
        wire::{self, ChangeAnswer, ChangeKind, ChangeRequest, ChangeResult, JoinRequest},
    },
    types::{StoredMembership, Types},
};

/// Where a member is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// `host:port` on which other members reach it.
    pub peer: String,
    /// `host:port` or URL on which clients reach its REST API.
    pub api: String,
    /// A name for people.
    pub name: String,
}

/// What lets one new member join once.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken {
    /// The cluster.
    pub cluster: Uuid,
    /// The new member's id.
    pub member: MemberId,
    /// Members it may ask, and where they are.
    pub contacts: Vec<(MemberId, String)>,
    secret: Bytes,
}

/// A token as it is written.
#[derive(Clone, PartialEq, Message)]
struct TokenRecord {
    #[prost(bytes = "bytes", tag = "1")]
    cluster: Bytes,
    #[prost(uint64, tag = "2")]
    member: u64,
    #[prost(bytes = "bytes", tag = "3")]
    secret: Bytes,
    #[prost(btree_map = "uint64, string", tag = "4")]
    contacts: BTreeMap<u64, String>,
}

const TOKEN: &str = "jeroboam-join-";
/// Bytes of a token's secret.
const SECRET: usize = 24;
/// Begins the name of a member's record as long as the member has not joined.
const RESERVED: &str = "joining";
/// A pause between two attempts at something that has to wait for other things.
const PAUSE: Duration = Duration::from_millis(50);
/// A learner may be promoted when it is at most this many entries behind.
const CLOSE: u64 = 1_000;

impl JoinToken {
    pub(crate) const fn secret(&self) -> &Bytes {
        &self.secret
    }
}

/// The whole token, secret and all: for the person who asked for it.
impl fmt::Display for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = TokenRecord {
            cluster: Bytes::copy_from_slice(self.cluster.as_bytes()),
            member: self.member.0,
            secret: self.secret.clone(),
            contacts: self.contacts.iter().map(|(member, address)| (member.0, address.clone())).collect(),
        };
        write!(f, "{TOKEN}{}", BASE64.encode(record.encode_to_vec()))
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinToken").field("cluster", &self.cluster).field("member", &self.member).finish_non_exhaustive()
    }
}

impl FromStr for JoinToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let decoded = text.trim().strip_prefix(TOKEN).and_then(|text| BASE64.decode(text).ok());
        let record = decoded.and_then(|bytes| TokenRecord::decode(bytes.as_slice()).ok());
        let token = record.and_then(|record| {
            Some(Self {
                cluster: Uuid::from_slice(&record.cluster).ok()?,
                member: MemberId(record.member),
                contacts: record.contacts.into_iter().map(|(member, address)| (MemberId(member), address)).collect(),
                secret: (record.secret.len() == SECRET).then_some(record.secret)?,
            })
        });
        token.ok_or_else(|| Error::Refused(String::from("this is not a join token; have one made on a member: `jeroboam member add`")))
    }
}

fn digest(secret: &[u8]) -> String {
    Sha256::digest(secret).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Makes a token.
pub(crate) async fn create_token(inner: &Inner, life: Duration, deadline: Instant) -> Result<JoinToken, Error> {
    let shared = &inner.shared;
    let mut secret = [0; SECRET];
    shared.seams.chance.fill(&mut secret);
    let expires_ms = shared.clock.now_ms().saturating_add(u64::try_from(life.as_millis()).unwrap_or(u64::MAX));
    let name = format!("{RESERVED}:{}:{expires_ms}", digest(&secret));
    let member = join_member(inner, Member { name, ..Member::default() }, deadline).await?;
    let contacts = Seats::of(inner).stored.nodes().map(|(id, addresses)| (MemberId(*id), addresses.peer.clone())).collect();
    Ok(JoinToken { cluster: shared.identity.cluster, member, contacts, secret: Bytes::copy_from_slice(&secret) })
}

/// Lets the replicated counter give an id to a member.
pub(crate) async fn join_member(inner: &Inner, member: Member, deadline: Instant) -> Result<MemberId, Error> {
    let member = Member { joined_ms: inner.shared.seams.wall.now_ms(), version_max: model::version::VERSION, ..member };
    let written = inner.write(Write::system(command::Command::MemberJoin(command::MemberJoin { member })), deadline).await?;
    written.outcome.into_result().map(|done| MemberId(done.number)).map_err(|refusal| Error::Refused(refusal.message))
}

/// A change of the membership.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    AddLearner(MemberId, Addresses),
    Promote(MemberId),
    Demote(MemberId),
    Remove(MemberId),
    Replace(MemberId, MemberId),
    Transfer(Option<MemberId>),
}

/// Why a change was not made.
#[derive(Clone, Debug)]
enum No {
    NotLeader,
    Refused(String),
    Later(String),
}

impl No {
    fn refused(reason: impl Into<String>) -> Self {
        Self::Refused(reason.into())
    }
}

/// Makes a change, wherever the leader is, and tries again as long as it makes sense.
pub(crate) async fn change(inner: &Arc<Inner>, change: Change, deadline: Instant) -> Result<(), Error> {
    let mut last = None;
    while Instant::now() < deadline {
        let leader = inner.shared.leadership.borrow().leader;
        let no = match leader {
            None => No::NotLeader,
            Some(member) if member == inner.shared.identity.member => match carry_out(inner, &change, deadline).await {
                Ok(()) => return Ok(()),
                Err(no) => no,
            },
            Some(member) => match ask(inner, member, &change, deadline).await {
                Ok(()) => return Ok(()),
                Err(no) => no,
            },
        };
        match no {
            No::Refused(reason) => return Err(Error::Refused(reason)),
            No::Later(reason) => last = Some(reason),
            No::NotLeader => {}
        }
        sleep(PAUSE.min(deadline.saturating_duration_since(Instant::now()))).await;
    }
    Err(last.map_or(Error::NoLeader { retry_after: inner.shared.settings.election_max }, Error::NotNow))
}

async fn ask(inner: &Inner, leader: MemberId, change: &Change, deadline: Instant) -> Result<(), No> {
    let Some(addresses) = inner.addresses(leader) else { return Err(No::NotLeader) };
    let within = deadline.saturating_duration_since(Instant::now());
    let request = wire::encode(&encode_change(change, within));
    let to = Destination { member: leader, address: &addresses.peer, purpose: Purpose::Front };
    let answer = inner.peers.unary(to, method::CHANGE, request, within).await.map_err(|error| No::Later(error.to_string()))?;
    read_answer(answer)
}

fn encode_change(change: &Change, within: Duration) -> ChangeRequest {
    let mut request = ChangeRequest { within_ms: u64::try_from(within.as_millis()).unwrap_or(u64::MAX), ..Default::default() };
    let (kind, member, other) = match change {
        Change::AddLearner(member, addresses) => {
            request.peer.clone_from(&addresses.peer);
            request.api.clone_from(&addresses.api);
            request.name.clone_from(&addresses.name);
            (ChangeKind::AddLearner, member.0, 0)
        }
        Change::Promote(member) => (ChangeKind::Promote, member.0, 0),
        Change::Demote(member) => (ChangeKind::Demote, member.0, 0),
        Change::Remove(member) => (ChangeKind::Remove, member.0, 0),
        Change::Replace(old, new) => (ChangeKind::Replace, old.0, new.0),
        Change::Transfer(to) => (ChangeKind::Transfer, to.map_or(0, |to| to.0), 0),
    };
    request.kind = kind.into();
    request.member = member;
    request.other = other;
    request
}

fn decode_change(request: ChangeRequest) -> Option<Change> {
    let member = MemberId(request.member);
    Some(match request.kind() {
        ChangeKind::AddLearner => Change::AddLearner(member, Addresses { peer: request.peer, api: request.api, name: request.name }),
        ChangeKind::Promote => Change::Promote(member),
        ChangeKind::Demote => Change::Demote(member),
        ChangeKind::Remove => Change::Remove(member),
        ChangeKind::Replace => Change::Replace(member, MemberId(request.other)),
        ChangeKind::Transfer => Change::Transfer((member.0 != 0).then_some(member)),
        ChangeKind::Unknown => return None,
    })
}

fn read_answer(bytes: Bytes) -> Result<(), No> {
    let answer: ChangeAnswer = wire::read("change answer", bytes).map_err(|status| No::Later(status.message().to_owned()))?;
    match answer.result() {
        ChangeResult::Done => Ok(()),
        ChangeResult::NotLeader => Err(No::NotLeader),
        ChangeResult::Refused => Err(No::Refused(answer.reason)),
        ChangeResult::Later | ChangeResult::Unknown => Err(No::Later(answer.reason)),
    }
}

fn encode_answer(result: Result<(), No>) -> Bytes {
    let (result, reason) = match result {
        Ok(()) => (ChangeResult::Done, String::new()),
        Err(No::NotLeader) => (ChangeResult::NotLeader, String::from("this member does not lead")),
        Err(No::Refused(reason)) => (ChangeResult::Refused, reason),
        Err(No::Later(reason)) => (ChangeResult::Later, reason),
    };
    wire::encode(&ChangeAnswer { result: result.into(), reason })
}

/// Makes a change another member was asked for.
pub(crate) async fn answer_change(inner: &Arc<Inner>, body: Bytes) -> Result<Bytes, Status> {
    let request: ChangeRequest = wire::read("change request", body)?;
    let deadline = Instant::now() + Duration::from_millis(request.within_ms.min(600_000));
    let change = decode_change(request).ok_or_else(|| Status::invalid_argument("an unknown kind of change"))?;
    Ok(encode_answer(carry_out(inner, &change, deadline).await))
}

/// Makes a change here; this member should lead.
async fn carry_out(inner: &Arc<Inner>, change: &Change, deadline: Instant) -> Result<(), No> {
    let own = inner.shared.identity.member;
    if inner.shared.leadership.borrow().leader != Some(own) {
        return Err(No::NotLeader);
    }
    let busy = || No::Later(String::from("another change is under way"));
    let _one_at_a_time = timeout_at(deadline, inner.changing.lock()).await.map_err(|_| busy())?;
    let seats = Seats::of(inner);
    match change {
        Change::AddLearner(member, addresses) => add_learner(inner, &seats, *member, addresses).await,
        Change::Promote(member) => promote(inner, &seats, *member, deadline).await,
        Change::Demote(member) if !seats.voters.contains(&member.0) => seats.known(*member),
        Change::Demote(member) => {
            leave_voters(inner, &seats, *member, None).await?;
            raft_change(inner, ChangeMembers::RemoveVoters(BTreeSet::from([member.0])), true).await
        }
        Change::Remove(member) => remove(inner, &seats, *member, deadline).await,
        Change::Replace(old, new) => replace(inner, &seats, *old, *new, deadline).await,
        Change::Transfer(to) => hand_over(inner, &seats, *to).await,
    }
}

/// The membership and what is known of its members' health, on the leader.
struct Seats {
    own: MemberId,
    voters: BTreeSet<u64>,
    stored: Arc<StoredMembership>,
    /// Members that answered lately.
    living: BTreeSet<u64>,
    /// How far each is.
    matched: Vec<(u64, u64)>,
    last: u64,
}

impl Seats {
    fn of(inner: &Inner) -> Self {
        let metrics = inner.raft.metrics().borrow_watched().clone();
        let own = inner.shared.identity.member;
        let limit = (inner.shared.settings.election_max * 3).max(Duration::from_secs(1));
        let mut living: BTreeSet<u64> = metrics
            .heartbeat
            .iter()
            .flatten()
            .filter(|(_, at)| at.as_ref().is_some_and(|at| at.elapsed() < limit))
            .map(|(id, _)| *id)
            .collect();
        living.insert(own.0);
        let matched = metrics.replication.iter().flatten().filter_map(|(id, at)| Some((*id, at.as_ref()?.index))).collect();
        Self {
            own,
            voters: metrics.membership_config.voter_ids().collect(),
            stored: metrics.membership_config,
            living,
            matched,
            last: metrics.last_log_index.unwrap_or(0),
        }
    }

    fn node(&self, member: MemberId) -> Option<&Addresses> {
        self.stored.get_node(&member.0)
    }

    fn known(&self, member: MemberId) -> Result<(), No> {
        self.node(member).map(drop).ok_or_else(|| No::refused(format!("{member} is not a member")))
    }

    fn lag(&self, member: MemberId) -> u64 {
        let matched = self.matched.iter().find(|(id, _)| *id == member.0).map_or(0, |(_, matched)| *matched);
        self.last.saturating_sub(matched)
    }

    /// Refuses a set of voters that has no living majority.
    fn check_quorum(&self, voters: &BTreeSet<u64>) -> Result<(), No> {
        if voters.is_empty() {
            return Err(No::refused("the last voter cannot go"));
        }
        let living = voters.intersection(&self.living).count();
        if living <= voters.len() / 2 {
            let words = format!("of the {} voters that would remain only {living} can be reached: no majority", voters.len());
            return Err(No::refused(words));
        }
        Ok(())
    }
}

async fn add_learner(inner: &Inner, seats: &Seats, member: MemberId, addresses: &Addresses) -> Result<(), No> {
    match seats.node(member) {
        Some(present) if present.peer == addresses.peer => Ok(()),
        Some(present) => Err(No::refused(format!("member {member} is known already, at {}", present.peer))),
        None => raft_change(inner, ChangeMembers::AddNodes([(member.0, addresses.clone())].into()), true).await,
    }
}

/// Waits until a member has caught up.
async fn caught_up(inner: &Inner, member: MemberId, deadline: Instant) -> Result<(), No> {
    loop {
        let seats = Seats::of(inner);
        let lag = seats.lag(member);
        if seats.living.contains(&member.0) && lag <= CLOSE {
            return Ok(());
        }
        if Instant::now() + PAUSE >= deadline {
            return Err(No::Later(format!("member {member} has not caught up, it is {lag} entries behind")));
        }
        sleep(PAUSE).await;
    }
}

async fn promote(inner: &Inner, seats: &Seats, member: MemberId, deadline: Instant) -> Result<(), No> {
    seats.known(member)?;
    // In an unfinished joint configuration somebody may be counted who will not be in the next one: then it is asked for again, which also
    // finishes it.
    let finished = seats.stored.membership().get_joint_config().len() == 1;
    if finished && seats.voters.contains(&member.0) {
        return Ok(());
    }
    caught_up(inner, member, deadline).await?;
    let mut voters = seats.voters.clone();
    voters.insert(member.0);
    Seats::of(inner).check_quorum(&voters)?;
    raft_change(inner, ChangeMembers::AddVoterIds(BTreeSet::from([member.0])), true).await
}

/// Prepares that a voter leaves: the rest must be able to go on, and a leader hands over first.
async fn leave_voters(inner: &Arc<Inner>, seats: &Seats, member: MemberId, instead: Option<MemberId>) -> Result<(), No> {
    let mut voters = seats.voters.clone();
    voters.remove(&member.0);
    voters.extend(instead.map(|instead| instead.0));
    seats.check_quorum(&voters)?;
    if member == seats.own {
        hand_over(inner, seats, None).await?;
        // The new leader carries it out.
        return Err(No::NotLeader);
    }
    Ok(())
}

async fn remove(inner: &Arc<Inner>, seats: &Seats, member: MemberId, deadline: Instant) -> Result<(), No> {
    if seats.voters.contains(&member.0) {
        leave_voters(inner, seats, member, None).await?;
        raft_change(inner, ChangeMembers::RemoveVoters(BTreeSet::from([member.0])), false).await?;
    } else if seats.node(member).is_some() {
        raft_change(inner, ChangeMembers::RemoveNodes(BTreeSet::from([member.0])), false).await?;
    }
    forget(inner, member, deadline).await
}

async fn replace(inner: &Arc<Inner>, seats: &Seats, old: MemberId, new: MemberId, deadline: Instant) -> Result<(), No> {
    seats.known(new)?;
    if seats.voters.contains(&old.0) {
        caught_up(inner, new, deadline).await?;
        leave_voters(inner, &Seats::of(inner), old, Some(new)).await?;
        let changes = vec![ChangeMembers::AddVoterIds(BTreeSet::from([new.0])), ChangeMembers::RemoveVoters(BTreeSet::from([old.0]))];
        raft_change(inner, ChangeMembers::Batch(changes), false).await?;
    } else if seats.node(old).is_some() {
        return Err(No::refused(format!("member {old} is not a voter; remove it, and promote member {new}")));
    }
    forget(inner, old, deadline).await
}

/// The member's record goes, its connections too.
async fn forget(inner: &Inner, member: MemberId, deadline: Instant) -> Result<(), No> {
    let command = command::Command::MemberRemove(command::MemberRemove { member: member.0 });
    let written = inner.write(Write::system(command), deadline).await.map_err(|error| No::Later(error.to_string()))?;
    inner.peers.forget(member);
    match written.outcome.into_result() {
        Ok(_) => Ok(()),
        Err(refusal) if refusal.class() == Class::Missing => Ok(()),
        Err(refusal) => Err(No::Refused(refusal.message)),
    }
}

async fn raft_change(inner: &Inner, change: ChangeMembers<u64, Addresses>, retain: bool) -> Result<(), No> {
    let result = inner.raft.change_membership(change, retain).await;
    match result {
        Ok(_) => Ok(()),
        Err(RaftError::APIError(error)) => Err(explain(&error)),
        Err(RaftError::Fatal(fatal)) => Err(No::Later(fatal.to_string())),
    }
}

fn explain(error: &ClientWriteError<Types>) -> No {
    match error {
        ClientWriteError::ForwardToLeader(_) | ClientWriteError::LogEntryDiscarded(_) => No::NotLeader,
        ClientWriteError::ChangeMembershipError(ChangeMembershipError::InProgress(_) | ChangeMembershipError::UncommittedLeaderLog(_)) => {
            No::Later(String::from("another change is under way"))
        }
        ClientWriteError::PreconditionFailed(failed) => No::Later(failed.to_string()),
        ClientWriteError::ChangeMembershipError(error) => No::Refused(error.to_string()),
    }
}

/// Hands leadership to another voter and waits until one is seen.
async fn hand_over(inner: &Arc<Inner>, seats: &Seats, to: Option<MemberId>) -> Result<(), No> {
    let target = match to {
        Some(to) if to == seats.own => return Ok(()),
        Some(to) if !seats.voters.contains(&to.0) => return Err(No::refused(format!("member {to} is not a voter"))),
        Some(to) => to,
        None => best_heir(seats).ok_or_else(|| No::refused("there is no other voter that can be reached"))?,
    };
    let mut leadership = inner.shared.leadership.subscribe();
    let own = seats.own;
    inner.raft.trigger().transfer_leader(target.0).await.map_err(|fatal| No::Later(fatal.to_string()))?;
    let taken_over = leadership.wait_for(|seen| seen.leader.is_some_and(|leader| leader != own));
    match tokio::time::timeout(inner.shared.settings.election_max * 3, taken_over).await {
        Ok(Ok(_)) => Ok(()),
        _ => Err(No::Later(format!("member {target} has not taken over"))),
    }
}

fn best_heir(seats: &Seats) -> Option<MemberId> {
    let candidates = seats.voters.iter().map(|id| MemberId(*id)).filter(|id| *id != seats.own && seats.living.contains(&id.0));
    candidates.min_by_key(|id| seats.lag(*id))
}

/// Hands leadership over, wherever the leader is.
pub(crate) async fn transfer_leader(inner: &Arc<Inner>, to: Option<MemberId>, deadline: Instant) -> Result<(), Error> {
    let before = inner.shared.leadership.borrow().leader;
    if to.is_some() && before == to {
        return Ok(());
    }
    change(inner, Change::Transfer(to), deadline).await?;
    let mut leadership = inner.shared.leadership.subscribe();
    let changed = leadership.wait_for(|seen| seen.leader.is_some() && (to.is_none() && seen.leader != before || seen.leader == to));
    match timeout_at(deadline, changed).await {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::Timeout),
    }
}

/// Lets a new member in that brings a token: any member checks it, the leader adds the learner.
pub(crate) async fn answer_join(inner: &Arc<Inner>, from: MemberId, body: Bytes) -> Result<Bytes, Status> {
    let request: JoinRequest = wire::read("join request", body)?;
    let deadline = Instant::now() + Duration::from_millis(request.within_ms.min(60_000));
    Ok(encode_answer(let_in(inner, from, request, deadline).await))
}

async fn let_in(inner: &Arc<Inner>, from: MemberId, request: JoinRequest, deadline: Instant) -> Result<(), No> {
    check_token(inner, from, &request.secret, deadline).await?;
    let addresses = Addresses { peer: request.peer, api: request.api, name: request.name };
    if addresses.peer.is_empty() {
        return Err(No::refused("a member needs an address on which the others reach it"));
    }
    change(inner, Change::AddLearner(from, addresses), deadline).await.map_err(|error| match error {
        Error::Refused(reason) => No::Refused(reason),
        other => No::Later(other.to_string()),
    })
}

async fn check_token(inner: &Inner, member: MemberId, secret: &[u8], deadline: Instant) -> Result<(), No> {
    let reading = inner.read(crate::Consistency::Linearizable, deadline).await.map_err(|error| No::Later(error.to_string()))?;
    let record: Option<Member> =
        model::record::get(&*reading.view, &member.0.to_be_bytes()).map_err(|fault| No::Later(fault.to_string()))?;
    let wrong = || No::refused(format!("this token does not let member {member} in; make a new one"));
    let name = record.ok_or_else(wrong)?.name;
    let mut parts = name.split(':');
    let (title, expected, expires) = (parts.next(), parts.next(), parts.next());
    if title != Some(RESERVED) || expected != Some(digest(secret).as_str()) {
        return Err(wrong());
    }
    let expires: u64 = expires.and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
    if inner.shared.clock.now_ms() > expires {
        return Err(No::refused("this token is too old; make a new one"));
    }
    Ok(())
}

/// The new member's side: asks a member to be let in.
pub(crate) async fn ask_to_join(
    peers: &crate::peer::Peers,
    token: &JoinToken,
    contact: (MemberId, &str),
    own: &Addresses,
    deadline: Instant,
) -> Result<(), Error> {
    let (member, address) = contact;
    let within = deadline.saturating_duration_since(Instant::now());
    let request = wire::encode(&JoinRequest {
        secret: token.secret().clone(),
        peer: own.peer.clone(),
        api: own.api.clone(),
        name: own.name.clone(),
        within_ms: u64::try_from(within.as_millis()).unwrap_or(u64::MAX),
    });
    let to = Destination { member, address, purpose: Purpose::Front };
    let answer = peers.unary(to, method::JOIN, request, within).await.map_err(|error| match error {
        CallError::Timeout(_) => Error::Timeout,
        CallError::Failed(reason) => Error::Unreachable { to: member, reason },
    })?;
    read_answer(answer).map_err(|no| match no {
        No::NotLeader => Error::NoLeader { retry_after: PAUSE },
        No::Refused(reason) => Error::Refused(reason),
        No::Later(reason) => Error::NotNow(reason),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_its_text_and_hides_its_secret() {
        let contacts = vec![(MemberId(1), String::from("10.0.0.1:7000"))];
        let token = JoinToken { cluster: Uuid::from_u128(7), member: MemberId(4), contacts, secret: Bytes::from(vec![9; SECRET]) };
        assert_eq!(token.to_string().parse::<JoinToken>().unwrap(), token);
        assert!(!format!("{token:?}").contains("9, 9"));
        for wrong in ["", "jeroboam-join-", "jeroboam-join-CQ", &format!("{token}AAAA")[1..]] {
            assert!(wrong.parse::<JoinToken>().is_err(), "{wrong}");
        }
    }
}
