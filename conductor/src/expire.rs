//! On the leader: proposes that what is past its time expires, when something is due by the log's own clock, at most once a second.

use std::{sync::Arc, time::Duration};

use model::{
    command::{Command, Expire},
    operation,
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{error::Halt, shared::Shared};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);

/// Of each kind in one entry.
const LIMIT: u32 = 1000;

/// Looks until it is stopped.
pub(crate) async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(EVERY) => {}
        }
        if shared.handle.leadership().borrow().leader != Some(shared.member()) {
            continue;
        }
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
    while let Ok(done) = shared.write(Command::Expire(Expire { limit: LIMIT })).await? {
        if done.number < u64::from(LIMIT) {
            break;
        }
    }
    Ok(())
}
