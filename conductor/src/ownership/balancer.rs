//! On the leader: look, plan, propose; for as long as one term of leadership lasts.
//!
//! Wakes up on a change of clusters, owners or members, every tenth of a lease to see who has fallen silent, and in the moment in which what
//! was granted to such a member has run out. Of very many assignments those of clusters with open operations come first. Everything it
//! proposes is checked again by apply (expected epoch, incarnation), so a plan made from an old view does nothing. The scope of a term is one
//! task that is ended and awaited before the next begins.
//!
//! Drains and pins are planned at every look, imbalance every ten seconds; once something is to be moved for balance, the plan goes on until
//! there is nothing left to move. An operator's wish for an even spread stands in the log until then, so it does not end with the leader that
//! heard it. Planned moves wait until every member has had the time to ask this leader for its lease: before that
//! it would take those that have not for silent.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use model::{
    MemberId,
    command::{Assign, Assignment, Balance, Command, RaiseVersion},
    operation, ownership,
};
use raft::{Changed, Changes};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::{
    error::Halt,
    ownership::{
        grants::Grants,
        handing::Handing,
        mirror::Mirror,
        plan::{Aim, Candidate, Plan, Standing},
    },
    shared::Shared,
};

/// Changes that are gathered before a plan is made: whoever made a bay does not notice it, and in a storm of them entries are fewer.
const GATHER: std::time::Duration = std::time::Duration::from_millis(20);

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
        let reign = Reign { term: now.term, grants: &grants, doubt: AtomicBool::new(false) };
        tokio::select! {
            () = stop.cancelled() => {}
            () = over => {}
            () = term(&shared, &reign) => {}
        }
        grants.end();
        shared.metrics.set_overview(0, 0, 0);
    }
}

/// One term of leading.
struct Reign<'a> {
    /// Which; stands in every assignment, and apply skips those that come into the log in another one.
    term: u64,
    /// What was granted in it.
    grants: &'a Grants,
    /// Whether assignments were proposed of which nobody knows yet whether they come.
    doubt: AtomicBool,
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
    let mut desk = Desk { mirror: Mirror::default(), handing: Handing::default(), balanced: Instant::now(), balancing: None };
    desk.mirror.reload(&*shared.fresh_view().await?)?;
    loop {
        desk.carry_out(shared, reign).await?;
        if !gather((shared, reign.grants), &mut desk, &mut changes).await? {
            return Ok(());
        }
    }
}

/// What the leader works with in one scope.
struct Desk {
    mirror: Mirror,
    handing: Handing,
    /// When balance was last looked at and found.
    balanced: Instant,
    /// How far the moves for balance go that are under way.
    balancing: Option<Aim>,
}

