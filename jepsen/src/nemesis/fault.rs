//! What is done to a member, and how it is undone.

use std::{fmt, time::Duration};

use tokio::time::sleep;

use crate::{
    Error,
    cluster::Cluster,
    history::{Recorder, Verb},
};

/// A fault of one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `kill -9`: nothing is said, nothing is flushed by the process.
    Kill,
    /// SIGTERM: a graceful stop.
    Terminate,
    /// SIGSTOP for this long, then SIGCONT: the member sleeps and does not know it.
    Pause(Duration),
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill => formatter.write_str("kill -9"),
            Self::Terminate => formatter.write_str("SIGTERM"),
            Self::Pause(time) => write!(formatter, "SIGSTOP {} s", time.as_secs()),
        }
    }
}

impl Fault {
    /// Does it, and gives the moment just before, on the history's clock.
    pub fn install(self, cluster: &mut Cluster, name: &str, recorder: &Recorder) -> Result<u64, Error> {
        let member = cluster.member(name)?;
        let moment = recorder.nemesis(Verb::Break, &format!("{self} {name}"));
        match self {
            Self::Kill => member.program.strike()?,
            Self::Terminate => member.program.ask_to_stop()?,
            Self::Pause(_) => member.program.pause()?,
        }
        Ok(moment)
    }

    /// How long the fault itself lasts.
    #[must_use]
    pub fn lasts(self) -> Duration {
        match self {
            Self::Pause(time) => time,
            Self::Kill | Self::Terminate => Duration::ZERO,
        }
    }

    /// Undoes it: the process is started again or continued, and serves.
    pub async fn heal(self, cluster: &mut Cluster, name: &str, recorder: &Recorder) -> Result<(), Error> {
        match self {
            Self::Kill => cluster.member(name)?.program.kill().await?,
            Self::Terminate => {
                let status = cluster.member(name)?.program.wait(Duration::from_secs(40)).await?;
                if !status.success() {
                    cluster.complain(format!("{name} ended with {status} on SIGTERM"));
                }
            }
            Self::Pause(_) => cluster.member(name)?.program.resume()?,
        }
        recorder.nemesis(Verb::Heal, &format!("{self} {name}"));
        if !matches!(self, Self::Pause(_)) {
            cluster.restart(name).await?;
        }
        cluster.serving(name, Duration::from_secs(60)).await
    }

    /// The whole of it: break, wait, heal.
    pub async fn run(self, cluster: &mut Cluster, name: &str, recorder: &Recorder, rest: Duration) -> Result<u64, Error> {
        let moment = self.install(cluster, name, recorder)?;
        sleep(self.lasts() + rest).await;
        self.heal(cluster, name, recorder).await?;
        Ok(moment)
    }
}
