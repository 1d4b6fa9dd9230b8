//! Members × clusters → who should own what. Pure: no clock, no state, the same input gives the same plan.
//!
//! Rules, in order:
//! 1. A member is given only what it has a driver for, and nothing while it drains or has not asked for a lease lately.
//! 2. What has an owner that can go on stays with it (least movement).
//! 3. What has none goes to the member it is pinned to; or back to the one that was started again; or to one in its own zone, if that stays
//!    within the bound; or to the member with the least work for its weight. Heavy clusters first, so that light ones can fill the gaps.
//! 4. A planned move (drain, pin, balance) is not an assignment but a wish to the owner to hand over: its lease still runs. Only what has
//!    been handed over is assigned anew.
//! 5. Balance begins when a member carries more than [`BOUND`] per cent of the mean, takes as few clusters as bring it down to [`SETTLED`],
//!    and moves none where that would only swap the roles. The gap between the two keeps plans still while work comes and goes.
//! 6. A pin to a member that cannot serve is not obeyed and not forgotten: the plan says why, and obeys it when that has changed.
//!
//! *Work* is what a cluster costs its owner ([`Holding::work`]); a member's *share* is its work for its weight, and the mean is over those
//! that may be given something. A plan is a value: it can be carried out ([`Plan::commands`], [`Plan::handover`]), sent, and read
//! by people (`Display`, which explains every move).
//!
//! Deliberately absent: any attempt at the best packing. A greedy plan that is stable and can be explained is worth more than a better one
//! that nobody can foresee.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use model::{
    MemberId,
    command::{Assign, Assignment},
    id::ClusterId,
    ownership::Reason,
};

mod balance;
mod board;
mod show;

use board::Board;

/// Assignments in one log entry at most: bounds the entry at about 50 kB.
pub const BATCH: usize = 1000;

/// Per cent of the mean share above which a member's clusters are moved away.
pub const BOUND: u64 = 115;

/// Per cent of the mean share down to which they are, once they are.
pub const SETTLED: u64 = 110;

/// Per cent of the mean that an operator's wish for evenness goes for.
pub const EVEN: u64 = 100;

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
    /// Failure zone, may be empty.
    pub zone: String,
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
    /// Its name, for people.
    pub name: String,
    /// The driver it needs.
    pub driver: String,
    /// What it costs its owner, see [`work`].
    pub work: u64,
    /// Where its machines stand, may be empty.
    pub zone: String,
    /// The member an operator has bound it to.
    pub pin: Option<MemberId>,
    /// The epoch of the present assignment; 0: it never had one.
    pub epoch: u64,
    /// The present owner and its start.
    pub owner: Option<(MemberId, u64)>,
    /// Without an owner: why. With one: why it was assigned.
    pub reason: Reason,
    /// Without an owner: whether the last one's lease may still run (it was removed without having released).
    pub wait: bool,
}

/// What a cluster costs its owner, in units of which an empty one costs ten: to keep its endpoint in view, one for each machine to look at,
/// and five for each operation that is open (eight of them at most: more run one after the other).
pub fn work(machines: u32, open: u32) -> u64 {
    10 + u64::from(machines) + 5 * u64::from(open.min(8))
}

/// How far a plan goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aim {
    /// Only what nobody can go on acting for.
    Urgent,
    /// Also what should leave its owner: drains and pins.
    Wishes,
    /// Also what is needed to stay within [`BOUND`].
    Bounded,
    /// Also what makes it as even as single moves can.
    Even,
}

/// What should be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Through the log, now.
    pub assign: Vec<Move>,
    /// The owner should be asked to give these back.
    pub handover: Vec<Move>,
    /// Clusters that must or should leave their owner and that nobody can take.
    pub stuck: Vec<Stuck>,
    /// Pins that cannot be obeyed.
    pub unmet: Vec<Unmet>,
    /// The members, before and after.
    pub seats: Vec<Seat>,
}

/// One cluster goes to a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The cluster.
    pub cluster: ClusterId,
    /// Its name, for people.
    pub name: String,
    /// Whose it is, or was until now.
    pub from: Option<MemberId>,
    /// Whose it becomes.
    pub to: MemberId,
    /// Which start of it.
    pub incarnation: u64,
    /// The epoch it has now.
    pub epoch: u64,
    /// Why it moves.
    pub reason: Reason,
    /// Why to that member.
    pub choice: Choice,
    /// What it costs its owner.
    pub work: u64,
}

