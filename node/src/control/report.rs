//! What `jeroboam status` shows: this member's state, and every other member's own word on how far it is.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use api::held;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use model::{
    MemberId, View, Visit,
    cluster::{Cluster, Status as Phase},
    id::ClusterId,
    member::Member,
    ownership::Ownership,
    record,
};
use raft::{Consistency, Handle};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{BayRow, MemberRow, Report};

/// How long another member may take to say how far it is.
const LOOK: Duration = Duration::from_millis(800);

/// Members asked at once.
const AT_ONCE: usize = 16;

/// The peer call that asks a member for its own view; answered by [`own_view`].
pub const METHOD: &str = "node.view";

/// How far a member is, in its own words.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Own {
    role: String,
    applied: u64,
}

/// The answer to [`METHOD`].
pub fn own_view(handle: &Handle) -> Bytes {
    let status = handle.status();
    let own = Own { role: status.role.as_str().to_owned(), applied: status.applied };
    serde_json::to_vec(&own).map(Bytes::from).unwrap_or_default()
}

/// The cluster as this member sees it, with the first `bays` bays.
pub(super) async fn report(handle: &Handle, bays: u32) -> Result<Report, String> {
    let status = handle.status();
    // Without a leader the present state cannot be known; what this member has is still worth seeing, with its age.
    let (reading, stale_ms) = match handle.read(Consistency::Linearizable, Instant::now() + LOOK).await {
        Ok(reading) => (reading, None),
        Err(_) => {
            let reading = handle.read(Consistency::Stale, Instant::now() + LOOK).await.map_err(|error| error.to_string())?;
            let age = reading.age.as_millis();
            (reading, Some(u64::try_from(age).unwrap_or(u64::MAX)))
        }
    };
    let view: &dyn View = &*reading.view;
    let records = record::all::<Member>(view).map_err(|fault| fault.to_string())?;
    let rows = bay_rows(view, bays as usize)?;
    let voices = voices(handle, &status).await;
    let furthest = voices.values().flatten().map(|own| own.applied).max().unwrap_or(status.applied);
    let records: BTreeMap<MemberId, Member> = records.into_iter().map(|member| (member.id(), member)).collect();
    // A member just recovered or being removed may be in one of the two lists only.
    let everyone: BTreeSet<MemberId> = status.voters.keys().chain(status.learners.keys()).chain(records.keys()).copied().collect();
    let members = everyone.into_iter().map(|id| {
        let own = voices.get(&id).cloned().flatten();
        let addresses = status.voters.get(&id).or_else(|| status.learners.get(&id));
        let voter = status.voters.contains_key(&id);
        let known = records.get(&id).cloned().unwrap_or_default();
        let invited = addresses.is_none() && known.incarnation == 0;
        let absent = match (invited, voter) {
            (true, _) => "invited",
            (_, true) => "voter",
            _ => "learner",
        };
        MemberRow {
            number: id.0,
            role: own.as_ref().map_or_else(|| absent.to_owned(), |own| own.role.clone()),
            voter,
            reachable: own.is_some(),
            applied: own.as_ref().map(|own| own.applied),
            lag: own.as_ref().map(|own| furthest.saturating_sub(own.applied)),
            bays: rows.owned.get(&id).copied().unwrap_or(0),
            peer_address: addresses.map_or(known.peer_address, |addresses| addresses.peer.clone()),
            // Until it has come in, an invited member's record holds what its token is checked with.
            name: if invited { String::new() } else { known.name },
            zone: known.zone,
            draining: known.draining,
            api_address: known.api_address,
            incarnation: known.incarnation,
            drivers: known.drivers,
            program: known.program,
        }
    });
    Ok(Report {
        cluster: status.cluster.to_string(),
        asked: status.member.0,
        leader: status.leader.map(|leader| leader.0),
        term: status.term,
        applied: reading.index,
        stale_ms,
        committed: status.committed,
        snapshot: status.snapshot,
        purged: status.purged,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        members: members.collect(),
        bays: rows.first,
        bays_total: rows.total,
    })
}

/// What every member of the group says of itself; `None`: it did not answer in time.
async fn voices(handle: &Handle, status: &raft::Status) -> BTreeMap<MemberId, Option<Own>> {
    let all: Vec<MemberId> = status.voters.keys().chain(status.learners.keys()).copied().collect();
    stream::iter(all)
        .map(|member| async move {
            let answer = handle.call(member, METHOD, Bytes::new(), Instant::now() + LOOK).await.ok();
            (member, answer.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

struct Bays {
    first: Vec<BayRow>,
    total: u64,
    owned: BTreeMap<MemberId, u64>,
}

fn bay_rows(view: &dyn View, limit: usize) -> Result<Bays, String> {
    let mut owners: BTreeMap<ClusterId, Ownership> = BTreeMap::new();
    let mut bays = Bays { first: Vec::new(), total: 0, owned: BTreeMap::new() };
    record::each::<Ownership>(view, &mut |ownership| {
        if let Some(owner) = ownership.owner() {
            *bays.owned.entry(owner).or_insert(0) += 1;
        }
        owners.insert(ownership.cluster, ownership);
        Visit::Continue
    })
    .map_err(|fault| fault.to_string())?;
    let mut first = Vec::new();
    record::each::<Cluster>(view, &mut |cluster| {
        bays.total += 1;
        if first.len() < limit {
            first.push(cluster);
        }
        Visit::Continue
    })
    .map_err(|fault| fault.to_string())?;
    for cluster in first {
        let reason = held::of_cluster(view, &cluster).map_err(|fault| fault.to_string())?;
        bays.first.push(bay_row(cluster, reason, &owners));
    }
    Ok(bays)
}

fn bay_row(cluster: Cluster, reason: Option<String>, owners: &BTreeMap<ClusterId, Ownership>) -> BayRow {
    let phase = Phase::try_from(cluster.status);
    let owner = owners.get(&cluster.id).filter(|ownership| ownership.owner().is_some());
    BayRow {
        id: cluster.id.to_string(),
        name: cluster.wanted.name,
        project: cluster.project_id,
        coe: cluster.coe,
        driver: cluster.driver,
        phase: phase.map_or_else(|_| cluster.status.to_string(), |phase| phase.word().to_owned()),
        failed: phase.is_ok_and(Phase::failed),
        owner: owner.map(|ownership| ownership.member),
        epoch: owner.map(|ownership| ownership.epoch),
        reason,
    }
}
