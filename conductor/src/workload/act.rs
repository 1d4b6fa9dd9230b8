//! The calls of a container's operations.

use std::{sync::Arc, time::Duration};

use drivers::{ContainerSeen, ContainerSpec, Engine, Error, Execution, Mark};
use futures::StreamExt;
use model::{
    command::ContainerSighting,
    container::Container,
    operation::{Kind, Operation},
    peer::Output,
};
use tokio::sync::mpsc;

use crate::reconcile::step::Effect;

/// How long a reader of output may stand still before it is given up; the command runs on.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes the call of an operation's step once.
pub(crate) async fn call(
    engine: &Arc<dyn Engine>,
    mark: &Mark,
    operation: &Operation,
    container: &Container,
    caller: Option<mpsc::Sender<Output>>,
) -> Result<Effect, Error> {
    let id = container.id;
    let seen = match operation.kind() {
        Kind::ContainerCreate => engine.create(mark, &ContainerSpec::from(container)).await?,
        Kind::ContainerStart => engine.start(mark, id).await?,
        Kind::ContainerStop => engine.stop(mark, id).await?,
        Kind::ContainerPause => engine.pause(mark, id).await?,
        Kind::ContainerUnpause => engine.unpause(mark, id).await?,
        Kind::ContainerReboot => engine.reboot(mark, id).await?,
        Kind::ContainerDelete => {
            engine.remove(mark, id).await?;
            return Ok(Effect::default());
        }
        _ => {
            let execution = engine.execute(mark, id, operation.command.as_deref().unwrap_or_default()).await?;
            return collect(execution, caller).await;
        }
    };
    Ok(Effect { external_id: Some(seen.external_id.clone()), seen: Some(sighting(&seen)), ..Effect::default() })
}

/// What is recorded of a container that was seen.
pub(crate) fn sighting(seen: &ContainerSeen) -> ContainerSighting {
    ContainerSighting { id: seen.id, status: seen.status.into(), reason: seen.reason.clone(), engine_id: Some(seen.external_id.clone()) }
}

/// Streams the output to whoever asked and waits for the end of the command. A reader that goes away does not end the command.
async fn collect(mut execution: Execution, mut caller: Option<mpsc::Sender<Output>>) -> Result<Effect, Error> {
    while let Some(piece) = execution.output.next().await {
        let data = piece?;
        if let Some(sender) = &caller
            && sender.send_timeout(Output { data, ended: None }, PATIENCE).await.is_err()
        {
            caller = None;
        }
    }
    let exit_code = execution.exit.await?;
    let reason = exit_code.map_or_else(|| "exit status unknown".to_owned(), |code| format!("exit status {code}"));
    Ok(Effect { reason: Some(reason), exit_code, ..Effect::default() })
}
