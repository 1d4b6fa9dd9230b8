//! The ownership map: every member with what it carries and how fresh its lease is, every cluster with its owner.
//!
//! What is replicated is read here; how long ago a member was granted its lease is known to the leader alone and is asked for. Where it does not
//! answer, that part is left out: a map is wanted most when something is wrong.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use model::{
    Fault, View,
    cluster::Cluster,
    id::ClusterId,
    member::Member,
    ownership::Ownership,
    peer::{Granted, OwnershipStatus, StatusRequest, method},
    record,
    tables::Visit,
};
use prost::Message;
use raft::Handle;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// How long the leader is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Map {
    /// Who leads.
    pub leader: Option<u64>,
    /// The members by number.
    pub members: Vec<MapMember>,
    /// The clusters by id.
    pub ownership: Vec<MapCluster>,
    /// How many clusters nobody owns.
    pub unowned: u64,
}

/// A member in a [`Map`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapMember {
    /// Its number.
    pub member: u64,
    /// Its name.
    pub name: String,
    /// Its failure zone.
    pub zone: String,
    /// Its share of work, 100 is the ordinary one.
    pub weight: u32,
    /// Drivers it has.
    pub drivers: Vec<String>,
    /// Whether its clusters move away.
    pub draining: bool,
    /// Since it last asked the leader for its lease, milliseconds; absent when that is not known.
    pub lease_age_ms: Option<u64>,
    /// Whether it is granted nothing more until its clusters have moved; absent when that is not known.
    pub suspect: Option<bool>,
    /// How many clusters it owns.
    pub clusters: u64,
    /// How many are pinned to it.
    pub pinned: u64,
}

/// A cluster in a [`Map`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapCluster {
    /// Its id.
    pub cluster: uuid::Uuid,
    /// Its name.
    pub name: String,
    /// Its owner.
    pub member: Option<u64>,
    /// Which start of it.
    pub incarnation: u64,
    /// Under which epoch.
    pub epoch: u64,
    /// Why it was assigned or released.
    pub reason: String,
    /// Since when, log time in milliseconds.
    pub since_ms: u64,
    /// The member it is pinned to.
    pub pin: Option<u64>,
}

/// When each member was granted its lease, as the leader says; `None`: it does not.
pub async fn leases(handle: &Handle, deadline: Instant) -> Option<Vec<Granted>> {
    let leader = handle.leadership().borrow().leader?;
    let body = Bytes::from(StatusRequest {}.encode_to_vec());
    let answer = handle.call(leader, method::STATUS, body, deadline.min(Instant::now() + PATIENCE)).await.ok()?;
    OwnershipStatus::decode(answer).ok().map(|status| status.grants)
}

/// The map of a state.
///
/// # Errors
/// If the state cannot be read.
pub fn map(view: &(impl View + ?Sized), leader: Option<u64>, leases: Option<&[Granted]>) -> Result<Map, Fault> {
    let mut names: BTreeMap<ClusterId, String> = BTreeMap::new();
    record::each(view, &mut |cluster: Cluster| {
        names.insert(cluster.id, cluster.wanted.name);
        Visit::Continue
    })?;
    let mut map = Map { leader, ..Map::default() };
    let (mut owned, mut pinned): (BTreeMap<u64, u64>, BTreeMap<u64, u64>) = Default::default();
    record::each(view, &mut |row: Ownership| {
        *owned.entry(row.member).or_default() += 1;
        *pinned.entry(row.pin).or_default() += 1;
        map.ownership.push(shape(&row, names.remove(&row.cluster).unwrap_or_default()));
        Visit::Continue
    })?;
    map.unowned = owned.get(&0).copied().unwrap_or(0);
    for member in record::all::<Member>(view)? {
        let lease = leases.and_then(|leases| leases.iter().find(|lease| lease.member == member.number));
        map.members.push(MapMember {
            member: member.number,
            weight: if member.weight == 0 { 100 } else { member.weight },
            // Until it has come in, an invited member's record holds what its token is checked with.
            name: if member.incarnation == 0 { String::new() } else { member.name },
            zone: member.zone,
            drivers: member.drivers,
            draining: member.draining,
            lease_age_ms: lease.map(|lease| lease.ago_ms),
            suspect: lease.map(|lease| lease.suspect),
            clusters: owned.get(&member.number).copied().unwrap_or(0),
            pinned: pinned.get(&member.number).copied().unwrap_or(0),
        });
    }
    Ok(map)
}

fn shape(row: &Ownership, name: String) -> MapCluster {
    MapCluster {
        cluster: row.cluster.uuid(),
        name,
        member: row.owner().map(|member| member.0),
        incarnation: row.incarnation,
        epoch: row.epoch,
        reason: row.reason().word().to_owned(),
        since_ms: row.since_ms,
        pin: row.pinned().map(|member| member.0),
    }
}
