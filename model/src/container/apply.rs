//! Containers are accepted, changed, acted on. Every act is an operation in its cluster's queue; *wanted* says where the queue leads.

use crate::{
    Change,
    cluster::{self, Cluster, Status},
    command::{ContainerAct, ContainerCreate, ContainerUpdate},
    container::{Container, ContainerStatus, Wanted, query},
    context::{Answer, Context, Stop, done_to, made_from, refuse},
    event::Note,
    id::{ContainerId, OperationId},
    operation::{self, Kind, Operation, Request, end::supersede},
    outcome::{Class, Done},
    record,
    tables::Fault,
};

/// Makes a container; its engine hears of it when the operation's turn comes.
pub(crate) fn create(context: &mut Context<'_>, command: &ContainerCreate) -> Answer {
    let cluster = hosting(context, command)?;
    let container = Container {
        id: command.id,
        serial: context.serial(|meta| &mut meta.containers),
        revision: context.index,
        cluster: cluster.id,
        project_id: context.actor.project_id.clone(),
        user_id: context.actor.user_id.clone(),
        wish: command.wish.clone(),
        wanted: Wanted::Created.into(),
        status: ContainerStatus::Unknown.into(),
        status_reason: None,
        engine_id: None,
        created_ms: context.wall_ms,
        updated_ms: None,
    };
    record::replace(context.tables, None, &container);
    context.changes.push(Change::Container(container.id, cluster.id));
    context.event(Note::container(&container, "created"));
    let request = Request::new(command.operation, &cluster, Kind::ContainerCreate, command.timeout_ms);
    operation::accept(context, Request { container: Some(container.id), ..request })?;
    Ok(done(&container, Some(command.operation)))
}

/// The cluster, if it can take a container.
fn hosting(context: &Context<'_>, command: &ContainerCreate) -> Result<Cluster, Stop> {
    if record::exists::<Container>(context.tables, command.id.bytes())? {
        return refuse(Class::Conflict, "container-exists", format!("there is a container {} already", command.id));
    }
    let cluster = cluster::query::by_id(context.tables, command.cluster)?;
    let Some(cluster) = cluster.filter(|cluster| context.scope().sees(&cluster.project_id)) else {
        return refuse(Class::Missing, "cluster-missing", format!("cluster {} could not be found", command.cluster));
    };
    if !matches!(cluster.coe.as_str(), "swarm" | "swarm-mode") {
        return refuse(
            Class::Invalid,
            "coe-unfit",
            format!("containers need a cluster of swarm or swarm-mode, this one is {}", cluster.coe),
        );
    }
    if leaving(&cluster) {
        return refuse(Class::Invalid, "cluster-deleting", format!("cluster {} is being deleted", cluster.id));
    }
    operation::free(context, command.operation)?;
    operation::room(context, &cluster)?;
    Ok(cluster)
}

fn leaving(cluster: &Cluster) -> bool {
    matches!(cluster.status(), Status::DeleteInProgress | Status::DeleteFailed | Status::DeleteComplete)
}

fn done(container: &Container, operation: Option<OperationId>) -> Done {
    Done {
        object: container.id.bytes().to_vec(),
        revision: container.revision,
        operation: operation.map(|operation| operation.bytes().to_vec()).unwrap_or_default(),
        number: 0,
    }
}

fn visible(context: &Context<'_>, id: ContainerId) -> Result<Container, Stop> {
    match query::by_id(context.tables, id)?.filter(|container| context.scope().sees(&container.project_id)) {
        Some(container) => Ok(container),
        None => refuse(Class::Missing, "container-missing", format!("container {id} could not be found")),
    }
}

fn going<T>(container: &Container) -> Result<T, Stop> {
    refuse(Class::Conflict, "container-deleting", format!("container {} is being deleted", container.id))
}

/// Changes a container's record; its engine never hears of it.
pub(crate) fn update(context: &mut Context<'_>, command: &ContainerUpdate) -> Answer {
    let previous = visible(context, command.id)?;
    if previous.wanted() == Wanted::Deleted {
        return going(&previous);
    }
    made_from(command.expected_revision, previous.revision)?;
    if previous.wish == command.wish {
        return done_to(previous.id.bytes(), previous.revision);
    }
    let container =
        Container { revision: context.index, wish: command.wish.clone(), updated_ms: Some(context.wall_ms), ..previous.clone() };
    record::replace(context.tables, Some(&previous), &container);
    context.changes.push(Change::Container(container.id, container.cluster));
    context.event(Note::container(&container, "updated"));
    done_to(container.id.bytes(), container.revision)
}

/// Where an act leads; `None`: it is no act.
fn leads_to(kind: Kind, present: Wanted) -> Option<Wanted> {
    match kind {
        Kind::ContainerStart | Kind::ContainerUnpause | Kind::ContainerReboot => Some(Wanted::Running),
        Kind::ContainerStop => Some(Wanted::Stopped),
        Kind::ContainerPause => Some(Wanted::Paused),
        Kind::ContainerDelete => Some(Wanted::Deleted),
        Kind::ContainerExecute => Some(present),
        _ => None,
    }
}

