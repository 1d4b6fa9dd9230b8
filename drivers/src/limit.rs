//! How long each call may take, and how long what it began may still take effect.
//!
//! A driver ends every call within its bound; running into it is [`Error::Timeout`](crate::Error::Timeout). A timeout cancels nothing
//! on the other side, so an intent has to declare more than the bound: [`effect`] of it. A caller may drop any call earlier than its
//! bound, and then knows as little as after a timeout.

use std::time::Duration;

use model::operation::Kind;

/// Looking at an endpoint, a container, a list of containers.
pub const LOOK: Duration = Duration::from_secs(10);
/// Time a stopped container has between the polite signal and the kill.
pub const GRACE: Duration = Duration::from_secs(10);
/// Bringing an image to the engine when it is missing there.
pub const PULL: Duration = Duration::from_secs(300);
/// Making a container, with the image brought first where it is missing.
pub const CREATE: Duration = Duration::from_secs(30 + PULL.as_secs());
/// Starting, pausing, unpausing.
pub const CHANGE: Duration = Duration::from_secs(30);
/// Stopping, restarting: the grace and what the engine needs besides.
pub const STOP: Duration = Duration::from_secs(20 + GRACE.as_secs());
/// Removing a container.
pub const REMOVE: Duration = Duration::from_secs(30);
/// From the request for logs or an execution to the beginning of its stream.
pub const OPEN: Duration = Duration::from_secs(10);
/// The longest an execution may run before its stream ends.
pub const EXECUTE: Duration = Duration::from_secs(300);
/// The longest silence of a stream of logs that is not followed.
pub const SILENCE: Duration = Duration::from_secs(30);
/// The longest silence of a watch: nothing else tells an engine where nothing happens from a connection whose other end is gone.
pub const QUIET: Duration = Duration::from_secs(300);
/// One call to a provisioner; longer work answers "working, look again".
pub const PROVISION: Duration = Duration::from_secs(60);

/// What a backend may need to finish a call that its client has given up on.
const TAIL: Duration = Duration::from_secs(15);

/// Bytes of output that an execution hands out before the rest is cut.
pub const EXECUTE_BYTES: u64 = 1024 * 1024;
/// Bytes of logs that are handed out before the rest is cut, unless asked for otherwise.
pub const LOG_BYTES: u64 = 16 * 1024 * 1024;
/// Containers of one cluster that one look may return.
pub const CONTAINERS: usize = 10_000;

/// The bound of the longest call that a step of such an operation makes.
pub const fn call(kind: Kind) -> Duration {
    match kind {
        Kind::ClusterCreate
        | Kind::ClusterUpdate
        | Kind::ClusterDelete
        | Kind::ClusterResize
        | Kind::ClusterUpgrade
        | Kind::ClusterRotate
        | Kind::ClusterHeal => PROVISION,
        Kind::ContainerCreate => CREATE,
        Kind::ContainerStart | Kind::ContainerPause | Kind::ContainerUnpause => CHANGE,
        Kind::ContainerStop | Kind::ContainerReboot => STOP,
        Kind::ContainerDelete => REMOVE,
        Kind::ContainerExecute => EXECUTE,
    }
}

/// How long after its beginning a call of such an operation may still take effect: what its intent declares.
pub const fn effect(kind: Kind) -> Duration {
    call(kind).saturating_add(TAIL)
}