/// Waits until there may be something to do. False: the member has stopped.
async fn gather((shared, grants): (&Shared, &Grants), desk: &mut Desk, changes: &mut Changes) -> Result<bool, Halt> {
    let look = Instant::now() + shared.settings.lease / 10;
    let idle = sleep_until(grants.next_loss().map_or(look, |loss| loss.min(look)));
    tokio::pin!(idle);
    loop {
        let changed = tokio::select! {
            () = &mut idle => return Ok(true),
            () = desk.handing.progress() => continue,
            changed = changes.recv() => changed,
        };
        let view = shared.view().await?;
        let mut news = false;
        match changed {
            Changed::Some(committed) => {
                for change in &committed.changes {
                    news |= desk.mirror.follow(&*view, *change)?;
                }
            }
            Changed::Lagged => {
                desk.mirror.reload(&*view)?;
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

impl Desk {
    async fn carry_out(&mut self, shared: &Shared, reign: &Reign<'_>) -> Result<(), Halt> {
        if !be_sure(shared, reign).await? {
            return Ok(()); // nothing is planned and nobody forgiven in doubt
        }
        raise(shared, self.mirror.raisable()).await?;
        let aim = self.aim(shared, reign).await?;
        let candidates: Vec<Candidate> = self.mirror.members.values().map(|member| candidate(member, reign.grants)).collect();
        let patience = shared.settings.lease + shared.settings.margin;
        let mut plan = self.mirror.holdings(patience).plan(&candidates, aim);
        // While somebody is silent nobody can tell yet what it will have: a wish for balance is not fulfilled by that.
        let silent = candidates.iter().any(|candidate| candidate.standing == Standing::Silent);
        if aim >= Aim::Bounded && !plan.balances() && !plan.recovers() && !silent {
            self.balancing = None;
            if aim == Aim::Even {
                fulfilled(shared, self.mirror.wish).await?;
            }
        }
        if plan.takes_entries() {
            let open = operation::query::open_counts(&*shared.view().await?)?;
            plan.put_first(|cluster| open.contains_key(&cluster));
        }
        if !plan.assign.is_empty() {
            tracing::info!(plan = plan.summary(), "assigning clusters");
            propose(shared, reign, &plan).await?;
        }
        self.settle(reign.grants, &candidates, &plan);
        self.handing.ask(&shared.handle, &plan.handover, &self.mirror, shared.settings.look);
        shared.metrics.set_overview(self.mirror.unowned(), plan.stuck.len(), plan.unmet.len());
        Ok(())
    }

    /// How far the plan goes this time.
    async fn aim(&mut self, shared: &Shared, reign: &Reign<'_>) -> Result<Aim, Halt> {
        if !reign.grants.settled_in() {
            return Ok(Aim::Urgent);
        }
        let wished = self.mirror.wish != 0 && self.balancing != Some(Aim::Even);
        if wished || self.balanced.elapsed() >= shared.settings.balance {
            self.mirror.weigh(&*shared.view().await?)?;
            self.balanced = Instant::now();
            self.balancing = if wished { Some(Aim::Even) } else { self.balancing.or(Some(Aim::Bounded)) };
        }
        Ok(self.balancing.unwrap_or(Aim::Wishes))
    }

    /// A lost member may ask again when nothing is left to be taken from it, and when nothing is being taken, because there is nobody who could
    /// have it: a leader that stood still finds everybody silent, and the only member with a driver has no successor. To refuse them would be
    /// for ever. The mirror shows the plan's own assignments only with their changes.
    fn settle(&self, grants: &Grants, candidates: &[Candidate], plan: &Plan) {
        let lost = candidates.iter().filter(|candidate| candidate.standing == Standing::Lost);
        let lost: BTreeSet<MemberId> = lost.map(|candidate| candidate.member).collect();
        let holders = self.mirror.holders(&lost);
        let taken: BTreeSet<MemberId> = plan.assign.iter().filter_map(|one| one.from).collect();
        lost.iter().filter(|member| !holders.contains(member) || !taken.contains(member)).for_each(|member| grants.settled(*member));
    }
}

/// An assignment whose outcome is not known may still be on its way into the log, and whoever it takes a cluster from must not be granted
/// anything before it. What this leader puts into the log after it is applied after it; so nothing is put there. Whether it is sure now.
async fn be_sure(shared: &Shared, reign: &Reign<'_>) -> Result<bool, Halt> {
    if reign.doubt.load(Ordering::Relaxed) {
        let nothing = Assign { assignments: Vec::new(), term: reign.term };
        reign.doubt.store(shared.write(Command::Assign(nothing)).await?.is_err(), Ordering::Relaxed);
    }
    Ok(!reign.doubt.load(Ordering::Relaxed))
}

/// Puts the newest cluster version in force that all members support.
async fn raise(shared: &Shared, version: Option<u32>) -> Result<(), Halt> {
    let Some(version) = version else { return Ok(()) };
    match shared.write(Command::RaiseVersion(RaiseVersion { version })).await? {
        Ok(_) => tracing::info!(version, "the cluster version is raised: all members support it"),
        Err(refusal) => tracing::debug!(version, %refusal.message, "the cluster version is not raised"),
    }
    Ok(())
}

/// The wish for balance ends: nothing is left to move for it. Until the change comes back the next look says so once more, to no effect.
async fn fulfilled(shared: &Shared, wish: u64) -> Result<(), Halt> {
    if wish != 0 && shared.write(Command::Balance(Balance { fulfilled: wish })).await?.is_ok() {
        tracing::info!(wish, "the work is spread as evenly as single moves can");
    }
    Ok(())
}

async fn propose(shared: &Shared, reign: &Reign<'_>, plan: &Plan) -> Result<(), Halt> {
    for command in plan.commands(reign.term) {
        let proposed = command.assignments.clone();
        model::fault_point!("owner::assignment::before");
        reign.doubt.store(true, Ordering::Relaxed);
        let assigned = shared.write(Command::Assign(command)).await?;
        model::fault_point!("owner::assignment::after", Err(raft::Error::Timeout.into()));
        reign.doubt.store(false, Ordering::Relaxed);
        match assigned {
            Ok(done) => count(shared, &proposed, done.revision).await?,
            Err(refusal) => tracing::warn!(%refusal.message, "assignments were refused"),
        }
    }
    Ok(())
}

/// Counts the moves that an entry made, by their reasons: those that were overtaken have been skipped.
async fn count(shared: &Shared, proposed: &[Assignment], index: u64) -> Result<(), Halt> {
    let view = shared.view().await?;
    for assignment in proposed {
        if ownership::query::is_current(&*view, assignment.cluster, index)? {
            shared.metrics.moved(assignment.reason());
        }
    }
    Ok(())
}

/// A member as the planner sees it now.
pub(crate) fn candidate(member: &model::member::Member, grants: &Grants) -> Candidate {
    Candidate {
        member: member.id(),
        incarnation: member.incarnation,
        drivers: member.drivers.iter().cloned().collect(),
        weight: member.weight,
        zone: member.zone.clone(),
        draining: member.draining,
        standing: grants.standing(member.id(), member.incarnation),
    }
}
