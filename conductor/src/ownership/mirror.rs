//! What the leader's balancer knows of clusters and members, kept in step by the changes so that a pass reads no table.
//!
//! Machines and open operations are weighed when a cluster is first seen and then now and then ([`Mirror::weigh`]), not with every change: work
//! comes and goes, and a plan that followed each of its changes would never stand still.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use model::{
    Change, MemberId, View,
    cluster::{self, Cluster},
    id::ClusterId,
    member::{self, Member},
    meta, nodegroup, operation,
    ownership::{self, Ownership, Reason},
    record,
    tables::{Fault, Visit},
};
use tokio::time::Instant;

use crate::ownership::{
    holdings::Holdings,
    plan::{Holding, work},
};

/// The label that says where a cluster's machines stand.
const ZONE: &str = "availability_zone";

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Mirror {
    pub(crate) members: BTreeMap<u64, Member>,
    /// The cluster version.
    pub(crate) version: u32,
    /// The operators' wish that the work be spread evenly, by its log index; 0: there is none.
    pub(crate) wish: u64,
    clusters: Holdings,
    /// Those that were taken from a removed member, and when this leader first saw that.
    removed: BTreeMap<ClusterId, (u64, Instant)>,
}

impl Mirror {
    /// Everything, read afresh.
    pub(crate) fn reload(&mut self, view: &dyn View) -> Result<(), Fault> {
        self.read_members(view)?;
        let mut owners: BTreeMap<ClusterId, Ownership> = BTreeMap::new();
        record::each(view, &mut |row: Ownership| {
            owners.insert(row.cluster, row);
            Visit::Continue
        })?;
        self.clusters = Holdings::default();
        record::each(view, &mut |cluster: Cluster| {
            let row = owners.remove(&cluster.id);
            self.clusters.insert(holding(&cluster, row.as_ref(), 0));
            Visit::Continue
        })?;
        let clusters = &self.clusters;
        self.removed.retain(|id, _| clusters.get(*id).is_some());
        let ids: Vec<ClusterId> = self.clusters.all().map(|holding| holding.cluster).collect();
        ids.into_iter().for_each(|id| self.note_removal(id));
        self.weigh(view)
    }

    fn read_members(&mut self, view: &dyn View) -> Result<(), Fault> {
        self.members = member::query::all(view)?.into_iter().map(|member| (member.number, member)).collect();
        self.version = meta::cluster_version(view)?;
        self.wish = meta::balance_wish(view)?;
        Ok(())
    }

    /// What one change touched; whether a plan may look different now.
    pub(crate) fn follow(&mut self, view: &dyn View, change: Change) -> Result<bool, Fault> {
        match change {
            Change::Member(_) | Change::Version | Change::Balance => {
                self.read_members(view)?;
                Ok(true)
            }
            Change::Cluster(id) if self.clusters.get(id).is_some() && ownership::query::of(view, id)?.is_some() => Ok(false),
            Change::Cluster(id) | Change::Ownership(id) => {
                let work = self.clusters.remove(id).map(|known| known.work);
                if let Some(cluster) = cluster::query::by_id(view, id)? {
                    let work = work.map_or_else(|| weight(view, id), Ok)?;
                    let row = ownership::query::of(view, id)?;
                    self.clusters.insert(holding(&cluster, row.as_ref(), work));
                }
                self.note_removal(id);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Weighs all clusters afresh.
    pub(crate) fn weigh(&mut self, view: &dyn View) -> Result<(), Fault> {
        let machines = nodegroup::query::all_counts(view)?;
        let open = operation::query::open_counts(view)?;
        self.clusters.weigh(|id| {
            let counts = machines.get(&id).copied().unwrap_or_default();
            work(counts.masters.saturating_add(counts.nodes), open.get(&id).copied().unwrap_or(0))
        });
        Ok(())
    }

    /// Who released has stopped acting. Who was removed may not know it yet: what it had waits.
    fn note_removal(&mut self, id: ClusterId) {
        let known = self.clusters.get(id).filter(|holding| holding.owner.is_none() && holding.reason == Reason::Removed);
        let Some(epoch) = known.map(|holding| holding.epoch) else {
            self.removed.remove(&id);
            return;
        };
        let noted = self.removed.entry(id).or_insert((epoch, Instant::now()));
        if noted.0 != epoch {
            *noted = (epoch, Instant::now());
        }
        self.clusters.set_wait(id, true);
    }

    /// All clusters as the planner wants them. `patience`: how long a removed member may still act for what was taken from it.
    pub(crate) fn holdings(&mut self, patience: Duration) -> &Holdings {
        for (id, (_, since)) in &self.removed {
            self.clusters.set_wait(*id, since.elapsed() <= patience);
        }
        &self.clusters
    }

    /// How many clusters nobody owns.
    pub(crate) fn unowned(&self) -> usize {
        self.clusters.unowned()
    }

    /// Those of `members` that still own something.
    pub(crate) fn holders(&self, members: &BTreeSet<MemberId>) -> BTreeSet<MemberId> {
        self.clusters.holders(members)
    }

    /// Whether somebody owns the cluster under this epoch.
    pub(crate) fn is_held(&self, cluster: ClusterId, epoch: u64) -> bool {
        self.clusters.get(cluster).is_some_and(|holding| holding.epoch == epoch && holding.owner.is_some())
    }

    /// The version to which the cluster can be raised: all members support it and it is not in force yet.
    pub(crate) fn raisable(&self) -> Option<u32> {
        let supported = self.members.values().map(|member| member.version_max).min()?.min(model::VERSION);
        (supported > self.version).then_some(supported)
    }
}

fn weight(view: &dyn View, id: ClusterId) -> Result<u64, Fault> {
    let counts = nodegroup::query::counts_of(view, [id].into_iter())?.first().copied().unwrap_or_default();
    let open = operation::query::open_count(view, id, 100)?;
    Ok(work(counts.masters.saturating_add(counts.nodes), u32::try_from(open).unwrap_or(u32::MAX)))
}

fn holding(cluster: &Cluster, row: Option<&Ownership>, work: u64) -> Holding {
    Holding {
        cluster: cluster.id,
        name: cluster.wanted.name.clone(),
        driver: cluster.driver.clone(),
        work,
        zone: cluster.wanted.labels.get(ZONE).cloned().unwrap_or_default(),
        pin: row.and_then(Ownership::pinned),
        epoch: row.map_or(0, |row| row.epoch),
        owner: row.and_then(|row| row.owner().map(|member| (member, row.incarnation))),
        reason: row.map_or(Reason::New, Ownership::reason),
        wait: false,
    }
}
