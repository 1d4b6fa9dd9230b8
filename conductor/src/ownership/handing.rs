//! Hand-overs under way: which owners have been asked, and how many may be asked at a time.
//!
//! The owner answers by releasing, which the mirror shows. An owner that is in the middle of a long step takes its time, and is reminded; it does
//! not hold up the others.

use std::{collections::BTreeMap, time::Duration};

use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use model::{
    id::ClusterId,
    peer::{ReleaseRequest, method},
};
use prost::Message;
use raft::Handle;
use tokio::time::Instant;

use crate::ownership::{mirror::Mirror, plan::Move};

/// Planned moves that may be expected to be under way at a time: each stops one cluster's work for a moment.
const AT_A_TIME: usize = 16;

/// Asked owners in all, with those that take their time.
const ASKED_MAX: usize = 256;

/// After this time without a release an owner is reminded, and counts as one that takes its time.
pub(crate) const REMIND: Duration = Duration::from_secs(2);

/// See the module.
#[derive(Default)]
pub(crate) struct Handing {
    asked: BTreeMap<ClusterId, Asked>,
    calls: FuturesUnordered<BoxFuture<'static, ()>>,
}

struct Asked {
    epoch: u64,
    first: Instant,
    last: Instant,
}

impl Handing {
    /// Asks for as many of these moves as may be under way now; forgets those that are done or not planned any more.
    pub(crate) fn ask(&mut self, handle: &Handle, moves: &[Move], mirror: &Mirror, patience: Duration) {
        let planned: BTreeMap<ClusterId, u64> = moves.iter().map(|one| (one.cluster, one.epoch)).collect();
        let goes_on = |cluster: &ClusterId, asked: &Asked| planned.get(cluster) == Some(&asked.epoch);
        self.asked.retain(|cluster, asked| mirror.is_held(*cluster, asked.epoch) && goes_on(cluster, asked));
        let now = Instant::now();
        let mut quick = self.asked.values().filter(|asked| now.duration_since(asked.first) < REMIND).count();
        for one in moves {
            let full = quick >= AT_A_TIME || self.asked.len() >= ASKED_MAX;
            match self.asked.get_mut(&one.cluster) {
                Some(asked) if now.duration_since(asked.last) < REMIND => continue,
                Some(asked) => asked.last = now,
                None if full => continue,
                None => {
                    quick += 1;
                    self.asked.insert(one.cluster, Asked { epoch: one.epoch, first: now, last: now });
                }
            }
            self.calls.push(Box::pin(call(handle.clone(), one.clone(), now + patience)));
        }
    }

    /// Goes on with the calls; resolves whenever one has ended, never if there is none. Cancel safe.
    pub(crate) async fn progress(&mut self) {
        if self.calls.next().await.is_none() {
            std::future::pending().await
        }
    }
}

async fn call(handle: Handle, one: Move, deadline: Instant) {
    let Some(from) = one.from else { return };
    let request = ReleaseRequest { cluster: one.cluster, epoch: one.epoch, reason: one.reason.into() };
    if let Err(error) = handle.call(from, method::RELEASE, request.encode_to_vec().into(), deadline).await {
        tracing::debug!(cluster = %one.cluster, member = %from, %error, "a hand-over was not accepted");
    }
}
