//! On the leader: clusters that nobody can look at, because they have no owner or a silent one that nobody can replace.
//!
//! Their last health would stand there as if it were today's. After a while it becomes unknown, with the reason; the next look of an owner says
//! what is. Whether somebody is silent is known from the grants of this leadership, so a new leader begins to count afresh and is never hasty.

use std::{sync::Arc, time::Duration};

use model::{
    MemberId, View,
    cluster::{self, Health},
    command::{Command, HealthLapse, Lapsed},
    ownership::{self, Ownership},
    tables::Fault,
};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::{error::Halt, ownership::grants::Grants, shared::Shared};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(5);

/// Clusters in one entry.
const BATCH: usize = 256;

/// Looks until it is stopped.
pub(crate) async fn run(shared: Arc<Shared>, grants: Arc<Grants>, stop: CancellationToken) {
    // Since when this leadership has seen clusters without an owner.
    let mut vacant: Option<(u64, Instant)> = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(EVERY) => {}
        }
        let Some(term) = grants.term() else {
            vacant = None;
            continue;
        };
        let since = vacant.filter(|(of, _)| *of == term).map_or_else(Instant::now, |(_, since)| since);
        vacant = Some((term, since));
        if let Err(error) = look(&shared, &grants, since).await {
            tracing::debug!(%error, "unseen clusters could not be looked for");
        }
    }
}

async fn look(shared: &Shared, grants: &Grants, since: Instant) -> Result<(), Halt> {
    let view = shared.view().await?;
    let patience = shared.settings.unseen;
    let mut lapsed = Vec::new();
    if since.elapsed() >= patience {
        let now_ms = shared.handle.now_ms();
        let patience_ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
        for row in ownership::query::unowned(&*view, usize::MAX)? {
            if row.since_ms.saturating_add(patience_ms) <= now_ms {
                lapsed.extend(known(&*view, &row, "it has no owner")?);
            }
        }
    }
    for member in model::member::query::all(&*view)? {
        if grants.silence(member.id()).is_some_and(|silence| silence >= patience) {
            let why = format!("its owner, member {}, is silent", member.number);
            for row in ownership::query::by_member(&*view, MemberId(member.number), usize::MAX)? {
                lapsed.extend(known(&*view, &row, &why)?);
            }
        }
    }
    for batch in lapsed.chunks(BATCH) {
        if let Err(refusal) = shared.write(Command::HealthLapse(HealthLapse { clusters: batch.to_vec() })).await? {
            tracing::debug!(reason = refusal.message, "health does not lapse yet");
        }
    }
    Ok(())
}

/// The cluster, if its record claims to know its health.
fn known(view: &dyn View, row: &Ownership, why: &str) -> Result<Option<Lapsed>, Fault> {
    let Some(cluster) = cluster::query::by_id(view, row.cluster)? else { return Ok(None) };
    let health = cluster.observed.and_then(|observed| observed.health);
    let claims = health.is_some_and(|health| health != i32::from(Health::Unknown));
    Ok(claims.then(|| Lapsed { cluster: row.cluster, epoch: row.epoch, reason: format!("nobody looks at it: {why}") }))
}
