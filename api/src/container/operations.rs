//! What can be done with containers.

use futures::StreamExt;
use model::{
    Class, Command, Page,
    cluster::{self, Cluster},
    command::{ContainerAct, ContainerCreate, ContainerUpdate},
    container::{Container, ContainerWish, query},
    defaults,
    id::{ContainerId, OperationId},
    operation::Kind,
    peer::{ExecuteRequest, LogsRequest, method},
};
use prost::Message;
use uuid::Uuid;

use super::{
    fault,
    outcome::{self, Ended},
    owner,
};
use crate::{
    call::{Applied, Call, ident, one},
    error::Error,
    page::{Key, Row, Wanted},
};

/// What people call it in messages.
const NOUN: &str = "container";

/// A list is looked at afresh up to this length; a longer one shows what was last seen.
const LOOKS_MAX: usize = 64;

/// Looks at once.
const LOOKS_TOGETHER: usize = 16;

/// A container as this request left it.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) container: Container,
    pub(super) replayed: bool,
}

/// What became of an act.
#[derive(Debug)]
pub(super) struct Acted {
    pub(super) ended: Ended,
    pub(super) operation: Option<Uuid>,
    pub(super) replayed: bool,
}

/// One page of the caller's containers, of one cluster or of all.
pub(super) async fn list(call: &Call<'_>, rule: &str, cluster: Option<&str>) -> Result<(Vec<Container>, Wanted), Error> {
    call.allow(rule)?;
    let wanted = Wanted::of::<Container>(call)?;
    let reading = call.read().await?;
    let (view, scope) = (&*reading.view, call.own());
    let marker = match wanted.marker {
        Some(uuid) => Some(one(query::find(view, model::Ident::Id(uuid), scope)?, NOUN, &uuid.to_string())?),
        None => None,
    };
    let rows = match cluster {
        None => wanted.select(marker.as_ref(), |page: &Page| query::list(view, scope, page))?,
        Some(name) => {
            let cluster = one(cluster::query::find(view, ident(name), scope)?, "cluster", name)?;
            wanted.select(marker.as_ref(), |page: &Page| of_cluster(view, &cluster, page))?
        }
    };
    if rows.len() > LOOKS_MAX || call.wishes.stale {
        return Ok((rows, wanted));
    }
    drop(reading);
    let looks = rows.into_iter().map(|container| owner::refreshed(call, container));
    Ok((futures::stream::iter(looks).buffered(LOOKS_TOGETHER).collect().await, wanted))
}

/// A page of a cluster's containers that belong to the cluster's project: an administrator may have put others there.
fn of_cluster(view: &(impl model::View + ?Sized), cluster: &Cluster, page: &Page) -> Result<Vec<Container>, model::Fault> {
    let mut rows = Vec::new();
    let mut page = *page;
    loop {
        let portion = query::of_cluster(view, cluster.id, &page)?;
        let more = portion.len() == page.limit;
        page.after = portion.last().map(|container| container.serial).or(page.after);
        rows.extend(portion.into_iter().filter(|container| container.project_id == cluster.project_id));
        if !more || rows.len() >= page.limit {
            rows.truncate(page.limit);
            return Ok(rows);
        }
    }
}

async fn find(call: &Call<'_>, name: &str) -> Result<Container, Error> {
    let reading = call.read().await?;
    one(query::find(&*reading.view, ident(name), call.own())?, NOUN, name)
}

/// One container, its status as fresh as its owner can tell.
pub(super) async fn show(call: &Call<'_>, name: &str) -> Result<Container, Error> {
    call.allow("container:get")?;
    let container = find(call, name).await?;
    Ok(if call.wishes.stale { container } else { owner::refreshed(call, container).await })
}

/// Makes a container and waits until its engine has it. If that takes longer than the limit, the container is shown as it is then.
pub(super) async fn create(call: &Call<'_>, cluster: &str, mut wish: ContainerWish) -> Result<Changed, Error> {
    call.allow("container:create")?;
    let changes = call.app.handle.changes();
    let reading = call.read_newest().await?;
    let applied = match call.remembered(&reading)? {
        Some(applied) => applied,
        None => {
            let found = one(cluster::query::find(&*reading.view, ident(cluster), call.own())?, "cluster", cluster);
            let cluster = found.map_err(|error| error.instead(Class::Missing, Class::Invalid))?;
            drop(reading);
            let chance = &call.app.handle.seams().chance;
            if wish.name.is_empty() {
                wish.name = defaults::name(chance.number(), chance.number(), NOUN);
            }
            let command = ContainerCreate {
                id: ContainerId::new(call.uuid()),
                cluster: cluster.id,
                wish,
                operation: OperationId::new(call.uuid()),
                timeout_ms: defaults::CONTAINER_TIMEOUT_MS,
            };
            call.write(Command::ContainerCreate(command)).await?
        }
    };
    if let Some(operation) = applied.operation() {
        outcome::wait(call, changes, OperationId::new(operation)).await.map_err(|error| error.replayed(applied.replayed))?;
    }
    settled(call, &applied).await
}

/// The container as the state has it now.
async fn settled(call: &Call<'_>, applied: &Applied) -> Result<Changed, Error> {
    let reading = call.read_after(applied.index).await?;
    let container = query::by_id(&*reading.view, ContainerId::new(applied.object()))?;
    let gone = || Error::missing("the container was made and is gone since").replayed(applied.replayed);
    Ok(Changed { container: container.ok_or_else(gone)?, replayed: applied.replayed })
}

