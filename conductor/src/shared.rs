//! What all parts of the conductor of one member share.

use std::{sync::Arc, time::Duration};

use drivers::Caller;
use model::{MemberId, Refusal, command::Command, id::ClusterId, outcome::Class, ownership};
use raft::{Consistency, Handle, Write, handle::SharedView, seam::Chance};
use tokio::time::Instant;

use crate::{error::Halt, metrics::Metrics, ownership::lease::Lease, settings::Settings};

/// See the module.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) handle: Handle,
    pub(crate) registry: drivers::Registry,
    pub(crate) settings: Settings,
    pub(crate) chance: Arc<dyn Chance>,
    pub(crate) lease: Lease,
    pub(crate) metrics: Arc<Metrics>,
}

impl Shared {
    /// The state as this member has it now; after a write of its own it shows that.
    pub(crate) async fn view(&self) -> Result<SharedView, Halt> {
        Ok(self.handle.read(Consistency::Stale, self.deadline()).await?.view)
    }

    /// The state with everything that was acknowledged anywhere.
    pub(crate) async fn fresh_view(&self) -> Result<SharedView, Halt> {
        Ok(self.handle.read(Consistency::Linearizable, self.deadline()).await?.view)
    }

    /// Until when one question to the log is waited for.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.settings.write
    }

    /// Puts a command into the log: done, or refused by the domain.
    pub(crate) async fn write(&self, command: Command) -> Result<Result<model::Done, Refusal>, Halt> {
        let written = self.handle.write(Write::system(command), self.deadline()).await?;
        let result = written.outcome.into_result();
        if let Err(refusal) = &result
            && refusal.class() == Class::Stale
        {
            self.metrics.fenced();
            return Err(Halt::Stale);
        }
        Ok(result)
    }

    /// Whether the state says that this start of this member owns the cluster, and under which epoch.
    pub(crate) fn epoch_in(&self, view: &SharedView, cluster: ClusterId) -> Result<Option<u64>, Halt> {
        let row = ownership::query::of(&**view, cluster)?;
        Ok(row.filter(|row| self.is_mine(row)).map(|row| row.epoch))
    }

    /// Whether an assignment is to this start of this member.
    pub(crate) fn is_mine(&self, row: &ownership::Ownership) -> bool {
        row.member == self.handle.member().0 && row.incarnation == self.handle.incarnation()
    }

    /// Who calls for a cluster, as its calls say; `step`: what a look is for.
    pub(crate) fn caller(&self, cluster: ClusterId, epoch: u64, step: &'static str) -> Caller {
        Caller { member: self.member(), incarnation: self.handle.incarnation(), cluster, epoch, operation: None, step }
    }

    /// This member.
    pub(crate) fn member(&self) -> MemberId {
        self.handle.member()
    }

    /// A time between `span` and a fifth more, so that members do not march in step.
    pub(crate) fn jittered(&self, span: Duration) -> Duration {
        let fifth = u64::try_from(span.as_millis() / 5).unwrap_or(u64::MAX).max(1);
        span + Duration::from_millis(self.chance.number() % fifth)
    }
}
