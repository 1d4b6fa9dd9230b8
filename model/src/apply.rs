//! The dispatcher: one arm per command, the only door to the state.
//!
//! Around every command stands the same: log time goes up, a proposal or a client's request that was applied before gets its first
//! answer again, the outcome is remembered, old events go. A refused command changes nothing else.

use prost::Message;

use crate::{
    cluster,
    command::{Command, IdempotencyKey, Proposal},
    container,
    context::{Answer, Context, Stop},
    event::forget,
    id::{ClusterId, ContainerId, NodeId, OperationId, TemplateId},
    member,
    meta::Meta,
    node, operation,
    outcome::Outcome,
    ownership, quota, record,
    remember::{key, origin},
    sink,
    tables::{Fault, Tables},
    template, version,
};

/// One log entry as apply sees it.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its log index.
    pub index: u64,
    /// The term of the leader that put it into the log.
    pub term: u64,
    /// Log time: stamped by the leader, never going back, milliseconds.
    pub at_ms: u64,
    /// An encoded [`crate::command::Proposal`].
    pub payload: &'a [u8],
}

/// What applying an entry gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// The answer to whoever proposed it.
    pub outcome: Outcome,
    /// What changed: wake-ups without data, each once, in no order that means anything.
    pub changes: Vec<Change>,
}

/// Something that changed; carries no data, the woken one reads the state afresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Change {
    /// A template.
    Template(TemplateId),
    /// A cluster, its node groups or its machines.
    Cluster(ClusterId),
    /// A container, and whose it is.
    Container(ContainerId, ClusterId),
    /// A classic node row.
    Node(NodeId),
    /// An operation was accepted, went on or ended, and whose it is.
    Operation(OperationId, ClusterId),
    /// The owner of a cluster.
    Ownership(ClusterId),
    /// A member of ours.
    Member(u64),
    /// A quota.
    Quota,
    /// The cluster version.
    Version,
    /// The wish that clusters be spread evenly.
    Balance,
}

/// Applies one entry: same state and same entry give the same bytes on every member.
///
/// A fault leaves `tables` half changed: the caller drops its transaction and stops.
pub fn apply(tables: &mut dyn Tables, entry: &Entry<'_>) -> Result<Applied, Fault> {
    let decoded = Proposal::decode(entry.payload);
    let proposal = decoded.map_err(|error| Fault::Entry { index: entry.index, reason: error.to_string() })?;
    let mut meta = Meta::read(tables)?;
    version::supported(entry.index, &meta, &proposal)?;
    meta.at_ms = meta.at_ms.max(entry.at_ms);

    let Proposal { origin, actor, key, wall_ms, min_version, command } = proposal;
    let Some(command) = command else {
        return Err(Fault::Entry { index: entry.index, reason: "there is no command in it".to_owned() });
    };
    let mut context = Context {
        tables,
        index: entry.index,
        term: entry.term,
        at_ms: meta.at_ms,
        wall_ms,
        actor: actor.unwrap_or_default(),
        meta,
        changes: Vec::new(),
        events: 0,
        operations: 0,
        fault: None,
    };
    let known = match &origin {
        Some(origin) => origin::look_up(context.tables, &context.meta, origin)?,
        None => origin::Known::Fresh,
    };
    let outcome = match known {
        origin::Known::Applied(outcome) => outcome,
        origin::Known::Refused(refusal) => Outcome::refused(entry.index, refusal),
        origin::Known::Fresh => {
            let kept = origin.filter(|origin| !forgets(&command, origin.member));
            let outcome = answer_once(&mut context, key, min_version, command)?;
            match kept {
                Some(origin) => origin::remember(context.tables, &origin, outcome),
                None => outcome,
            }
        }
    };
    forget::forget(&mut context)?;
    let Context { tables, meta, mut changes, fault, .. } = context;
    if let Some(fault) = fault {
        return Err(fault);
    }
    record::replace(tables, None, &meta);
    changes.sort_unstable();
    changes.dedup();
    Ok(Applied { outcome, changes })
}