/// Changes a container's record, which its engine never hears of.
pub(super) async fn update(
    call: &Call<'_>,
    name: &str,
    change: impl Fn(&ContainerWish) -> Result<ContainerWish, Error>,
) -> Result<Changed, Error> {
    call.allow("container:update")?;
    let mut attempt = 1;
    loop {
        let reading = call.read_newest().await?;
        if let Some(applied) = call.remembered(&reading)? {
            return settled(call, &applied).await;
        }
        let container = one(query::find(&*reading.view, ident(name), call.own())?, NOUN, name)?;
        drop(reading);
        call.check_revision(container.revision)?;
        let mut wish = change(&container.wish)?;
        if wish.name.is_empty() {
            wish.name.clone_from(&container.wish.name);
        }
        let command = ContainerUpdate { id: container.id, expected_revision: container.revision, wish };
        match call.write(Command::ContainerUpdate(command)).await {
            Ok(applied) => return settled(call, &applied).await,
            Err(error) if call.again(attempt, &error) => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Accepts an act; the container it is about, if it was not accepted before.
async fn accept(call: &Call<'_>, name: &str, kind: Kind, command: Option<String>) -> Result<(Applied, Option<Container>), Error> {
    let reading = call.read_newest().await?;
    if let Some(applied) = call.remembered(&reading)? {
        return Ok((applied, None));
    }
    let container = one(query::find(&*reading.view, ident(name), call.own())?, NOUN, name)?;
    drop(reading);
    call.check_revision(container.revision)?;
    let act = ContainerAct {
        id: container.id,
        kind: kind.into(),
        operation: OperationId::new(call.uuid()),
        timeout_ms: defaults::CONTAINER_ACT_TIMEOUT_MS,
        command,
    };
    let applied = call.write(Command::ContainerAct(act)).await?;
    Ok((applied, Some(container)))
}

/// Acts on a container and waits until its engine has done it, or for the limit.
pub(super) async fn act(call: &Call<'_>, name: &str, kind: Kind, rule: &str) -> Result<Acted, Error> {
    call.allow(rule)?;
    let changes = call.app.handle.changes();
    let (applied, _) = accept(call, name, kind, None).await?;
    let operation = applied.operation();
    let ended = match operation {
        Some(operation) => match outcome::wait(call, changes, OperationId::new(operation)).await {
            // What a deletion was about may be gone with all its operations.
            Err(error) if kind == Kind::ContainerDelete && error.is(Class::Missing) => Ended::Done,
            ended => ended.map_err(|error| error.replayed(applied.replayed))?,
        },
        None => Ended::Done,
    };
    Ok(Acted { ended, operation, replayed: applied.replayed })
}

/// What a container has written.
pub(super) async fn logs(call: &Call<'_>, name: &str) -> Result<String, Error> {
    call.allow("container:logs")?;
    let container = find(call, name).await?;
    let request = LogsRequest { container: container.id, ..LogsRequest::default() }.encode_to_vec();
    let stream = owner::stream(call, container.cluster, method::LOGS, &request).await?;
    let collected = owner::collect(call, stream).await?;
    match &collected.ended {
        Some(ended) if ended.reason.is_some() => Err(said(ended)),
        _ => Ok(collected.text()),
    }
}

/// The engine's "no" at the end of a stream.
fn said(ended: &model::peer::Ended) -> Error {
    fault::of(Kind::ContainerExecute, ended.failure(), ended.reason.as_deref().unwrap_or_default())
}

/// Runs a command in a container, at most once, and collects what it writes.
pub(super) async fn execute(call: &Call<'_>, name: &str, command: String) -> Result<String, Error> {
    call.allow("container:execute")?;
    let (applied, container) = accept(call, name, Kind::ContainerExecute, Some(command)).await?;
    let (Some(container), Some(operation)) = (container.filter(|_| !applied.replayed), applied.operation()) else {
        let words = "this command was run before under the same idempotency key; its output is not kept";
        return Err(Error::class(Class::Conflict, words).replayed(true));
    };
    let request = ExecuteRequest { operation: OperationId::new(operation), index: applied.index }.encode_to_vec();
    let stream = owner::stream(call, container.cluster, method::EXECUTE, &request).await?;
    let collected = owner::collect(call, stream).await?;
    match &collected.ended {
        Some(ended) if ended.exit_code.is_none() && ended.reason.is_some() => Err(said(ended)),
        Some(_) => Ok(collected.text()),
        None => Err(Error::engine("the output broke off; nobody can tell what became of the command")),
    }
}

impl Row for Container {
    fn serial(&self) -> u64 {
        self.serial
    }
    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }
    fn column(&self, name: &str) -> Option<Key> {
        Some(match name {
            "uuid" => Key::Text(self.id.to_string()),
            "name" => Key::from(self.wish.name.as_str()),
            "image" => Key::from(self.wish.image.as_str()),
            "command" => Key::from(self.wish.command.as_deref()),
            "memory" => Key::from(self.wish.memory.as_deref()),
            "status" => Key::from(self.status().word()),
            "project_id" => Key::from(self.project_id.as_str()),
            "user_id" => Key::from(self.user_id.as_str()),
            "created_at" => Key::Number(self.created_ms),
            "updated_at" => Key::from(self.updated_ms),
            _ => return None,
        })
    }
}
