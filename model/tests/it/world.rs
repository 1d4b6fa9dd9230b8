//! A state with a log: proposes commands the way members do.

use bytes::Bytes;
use model::{
    Actor, Applied, Change, Class, Command, Done, Entry, Fault, IdempotencyKey, MemoryTables, Origin, Proposal, Refusal, apply, command::*,
    id::*, member::Member, operation::Kind, template::TemplateWish,
};
use prost::Message;
use uuid::Uuid;

pub(crate) const PROJECT: &str = "p1";

/// A state under test.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) tables: MemoryTables,
    pub(crate) index: u64,
    pub(crate) at_ms: u64,
    pub(crate) changes: Vec<Change>,
    sequence: u64,
}

pub(crate) fn actor(project: &str) -> Actor {
    Actor { project_id: project.to_owned(), user_id: "u1".to_owned(), request_id: "req-1".to_owned(), all_projects: false }
}

pub(crate) fn admin() -> Actor {
    Actor { all_projects: true, ..actor("admin") }
}

pub(crate) fn id<K>(number: u128) -> Id<K> {
    Id::new(Uuid::from_u128(number))
}

pub(crate) fn proposal(actor: Actor, command: impl Into<Command>) -> Proposal {
    let command = command.into();
    let min_version = model::version::needed(&command);
    Proposal { origin: None, actor: Some(actor), key: None, wall_ms: 1_000, min_version, command: Some(command) }
}

impl World {
    /// A world with one cluster whose creation is open, and its owner's epoch.
    pub(crate) fn begun() -> (Self, u64) {
        let mut world = Self::new();
        let member = world.join(1);
        let template = world.template(1, "swarm");
        let cluster = world.cluster(10, template);
        let epoch = world.assign(cluster, member, 1, 0);
        (world, epoch)
    }

    pub(crate) fn new() -> Self {
        #[cfg(feature = "faults")]
        model::planted::arm().unwrap();
        Self { at_ms: 1_000, ..Self::default() }
    }

    pub(crate) fn payload(&mut self, payload: &[u8]) -> Result<Applied, Fault> {
        self.index += 1;
        self.at_ms += 1;
        let entry = Entry { index: self.index, term: 1, at_ms: self.at_ms, payload };
        let mut tables = self.tables.clone();
        let applied = apply(&mut tables, &entry)?;
        self.tables = tables;
        self.changes.clone_from(&applied.changes);
        Ok(applied)
    }

    pub(crate) fn propose(&mut self, proposal: &Proposal) -> Applied {
        self.payload(&proposal.encode_to_vec()).unwrap()
    }

    /// One command of an actor, from member 1 with a fresh sequence; every state it leads to is checked.
    pub(crate) fn try_as(&mut self, actor: Actor, command: impl Into<Command>) -> Result<Done, Refusal> {
        self.sequence += 1;
        let origin = Origin { member: 900, incarnation: 1, sequence: self.sequence };
        let before = self.tables.clone();
        let applied = self.propose(&Proposal { origin: Some(origin), ..proposal(actor, command) });
        let result = applied.outcome.into_result();
        if result.is_err() {
            assert_eq!(objects(&before), objects(&self.tables), "a refusal changes nothing");
            assert!(self.changes.is_empty(), "a refusal wakes nobody");
        }
        assert_eq!(model::check::check(&self.tables).unwrap(), Vec::<String>::new());
        result
    }

    pub(crate) fn ask(&mut self, command: impl Into<Command>) -> Result<Done, Refusal> {
        self.try_as(actor(PROJECT), command)
    }

    pub(crate) fn done(&mut self, command: impl Into<Command>) -> Done {
        self.ask(command).unwrap()
    }

    pub(crate) fn refused(&mut self, command: impl Into<Command>) -> Refusal {
        self.ask(command).unwrap_err()
    }

    pub(crate) fn refused_as(&mut self, actor: Actor, command: impl Into<Command>) -> (Class, String) {
        let refusal = self.try_as(actor, command).unwrap_err();
        (refusal.class(), refusal.code)
    }

    pub(crate) fn keyed(&mut self, key: &str, digest: &[u8], command: impl Into<Command>) -> model::Outcome {
        let key = IdempotencyKey { key: key.to_owned(), digest: digest.to_vec() };
        self.propose(&Proposal { key: Some(key), ..proposal(actor(PROJECT), command) }).outcome
    }

    /// Lets log time go on.
    pub(crate) fn wait(&mut self, ms: u64) {
        self.at_ms += ms;
    }

