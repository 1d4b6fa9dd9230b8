//! What the leader's balancer knows of clusters and members, kept in step by the changes so that a pass reads no table.

use std::collections::BTreeMap;

use model::{
    Change, View,
    cluster::{self, Cluster},
    id::ClusterId,
    member::{self, Member},
    ownership::{self, Ownership, Reason},
    record,
    tables::{Fault, Visit},
};
use tokio::time::Instant;

use crate::ownership::plan::Holding;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Mirror {
    pub(crate) members: BTreeMap<u64, Member>,
    clusters: BTreeMap<ClusterId, Entry>,
}

#[derive(Debug)]
struct Entry {
    driver: String,
    ownership: Option<Ownership>,
    /// When this leader first saw it without an owner.
    vacant_since: Instant,
}

impl Mirror {
    /// Everything, read afresh.
    pub(crate) fn reload(&mut self, view: &dyn View) -> Result<(), Fault> {
        self.members = member::query::all(view)?.into_iter().map(|member| (member.number, member)).collect();
        let mut owners: BTreeMap<ClusterId, Ownership> = BTreeMap::new();
        record::each(view, &mut |row: Ownership| {
            owners.insert(row.cluster, row);
            Visit::Continue
        })?;
        let mut before = std::mem::take(&mut self.clusters);
        record::each(view, &mut |cluster: Cluster| {
            let old = before.remove(&cluster.id);
            self.clusters.insert(cluster.id, Entry::new(cluster.driver, owners.remove(&cluster.id), old.as_ref()));
            Visit::Continue
        })
    }

    /// What one change touched; whether a plan may look different now.
    pub(crate) fn follow(&mut self, view: &dyn View, change: Change) -> Result<bool, Fault> {
        match change {
            Change::Member(_) => {
                self.members = member::query::all(view)?.into_iter().map(|member| (member.number, member)).collect();
                Ok(true)
            }
            Change::Cluster(id) if self.clusters.contains_key(&id) && ownership::query::of(view, id)?.is_some() => Ok(false),
            Change::Cluster(id) | Change::Ownership(id) => {
                let old = self.clusters.remove(&id);
                if let Some(cluster) = cluster::query::by_id(view, id)? {
                    let owner = ownership::query::of(view, id)?;
                    self.clusters.insert(id, Entry::new(cluster.driver, owner, old.as_ref()));
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// All clusters as the planner wants them. `patience`: how long a removed member may still act for what was taken from it.
    pub(crate) fn holdings(&self, patience: std::time::Duration) -> Vec<Holding> {
        self.clusters.iter().map(|(id, entry)| entry.holding(*id, patience)).collect()
    }
}

impl Entry {
    fn new(driver: String, ownership: Option<Ownership>, old: Option<&Self>) -> Self {
        let same = old.filter(|old| old.ownership == ownership);
        Self { driver, ownership, vacant_since: same.map_or_else(Instant::now, |old| old.vacant_since) }
    }

    fn holding(&self, cluster: ClusterId, patience: std::time::Duration) -> Holding {
        let row = self.ownership.as_ref();
        let owner = row.and_then(|row| row.owner().map(|member| (member, row.incarnation)));
        let reason = row.map_or(Reason::New, Ownership::reason);
        // Who released has stopped acting. Who was removed may not know it yet.
        let removed = owner.is_none() && reason == Reason::Removed;
        Holding {
            cluster,
            driver: self.driver.clone(),
            epoch: row.map_or(0, |row| row.epoch),
            owner,
            reason,
            wait: removed && self.vacant_since.elapsed() <= patience,
        }
    }
}
