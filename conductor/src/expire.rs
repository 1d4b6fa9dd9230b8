//! On the leader: proposes that what is past its time expires, when something is due by the log's own clock, at most once a second. And it
//! counts what is open and what of it does not get on.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use model::{
    command::{Command, Expire},
    operation::{self, stuck::stuck},
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{error::Halt, shared::Shared};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);

/// Looks between two counts.
const COUNTED: u32 = 10;

/// Open operations that are looked at for one count.
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
            continue;
        }
        if looks.is_multiple_of(COUNTED)
            && let Err(error) = count(&shared).await
        {
            tracing::debug!(%error, "open operations could not be counted");
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
    Ok(())
}