    pub(crate) fn join(&mut self, incarnation: u64) -> u64 {
        let member = Member { name: "m".to_owned(), incarnation, version_max: model::VERSION, weight: 100, ..Member::default() };
        self.done(Command::MemberJoin(MemberJoin { member })).number
    }

    pub(crate) fn template(&mut self, number: u128, coe: &str) -> TemplateId {
        let wish = TemplateWish { name: format!("t{number}"), coe: coe.to_owned(), image_id: "i".to_owned(), ..TemplateWish::default() };
        self.done(Command::TemplateCreate(TemplateCreate { id: id(number), wish }));
        id(number)
    }

    pub(crate) fn cluster(&mut self, number: u128, template: TemplateId) -> ClusterId {
        self.done(cluster_create(number, template));
        id(number)
    }

    /// Gives a cluster to a member; the epoch.
    pub(crate) fn assign(&mut self, cluster: ClusterId, member: u64, incarnation: u64, expected_epoch: u64) -> u64 {
        let assignment = Assignment { cluster, member, incarnation, expected_epoch, reason: 0 };
        let done = self.done(Command::Assign(Assign { assignments: vec![assignment], term: 0 }));
        assert_eq!(done.number, 1);
        self.index
    }

    pub(crate) fn end(&mut self, operation: OperationId, epoch: u64, state: model::operation::State) -> Result<Done, Refusal> {
        let reason = (state != model::operation::State::Succeeded).then(|| "because".to_owned());
        self.ask(Command::OperationEnd(OperationEnd { operation, epoch, state: state.into(), reason, ..OperationEnd::default() }))
    }

    /// A swarm cluster that is complete, with its owner's epoch.
    pub(crate) fn ready(&mut self) -> (ClusterId, u64) {
        let member = self.join(1);
        let template = self.template(1, "swarm");
        let cluster = self.cluster(10, template);
        let epoch = self.assign(cluster, member, 1, 0);
        self.end(id(1_000_010), epoch, model::operation::State::Succeeded).unwrap();
        (cluster, epoch)
    }

    pub(crate) fn container(&mut self, cluster: ClusterId, number: u128) -> ContainerId {
        self.done(container_create(cluster, number));
        id(number)
    }

    pub(crate) fn act(&mut self, container: ContainerId, kind: Kind, operation: u128) -> Result<Done, Refusal> {
        self.ask(act(container, kind, operation))
    }
}

pub(crate) fn act(container: ContainerId, kind: Kind, operation: u128) -> Command {
    let command = (kind == Kind::ContainerExecute).then(|| "ls".to_owned());
    Command::ContainerAct(ContainerAct { id: container, kind: kind.into(), operation: id(operation), timeout_ms: 60_000, command })
}

/// A cluster with the operation 1,000,000 + its number.
pub(crate) fn cluster_create(number: u128, template_id: TemplateId) -> Command {
    Command::ClusterCreate(cluster_wish(number, template_id))
}

/// The same, to be changed before it is proposed.
pub(crate) fn cluster_wish(number: u128, template_id: TemplateId) -> ClusterCreate {
    ClusterCreate {
        id: id(number),
        template_id,
        wish: model::cluster::ClusterWish { name: format!("c{number}"), create_timeout: Some(10), ..Default::default() },
        node_count: 2,
        master_count: 1,
        worker_group: id(2_000_000 + number * 2),
        master_group: id(2_000_001 + number * 2),
        operation: id(1_000_000 + number),
        driver: "local".to_owned(),
        default_quota: 3,
    }
}

/// A container with the operation 1,000,000 + its number.
pub(crate) fn container_create(cluster: ClusterId, number: u128) -> Command {
    Command::ContainerCreate(ContainerCreate {
        id: id(number),
        cluster,
        wish: model::container::ContainerWish { name: format!("k{number}"), image: "busybox".to_owned(), ..Default::default() },
        operation: id(1_000_000 + number),
        timeout_ms: 60_000,
    })
}

/// The rows of objects and their indexes, events included: all but single values and remembered answers.
pub(crate) fn objects(tables: &MemoryTables) -> Vec<(Vec<u8>, Bytes)> {
    use model::tables::table;
    let bookkeeping = |key: &[u8]| match key {
        [table::META | table::ORIGIN | table::IDEMPOTENCY, ..] => true,
        [table::INDEX, index, ..] => matches!(*index, 20 | 21),
        _ => false,
    };
    tables.rows().iter().filter(|(key, _)| !bookkeeping(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}