/// Why a member was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// An operator has bound the cluster to it.
    Pin,
    /// It had the cluster before its start.
    Own,
    /// It stands in the cluster's zone and is within the bound.
    Zone,
    /// It has the least work for its weight.
    Least,
}

/// A cluster that nobody can take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// The cluster.
    pub cluster: ClusterId,
    /// Its name, for people.
    pub name: String,
    /// Whose it still is.
    pub owner: Option<MemberId>,
    /// Why nobody takes it.
    pub lack: Lack,
}

/// A pin that is not obeyed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// The cluster.
    pub cluster: ClusterId,
    /// Its name, for people.
    pub name: String,
    /// Whom it is bound to.
    pub pin: MemberId,
    /// Why that member does not get it.
    pub lack: Lack,
}

/// What a member, or all of them, lack to be given a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lack {
    /// There is no such member.
    Member,
    /// The driver of this name.
    Driver(String),
    /// It drains.
    Drains,
    /// It has not asked for a lease lately.
    Silent,
    /// Some lack one thing and some another.
    Everybody,
}

/// A member in a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The member as it was planned with.
    pub candidate: Candidate,
    /// What it has.
    pub before: Load,
    /// What it will have.
    pub after: Load,
}

/// What a member has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Clusters.
    pub clusters: u64,
    /// What they cost.
    pub work: u64,
}

impl Plan {
    /// The commands that carry out the assignments in this term, [`BATCH`] in each.
    pub fn commands(&self, term: u64) -> Vec<Assign> {
        let batches = self.assign.chunks(BATCH);
        batches.map(|batch| Assign { assignments: batch.iter().map(Move::assignment).collect(), term }).collect()
    }

    /// Whether they are more than one entry takes: then it matters which come first.
    pub fn takes_entries(&self) -> bool {
        self.assign.len() > BATCH
    }

    /// Puts the assignments of those clusters first that are in the midst of something.
    pub fn put_first(&mut self, busy: impl Fn(ClusterId) -> bool) {
        self.assign.sort_by_key(|one| !busy(one.cluster));
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.assign.is_empty() && self.handover.is_empty()
    }

    /// Whether it assigns what somebody lost: balance waits for that.
    pub fn recovers(&self) -> bool {
        self.assign.iter().any(|one| matches!(one.reason, Reason::Lost | Reason::Restarted))
    }

    /// Whether it moves anything for the sake of balance.
    pub fn balances(&self) -> bool {
        self.handover.iter().any(|one| one.reason == Reason::Balance)
    }
}

impl Move {
    fn assignment(&self) -> Assignment {
        Assignment {
            cluster: self.cluster,
            member: self.to.0,
            incarnation: self.incarnation,
            expected_epoch: self.epoch,
            reason: self.reason.into(),
        }
    }
}

/// The plan. Of `holdings` each cluster stands there once.
pub fn plan<'a>(candidates: &[Candidate], holdings: impl IntoIterator<Item = &'a Holding>, aim: Aim) -> Plan {
    plan_beside(candidates, &BTreeMap::new(), holdings, aim)
}

/// The plan beside what stays for certain: of that only the sums are told.
pub(crate) fn plan_beside<'a>(
    candidates: &[Candidate],
    kept: &BTreeMap<MemberId, Load>,
    holdings: impl IntoIterator<Item = &'a Holding>,
    aim: Aim,
) -> Plan {
    let mut board = Board::of(candidates);
    kept.iter().for_each(|(owner, load)| board.keep_all(*owner, load));
    let mut sorted = Sorted::default();
    for holding in holdings {
        sorted.sort(&mut board, holding, aim);
    }
    board.settle(sorted.coming());
    let mut plan = Plan { unmet: unmet(&board, &sorted.pinned), ..Plan::default() };
    (plan.assign, plan.stuck) = give_all(&mut board, std::mem::take(&mut sorted.needy));
    let (handover, stuck) = give_all(&mut board, std::mem::take(&mut sorted.leaving));
    plan.handover = handover;
    plan.stuck.extend(stuck);
    if aim >= Aim::Bounded && !plan.recovers() {
        board.settle(0);
        plan.handover.extend(balance::moves(&mut board, &sorted.staying, aim));
    }
    plan.seats = board.seats();
    plan
}

