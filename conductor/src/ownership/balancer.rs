//! On the leader: look, plan, propose; for as long as one term of leadership lasts.
//!
//! Wakes up on a change of clusters, owners or members, and every tenth of a lease to see who has fallen silent. Everything it proposes is
//! checked again by apply (expected epoch, incarnation), so a plan made from an old view does nothing. The scope of a term is one task that is
//! ended and awaited before the next begins.

use std::{collections::BTreeSet, sync::Arc};

use model::{
    MemberId,
    command::Command,
    peer::{ReleaseRequest, method},
};
use prost::Message;
use raft::{Changed, Changes};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    error::Halt,
    ownership::{
        grants::Grants,
        mirror::Mirror,
        plan::{Candidate, Handover, Plan, Standing, plan},
    },
    shared::Shared,
};

/// Changes that are gathered before a plan is made.
const GATHER: std::time::Duration = std::time::Duration::from_millis(5);

/// Follows the leadership until it is stopped.
pub(crate) async fn run(shared: Arc<Shared>, grants: Arc<Grants>, stop: CancellationToken) {
    let mut leadership = shared.handle.leadership();
    while !stop.is_cancelled() {
        let now = leadership.borrow_and_update().clone();
        if now.leader != Some(shared.member()) {
            tokio::select! {
                () = stop.cancelled() => return,
                changed = leadership.changed() => if changed.is_err() { return },
            }
            continue;
        }
        let over = async {
            while leadership.changed().await.is_ok() {
                let then = leadership.borrow_and_update();
                if then.leader != now.leader || then.term != now.term {
                    return;
                }
            }
        };
        tracing::info!(term = now.term, "this member leads: it assigns clusters");
        grants.begin(now.term);
        let reign = Reign { term: now.term, grants: &grants };
        tokio::select! {
            () = stop.cancelled() => {}
            () = over => {}
            () = term(&shared, &reign) => {}
        }
        grants.end();
    }
}

/// One term of leading.
struct Reign<'a> {
    /// Which; stands in every assignment, and apply skips those that come into the log in another one.
    term: u64,
    /// What was granted in it.
    grants: &'a Grants,
}

/// One term. Ends only by being dropped: each await may be the last, and nothing is held across them that must stay whole.
async fn term(shared: &Shared, reign: &Reign<'_>) {
    let mut pause = shared.settings.lease / 20;
    loop {
        match scope(shared, reign).await {
            Ok(()) => return,
            Err(error) => tracing::debug!(%error, "assigning is interrupted"),
        }
        sleep(pause).await;
        pause = (pause * 2).min(shared.settings.lease);
    }
}

async fn scope(shared: &Shared, reign: &Reign<'_>) -> Result<(), Halt> {
    let mut changes = shared.handle.changes();
    let mut mirror = Mirror::default();
    mirror.reload(&*shared.fresh_view().await?)?;
    let mut balanced = Instant::now();
    loop {
        let balance = balanced.elapsed() >= shared.settings.balance && reign.grants.settled_in();
        if balance {
            balanced = Instant::now();
        }
        carry_out(shared, reign, &mirror, balance).await?;
        if !gather(shared, &mut mirror, &mut changes).await? {
            return Ok(());
        }
    }
}

/// Waits until there may be something to do. False: the member has stopped.
async fn gather(shared: &Shared, mirror: &mut Mirror, changes: &mut Changes) -> Result<bool, Halt> {
    let idle = sleep(shared.settings.lease / 10);
    tokio::pin!(idle);
    loop {
        let changed = tokio::select! {
            () = &mut idle => return Ok(true),
            changed = changes.recv() => changed,
        };
        let view = shared.view().await?;
        let mut news = false;
        match changed {
            Changed::Some(committed) => {
                for change in &committed.changes {
                    news |= mirror.follow(&*view, *change)?;
                }
            }
            Changed::Lagged => {
                mirror.reload(&*view)?;
                news = true;
            }
            Changed::Closed => return Ok(false),
        }
        if news {
            // A burst of creates becomes one entry.
            let soon = (Instant::now() + GATHER).min(idle.deadline());
            idle.as_mut().reset(soon);
        }
    }
}

async fn carry_out(shared: &Shared, reign: &Reign<'_>, mirror: &Mirror, balance: bool) -> Result<(), Halt> {
    let candidates: Vec<Candidate> = mirror.members.values().map(|member| candidate(member, reign.grants)).collect();
    let patience = shared.settings.lease + shared.settings.margin;
    let plan = plan(&candidates, &mirror.holdings(patience), balance);
    if !plan.is_empty() {
        tracing::info!(%plan, "assigning clusters");
        propose(shared, reign.term, &plan).await?;
    }
    let homeless_of: BTreeSet<MemberId> = still_holding(&candidates, mirror);
    for lost in candidates.iter().filter(|candidate| candidate.standing == Standing::Lost) {
        // Only when nothing is left to be taken from it may it ask again.
        if !homeless_of.contains(&lost.member) {
            reign.grants.settled(lost.member);
        }
    }
    futures::future::join_all(plan.handover.iter().map(|handover| hand_over(shared, *handover))).await;
    Ok(())
}

async fn hand_over(shared: &Shared, handover: Handover) {
    let request = ReleaseRequest { cluster: handover.cluster, epoch: handover.epoch };
    let deadline = Instant::now() + shared.settings.look;
    let body = request.encode_to_vec().into();
    if let Err(error) = shared.handle.call(handover.from, method::RELEASE, body, deadline).await {
        tracing::debug!(cluster = %handover.cluster, member = %handover.from, %error, "a hand-over was not accepted");
    }
}

/// Members whose assignments the mirror still shows: the plan's own assignments show up only with their changes.
fn still_holding(candidates: &[Candidate], mirror: &Mirror) -> BTreeSet<MemberId> {
    let lost: BTreeSet<MemberId> =
        candidates.iter().filter(|candidate| candidate.standing == Standing::Lost).map(|candidate| candidate.member).collect();
    if lost.is_empty() {
        return lost;
    }
    let holdings = mirror.holdings(std::time::Duration::ZERO);
    holdings.iter().filter_map(|holding| holding.owner).map(|(member, _)| member).filter(|member| lost.contains(member)).collect()
}

async fn propose(shared: &Shared, term: u64, plan: &Plan) -> Result<(), Halt> {
    for command in plan.commands(term) {
        let reasons: Vec<_> = command.assignments.iter().map(model::command::Assignment::reason).collect();
        match shared.write(Command::Assign(command)).await? {
            Ok(_) => reasons.into_iter().for_each(|reason| shared.metrics.moved(reason)),
            Err(refusal) => tracing::warn!(%refusal.message, "assignments were refused"),
        }
    }
    Ok(())
}

fn candidate(member: &model::member::Member, grants: &Grants) -> Candidate {
    Candidate {
        member: member.id(),
        incarnation: member.incarnation,
        drivers: member.drivers.iter().cloned().collect(),
        weight: member.weight,
        draining: member.draining,
        standing: grants.standing(member.id(), member.incarnation),
    }
}
