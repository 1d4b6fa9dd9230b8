//! Members × clusters → who should own what. Pure: no clock, no state, the same input gives the same plan.
//!
//! Rules, in order:
//! 1. A member is given only what it has a driver for, and nothing while it drains or has not asked for a lease lately.
//! 2. What has an owner that can go on stays with it (least movement).
//! 3. What has none goes to the candidate with the least work for its weight.
//! 4. A planned move (draining, balancing) is not an assignment but a wish to the owner to hand over: its lease still runs. Only what has
//!    been handed over is assigned anew.
//! 5. Balance moves a cluster only where that makes the difference of two members smaller, and few at a time.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use model::{
    MemberId,
    command::{Assign, Assignment},
    id::ClusterId,
    ownership::Reason,
};

/// Assignments in one log entry at most: bounds the entry at about 50 kB.
pub const BATCH: usize = 1000;

/// Planned moves under way at a time: each stops one cluster's work for a moment.
pub const HANDOVERS: usize = 16;

/// A member as the planner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its number.
    pub member: MemberId,
    /// Its present start.
    pub incarnation: u64,
    /// Drivers it has.
    pub drivers: BTreeSet<String>,
    /// Share of work, 100 is the ordinary one; 0 counts as 100.
    pub weight: u32,
    /// Whether its clusters should move away.
    pub draining: bool,
    /// Where it stands with its lease.
    pub standing: Standing,
}

/// Where a member stands with its lease, from the leader's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It asks in time.
    Present,
    /// It has not asked for a while, but what it was granted may still run: keeps what it has, gets nothing.
    Silent,
    /// What it was granted has run out and it is granted nothing more: loses what it has.
    Lost,
}

/// A cluster as the planner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The cluster.
    pub cluster: ClusterId,
    /// The driver it needs.
    pub driver: String,
    /// The epoch of the present assignment; 0: it never had one.
    pub epoch: u64,
    /// The present owner and its start.
    pub owner: Option<(MemberId, u64)>,
    /// Without an owner: why. With one: why it was assigned.
    pub reason: Reason,
    /// Without an owner: whether the last one's lease may still run (it was removed without having released).
    pub wait: bool,
}

/// What should be done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Through the log, now.
    pub assign: Vec<Assignment>,
    /// The owner should be asked to give these back.
    pub handover: Vec<Handover>,
    /// Clusters that nobody present can serve.
    pub homeless: usize,
}

/// A planned move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handover {
    /// The cluster.
    pub cluster: ClusterId,
    /// Its owner.
    pub from: MemberId,
    /// The epoch it holds.
    pub epoch: u64,
    /// Why.
    pub reason: Reason,
}

impl Plan {
    /// The assignments as commands of the leader of this term, [`BATCH`] in each.
    pub fn commands(&self, term: u64) -> Vec<Assign> {
        self.assign.chunks(BATCH).map(|batch| Assign { assignments: batch.to_vec(), term }).collect()
    }
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.assign.is_empty() && self.handover.is_empty()
    }
}

impl fmt::Display for Plan {
    /// For one line of the program's log: `assign 3 (lost 2, new 1), hand over 1, homeless 0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for assignment in &self.assign {
            *reasons.entry(assignment.reason().word()).or_default() += 1;
        }
        write!(f, "assign {}", self.assign.len())?;
        for (at, (reason, count)) in reasons.iter().enumerate() {
            write!(f, "{}{reason} {count}", if at == 0 { " (" } else { ", " })?;
        }
        write!(f, "{}, hand over {}, homeless {}", if reasons.is_empty() { "" } else { ")" }, self.handover.len(), self.homeless)
    }
}

/// The plan. `balance` is whether clusters of members that can go on may be moved at all now.
pub fn plan(candidates: &[Candidate], holdings: &[Holding], balance: bool) -> Plan {
    let members: BTreeMap<MemberId, &Candidate> = candidates.iter().map(|candidate| (candidate.member, candidate)).collect();
    let mut load = Load::of(&members, holdings);
    let mut plan = Plan::default();
    for holding in holdings {
        let Some(reason) = needs_owner(&members, holding) else { continue };
        let last = holding.owner.map(|(member, _)| member);
        match load.best(&members, &holding.driver, last) {
            Some(to) => {
                load.add(to.member);
                plan.assign.push(assignment(holding, to, reason));
            }
            None => plan.homeless += 1,
        }
    }
    if balance && plan.assign.is_empty() {
        plan.handover = handovers(&members, holdings, &mut load);
    }
    plan
}

