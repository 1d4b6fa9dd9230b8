//! Who has how much while a plan is made, in exact numbers: shares are compared by multiplying, never by dividing.

use std::collections::BTreeMap;

use model::{MemberId, ownership::Reason};

use super::{BOUND, Candidate, Choice, Holding, Lack, Load, Move, Seat, Standing};

/// See the module.
pub(super) struct Board<'a> {
    members: BTreeMap<MemberId, Place<'a>>,
    /// What those that may be given something have, with what is to be given to them.
    total: u64,
    /// The sum of their weights.
    weight: u64,
}

struct Place<'a> {
    candidate: &'a Candidate,
    before: Load,
    now: Load,
}

/// A member's work for its weight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    work: u64,
    weight: u64,
}

impl PartialEq for Share {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Share {}

impl Ord for Share {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let ours = u128::from(self.work) * u128::from(other.weight);
        ours.cmp(&(u128::from(other.work) * u128::from(self.weight)))
    }
}

impl PartialOrd for Share {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

fn weight(candidate: &Candidate) -> u64 {
    if candidate.weight == 0 { 100 } else { u64::from(candidate.weight) }
}

/// Whether a member may be given anything at all.
fn open(candidate: &Candidate) -> bool {
    candidate.standing == Standing::Present && !candidate.draining
}

impl<'a> Board<'a> {
    pub(super) fn of(candidates: &'a [Candidate]) -> Self {
        let place = |candidate| Place { candidate, before: Load::default(), now: Load::default() };
        let members = candidates.iter().map(|candidate| (candidate.member, place(candidate))).collect();
        Self { members, total: 0, weight: candidates.iter().filter(|candidate| open(candidate)).map(weight).sum() }
    }

    pub(super) fn member(&self, member: MemberId) -> Option<&'a Candidate> {
        self.members.get(&member).map(|place| place.candidate)
    }

    /// A cluster stays with its owner.
    pub(super) fn keep(&mut self, owner: MemberId, work: u64) {
        if let Some(place) = self.members.get_mut(&owner) {
            place.before.add(work);
            place.now.add(work);
        }
    }

    /// All these clusters stay with their owner.
    pub(super) fn keep_all(&mut self, owner: MemberId, load: &Load) {
        if let Some(place) = self.members.get_mut(&owner) {
            place.before.add_all(load);
            place.now.add_all(load);
        }
    }

    /// All that stays is known, and how much is still to come to those that may be given something: from here on there is a mean.
    pub(super) fn settle(&mut self, coming: u64) {
        let open = self.members.values().filter(|place| open(place.candidate));
        self.total = coming + open.map(|place| place.now.work).sum::<u64>();
    }

    /// What a member lacks to be given something that needs this driver; `None`: nothing.
    pub(super) fn lack(&self, member: MemberId, driver: &str) -> Option<Lack> {
        let Some(candidate) = self.member(member) else { return Some(Lack::Member) };
        if !candidate.drivers.contains(driver) {
            return Some(Lack::Driver(driver.to_owned()));
        }
        if candidate.standing != Standing::Present {
            return Some(Lack::Silent);
        }
        candidate.draining.then_some(Lack::Drains)
    }

    fn can(&self, candidate: &Candidate, driver: &str) -> bool {
        open(candidate) && candidate.drivers.contains(driver)
    }

    /// Whether there is no choice for it: its pin, or its restarted owner, can take it.
    pub(super) fn bound_to_one(&self, holding: &Holding) -> bool {
        self.only(holding).is_some()
    }

    fn only(&self, holding: &Holding) -> Option<(MemberId, Choice)> {
        let can = |member: &MemberId| self.lack(*member, &holding.driver).is_none();
        let own = holding.owner.map(|(member, _)| (member, Choice::Own));
        holding.pin.map(|pin| (pin, Choice::Pin)).filter(|(pin, _)| can(pin)).or_else(|| own.filter(|(own, _)| can(own)))
    }

