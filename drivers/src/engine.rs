//! The engine axis: speaking to the endpoint of a cluster.
//!
//! # The contract
//! It is tested by [`contract`](crate::contract); in words:
//!
//! * A container's outside name is derived from its id, and the engine enforces that names are unique. `create` looks first, makes
//!   only when nothing is there, and treats "that name is taken" as another look. What it finds it adopts after comparing the
//!   labels; a thing of that name without our labels is a refusal, never taken over and never removed.
//! * Start, stop, pause, unpause lead to a state, so being in it already is success; they answer what is seen afterwards. A state that
//!   cannot be reached from the present one (pausing what is stopped, executing in it) is [`Error::State`] in the engine's words.
//! * Every change resolves the id to the *engine's own id* by name and labels and acts on that; user-given names are data only.
//! * [`Error::Gone`] of a change: there is no such container. `remove` of what is gone is success.
//! * `reboot` and `execute` are not idempotent: at most once, and after [`Error::Timeout`] never again.
//! * Dropping any future is safe: the call has then an unknown outcome, as after a timeout. Dropping a stream ends it.
//!
//! # Fences
//! An engine that compares a version before it changes must also compare the epoch it finds with the mark's, and refuse to follow an
//! older mark. Docker compares nothing. There the order of epochs is kept only as well as leases and timeouts keep it, and safety
//! rests on three things: a name is unique in the engine, so a late create meets the 409; ids of containers are never used twice, so a
//! late removal by the engine's own id hits nothing new; and the worker is level-triggered, so a late stop or start is seen and put
//! right. A new owner lists what is there before its first change.
//!
//! # Watches
//! An engine that tells by itself of what happens there is watched: [`Engine::watch`]. What is told is a [`Hint`], "look at this one", and
//! nothing may depend on it: a hint may be lost, doubled or late, and whoever watches looks from time to time anyway. It says neither what
//! happened nor who did it, so own changes come back as hints, too. One stream serves all clusters at an endpoint, whoever owns them: whoever
//! reads it leaves out what is not its own, and it has no [`Caller`](crate::Caller), because it is made for none of them. An engine that tells
//! nothing keeps the default.
//!
//! # How the engines to come fit in
//! *Kubernetes.* `look` is `/version`, `/readyz` and the node list with their `Ready` conditions. Its objects are pods, services and
//! replication controllers, not containers, so the container calls keep their refusing defaults, and a second group of
//! methods with such defaults (`workloads`, `apply`, `withdraw` by kind, namespace and name) is added to this trait when the first
//! engine has them. Names are unique per kind and namespace; the mark becomes labels and annotations; `resourceVersion` in the change
//! and `uid` in the delete's preconditions make a real fence: 409 is another look, 410 a new watch, 429 is [`Error::Busy`]. What a user
//! wrote in a manifest is server-side applied under our field manager, with every defaulted field written out for old servers.
//!
//! *Swarm mode.* A container is a service `jeroboam-<id>` with at most one replica. Create answers 409 on a taken name; start and stop
//! set the number of replicas; each change carries the `version` that was read, which with the epoch label is a fence. Pause, unpause
//! and reboot are refused or mapped to a forced update. Logs are service logs; execute needs the task's own engine and is refused
//! where only managers answer. `look` is `/info`, `/swarm` and `/nodes`.
//!
//! *Marathon.* A container is an app `/jeroboam/<cluster>/<container>` with at most one instance, whose id is unique; the mark is its
//! labels; a change names the `version` it read. 409 "locked by a deployment" is [`Error::Busy`]; a deployment that goes on is a look
//! later, so start and stop answer the state seen, not the one wished. Pause, logs and execute are refused. `look` is `/v2/info` and
//! the Mesos master's list of agents.
//!
//! In all of them: whatever an engine cannot do is [`Error::Refused`] in plain words, for which the defaults below stand ready.

use std::sync::Arc;

use async_trait::async_trait;
use futures::{future::BoxFuture, stream::BoxStream};
use model::id::{ClusterId, ContainerId};

pub use bytes::Bytes;

use crate::{
    error::Error,
    limit,
    mark::Mark,
    seen::{ContainerSeen, EngineSeen, Provisioned},
    spec::ContainerSpec,
};

/// Something has happened to a container: look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The cluster that its labels name.
    pub cluster: ClusterId,
    /// The container.
    pub container: ContainerId,
}

/// How an engine tells of what happens there.
pub struct Watch {
    /// Which engine: the same word for all clusters that one stream serves.
    pub endpoint: String,
    /// What happens from the first poll on, at which it is opened. Ends, or fails, when the connection does; to be opened anew then, and after
    /// [`limit::QUIET`] without a word. Holds nothing back: what is not read waits with the engine.
    pub hints: BoxStream<'static, Result<Hint, Error>>,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// A connection to one cluster's endpoint. See the module for the contract; bounds are in [`limit`].
#[async_trait]
pub trait Engine: Send + Sync {
    /// The engine's version, health and machines. Bound: [`limit::LOOK`].
    async fn look(&self) -> Result<EngineSeen, Error>;