fn assignment(holding: &Holding, to: &Candidate, reason: Reason) -> Assignment {
    Assignment {
        cluster: holding.cluster,
        member: to.member.0,
        incarnation: to.incarnation,
        expected_epoch: holding.epoch,
        reason: reason.into(),
    }
}

/// Why a cluster must be assigned now; `None`: it must not.
fn needs_owner(members: &BTreeMap<MemberId, &Candidate>, holding: &Holding) -> Option<Reason> {
    let Some((owner, incarnation)) = holding.owner else {
        return (!holding.wait).then_some(if holding.epoch == 0 { Reason::New } else { holding.reason });
    };
    match members.get(&owner) {
        // Removed, but not yet by apply's hand: its rows change in the same entry, so this is a moment's view.
        None => None,
        // Never the old epoch for a new start: a call of the old start may still be under way and must not share it.
        Some(member) if member.incarnation > incarnation => Some(Reason::Restarted),
        Some(member) if member.standing == Standing::Lost => Some(Reason::Lost),
        Some(_) => None,
    }
}

/// How much each member that may be given something has.
struct Load {
    clusters: BTreeMap<MemberId, u64>,
}

impl Load {
    fn of(members: &BTreeMap<MemberId, &Candidate>, holdings: &[Holding]) -> Self {
        let mut clusters: BTreeMap<MemberId, u64> = members.keys().map(|member| (*member, 0)).collect();
        for (owner, _) in holdings.iter().filter(|holding| needs_owner(members, holding).is_none()).filter_map(|holding| holding.owner) {
            *clusters.entry(owner).or_default() += 1;
        }
        Self { clusters }
    }

    fn add(&mut self, member: MemberId) {
        *self.clusters.entry(member).or_default() += 1;
    }

    fn take(&mut self, member: MemberId) {
        let count = self.clusters.entry(member).or_default();
        *count = count.saturating_sub(1);
    }

    /// Clusters of a member for its weight, with `more` besides; in hundredths, so that weights divide evenly enough.
    fn share(&self, candidate: &Candidate, more: u64) -> u64 {
        let weight = if candidate.weight == 0 { 100 } else { u64::from(candidate.weight) };
        (self.clusters.get(&candidate.member).copied().unwrap_or_default() + more).saturating_mul(10_000) / weight
    }

    /// The candidate with the least work; at equal work the last owner, then the smallest number.
    fn best<'a>(&self, members: &BTreeMap<MemberId, &'a Candidate>, driver: &str, last: Option<MemberId>) -> Option<&'a Candidate> {
        let fits = members.values().copied().filter(|member| may_be_given(member, driver));
        // A restarted member gets its own back whatever the balance says: its outside connections and images are near.
        if let Some(own) = fits.clone().find(|member| Some(member.member) == last) {
            return Some(own);
        }
        fits.min_by_key(|member| (self.share(member, 1), member.member))
    }
}

fn may_be_given(member: &Candidate, driver: &str) -> bool {
    member.standing == Standing::Present && !member.draining && member.drivers.contains(driver)
}

fn handovers(members: &BTreeMap<MemberId, &Candidate>, holdings: &[Holding], load: &mut Load) -> Vec<Handover> {
    let mut moves = Vec::new();
    let mut by_load: Vec<(&Holding, MemberId)> =
        holdings.iter().filter_map(|holding| holding.owner.map(|(owner, _)| (holding, owner))).collect();
    // Draining first, then from the most loaded; the youngest assignment first, it has the least to lose.
    by_load.sort_by_key(|(holding, owner)| {
        let member = members.get(owner);
        let draining = member.is_some_and(|member| member.draining);
        let share = member.map_or(0, |member| load.share(member, 0));
        (!draining, std::cmp::Reverse(share), std::cmp::Reverse(holding.epoch), holding.cluster)
    });
    for (holding, owner) in by_load {
        if moves.len() >= HANDOVERS {
            break;
        }
        let Some(from) = members.get(&owner).filter(|member| member.standing == Standing::Present) else { continue };
        let Some(to) = load.best(members, &holding.driver, None).filter(|to| to.member != owner) else { continue };
        let reason = if from.draining {
            Reason::Drain
        } else if load.share(to, 1) < load.share(from, 0) {
            Reason::Balance
        } else {
            continue;
        };
        load.take(owner);
        load.add(to.member);
        moves.push(Handover { cluster: holding.cluster, from: owner, epoch: holding.epoch, reason });
    }
    moves
}

#[cfg(test)]
mod tests;