/// Answers a request under its idempotency key, if it has one.
fn answer_once(context: &mut Context<'_>, key: Option<IdempotencyKey>, min_version: u32, command: Command) -> Result<Outcome, Fault> {
    if let Some(key) = &key
        && let Some(outcome) = key::look_up(context.tables, &context.actor, key, context.at_ms)?
    {
        return Ok(outcome);
    }
    let answer = version::raised(&context.meta, min_version).map_err(Stop::from).and_then(|()| run(context, command));
    let outcome = match answer {
        Ok(done) => Outcome::done(context.index, done),
        Err(Stop::Refused(refusal)) => Outcome::refused(context.index, refusal),
        Err(Stop::Fault(fault)) => return Err(fault),
    };
    if let Some(key) = key {
        key::remember(context, key, &outcome)?;
    }
    Ok(outcome)
}

/// Whether a command makes the state forget what this member proposed, so that its own outcome is not kept either.
fn forgets(command: &Command, member: u64) -> bool {
    matches!(command, Command::MemberRemove(remove) if remove.member == member)
}

fn run(context: &mut Context<'_>, command: Command) -> Answer {
    match command {
        Command::MemberJoin(command) => member::apply::join(context, &command),
        Command::MemberStarted(command) => member::apply::started(context, &command),
        Command::MemberDrain(command) => member::apply::drain(context, &command),
        Command::MemberRemove(command) => member::apply::remove(context, &command),
        Command::RaiseVersion(command) => version::raise(context, &command),
        Command::Assign(command) => ownership::apply::assign(context, &command),
        Command::Release(command) => ownership::apply::release(context, &command),
        Command::Pin(command) => ownership::apply::pin(context, &command),
        Command::Balance(command) => ownership::apply::balance(context, &command),
        Command::TemplateCreate(command) => template::apply::create(context, command),
        Command::TemplateUpdate(command) => template::apply::update(context, &command),
        Command::TemplateDelete(command) => template::apply::delete(context, &command),
        Command::ClusterCreate(command) => cluster::create::create(context, &command),
        Command::ClusterUpdate(command) => cluster::update::update(context, &command),
        Command::ClusterDelete(command) => cluster::delete::delete(context, &command),
        Command::OperationCancel(command) => operation::cancel::cancel(context, &command),
        Command::OperationRetry(command) => operation::retry::retry(context, &command),
        Command::OperationPause(command) => operation::pause::pause(context, &command),
        Command::ClusterResize(command) => cluster::resize::resize(context, &command),
        Command::ClusterUpgrade(command) => cluster::upgrade::upgrade(context, &command),
        Command::ClusterRotate(command) => cluster::rotate::rotate(context, &command),
        Command::ClusterHeal(command) => cluster::heal::heal(context, &command),
        Command::ClusterReset(command) => cluster::reset::reset(context, &command),
        Command::NodeCreate(command) => node::apply::create(context, &command),
        Command::NodeUpdate(command) => node::apply::update(context, &command),
        Command::NodeDelete(command) => node::apply::delete(context, &command),
        Command::ContainerCreate(command) => container::apply::create(context, &command),
        Command::ContainerUpdate(command) => container::apply::update(context, &command),
        Command::ContainerAct(command) => container::apply::act(context, &command),
        Command::SinkOpen(command) => sink::apply::open(context, &command),
        Command::SinkAdvance(command) => sink::apply::advance(context, &command),
        Command::SinkClose(command) => sink::apply::close(context, &command),
        Command::EventsKeep(command) => forget::keep(context, &command),
        Command::StepBegin(command) => operation::apply::step_begin(context, &command),
        Command::StepEnd(command) => operation::apply::step_end(context, &command),
        Command::OperationEnd(command) => operation::apply::end(context, &command),
        Command::Observe(command) => operation::apply::observe(context, &command),
        Command::HealthLapse(command) => cluster::sighting::lapse(context, &command),
        Command::Expire(command) => operation::apply::expire(context, &command),
        Command::QuotaSet(command) => quota::apply::set(context, &command),
        Command::QuotaDelete(command) => quota::apply::delete(context, &command),
    }
}
