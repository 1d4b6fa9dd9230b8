//! Plans: what the leader would move and why, as things are or as they might be; and the wish that it makes it even.

use std::time::Duration;

use bytes::Bytes;
use model::peer::{
    method,
    plan::{PlanAnswer, PlanRemark, PlanRequest, PlannedMove, PlannedSeat, Question},
};
use prost::Message;
use raft::Handle;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::RULE;
use crate::{call::Call, error::Error, reply::Reply};

/// A plan, for programs; `text` is the same for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// As people read it.
    pub text: String,
    /// How many moves there are in all.
    pub total: u64,
    /// The first of them.
    pub moves: Vec<PlannedRow>,
    /// The members before and after.
    pub members: Vec<PlannedMember>,
    /// Clusters that nobody can take.
    pub stuck: Vec<Remark>,
    /// Pins that cannot be obeyed.
    pub unmet: Vec<Remark>,
}

/// One move.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedRow {
    /// The cluster.
    pub cluster: uuid::Uuid,
    /// Its name.
    pub name: String,
    /// From whom.
    pub from: Option<u64>,
    /// To whom.
    pub to: u64,
    /// Why, in a word.
    pub reason: String,
    /// Why, and why to that member.
    pub why: String,
    /// Whether the owner is asked to hand over; otherwise it is assigned at once.
    pub handover: bool,
}

/// One member in a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedMember {
    /// Its number.
    pub member: u64,
    /// Its zone.
    pub zone: String,
    /// Its weight.
    pub weight: u64,
    /// Empty, `drains`, `silent` or `lost`.
    pub state: String,
    /// Clusters now.
    pub clusters_before: u64,
    /// Clusters then.
    pub clusters_after: u64,
    /// What those now cost.
    pub work_before: u64,
    /// What those then cost.
    pub work_after: u64,
}

/// A sentence about a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// The cluster.
    pub cluster: uuid::Uuid,
    /// Its name.
    pub name: String,
    /// What is to be said.
    pub why: String,
}

impl From<PlanAnswer> for Planned {
    fn from(answer: PlanAnswer) -> Self {
        let remarks = |remarks: Vec<PlanRemark>| {
            let remark = |one: PlanRemark| Remark { cluster: one.cluster.uuid(), name: one.name, why: one.why };
            remarks.into_iter().map(remark).collect()
        };
        Self {
            text: answer.text,
            total: answer.total,
            moves: answer.moves.into_iter().map(row).collect(),
            members: answer.seats.into_iter().map(seat).collect(),
            stuck: remarks(answer.stuck),
            unmet: remarks(answer.unmet),
        }
    }
}

fn row(one: PlannedMove) -> PlannedRow {
    PlannedRow {
        cluster: one.cluster.uuid(),
        reason: one.reason().word().to_owned(),
        from: (one.from != 0).then_some(one.from),
        to: one.to,
        handover: one.handover,
        name: one.name,
        why: one.why,
    }
}

fn seat(one: PlannedSeat) -> PlannedMember {
    PlannedMember {
        member: one.member,
        zone: one.zone,
        weight: one.weight,
        state: one.state,
        clusters_before: one.clusters_before,
        clusters_after: one.clusters_after,
        work_before: one.work_before,
        work_after: one.work_after,
    }
}

/// Asks the leader for a plan. A new one leads after a moment: then it is asked again.
///
/// # Errors
/// Its no, or that there is none to be asked in time.
pub async fn plan(handle: &Handle, request: PlanRequest, deadline: Instant) -> Result<Planned, raft::Error> {
    ask(handle, method::PLAN, request.encode_to_vec().into(), deadline).await
}

/// Asks the leader to spread the work as evenly as single moves can; what it is about to move.
///
/// # Errors
/// Its no, or that there is none to be asked in time.
pub async fn rebalance(handle: &Handle, deadline: Instant) -> Result<Planned, raft::Error> {
    ask(handle, method::REBALANCE, Bytes::new(), deadline).await
}

async fn ask(handle: &Handle, method: &str, body: Bytes, deadline: Instant) -> Result<Planned, raft::Error> {
    const PAUSE: Duration = Duration::from_millis(100);
    let mut last = raft::Error::NoLeader { retry_after: PAUSE };
    while Instant::now() + PAUSE < deadline {
        let leader = handle.leadership().borrow().leader;
        if let Some(leader) = leader {
            match handle.call(leader, method, body.clone(), deadline).await {
                Ok(answer) => {
                    let answer = PlanAnswer::decode(answer);
                    return answer.map(Planned::from).map_err(|_| raft::Error::Refused("the leader's plan cannot be read".to_owned()));
                }
                Err(error) if error.retryable() => last = error,
                Err(error) => return Err(error),
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(last)
}

/// `GET /v1/jeroboam/plan?goal=even&without=<member>&drain=<member>`: what would move; nothing does.
pub(crate) async fn show(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow(RULE)?;
    let limit = u32::try_from(super::limit(call)?).unwrap_or(u32::MAX);
    let number = |name: &str| {
        let text = call.query.get(name);
        text.map(|text| super::number(name, text)).transpose()
    };
    let (without, drain) = (number("without")?, number("drain")?);
    let (question, member) = match (call.query.get("goal"), without, drain) {
        (None | Some("now"), None, None) => (Question::Now, 0),
        (Some("even"), None, None) => (Question::Even, 0),
        (None, Some(member), None) => (Question::Without, member),
        (None, None, Some(member)) => (Question::Drained, member),
        (Some(_), None, None) => return Err(Error::invalid("goal must be now or even")),
        _ => return Err(Error::invalid("goal, without and drain are three questions: ask one of them")),
    };
    let reading = call.read().await?;
    let known = member == 0 || model::member::query::by_number(&*reading.view, model::MemberId(member))?.is_some();
    drop(reading);
    if !known {
        return Err(Error::missing(format!("there is no member {member}")));
    }
    Reply::ok(&plan(&call.app.handle, PlanRequest { question: question.into(), member, limit }, call.deadline).await?)
}

/// `POST /v1/jeroboam/rebalance`: makes it even; what is about to move.
pub(crate) async fn even(call: &Call<'_>) -> Result<Reply, Error> {
    call.allow(RULE)?;
    call.no_body()?;
    Reply::ok(&rebalance(&call.app.handle, call.deadline).await?)
}
