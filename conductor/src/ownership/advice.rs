//! What the leader answers when it is asked for a plan: made from the newest state, explained, and not carried out.

use std::sync::Arc;

use model::{
    MemberId,
    peer::plan::{PlanAnswer, PlanRemark, PlanRequest, PlannedMove, PlannedSeat, Question},
};

use crate::{
    error::Halt,
    ownership::{
        balancer::candidate,
        grants::Grants,
        mirror::Mirror,
        plan::{Aim, Candidate, Move, Plan, Seat, Standing, plan},
    },
    shared::Shared,
};

/// Remarks that are sent at most; more would say no more.
const REMARKS: usize = 1000;

/// What would be done, if it were as the question says.
///
/// # Errors
/// In words: who asks about a member that is not there, and where nothing can be read.
pub(crate) async fn advise(shared: &Arc<Shared>, grants: &Grants, request: &PlanRequest) -> Result<PlanAnswer, String> {
    let mut mirror = read(shared).await.map_err(|error| error.to_string())?;
    let mut candidates: Vec<Candidate> = mirror.members.values().map(|member| candidate(member, grants)).collect();
    let about = MemberId(request.member);
    let asked = candidates.iter_mut().find(|candidate| candidate.member == about);
    let aim = match (request.question(), asked) {
        (Question::Now, _) => Aim::Bounded,
        (Question::Even, _) => Aim::Even,
        (_, None) => return Err(format!("there is no member {about}")),
        (Question::Without, Some(member)) => {
            member.standing = Standing::Lost;
            Aim::Urgent
        }
        (Question::Drained, Some(member)) => {
            member.draining = true;
            Aim::Wishes
        }
    };
    let patience = shared.settings.lease + shared.settings.margin;
    let plan = plan(&candidates, mirror.holdings(patience).all(), aim);
    Ok(answer(&plan, usize::try_from(request.limit).unwrap_or(usize::MAX)))
}

async fn read(shared: &Arc<Shared>) -> Result<Mirror, Halt> {
    let mut mirror = Mirror::default();
    mirror.reload(&*shared.fresh_view().await?)?;
    Ok(mirror)
}

fn answer(plan: &Plan, limit: usize) -> PlanAnswer {
    let moves = plan.assign.iter().map(|one| told(one, false)).chain(plan.handover.iter().map(|one| told(one, true)));
    let stuck = plan.stuck.iter().take(REMARKS);
    let unmet = plan.unmet.iter().take(REMARKS);
    PlanAnswer {
        text: format!("{plan:.limit$}"),
        moves: moves.take(limit).collect(),
        total: u64::try_from(plan.assign.len() + plan.handover.len()).unwrap_or(u64::MAX),
        seats: plan.seats.iter().map(seat).collect(),
        stuck: stuck.map(|one| PlanRemark { cluster: one.cluster, name: one.name.clone(), why: one.why() }).collect(),
        unmet: unmet.map(|one| PlanRemark { cluster: one.cluster, name: one.name.clone(), why: one.lack.of(one.pin) }).collect(),
    }
}

fn told(one: &Move, handover: bool) -> PlannedMove {
    PlannedMove {
        cluster: one.cluster,
        name: one.name.clone(),
        from: one.from.map_or(0, |from| from.0),
        to: one.to.0,
        reason: one.reason.into(),
        why: one.why(),
        handover,
    }
}

fn seat(seat: &Seat) -> PlannedSeat {
    PlannedSeat {
        member: seat.candidate.member.0,
        zone: seat.candidate.zone.clone(),
        weight: seat.weight(),
        state: seat.state().to_owned(),
        clusters_before: seat.before.clusters,
        clusters_after: seat.after.clusters,
        work_before: seat.before.work,
        work_after: seat.after.work,
    }
}
