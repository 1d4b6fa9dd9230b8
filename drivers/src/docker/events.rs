//! What happens to containers, as the engine tells it: `GET /events`.
//!
//! One stream for all clusters of the engine. Asked for is only what may make a container look different from before: a check of a
//! container's health, say, is three more events each time, and none of them would show us anything.

use std::sync::Arc;

use bollard::{models::EventMessage, query_parameters::EventsOptionsBuilder};
use futures::{
    StreamExt, TryStreamExt, future,
    stream::{self, BoxStream},
};

use crate::{
    docker::{
        client::{Client, Fault},
        name,
    },
    engine::Hint,
    error::Error,
    mark,
};

/// What may make a container look different.
const ACTIONS: [&str; 7] = ["create", "start", "die", "pause", "unpause", "rename", "destroy"];

/// The containers to which something happens, from the first poll on.
pub(crate) fn hints(client: &Arc<Client>) -> BoxStream<'static, Result<Hint, Error>> {
    let client = Arc::clone(client);
    let opened = stream::once(async move {
        let docker = client.docker()?;
        let options = EventsOptionsBuilder::new().filters(&name::of_happenings(&ACTIONS)).build();
        Ok::<_, Error>(docker.events(Some(options)).map_err(|failure| Error::from(Fault::from(failure))))
    });
    opened.try_flatten().try_filter_map(|event| future::ready(Ok(hint(&event)))).boxed()
}

/// Which container it is about; `None`: none of ours.
fn hint(event: &EventMessage) -> Option<Hint> {
    let labels = event.actor.as_ref()?.attributes.as_ref()?;
    let cluster = labels.get(mark::CLUSTER)?.parse().ok()?;
    Some(Hint { cluster, container: labels.get(mark::CONTAINER)?.parse().ok()? })
}
