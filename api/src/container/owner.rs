//! Asking the member that acts for a container's cluster.

use bytes::Bytes;
use futures::StreamExt;
use model::{
    MemberId,
    container::{Container, ContainerStatus},
    id::ClusterId,
    ownership,
    peer::{ContainerLooked, LookContainer, Output, method},
};
use prost::Message;
use raft::{ByteStream, Consistency};
use tokio::time::{Duration, Instant, sleep, timeout_at};

use crate::{call::Call, error::Error};

/// A pause before the owner is looked up again, because another one is being found.
const PAUSE: Duration = Duration::from_millis(200);

async fn owner(call: &Call<'_>, cluster: ClusterId) -> Result<Option<MemberId>, Error> {
    let reading = call.app.handle.read(Consistency::Stale, call.deadline).await?;
    Ok(ownership::query::of(&*reading.view, cluster)?.and_then(|ownership| ownership.owner()))
}

/// The status of a container as its engine has it now, if the owner can tell within the limit; otherwise as it was last seen.
pub(super) async fn refreshed(call: &Call<'_>, mut container: Container) -> Container {
    let limit = Instant::now() + call.app.settings.look_timeout;
    match look(call, &container, limit.min(call.deadline)).await {
        Ok(Some(seen)) if seen.exists => {
            container.status = seen.status;
            container.status_reason = seen.reason;
        }
        // One that was made and is not there has vanished; one that is still being made is not.
        Ok(Some(_)) if container.engine_id.is_some() => {
            container.set_status(ContainerStatus::Error);
            container.status_reason = Some("the engine does not have this container".to_owned());
        }
        Ok(Some(_) | None) => {}
        Err(reason) => {
            container.set_status(ContainerStatus::Unknown);
            container.status_reason = Some(reason);
        }
    }
    container
}

/// What the owner sees. `None`: nobody could be asked in time. The error is the owner's: its engine did not answer.
async fn look(call: &Call<'_>, container: &Container, limit: Instant) -> Result<Option<ContainerLooked>, String> {
    let Ok(Some(owner)) = owner(call, container.cluster).await else { return Ok(None) };
    let body = LookContainer { container: container.id }.encode_to_vec();
    match call.app.handle.call(owner, method::LOOK_CONTAINER, Bytes::from(body), limit).await {
        Ok(answer) => Ok(ContainerLooked::decode(answer).ok()),
        Err(raft::Error::Refused(reason)) => Err(reason),
        Err(_) => Ok(None),
    }
}

/// Asks the owner for a stream, looking for the owner again while there is none or another one is being found.
///
/// # Errors
/// The owner's words, or 503.
pub(super) async fn stream(call: &Call<'_>, cluster: ClusterId, method: &str, body: &[u8]) -> Result<ByteStream<raft::Error>, Error> {
    // A command may be silent for as long as it likes, but for no longer than anybody waits for its end.
    let patience = Instant::now() + call.app.settings.container_timeout;
    loop {
        if let Some(owner) = owner(call, cluster).await? {
            match call.app.handle.call_stream(owner, method, Bytes::copy_from_slice(body), call.deadline).await {
                Ok(mut stream) => match timeout_at(patience, stream.next()).await.map_err(|_| unfinished())? {
                    // A remote owner's "not now" is the first thing in its stream.
                    Some(Err(error)) if again(&error) => {}
                    Some(first) => return Ok(futures::stream::iter([first]).chain(stream).boxed()),
                    None => return Ok(futures::stream::empty().boxed()),
                },
                Err(error) if again(&error) => {}
                Err(error) => return Err(words(error)),
            }
        }
        if Instant::now() + PAUSE >= call.deadline {
            return Err(Error::busy("the owner of the cluster cannot be reached at the moment"));
        }
        sleep(PAUSE).await;
    }
}

fn unfinished() -> Error {
    Error::busy("the output did not end in time")
}

const fn again(error: &raft::Error) -> bool {
    matches!(error, raft::Error::NotNow(_) | raft::Error::Unreachable { .. })
}

/// A final "no" of the owner.
fn words(error: raft::Error) -> Error {
    match error {
        raft::Error::Refused(words) => Error::engine(words),
        error => Error::from(error),
    }
}

/// What a stream brought.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) bytes: Vec<u8>,
    pub(super) ended: Option<model::peer::Ended>,
}

impl Collected {
    /// The output as text; what is not UTF-8 is replaced.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).replace('\0', "\u{fffd}")
    }
}

/// Reads a stream to its end. Of more than the limit, the end is kept.
///
/// # Errors
/// The owner's words, or 503.
pub(super) async fn collect(call: &Call<'_>, mut stream: ByteStream<raft::Error>) -> Result<Collected, Error> {
    let limit = Instant::now() + call.app.settings.container_timeout;
    let max = call.app.settings.max_output_bytes;
    let mut collected = Collected::default();
    loop {
        let piece = timeout_at(limit, stream.next()).await.map_err(|_| unfinished())?;
        let Some(piece) = piece else { break };
        let output = Output::decode(piece.map_err(words)?).map_err(Error::broken)?;
        collected.bytes.extend_from_slice(&output.data);
        if collected.bytes.len() > max.saturating_mul(2) {
            keep_last(&mut collected.bytes, max);
        }
        collected.ended = output.ended.or(collected.ended);
    }
    keep_last(&mut collected.bytes, max);
    Ok(collected)
}

fn keep_last(bytes: &mut Vec<u8>, max: usize) {
    let surplus = bytes.len().saturating_sub(max);
    bytes.drain(..surplus);
}
