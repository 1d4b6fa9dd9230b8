//! Keeps the lease: asks the leader every quarter of it, at once when the leader changes and when this member was given something new.

use std::{sync::Arc, time::Duration};

use model::peer::{Grant, GrantRequest, method};
use prost::Message;
use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::shared::Shared;

/// The shortest time between two requests, whatever happens.
const PAUSE: Duration = Duration::from_millis(100);

/// Renews until it is stopped. `kick` asks for a renewal now. From `leaving` on it renews for the steps that still run, and says with each
/// request that nothing new is wanted.
pub(crate) async fn run(shared: Arc<Shared>, kick: Arc<Notify>, leaving: CancellationToken, stop: CancellationToken) {
    let mut leadership = shared.handle.leadership();
    let every = shared.settings.lease / 4;
    while !stop.is_cancelled() {
        let began = Instant::now();
        let held = !shared.lease.left().is_zero();
        match ask(&shared, leaving.is_cancelled()).await {
            Ok(()) => {}
            Err(reason) => tracing::debug!(%reason, "no lease was granted"),
        }
        if held && shared.lease.left().is_zero() {
            shared.metrics.lapsed();
            tracing::warn!("the lease has run out: this member acts for nobody until it is granted again");
        }
        let wait = if shared.lease.left() > every { every } else { every / 4 };
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(wait) => {}
            () = kick.notified() => {}
            changed = leadership.changed() => if changed.is_err() { return },
        }
        tokio::time::sleep_until(began + PAUSE).await;
    }
}

/// Says goodbye to the leader: this member keeps what it was granted and is given nothing more.
pub(crate) async fn leave(shared: &Shared) {
    if let Err(reason) = ask(shared, true).await {
        tracing::debug!(%reason, "the leader was not told of the stop");
    }
}

async fn ask(shared: &Shared, leaving: bool) -> Result<(), String> {
    let Some(leader) = shared.handle.leadership().borrow().leader else {
        return Err("no leader is known".to_owned());
    };
    // Before the request leaves: the leader reckons from its arrival, which is later.
    let sent = Instant::now();
    let deadline = sent + shared.settings.lease / 2;
    model::fault_point!("lease::renewal::before");
    let request = GrantRequest { incarnation: shared.handle.incarnation(), leaving };
    let call = shared.handle.call(leader, method::GRANT, request.encode_to_vec().into(), deadline);
    let answer = timeout_at(deadline, call).await.map_err(|_| "no answer in time".to_owned())?.map_err(|error| error.to_string())?;
    model::fault_point!("lease::renewal::after", Err("the answer was lost".to_owned()));
    let grant = Grant::decode(answer).map_err(|error| error.to_string())?;
    // Only a state at least as new as the grant says what is this member's.
    shared.handle.wait_applied(grant.index, deadline).await.map_err(|error| error.to_string())?;
    let lease = shared.settings.lease.min(Duration::from_millis(grant.lease_ms));
    let from = if model::planted!("m18") { Instant::now() } else { sent };
    shared.lease.granted(from, lease, grant.index);
    Ok(())
}