    /// Who should be given a cluster that its owner cannot keep.
    pub(super) fn place(&self, holding: &Holding) -> Result<(MemberId, Choice), Lack> {
        if let Some(only) = self.only(holding) {
            return Ok(only);
        }
        let fits = || self.members.values().filter(|place| self.can(place.candidate, &holding.driver));
        let by_share = |place: &&Place<'_>| {
            let candidate = place.candidate;
            let elsewhere = holding.zone.is_empty() || candidate.zone != holding.zone;
            (self.share(place, holding.work), elsewhere, self.zone_share(&candidate.zone), candidate.member)
        };
        let near = fits().filter(|place| !holding.zone.is_empty() && place.candidate.zone == holding.zone).min_by_key(by_share);
        if let Some(near) = near.filter(|near| !self.beyond(self.share(near, holding.work), BOUND)) {
            return Ok((near.candidate.member, Choice::Zone));
        }
        let least = fits().min_by_key(by_share).ok_or_else(|| self.lack_of_all(&holding.driver))?;
        Ok((least.candidate.member, Choice::Least))
    }

    /// Why nobody can take it: the lack that all have, if it is one.
    fn lack_of_all(&self, driver: &str) -> Lack {
        let mut lacks = self.members.keys().filter_map(|member| self.lack(*member, driver));
        let first = lacks.next().unwrap_or(Lack::Member);
        if lacks.all(|lack| lack == first) { first } else { Lack::Everybody }
    }

    fn share(&self, place: &Place<'_>, more: u64) -> Share {
        Share { work: place.now.work + more, weight: weight(place.candidate) }
    }

    /// How much the members of a zone have for their weight: a lost zone should cost as little as it can.
    fn zone_share(&self, zone: &str) -> Share {
        let there = self.members.values().filter(|place| place.candidate.zone == zone);
        there.fold(Share { work: 0, weight: 0 }, |sum, place| Share {
            work: sum.work + place.now.work,
            weight: sum.weight + weight(place.candidate),
        })
    }

    /// Whether a share is beyond so many per cent of the mean.
    fn beyond(&self, share: Share, per_cent: u64) -> bool {
        u128::from(share.work) * u128::from(self.weight) * 100 > u128::from(per_cent) * u128::from(self.total) * u128::from(share.weight)
    }

    /// Moves a cluster.
    pub(super) fn give(&mut self, holding: &Holding, to: MemberId, reason: Reason, choice: Choice) -> Move {
        let from = holding.owner.map(|(member, _)| member);
        // What must be assigned has not been counted as its last owner's.
        let kept = reason.planned() && from.is_some();
        if let Some(place) = from.filter(|_| kept).and_then(|from| self.members.get_mut(&from)) {
            place.now.take(holding.work);
        }
        if let Some(place) = self.members.get_mut(&to) {
            place.now.add(holding.work);
        }
        if let Some(place) = from.filter(|_| !kept).and_then(|from| self.members.get_mut(&from)) {
            place.before.add(holding.work);
        }
        Move {
            cluster: holding.cluster,
            name: holding.name.clone(),
            from,
            to,
            incarnation: self.member(to).map_or(0, |member| member.incarnation),
            epoch: holding.epoch,
            reason,
            choice,
            work: holding.work,
        }
    }

    /// Members beyond so many per cent of the mean that may be given something (and so are not being emptied), the worst first.
    pub(super) fn worst(&self, per_cent: u64, except: &[MemberId]) -> Option<MemberId> {
        let over = self.members.values().filter(|place| open(place.candidate) && !except.contains(&place.candidate.member));
        let over = over.filter(|place| self.beyond(self.share(place, 0), per_cent));
        over.max_by_key(|place| (self.share(place, 0), std::cmp::Reverse(place.candidate.member))).map(|place| place.candidate.member)
    }

    /// Those that may be given something, the least burdened first, without `except`.
    pub(super) fn least(&self, except: MemberId) -> Vec<MemberId> {
        let mut all: Vec<&Place<'_>> =
            self.members.values().filter(|place| open(place.candidate) && place.candidate.member != except).collect();
        all.sort_by_key(|place| (self.share(place, 0), self.zone_share(&place.candidate.zone), place.candidate.member));
        all.iter().map(|place| place.candidate.member).collect()
    }

    /// How much a member has above (`Err`) or may take below (`Ok`) so many per cent of the mean.
    pub(super) fn room(&self, member: MemberId, per_cent: u64) -> Result<u64, u64> {
        let Some(place) = self.members.get(&member) else { return Ok(0) };
        let weighed = u128::from(per_cent) * u128::from(self.total) * u128::from(weight(place.candidate));
        let limit = u64::try_from(weighed / (u128::from(self.weight.max(1)) * 100)).unwrap_or(u64::MAX);
        if place.now.work > limit { Err(place.now.work - limit) } else { Ok(limit - place.now.work) }
    }

    /// Whether `to` with this much more would have a smaller share than `from` has.
    pub(super) fn improves(&self, from: MemberId, to: MemberId, work: u64) -> bool {
        let (Some(from), Some(to)) = (self.members.get(&from), self.members.get(&to)) else { return false };
        self.share(to, work) < self.share(from, 0)
    }

    pub(super) fn seats(&self) -> Vec<Seat> {
        let seat = |place: &Place<'_>| Seat { candidate: place.candidate.clone(), before: place.before, after: place.now };
        self.members.values().map(seat).collect()
    }
}

impl Load {
    pub(crate) fn add(&mut self, work: u64) {
        self.clusters += 1;
        self.work += work;
    }

    fn add_all(&mut self, other: &Self) {
        self.clusters += other.clusters;
        self.work += other.work;
    }

    pub(crate) fn take(&mut self, work: u64) {
        self.clusters = self.clusters.saturating_sub(1);
        self.work = self.work.saturating_sub(work);
    }
}
