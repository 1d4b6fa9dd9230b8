//! A short sample of every campaign, for `make test`.
//!
//! The same code with small numbers. Figures are shown but not held against their targets: on a busy machine a sample of
//! three says nothing about a median. What must not happen must not happen here either.

use std::time::Duration;

use super::{Options, balancer, churn, containers, durability, failover, linearizable, membership, race, rolling};
use crate::{Error, report::Summary};

/// Runs a sample of each campaign; `without_docker` leaves the containers out on purpose.
pub async fn run(options: &Options, without_docker: bool) -> Summary {
    let options = Options { targets: false, ..options.clone() };
    let mut summary = Summary::default();
    let calm = Duration::from_millis(1000);
    for (kind, runs) in [("kill-leader", 3), ("term-leader", 2)] {
        let plan = failover::Plan { runs, rate: 100, only: vec![kind.to_owned()], calm };
        summary.add(kind, failover::run(&options, &plan).await);
    }
    let plan = durability::Plan { rounds: 2, rate: 200, power_loss: false };
    summary.add("durability", durability::run(&options, plan).await);
    match durability::run(&options, durability::Plan { power_loss: true, ..plan }).await {
        Err(Error::Setup(reason)) => summary.note(format!("power loss: SKIPPED, {reason}")),
        result => summary.add("power loss", result),
    }
    let plan = linearizable::Plan { operations: 5_000, clients: 16, faults: 4 };
    summary.add("linearizable", linearizable::run(&options, plan).await);
    let plan = membership::Plan { rate: 100, short: true };
    summary.add("membership", membership::run(&options, plan).await);
    summary.add("race", race::run(&options, race::Plan { runs: 1, rounds: 1 }).await);
    let plan = churn::Plan { changes: 80, bays: 60, clients: 3, stale: 1, short: true };
    summary.add("churn", churn::run(&options, plan).await);
    let plan = balancer::Plan { kills: 2, pause: Duration::from_secs(6), clients: 4 };
    summary.add("balancer", balancer::run(&options, plan).await);
    summary.add("rolling", rolling::run(&options, rolling::Plan { rounds: 1, bays: 6, clients: 2, short: true }).await);
    if without_docker {
        summary.note("containers: left out, as asked");
    } else {
        let plan = containers::Plan { kills: 2, clients: 3 };
        summary.add("containers", containers::run(&options, plan).await);
    }
    summary
}
