//! Answers what commands ask: each request is one call of consensus or one command into the log.

use std::time::Duration;

use model::{Command, MemberId, command::MemberDrain};
use raft::{Handle, handle::Write};
use serde::Serialize;
use tokio::time::Instant;

use super::{
    Reply, Request, Snapped, Ticket, operations, ownership, report, story,
    wire::{Digest, Nothing},
};

/// A change of the membership waits for a learner to catch up at most this long.
const CHANGE: Duration = Duration::from_secs(60);

/// Everything else.
pub(super) const SHORT: Duration = Duration::from_secs(10);

/// Who answers commands.
#[derive(Debug)]
pub struct Desk {
    handle: Handle,
    insecure: bool,
}

impl Desk {
    /// For this member; `insecure`: its peers talk in the clear.
    pub const fn new(handle: Handle, insecure: bool) -> Self {
        Self { handle, insecure }
    }

    /// Answers one request.
    pub async fn answer(&self, request: Request) -> Reply {
        tracing::debug!(?request, "a command asks");
        self.dispatch(request).await.unwrap_or_else(Reply::Refused)
    }

    async fn dispatch(&self, request: Request) -> Result<Reply, String> {
        let handle = &self.handle;
        let change = Instant::now() + CHANGE;
        let changed = match request {
            Request::Status { bays } => return done(report::report(handle, bays).await?),
            Request::Token { valid_ms } => return self.ticket(Duration::from_millis(valid_ms)).await,
            Request::Events(asked) => return done(story::story(handle, &asked, Instant::now() + SHORT).await?),
            Request::Snapshot => return self.snapshot().await,
            Request::Digest => {
                let (index, digest) = handle.digest().map_err(words)?;
                return done(Digest { index, digest });
            }
            Request::Operations { cluster, stuck, limit } => {
                return done(operations::list(handle, cluster.as_deref(), stuck, limit).await?);
            }
            Request::Operation { id } => return done(operations::show(handle, &id).await?),
            Request::Pause { id, paused } => return done(operations::pause(handle, &id, paused).await?),
            Request::Cancel { id } => return done(operations::cancel(handle, &id).await?),
            Request::Retry { id } => return done(operations::retry(handle, &id).await?),
            Request::ForceDelete { cluster } => return done(operations::force_delete(handle, &cluster).await?),
            Request::Orphans { limit } => return done(operations::orphans(handle, limit).await?),
            Request::ResetStatus { cluster, status, reason } => {
                operations::reset_status(handle, &cluster, &status, reason).await?;
                return done(Nothing {});
            }
            Request::Drain { member, draining } => return self.drain(member, draining).await,
            Request::Map => return done(ownership::map(handle).await?),
            Request::Plan { question, limit } => return done(ownership::plan(handle, question, limit).await?),
            Request::Rebalance => return done(ownership::rebalance(handle).await?),
            Request::Pin { bay, member } => return done(ownership::pin(handle, &bay, member).await?),
            Request::Promote { member } => handle.promote(MemberId(member), change).await,
            Request::Demote { member } => handle.demote(MemberId(member), change).await,
            Request::Replace { old, new } => handle.replace(MemberId(old), MemberId(new), change).await,
            Request::Remove { member } => handle.remove(MemberId(member), change).await,
            #[cfg(feature = "faults")]
            Request::Fault { orders } => {
                crate::faults::arm(&orders)?;
                return done(Nothing {});
            }
            #[cfg(feature = "faults")]
            Request::FaultClear => {
                crate::faults::disarm();
                return done(Nothing {});
            }
            #[cfg(feature = "faults")]
            Request::Faults => return done(crate::faults::armed()),
            Request::Transfer { to } => handle.transfer_leader(to.map(MemberId), Instant::now() + SHORT).await,
        };
        changed.map_err(words)?;
        done(Nothing {})
    }

    async fn ticket(&self, valid: Duration) -> Result<Reply, String> {
        let token = self.handle.create_token(valid, Instant::now() + SHORT).await.map_err(words)?;
        done(Ticket { member: token.member.0, token: token.to_string(), insecure: self.insecure })
    }

    async fn snapshot(&self) -> Result<Reply, String> {
        self.handle.compact().await.map_err(words)?;
        let status = self.handle.status();
        done(Snapped { snapshot: status.snapshot, purged: status.purged })
    }

    async fn drain(&self, member: u64, draining: bool) -> Result<Reply, String> {
        let command = Command::MemberDrain(MemberDrain { member, draining });
        let written = self.handle.write(Write::system(command), Instant::now() + SHORT).await.map_err(words)?;
        written.outcome.into_result().map_err(|refusal| refusal.message)?;
        done(Nothing {})
    }
}

pub(super) fn words(error: raft::Error) -> String {
    error.to_string()
}

fn done(answer: impl Serialize) -> Result<Reply, String> {
    serde_json::to_value(answer).map(Reply::Done).map_err(|error| error.to_string())
}
