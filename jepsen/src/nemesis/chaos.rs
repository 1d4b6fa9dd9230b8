//! Faults at random moments beside a workload, one after the other.

use std::time::Duration;

use tokio::time::sleep;

use super::{Fault, Target};
use crate::{Chance, Error, cluster::Cluster, history::Recorder};

/// What was done, for coverage.
#[derive(Clone, Debug)]
pub struct Done {
    /// The fault.
    pub fault: Fault,
    /// The role it was aimed at.
    pub target: Target,
    /// The member.
    pub member: String,
    /// When, on the history's clock.
    pub at: u64,
    /// Whether the others shortened their logs meanwhile.
    pub compacted: bool,
}

/// The mixture of faults of a long run: kills of leaders most of all, pauses beyond the lease now and then.
fn mixture(chance: &mut Chance, lease: Duration) -> (Fault, Target) {
    match chance.between(0, 100) {
        0..40 => (Fault::Kill, Target::Leader),
        40..60 => (Fault::Kill, Target::Follower),
        60..72 => (Fault::Terminate, Target::Leader),
        72..80 => (Fault::Terminate, Target::Follower),
        80..92 => (Fault::Pause(Duration::from_secs(1)), Target::Leader),
        92..96 => (Fault::Pause(Duration::from_secs(1)), Target::Follower),
        _ => (Fault::Pause(lease + Duration::from_secs(1)), Target::Leader),
    }
}

/// Breaks and heals until `finished`, which is told how many faults there were, says so.
pub async fn until(
    cluster: &mut Cluster,
    recorder: &Recorder,
    chance: &mut Chance,
    lease: Duration,
    finished: impl Fn(u64) -> bool,
) -> Result<Vec<Done>, Error> {
    let mut done = Vec::new();
    while !finished(done.len() as u64) {
        sleep(Duration::from_millis(chance.between(300, 2500))).await;
        let (fault, target) = mixture(chance, lease);
        let member = target.find(cluster, chance).await?;
        let rest = Duration::from_millis(chance.between(300, 2500));
        let at = fault.install(cluster, &member, recorder)?;
        sleep(fault.lasts() + rest).await;
        // Half of the members that were down come back to find their log purged, and need a snapshot.
        let compacted = !matches!(fault, Fault::Pause(_)) && chance.percent(50) && cluster.compact().await > 0;
        fault.heal(cluster, &member, recorder).await?;
        done.push(Done { fault, target, member, at, compacted });
    }
    Ok(done)
}
