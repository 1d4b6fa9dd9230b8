//! A member that has started says so in the log: its incarnation, addresses, drivers and version. The leader gives it bays from then on,
//! and none that it held before count any more. A member that has just joined asks, once it has caught up, to vote.

use std::time::Duration;

use model::{Command, command::MemberStarted, member::Member};
use raft::{Handle, handle::Write, seam::Seams};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::config::Config;

/// One attempt.
const ATTEMPT: Duration = Duration::from_secs(5);
const CATCH_UP: Duration = Duration::from_secs(30);

/// Between attempts.
const PAUSE: Duration = Duration::from_millis(200);

/// What is said.
pub(crate) fn record(config: &Config, handle: &Handle, seams: &Seams, drivers: Vec<String>) -> Member {
    Member {
        number: handle.member().0,
        name: config.member.name.clone(),
        peer_address: config.peer.advertise.clone(),
        api_address: config.api.advertise.clone(),
        incarnation: handle.incarnation(),
        drivers,
        version_max: model::version::VERSION,
        zone: config.member.zone.clone(),
        weight: config.member.weight,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        started_ms: seams.wall.now_ms(),
        ..Member::default()
    }
}

/// Says it until it is applied, then asks to vote if `promote`; ends when told to stop.
pub(crate) async fn run(handle: Handle, record: Member, promote: bool, stop: CancellationToken) {
    let work = async {
        say(&handle, record).await;
        if promote {
            vote(&handle).await;
        }
    };
    tokio::select! {
        () = work => {}
        () = stop.cancelled() => {}
    }
}

async fn say(handle: &Handle, record: Member) {
    let command = Command::MemberStarted(MemberStarted { member: record });
    loop {
        let said = handle.write(Write::system(command.clone()), Instant::now() + ATTEMPT).await;
        model::fault_point!("node::start::announced");
        match said {
            Ok(written) => match written.outcome.into_result() {
                Ok(_) => return tracing::info!(index = written.index, "the cluster knows that this member has started"),
                // The first member of a cluster is counted a moment after it leads; a removed one never again.
                Err(refusal) => tracing::info!(reason = refusal.message, "the cluster does not know this member yet"),
            },
            Err(error) if error.retryable() => tracing::debug!(%error, "the start is not announced yet"),
            Err(error) => return tracing::error!(%error, "the start cannot be announced; this member gets no bays"),
        }
        sleep(PAUSE).await;
    }
}

async fn vote(handle: &Handle) {
    loop {
        match handle.promote(handle.member(), Instant::now() + CATCH_UP).await {
            Ok(()) => return tracing::info!("this member votes"),
            Err(raft::Error::Refused(reason)) => {
                return tracing::warn!(reason, "this member stays a learner; see: jeroboam member promote");
            }
            Err(error) => tracing::info!(%error, "this member does not vote yet"),
        }
        sleep(PAUSE).await;
    }
}
