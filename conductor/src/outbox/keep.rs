//! How many events are kept follows what the leader is told, looked at now and then. Members that are told different numbers make it change with
//! the leader, so they should be told the same.

use std::{sync::Arc, time::Duration};

use model::{
    command::{Command, EventsKeep},
    event,
    meta::Meta,
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{error::Halt, shared::Shared};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(5);

/// Looks until it is stopped.
pub(crate) async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    let Some(bounds) = shared.settings.events else { return stop.cancelled().await };
    loop {
        if shared.handle.leadership().borrow().leader == Some(shared.member())
            && let Err(error) = look(&shared, bounds).await
        {
            tracing::debug!(%error, "how many events are kept could not be looked at");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(EVERY) => {}
        }
    }
}

async fn look(shared: &Shared, (keep, backlog): (u64, u64)) -> Result<(), Halt> {
    if event::bounds(&Meta::read(&*shared.view().await?)?) == (keep, backlog) {
        return Ok(());
    }
    if let Err(refusal) = shared.write(Command::EventsKeep(EventsKeep { keep, backlog })).await? {
        tracing::warn!(reason = refusal.message, "the state keeps another number of events");
    }
    Ok(())
}
