//! Changes of a container's state: look, act by the engine's own id, look again.

use bollard::{
    errors::Error as Failure,
    query_parameters::{RestartContainerOptionsBuilder, StopContainerOptionsBuilder},
};
use model::{container::ContainerStatus, id::ContainerId};

use crate::{
    docker::{
        client::{Client, Fault},
        containers,
    },
    error::Error,
    limit,
    mark::Mark,
    seen::ContainerSeen,
};

/// What is done to a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Start,
    Stop,
    Pause,
    Unpause,
    Reboot,
}

impl Change {
    /// Whether the change can be made to a container in this state.
    fn possible(self, status: ContainerStatus) -> bool {
        match self {
            Self::Start => status != ContainerStatus::Paused,
            Self::Pause => status == ContainerStatus::Running,
            Self::Unpause => status == ContainerStatus::Paused,
            Self::Stop | Self::Reboot => true,
        }
    }
    /// Whether a container in this state is where the change leads. Nobody can say so of a reboot.
    fn reached(self, status: ContainerStatus) -> bool {
        match self {
            Self::Start | Self::Unpause => status == ContainerStatus::Running,
            Self::Stop => status == ContainerStatus::Stopped,
            Self::Pause => status == ContainerStatus::Paused,
            Self::Reboot => false,
        }
    }
}

/// Makes the change, unless it is made already, and answers what is seen afterwards.
pub(crate) async fn make(client: &Client, mark: &Mark, id: ContainerId, change: Change) -> Result<ContainerSeen, Error> {
    let before = containers::ours(client, mark, id).await?;
    if change.reached(before.status) {
        return Ok(before);
    }
    let outcome = act(&client.docker()?, &before.external_id, change).await.map_err(Fault::from);
    model::fault_point!("docker::container::acted", Err(Error::Timeout("the answer was lost".to_owned())));
    // What the engine says of a failure is one thing, what is seen is another: a second caller may have been faster, and 404 may be
    // about the container, its network or its program.
    let Err(fault) = outcome else { return containers::ours(client, mark, id).await };
    if let Fault::Error(error) = fault {
        return Err(error);
    }
    let after = containers::ours(client, mark, id).await?;
    if change.reached(after.status) {
        return Ok(after);
    }
    Err(match fault {
        // Engines answer with different statuses to what the container's own state forbids.
        Fault::Answer(_, words) if !change.possible(after.status) => Error::State(words),
        Fault::Answer(404, words) => Error::Refused(words),
        fault => fault.into(),
    })
}

async fn act(docker: &bollard::Docker, external_id: &str, change: Change) -> Result<(), Failure> {
    let grace = i32::try_from(limit::GRACE.as_secs()).unwrap_or(i32::MAX);
    match change {
        Change::Start => docker.start_container(external_id, None).await,
        Change::Stop => docker.stop_container(external_id, Some(StopContainerOptionsBuilder::new().t(grace).build())).await,
        Change::Pause => docker.pause_container(external_id).await,
        Change::Unpause => docker.unpause_container(external_id).await,
        Change::Reboot => docker.restart_container(external_id, Some(RestartContainerOptionsBuilder::new().t(grace).build())).await,
    }
}
