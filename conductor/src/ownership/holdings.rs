//! The clusters as the planner wants them, with what each owner has in sum.
//!
//! Of ten thousand clusters a few have no owner at any moment; the others stay where they are, and all a plan needs of them is how much their
//! owners have. So a pass looks at few ([`Holdings::pick`]): those without an owner, those bound to somebody else, and those whose owner cannot
//! or should not go on; a plan made from them is the plan made from all. Only balance has to look at each.

use std::collections::{BTreeMap, BTreeSet};

use model::{MemberId, id::ClusterId};

use crate::ownership::plan::{Aim, Candidate, Holding, Load, Plan, Standing, plan_beside};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Holdings {
    all: BTreeMap<ClusterId, Holding>,
    /// What each start of a member has.
    owners: BTreeMap<(MemberId, u64), Owned>,
    /// Those without an owner, or bound to somebody else than their owner.
    restless: BTreeSet<ClusterId>,
    unowned: usize,
}

#[derive(Debug, Default)]
struct Owned {
    load: Load,
    clusters: BTreeSet<ClusterId>,
}

/// What a plan has to look at.
#[derive(Debug, Default)]
pub(crate) struct Picked<'a> {
    /// Those that stay with their owners for certain, in sum.
    kept: BTreeMap<MemberId, Load>,
    /// The others.
    each: Vec<&'a Holding>,
}

fn restless(holding: &Holding) -> bool {
    holding.owner.is_none_or(|(owner, _)| holding.pin.is_some_and(|pin| pin != owner))
}

impl Holdings {
    pub(crate) fn get(&self, cluster: ClusterId) -> Option<&Holding> {
        self.all.get(&cluster)
    }

    /// All of them, in the order of their ids.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Holding> {
        self.all.values()
    }

    /// How many nobody owns.
    pub(crate) fn unowned(&self) -> usize {
        self.unowned
    }

    /// Puts one in the place of what was known of the cluster.
    pub(crate) fn insert(&mut self, holding: Holding) {
        self.remove(holding.cluster);
        if restless(&holding) {
            self.restless.insert(holding.cluster);
        }
        match holding.owner {
            Some(owner) => {
                let owned = self.owners.entry(owner).or_default();
                owned.load.add(holding.work);
                owned.clusters.insert(holding.cluster);
            }
            None => self.unowned += 1,
        }
        self.all.insert(holding.cluster, holding);
    }

    /// Forgets one; what was known of it.
    pub(crate) fn remove(&mut self, cluster: ClusterId) -> Option<Holding> {
        let holding = self.all.remove(&cluster)?;
        self.restless.remove(&cluster);
        match holding.owner {
            Some(owner) => {
                if let Some(owned) = self.owners.get_mut(&owner) {
                    owned.load.take(holding.work);
                    owned.clusters.remove(&cluster);
                }
                self.owners.retain(|_, owned| !owned.clusters.is_empty());
            }
            None => self.unowned = self.unowned.saturating_sub(1),
        }
        Some(holding)
    }

    /// Whether the last owner of one that has none may still act for it.
    pub(crate) fn set_wait(&mut self, cluster: ClusterId, wait: bool) {
        if let Some(holding) = self.all.get_mut(&cluster) {
            holding.wait = wait;
        }
    }

    /// Weighs all of them afresh.
    pub(crate) fn weigh(&mut self, work: impl Fn(ClusterId) -> u64) {
        for owned in self.owners.values_mut() {
            owned.load = Load::default();
        }
        for (id, holding) in &mut self.all {
            holding.work = work(*id);
            if let Some(owned) = holding.owner.and_then(|owner| self.owners.get_mut(&owner)) {
                owned.load.add(holding.work);
            }
        }
    }

    /// Those of `members` that own something.
    pub(crate) fn holders(&self, members: &BTreeSet<MemberId>) -> BTreeSet<MemberId> {
        self.owners.keys().map(|(member, _)| *member).filter(|member| members.contains(member)).collect()
    }

    /// The plan.
    pub(crate) fn plan(&self, candidates: &[Candidate], aim: Aim) -> Plan {
        let picked = self.pick(candidates, aim);
        plan_beside(candidates, &picked.kept, picked.each, aim)
    }

    fn pick(&self, candidates: &[Candidate], aim: Aim) -> Picked<'_> {
        if aim >= Aim::Bounded {
            return Picked { kept: BTreeMap::new(), each: self.all.values().collect() };
        }
        let goes_on = |candidate: &Candidate| !candidate.draining && candidate.standing != Standing::Lost;
        let settled: BTreeSet<(MemberId, u64)> =
            candidates.iter().filter(|candidate| goes_on(candidate)).map(|candidate| (candidate.member, candidate.incarnation)).collect();
        let mut picked = Picked::default();
        let mut each = self.restless.clone();
        for (owner, owned) in &self.owners {
            if settled.contains(owner) {
                picked.kept.insert(owner.0, owned.load);
            } else {
                each.extend(&owned.clusters);
            }
        }
        for holding in self.restless.iter().filter_map(|id| self.all.get(id)) {
            let kept = holding.owner.filter(|owner| settled.contains(owner)).and_then(|(owner, _)| picked.kept.get_mut(&owner));
            kept.into_iter().for_each(|load| load.take(holding.work));
        }
        picked.each = each.iter().filter_map(|id| self.all.get(id)).collect();
        picked
    }
}

#[cfg(test)]
impl FromIterator<Holding> for Holdings {
    fn from_iter<I: IntoIterator<Item = Holding>>(holdings: I) -> Self {
        let mut all = Self::default();
        holdings.into_iter().for_each(|holding| all.insert(holding));
        all
    }
}