/// Does again what failed.
pub(crate) fn again(context: &mut Context<'_>, old: &Operation, id: OperationId) -> Answer {
    let Some(container) = old.container else {
        return refuse(Class::Invalid, "operation-unrepeatable", format!("operation {} names no container", old.id));
    };
    let timeout_ms = old.deadline_ms.saturating_sub(old.accepted_ms);
    if old.kind() == Kind::ContainerCreate {
        return create_again(context, old, (container, id), timeout_ms);
    }
    let act = ContainerAct { id: container, kind: old.kind, operation: id, timeout_ms, command: old.command.clone() };
    act_as(context, &act, Some(old.id))
}

/// Makes a container that could not be made.
fn create_again(context: &mut Context<'_>, old: &Operation, (container, id): (ContainerId, OperationId), timeout_ms: u64) -> Answer {
    let container = visible(context, container)?;
    if container.wanted() == Wanted::Deleted {
        return going(&container);
    }
    if container.engine_id.is_some() {
        return refuse(Class::Conflict, "container-made", format!("container {} has been made", container.id));
    }
    let Some(cluster) = cluster::query::by_id(context.tables, container.cluster)? else {
        return refuse(Class::Missing, "cluster-missing", format!("the cluster of container {} could not be found", container.id));
    };
    operation::room(context, &cluster)?;
    let request = Request::new(id, &cluster, Kind::ContainerCreate, timeout_ms);
    operation::accept(context, Request { container: Some(container.id), retry_of: Some(old.id), ..request })?;
    Ok(done(&container, Some(id)))
}

/// Accepts an act.
pub(crate) fn act(context: &mut Context<'_>, command: &ContainerAct) -> Answer {
    act_as(context, command, None)
}

fn act_as(context: &mut Context<'_>, command: &ContainerAct, retry_of: Option<OperationId>) -> Answer {
    let previous = visible(context, command.id)?;
    let kind = Kind::try_from(command.kind).ok();
    let Some((kind, wanted)) = kind.and_then(|kind| Some((kind, leads_to(kind, previous.wanted())?))) else {
        return refuse(
            Class::Invalid,
            "act-unknown",
            "a container can be started, stopped, paused, unpaused, rebooted, deleted, executed in",
        );
    };
    if kind == Kind::ContainerExecute && command.command.as_deref().unwrap_or_default().is_empty() {
        return refuse(Class::Invalid, "command-missing", "an execute needs a command");
    }
    let Some(cluster) = cluster::query::by_id(context.tables, previous.cluster)? else {
        return refuse(Class::Missing, "cluster-missing", format!("the cluster of container {} could not be found", previous.id));
    };
    if previous.wanted() == Wanted::Deleted {
        match deletion(context, &previous)? {
            _ if kind != Kind::ContainerDelete => return going(&previous),
            Some(running) => return Ok(done(&previous, Some(running))),
            None => {}
        }
    }
    operation::free(context, command.operation)?;
    if kind != Kind::ContainerDelete {
        operation::room(context, &cluster)?;
    }
    accept(context, (command, retry_of), &cluster, &previous, (kind, wanted))
}

/// The open operation that will make a container go: its own deletion or its cluster's.
fn deletion(context: &Context<'_>, container: &Container) -> Result<Option<OperationId>, Fault> {
    let open = operation::query::open(context.tables, container.cluster)?;
    let deletes = |kind: Kind, whose: Option<ContainerId>| match kind {
        Kind::ContainerDelete => whose == Some(container.id),
        kind => kind == Kind::ClusterDelete,
    };
    Ok(open.iter().find(|operation| deletes(operation.kind(), operation.container)).map(|operation| operation.id))
}

fn accept(
    context: &mut Context<'_>,
    (command, retry_of): (&ContainerAct, Option<OperationId>),
    cluster: &Cluster,
    previous: &Container,
    (kind, wanted): (Kind, Wanted),
) -> Answer {
    if kind == Kind::ContainerDelete {
        supersede(context, cluster, "the container is being deleted", |operation| operation.container == Some(previous.id))?;
    }
    let container = Container { wanted: wanted.into(), ..previous.clone() };
    let container = if container == *previous {
        container
    } else {
        let container = Container { revision: context.index, updated_ms: Some(context.wall_ms), ..container };
        record::replace(context.tables, Some(previous), &container);
        context.changes.push(Change::Container(container.id, cluster.id));
        container
    };
    let request = Request {
        container: Some(container.id),
        command: command.command.clone(),
        retry_of,
        ..Request::new(command.operation, cluster, kind, command.timeout_ms)
    };
    operation::accept(context, request)?;
    Ok(done(&container, Some(command.operation)))
}
