//! On the leader: proposes that what is past its time expires, when something is due by the log's own clock, at most once a second. And it
//! counts clusters, what is open, and what of that does not get on: every ten seconds, however often somebody asks for the metrics.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use model::{
    View,
    cluster::Cluster,
    command::{Command, Expire},
    operation::{self, stuck::stuck},
    record,
    tables::{Fault, Visit},
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    error::Halt,
    metrics::{Bays, counted_coe},
    shared::Shared,
};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);

/// Looks between two counts.
const COUNTED: u32 = 10;

/// Clusters, and open operations, that are looked at for one count.
const COUNTED_MAX: usize = 20_000;

/// Of each kind in one entry.
const LIMIT: u32 = 1000;

/// Looks until it is stopped.
pub(crate) async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    let mut looks = 0_u32;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(EVERY) => {}
        }
        if shared.handle.leadership().borrow().leader != Some(shared.member()) {
            shared.metrics.set_open(0, BTreeMap::new());
            shared.metrics.set_bays(Bays::new());
            continue;
        }
        if looks.is_multiple_of(COUNTED)
            && let Err(error) = count(&shared).await
        {
            tracing::debug!(%error, "clusters and open operations could not be counted");
        }
        looks = looks.wrapping_add(1);
        if let Err(error) = look(&shared).await {
            tracing::debug!(%error, "nothing could expire");
        }
    }
}

async fn look(shared: &Shared) -> Result<(), Halt> {
    let view = shared.view().await?;
    if !operation::query::expire_due(&*view, shared.handle.now_ms())? {
        return Ok(());
    }
    // Refusals there are none; a stale leader's proposal finds nothing due and does nothing. A full entry may have left some: however many
    // fall due at once, they do not wait for the next look.
    model::fault_point!("expire::entry::before");
    while let Ok(done) = shared.write(Command::Expire(Expire { limit: LIMIT })).await? {
        model::fault_point!("expire::entry::after", Err(raft::Error::Timeout.into()));
        if done.number < u64::from(LIMIT) {
            break;
        }
    }
    Ok(())
}

async fn count(shared: &Shared) -> Result<(), Halt> {
    let view = shared.view().await?;
    let now_ms = shared.handle.now_ms();
    let open = operation::query::all_open(&*view, COUNTED_MAX)?;
    let mut found = BTreeMap::new();
    for operation in &open {
        if let Some(stuck) = stuck(&*view, operation, now_ms)? {
            *found.entry(stuck).or_insert(0) += 1;
        }
    }
    shared.metrics.set_open(open.len(), found);
    shared.metrics.set_bays(bays(&*view, COUNTED_MAX)?);
    Ok(())
}

/// Clusters by status and engine, `limit` of them at most.
fn bays(view: &(impl View + ?Sized), limit: usize) -> Result<Bays, Fault> {
    let (mut bays, mut left) = (Bays::new(), limit);
    record::each(view, &mut |cluster: Cluster| {
        if left == 0 {
            return Visit::Stop;
        }
        left -= 1;
        *bays.entry((cluster.status(), counted_coe(&cluster.coe))).or_default() += 1;
        Visit::Continue
    })?;
    Ok(bays)
}

#[cfg(test)]
mod tests {
    use model::{MemoryTables, cluster::Status, id::ClusterId};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn clusters_are_counted_by_status_and_engine() {
        let mut tables = MemoryTables::default();
        let kinds =
            [(Status::CreateComplete, "swarm-mode"), (Status::CreateComplete, "swarm-mode"), (Status::UpdateFailed, "what-is-this")];
        for (number, (status, coe)) in (1_u128..).zip(kinds) {
            let id = ClusterId::new(Uuid::from_u128(number));
            let cluster = Cluster { id, coe: coe.to_owned(), status: status.into(), ..Cluster::default() };
            record::replace(&mut tables, None, &cluster);
        }
        let all = [((Status::CreateComplete, "swarm-mode"), 2), ((Status::UpdateFailed, "other"), 1)];
        assert_eq!(bays(&tables, 10).unwrap(), Bays::from(all));
        assert_eq!(bays(&tables, 2).unwrap().values().sum::<u64>(), 2, "no more than it is allowed to look at");
    }
}
