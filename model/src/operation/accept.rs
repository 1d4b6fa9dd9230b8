//! An operation is accepted: it takes its place in its cluster's queue.

use crate::{
    Change,
    cluster::Cluster,
    context::{Context, Stop, refuse},
    event::Note,
    id::{ContainerId, NodeGroupId, OperationId, TemplateId},
    operation::{Failure, Kind, Operation, Roll, State, history, query},
    outcome::Class,
    record,
    tables::Fault,
};

/// How many operations of one cluster may wait or run at a time.
pub const OPEN_LIMIT: usize = 1024;

/// The longest time that an operation may take, whatever was asked for: a day of log time, milliseconds.
pub const LONGEST_MS: u64 = 24 * 60 * 60 * 1000;

/// The log time at which an operation that may take `timeout_ms` (0: as long as any) is failed.
pub(crate) fn deadline_ms(context: &Context<'_>, timeout_ms: u64) -> u64 {
    let timeout_ms = if timeout_ms == 0 { LONGEST_MS } else { timeout_ms.min(LONGEST_MS) };
    context.at_ms.saturating_add(timeout_ms)
}

/// What is to be accepted.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// Its id, chosen by the proposer.
    pub(crate) id: OperationId,
    /// Its cluster.
    pub(crate) cluster: &'a Cluster,
    /// Its container, if it is about one.
    pub(crate) container: Option<ContainerId>,
    /// What is to be done.
    pub(crate) kind: Kind,
    /// How long it may take, milliseconds of log time; 0: as long as any.
    pub(crate) timeout_ms: u64,
    /// The command line of an execute.
    pub(crate) command: Option<String>,
    /// Machines before a cluster update.
    pub(crate) previous_node_count: Option<u32>,
    /// Machines after a cluster update.
    pub(crate) node_count: Option<u32>,
    /// The operation that it does again.
    pub(crate) retry_of: Option<OperationId>,
    /// Whether it ends in any case.
    pub(crate) force: bool,
    /// The machines it works on batch by batch.
    pub(crate) roll: Option<Roll>,
    /// The template an upgrade leads to.
    pub(crate) template: Option<TemplateId>,
    /// The node group it is about.
    pub(crate) group: Option<NodeGroupId>,
    /// The number of the credentials that a rotation brings.
    pub(crate) credentials: u64,
}

impl<'a> Request<'a> {
    /// An operation on the cluster itself, with nothing special about it.
    pub(crate) fn new(id: OperationId, cluster: &'a Cluster, kind: Kind, timeout_ms: u64) -> Self {
        Self {
            id,
            cluster,
            container: None,
            kind,
            timeout_ms,
            command: None,
            previous_node_count: None,
            node_count: None,
            retry_of: None,
            force: false,
            roll: None,
            template: None,
            group: None,
            credentials: 0,
        }
    }
}

/// Refuses an id that is taken.
pub(crate) fn free(context: &Context<'_>, id: OperationId) -> Result<(), Stop> {
    if record::exists::<Operation>(context.tables, id.bytes())? {
        return refuse(Class::Conflict, "operation-exists", format!("there is an operation {id} already"));
    }
    Ok(())
}

/// Refuses when too many operations of the cluster wait.
pub(crate) fn room(context: &Context<'_>, cluster: &Cluster) -> Result<(), Stop> {
    if query::open_count(context.tables, cluster.id, OPEN_LIMIT)? >= OPEN_LIMIT {
        return refuse(Class::Busy, "too-many-operations", format!("{OPEN_LIMIT} operations of cluster {} wait already", cluster.id));
    }
    Ok(())
}

/// Records the operation; the caller has checked that it may be.
pub(crate) fn accept(context: &mut Context<'_>, request: Request<'_>) -> Result<(), Fault> {
    let operation = Operation {
        id: request.id,
        cluster: request.cluster.id,
        container: request.container,
        kind: request.kind.into(),
        state: State::Open.into(),
        steps: Vec::new(),
        deadline_ms: deadline_ms(context, request.timeout_ms),
        reason: None,
        accepted: context.index,
        accepted_ms: context.at_ms,
        ended_ms: None,
        request_id: context.actor.request_id.clone(),
        project_id: context.actor.project_id.clone(),
        user_id: context.actor.user_id.clone(),
        command: request.command,
        part: context.next_operation_part(),
        previous_node_count: request.previous_node_count,
        forget_ms: 0,
        retry_of: request.retry_of,
        node_count: request.node_count,
        force: request.force,
        left: Vec::new(),
        owner_id: request.cluster.project_id.clone(),
        failure: Failure::None.into(),
        roll: request.roll,
        template: request.template,
        group: request.group,
        credentials: request.credentials,
    };
    history::prune(context, operation.cluster)?;
    record::replace(context.tables, None, &operation);
    context.changes.push(Change::Operation(operation.id, operation.cluster));
    context.event(Note::operation(&operation, &request.cluster.project_id, "accepted").end(State::Open));
    Ok(())
}