/// Places these clusters: those without a choice first, then the heavy ones.
fn give_all(board: &mut Board<'_>, mut clusters: Vec<(&Holding, Reason)>) -> (Vec<Move>, Vec<Stuck>) {
    clusters.sort_by_key(|(holding, _)| (!board.bound_to_one(holding), Reverse(holding.work), holding.cluster));
    let (mut moves, mut stuck) = (Vec::new(), Vec::new());
    for (holding, reason) in clusters {
        match board.place(holding) {
            Ok((to, choice)) => moves.push(board.give(holding, to, reason, choice)),
            Err(lack) => {
                let owner = holding.owner.map(|(member, _)| member);
                if let Some(owner) = owner.filter(|_| !reason.planned()) {
                    board.keep(owner, holding.work);
                }
                stuck.push(Stuck { cluster: holding.cluster, name: holding.name.clone(), owner, lack });
            }
        }
    }
    (moves, stuck)
}

/// The clusters, by what is to be done about them.
#[derive(Default)]
struct Sorted<'a> {
    /// Must be assigned.
    needy: Vec<(&'a Holding, Reason)>,
    /// Should leave an owner that can go on.
    leaving: Vec<(&'a Holding, Reason)>,
    /// May stay.
    staying: Vec<&'a Holding>,
    /// Bound to somebody else than their owner, or to an owner that they must or should leave.
    pinned: Vec<&'a Holding>,
}

impl<'a> Sorted<'a> {
    /// The work that is to come to members that may be given something.
    fn coming(&self) -> u64 {
        let drained = self.leaving.iter().filter(|(_, reason)| *reason == Reason::Drain);
        self.needy.iter().chain(drained).map(|(holding, _)| holding.work).sum()
    }

    fn sort(&mut self, board: &mut Board<'_>, holding: &'a Holding, aim: Aim) {
        let owner = holding.owner.map(|(member, _)| member);
        let needs = needs_owner(board, holding);
        let stays = needs.is_none() && owner.and_then(|owner| board.member(owner)).is_none_or(|member| !member.draining);
        if holding.pin.is_some_and(|pin| Some(pin) != owner || !stays) {
            self.pinned.push(holding);
        }
        if let Some(reason) = needs {
            self.needy.push((holding, reason));
            return;
        }
        let Some(owner) = owner else { return };
        board.keep(owner, holding.work);
        let Some(member) = board.member(owner).filter(|member| member.standing == Standing::Present && aim > Aim::Urgent) else { return };
        let called = holding.pin.filter(|pin| *pin != owner && board.lack(*pin, &holding.driver).is_none());
        if called.is_some() {
            self.leaving.push((holding, Reason::Pinned));
        } else if member.draining {
            self.leaving.push((holding, Reason::Drain));
        } else if aim >= Aim::Bounded && holding.pin != Some(owner) {
            self.staying.push(holding);
        }
    }
}

/// Why a cluster must be assigned now; `None`: it must not.
fn needs_owner(board: &Board<'_>, holding: &Holding) -> Option<Reason> {
    let Some((owner, incarnation)) = holding.owner else {
        let overlooked = model::planted!("m11") && holding.reason == Reason::Removed;
        return (!holding.wait && !overlooked).then_some(if holding.epoch == 0 { Reason::New } else { holding.reason });
    };
    match board.member(owner) {
        // Removed, but not yet by apply's hand: its rows change in the same entry, so this is a moment's view.
        None => None,
        // Never the old epoch for a new start: a call of the old start may still be under way and must not share it.
        Some(member) if member.incarnation > incarnation => Some(Reason::Restarted),
        Some(member) if member.standing == Standing::Lost => Some(Reason::Lost),
        Some(_) => None,
    }
}

fn unmet(board: &Board<'_>, pinned: &[&Holding]) -> Vec<Unmet> {
    let unmet = pinned.iter().filter_map(|holding| {
        let pin = holding.pin?;
        let lack = board.lack(pin, &holding.driver)?;
        Some(Unmet { cluster: holding.cluster, name: holding.name.clone(), pin, lack })
    });
    unmet.collect()
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
