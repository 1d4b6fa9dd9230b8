//! Members and how their part changes: joining by token, promotion, removal, draining, who leads.

use std::{collections::BTreeMap, time::Duration};

use http::StatusCode;
use model::{Command, MemberId, command::MemberDrain};
use raft::Write;
use serde::Serialize;
use tokio::time::Instant;

use super::RULE;
use crate::{call::Call, decode::fields::shortened, error::Error, mservice, page::Listing, reply::Reply, time::Shown};

/// How long a change of the membership may take: a learner must catch up first.
const CHANGE: Duration = Duration::from_secs(60);

fn change_deadline() -> Instant {
    Instant::now() + CHANGE
}

#[derive(Serialize)]
struct Shape {
    member: u64,
    name: String,
    role: &'static str,
    leader: bool,
    up: bool,
    peer_address: String,
    api_address: String,
    zone: String,
    weight: u32,
    drivers: Vec<String>,
    draining: bool,
    incarnation: u64,
    program: String,
    version_max: u32,
    joined_at: Shown,
    started_at: Shown,
    /// Entries behind; known by the leader only.
    lag: Option<u64>,
    silence_ms: Option<u64>,
}

/// `GET /v1/jeroboam/members`
pub(crate) async fn list(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow(RULE)?;
    let members = mservice::members(call).await?;
    let status = call.app.handle.status();
    let rows = members.into_iter().map(|(member, up)| {
        let id = member.id();
        let peer = status.peers.get(&id);
        let role = match (status.voters.contains_key(&id), status.learners.contains_key(&id)) {
            (true, _) => "voter",
            (false, true) => "learner",
            (false, false) => "none",
        };
        Shape {
            member: member.number,
            name: member.name,
            role,
            leader: status.leader == Some(id),
            up,
            peer_address: member.peer_address,
            api_address: member.api_address,
            zone: member.zone,
            weight: if member.weight == 0 { 100 } else { member.weight },
            drivers: member.drivers,
            draining: member.draining,
            incarnation: member.incarnation,
            program: member.program,
            version_max: member.version_max,
            joined_at: Shown(member.joined_ms),
            started_at: Shown(member.started_ms),
            lag: peer.map(|peer| peer.lag),
            silence_ms: peer.and_then(|peer| peer.silence).map(|silence| u64::try_from(silence.as_millis()).unwrap_or(u64::MAX)),
        }
    });
    Reply::ok(&Listing { name: "members", rows: rows.collect(), next: None })
}

#[derive(Serialize)]
struct Token {
    token: String,
    member: u64,
    seconds: u64,
}

/// `POST /v1/jeroboam/members/token`: a secret with which one new member may join.
pub(crate) async fn token(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow(RULE)?;
    call.no_body()?;
    let life = call.app.settings.join_token_life;
    let token = call.app.handle.create_token(life, call.deadline).await?;
    Reply::json(StatusCode::CREATED, &Token { token: token.to_string(), member: token.member.0, seconds: life.as_secs() })
}

/// The member a path names; such requests have no body.
fn member(call: &Call<'_>) -> Result<MemberId, Error> {
    call.no_body()?;
    let text = call.param(0);
    text.parse().map(MemberId).map_err(|_| Error::missing(format!("there is no member {}", shortened(text))))
}

#[derive(Serialize)]
struct Done {
    member: u64,
}

fn done(member: MemberId) -> Result<Reply, Error> {
    Reply::ok(&Done { member: member.0 })
}

/// `POST /v1/jeroboam/members/{member}/promote`
pub(crate) async fn promote(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow(RULE)?;
    let member = known(call)?;
    call.app.handle.promote(member, change_deadline()).await?;
    done(member)
}

/// `POST /v1/jeroboam/members/{member}/demote`
pub(crate) async fn demote(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow(RULE)?;
    let member = known(call)?;
    call.app.handle.demote(member, change_deadline()).await?;
    done(member)
}

/// `POST /v1/jeroboam/members/{member}/remove`
pub(crate) async fn remove(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow(RULE)?;
    let member = member(call)?;
    call.app.handle.remove(member, change_deadline()).await?;
    done(member)
}

/// The member a path names, if consensus knows it.
fn known(call: &Call<'_>) -> Result<MemberId, Error> {
    let member = member(call)?;
    let status = call.app.handle.status();
    if status.voters.contains_key(&member) || status.learners.contains_key(&member) {
        Ok(member)
    } else {
        Err(Error::missing(format!("there is no member {member}")))
    }
}

async fn set_draining(call: &Call<'_>, draining: bool) -> Result<Reply, Error> {
    call.allow(RULE)?;
    let member = member(call)?;
    let write = Write::system(Command::MemberDrain(MemberDrain { member: member.0, draining }));
    let written = call.app.handle.write(write, call.deadline).await?;
    written.outcome.into_result()?;
    done(member)
}

/// `POST /v1/jeroboam/members/{member}/drain`
pub(crate) async fn drain(call: &Call<'_>) -> Result<Reply, Error> {
    set_draining(call, true).await
}

/// `POST /v1/jeroboam/members/{member}/undrain`
pub(crate) async fn undrain(call: &Call<'_>) -> Result<Reply, Error> {
    set_draining(call, false).await
}

/// `POST /v1/jeroboam/transfer-leader` with `{"to": <member>}`, or nothing for the most advanced voter.
pub(crate) async fn transfer_leader(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow(RULE)?;
    let to = if call.body.is_empty() {
        None
    } else {
        let mut fields = call.fields()?;
        let to = fields.integer("to", 1, u32::MAX).some();
        fields.finish()?;
        to.map(|to| MemberId(to.into()))
    };
    call.app.handle.transfer_leader(to, call.deadline).await?;
    let leader = call.app.handle.leadership().borrow().leader;
    Reply::ok(&BTreeMap::from([("leader", leader.map(|leader| leader.0))]))
}