    /// How it tells of changes, made by whomever; opens nothing yet. `None`: it cannot.
    fn watch(&self) -> Option<Watch> {
        None
    }

    /// Every container that carries the cluster's label, in any state: for adoption and for the orphan sweep. In the order of their
    /// ids. Bound: [`limit::LOOK`].
    async fn containers(&self, _cluster: ClusterId) -> Result<Vec<ContainerSeen>, Error> {
        unsupported("containers")
    }

    /// One container, or that it is not there. Bound: [`limit::LOOK`].
    async fn container(&self, _id: ContainerId) -> Result<Option<ContainerSeen>, Error> {
        unsupported("containers")
    }

    /// Creates or adopts; never starts. Brings the image when it is missing. Bound: [`limit::CREATE`].
    async fn create(&self, _mark: &Mark, _container: &ContainerSpec) -> Result<ContainerSeen, Error> {
        unsupported("containers")
    }

    /// Leads to running, from created or stopped. A paused one is refused. Bound: [`limit::CHANGE`].
    async fn start(&self, _mark: &Mark, _id: ContainerId) -> Result<ContainerSeen, Error> {
        unsupported("start")
    }

    /// Leads to stopped, with [`limit::GRACE`] between the polite signal and the kill. Bound: [`limit::STOP`].
    async fn stop(&self, _mark: &Mark, _id: ContainerId) -> Result<ContainerSeen, Error> {
        unsupported("stop")
    }

    /// Leads from running to paused. Bound: [`limit::CHANGE`].
    async fn pause(&self, _mark: &Mark, _id: ContainerId) -> Result<ContainerSeen, Error> {
        unsupported("pause")
    }

    /// Leads from paused to running. Bound: [`limit::CHANGE`].
    async fn unpause(&self, _mark: &Mark, _id: ContainerId) -> Result<ContainerSeen, Error> {
        unsupported("unpause")
    }

    /// Stops and starts. **Not idempotent**: at most once. Bound: [`limit::STOP`].
    async fn reboot(&self, _mark: &Mark, _id: ContainerId) -> Result<ContainerSeen, Error> {
        unsupported("reboot")
    }

    /// Removes it whatever its state; gone is success. Bound: [`limit::REMOVE`].
    async fn remove(&self, _mark: &Mark, _id: ContainerId) -> Result<(), Error> {
        unsupported("remove")
    }

    /// Its output, both streams interleaved as the engine has them, without the engine's framing. Bounded in bytes by the options; what
    /// is beyond is cut and a last line says so. Bound of the opening: [`limit::OPEN`].
    async fn logs(&self, _id: ContainerId, _options: &LogOptions) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
        unsupported("logs")
    }

    /// Runs a command line in a running container. **Not idempotent**: at most once. Bound of the opening: [`limit::OPEN`]; of the
    /// run: [`limit::EXECUTE`]; of the output: [`limit::EXECUTE_BYTES`].
    async fn execute(&self, _mark: &Mark, _id: ContainerId, _command: &str) -> Result<Execution, Error> {
        unsupported("execute")
    }
}

/// Makes engines of one coe: the engine half of the [`Registry`](crate::Registry).
pub trait Connector: Send + Sync {
    /// An engine for the endpoint of `cluster`. Opens no connection yet, so its errors are about the address.
    fn connect(&self, cluster: ClusterId, provisioned: &Provisioned) -> Result<Arc<dyn Engine>, Error>;
}

/// Which part of the logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogOptions {
    /// Standard output.
    pub stdout: bool,
    /// Standard error.
    pub stderr: bool,
    /// Each line preceded by its time.
    pub timestamps: bool,
    /// Goes on until the container ends or the stream is dropped.
    pub follow: bool,
    /// The last so many lines; all when absent.
    pub tail: Option<u32>,
    /// Only lines since then, seconds since 1970.
    pub since: Option<u32>,
    /// Bytes after which the rest is cut.
    pub bytes_max: u64,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { stdout: true, stderr: true, timestamps: false, follow: false, tail: None, since: None, bytes_max: limit::LOG_BYTES }
    }
}

/// A command that runs in a container.
pub struct Execution {
    /// Its output, both streams interleaved. Ends when the command does, or with an error when its bound is reached.
    pub output: BoxStream<'static, Result<Bytes, Error>>,
    /// Its exit status; to be awaited after the output has ended. `None`: the engine cannot tell (yet).
    pub exit: BoxFuture<'static, Result<Option<i64>, Error>>,
}

impl std::fmt::Debug for Execution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Execution").finish_non_exhaustive()
    }
}

fn unsupported<T>(what: &str) -> Result<T, Error> {
    Err(Error::Refused(format!("the engine of this cluster does not support {what}")))
}
