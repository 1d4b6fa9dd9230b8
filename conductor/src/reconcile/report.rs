//! Sightings on their way into the log: gathered over a moment and over clusters, one entry for all.
//!
//! Only what is different from the records comes here, and each cluster's worker waits until its own is written; so a storm of changes makes
//! larger entries, not more of them.

use std::{sync::Arc, time::Duration};

use model::command::{Command, Observe, Sighting};
use tokio::{
    sync::{mpsc, oneshot},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use crate::shared::Shared;

/// How long others may join when somebody waits for it: a container that is not as it was.
const SOON: Duration = Duration::from_millis(20);

/// How long others may join when nobody does: health and addresses. Ten entries a second are the most that a storm of them makes.
const GATHER: Duration = Duration::from_millis(100);

/// Sightings in one entry.
const BATCH: usize = 256;

type Told = (Sighting, oneshot::Sender<()>);

/// Where workers leave what they saw.
#[derive(Clone, Debug)]
pub(crate) struct Reports {
    sender: mpsc::Sender<Told>,
}

/// The other end.
pub(crate) struct Reporter {
    shared: Arc<Shared>,
    receiver: mpsc::Receiver<Told>,
}

/// Both ends.
pub(crate) fn reports(shared: Arc<Shared>) -> (Reports, Reporter) {
    let (sender, receiver) = mpsc::channel(BATCH);
    (Reports { sender }, Reporter { shared, receiver })
}

impl Reports {
    /// Leaves a sighting and waits until it is in the log, or could not be put there: the next pass sees it again.
    pub(crate) async fn tell(&self, sighting: Sighting) {
        let (done, told) = oneshot::channel();
        if self.sender.send((sighting, done)).await.is_ok() {
            // An error means that it was dropped, which is as good as told.
            told.await.ok();
        }
    }
}

impl Reporter {
    /// Writes what is left until it is stopped.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        loop {
            let first = tokio::select! {
                () = stop.cancelled() => return,
                first = self.receiver.recv() => first,
            };
            let Some(first) = first else { return };
            sleep(if first.0.containers.is_empty() { GATHER } else { SOON }).await;
            let mut batch = vec![first];
            while batch.len() < BATCH
                && let Ok(more) = self.receiver.try_recv()
            {
                batch.push(more);
            }
            self.shared.metrics.reported(batch.len());
            model::fault_point!("status::report::before");
            let sightings = batch.iter().map(|(sighting, _)| sighting.clone()).collect();
            if let Err(error) = self.shared.write(Command::Observe(Observe { sightings })).await {
                tracing::debug!(%error, "what was seen could not be recorded; the next pass sees it again");
            }
            model::fault_point!("status::report::after");
            for (_, done) in batch {
                done.send(()).ok();
            }
        }
    }
}
