//! Whatever members propose, in whatever order: two states that apply the same entries are the same, every state passes the checker, a
//! refusal changes nothing, and a retry changes nothing.

use model::{
    Actor, Command, Entry, IdempotencyKey, MemberId, MemoryTables, Origin, Proposal, apply,
    cluster::{Health, Observed},
    command::*,
    container::ContainerWish,
    id::{Id, NodeGroupId, NodeId, OperationId, TemplateId},
    member::Member,
    node::Node,
    operation::{Left, Operation, State},
    template::TemplateWish,
};
use proptest::prelude::*;
use prost::Message;

use crate::world::{cluster_wish, id, objects};

/// Few ids, so that commands meet the same objects.
fn some<K: 'static>() -> impl Strategy<Value = Id<K>> {
    (1_u128..5).prop_map(id)
}

/// Mostly the operations that are there, now and then a new one.
fn operation() -> impl Strategy<Value = u128> {
    prop_oneof![(1_u128..40), (1_000_001_u128..1_000_005)]
}

fn expected() -> impl Strategy<Value = u64> {
    prop_oneof![3 => Just(0), 1 => 1_u64..40]
}

/// An epoch or a revision; [`late_bind`] puts the present one in place of 0.
fn present() -> impl Strategy<Value = u64> {
    prop_oneof![6 => Just(0), 1 => 1_u64..40]
}

fn template_wish() -> impl Strategy<Value = TemplateWish> {
    ("[ab]", prop_oneof![4 => Just("swarm"), 1 => Just("mesos")], any::<bool>(), any::<bool>()).prop_map(|(name, coe, public, hidden)| {
        TemplateWish { name, coe: coe.to_owned(), image_id: "i".to_owned(), public, hidden: hidden && public, ..TemplateWish::default() }
    })
}

fn member() -> impl Strategy<Value = Member> {
    (1_u64..4, 1_u64..4, prop_oneof![9 => Just(model::VERSION), 1 => 0..model::VERSION])
        .prop_map(|(number, incarnation, version_max)| Member { number, incarnation, version_max, ..Member::default() })
}

/// A machine of a default group, or of none; perhaps not ready.
fn machine() -> impl Strategy<Value = Node> {
    let group = prop_oneof![4 => Just(Some("default-worker")), 1 => Just(Some("default-master")), 1 => Just(None)];
    (some(), group, prop_oneof![2 => Just(false), 1 => Just(true)]).prop_map(|(id, group, not_ready)| Node {
        id,
        name: Some(format!("m{id}")),
        external_id: Some(format!("e{id}")),
        group: group.map(str::to_owned),
        master: group == Some("default-master"),
        not_ready,
        ..Node::default()
    })
}

fn sighting() -> impl Strategy<Value = Sighting> {
    let observed = proptest::option::of(("[xy]", proptest::option::of(0_i32..3)).prop_map(|(address, health)| Observed {
        api_address: Some(address.clone()),
        node_addresses: vec![address],
        health,
        ..Observed::default()
    }));
    let containers = proptest::collection::vec(
        (some(), 0_i32..6, proptest::option::of("[xy]")).prop_map(|(id, status, engine_id)| ContainerSighting {
            id,
            status,
            reason: None,
            engine_id,
        }),
        0..3,
    );
    let nodes = proptest::collection::vec(machine(), 0..4);
    (some(), present(), observed, containers, nodes, any::<bool>()).prop_map(|(cluster, epoch, observed, containers, nodes, nodes_seen)| {
        Sighting { cluster, epoch, observed, containers, nodes, nodes_seen }
    })
}

fn members() -> impl Strategy<Value = Command> {
    prop_oneof![
        4 => member().prop_map(|member| Command::MemberJoin(MemberJoin { member })),
        3 => member().prop_map(|member| Command::MemberStarted(MemberStarted { member })),
        1 => (1_u64..4, any::<bool>()).prop_map(|(member, draining)| Command::MemberDrain(MemberDrain { member, draining })),
        1 => (1_u64..4).prop_map(|member| Command::MemberRemove(MemberRemove { member })),
        1 => (1_u32..3).prop_map(|version| Command::RaiseVersion(RaiseVersion { version })),
        1 => prop_oneof![Just(0), 1_u64..40].prop_map(|fulfilled| Command::Balance(Balance { fulfilled })),
        8 => proptest::collection::vec((some(), 1_u64..4, 1_u64..4, present()), 1..4).prop_map(|list| {
            let assignments = list.into_iter().map(|(cluster, member, incarnation, expected_epoch)| Assignment {
                cluster, member, incarnation, expected_epoch, reason: 0,
            });
            Command::Assign(Assign { assignments: assignments.collect(), term: 0 })
        }),
        1 => (some(), present(), 0..8).prop_map(|(cluster, epoch, reason)| Command::Release(Release { cluster, epoch, reason })),
        1 => (some(), 0_u64..4).prop_map(|(cluster, member)| Command::Pin(Pin { cluster, member })),
    ]
}

fn templates() -> impl Strategy<Value = Command> {
    prop_oneof![
        4 => (some(), template_wish()).prop_map(|(id, wish)| Command::TemplateCreate(TemplateCreate { id, wish })),
        2 => (some(), present(), template_wish()).prop_map(|(id, expected_revision, wish)| {
            Command::TemplateUpdate(TemplateUpdate { id, expected_revision, wish })
        }),
        1 => (some(), expected()).prop_map(|(id, expected_revision)| Command::TemplateDelete(TemplateDelete { id, expected_revision })),
        1 => (some(), "[vb]").prop_map(|(id, kind)| Command::NodeCreate(NodeCreate { node: Node { id, kind: Some(kind), ..Node::default() } })),
        1 => (some(), present(), "[vb]").prop_map(|(id, expected_revision, kind)| {
            Command::NodeUpdate(NodeUpdate { node: Node { id, kind: Some(kind), ..Node::default() }, expected_revision })
        }),
        1 => some().prop_map(|id| Command::NodeDelete(NodeDelete { id, expected_revision: 0 })),
        1 => (0_u32..3, proptest::option::of(any::<bool>())).prop_map(|(hard_limit, create)| {
            Command::QuotaSet(QuotaSet { project_id: "p1".to_owned(), resource: "Cluster".to_owned(), hard_limit, create })
        }),
        1 => Just(Command::QuotaDelete(QuotaDelete { project_id: "p1".to_owned(), resource: "Cluster".to_owned() })),
    ]
}

/// A cluster whose machines are replaced as soon as they fail.
fn healing(number: u128, template: TemplateId) -> Command {
    let mut create = cluster_wish(number, template);
    create.wish.labels =
        [("auto_healing_enabled", "true"), ("auto_healing_after", "0")].map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    Command::ClusterCreate(create)
}

/// One of the default groups of the first clusters, or none.
fn group() -> impl Strategy<Value = Option<NodeGroupId>> {
    proptest::option::weighted(0.3, (2_000_002_u128..2_000_008).prop_map(id))
}

/// Work on machines.
fn rolling() -> impl Strategy<Value = Command> {
    prop_oneof![
        3 => (some(), group(), 0_u32..4, 0_u32..3, proptest::option::of(some()), operation()).prop_map(|(cluster, group, node_count, max_batch_size, named, operation)| {
            let named: Option<NodeId> = named;
            let remove = named.map(|named| named.to_string()).into_iter().collect();
            Command::ClusterResize(ClusterResize { id: cluster, expected_revision: 0, group, node_count, remove, max_batch_size, operation: id(operation) })
        }),
        3 => (some(), some(), group(), 0_u32..3, operation()).prop_map(|(cluster, template, group, max_batch_size, operation)| {
            Command::ClusterUpgrade(ClusterUpgrade { id: cluster, expected_revision: 0, template, group, max_batch_size, operation: id(operation) })
        }),
        1 => (some(), expected(), operation()).prop_map(|(cluster, expected_revision, operation)| {
            Command::ClusterRotate(ClusterRotate { id: cluster, expected_revision, operation: id(operation) })
        }),
        3 => (some(), present(), some(), operation()).prop_map(|(cluster, epoch, node, operation)| {
            Command::ClusterHeal(ClusterHeal { id: cluster, epoch, node, operation: id(operation) })
        }),
        1 => (operation(), any::<bool>()).prop_map(|(operation, paused)| Command::OperationPause(OperationPause { operation: id(operation), paused })),
    ]
}

fn clusters() -> impl Strategy<Value = Command> {
    prop_oneof![
        4 => (1_u128..5, some()).prop_map(|(number, template)| healing(number, template)),
        2 => (some(), expected(), proptest::option::of(0_u32..4), any::<bool>(), operation()).prop_map(|(cluster, expected_revision, node_count, well, operation)| {
            let health = well.then(|| HealthReport { health: Some(Health::Healthy.into()), ..HealthReport::default() });
            Command::ClusterUpdate(ClusterUpdate { id: cluster, expected_revision, node_count, health, operation: id(operation) })
        }),
        1 => (some(), expected(), operation(), any::<bool>()).prop_map(|(cluster, expected_revision, operation, force)| {
            Command::ClusterDelete(ClusterDelete { id: cluster, expected_revision, operation: id(operation), force })
        }),
        1 => operation().prop_map(|operation| Command::OperationCancel(OperationCancel { operation: id(operation) })),
        3 => (operation(), 40_u128..50).prop_map(|(operation, retry)| {
            Command::OperationRetry(OperationRetry { operation: id(operation), retry: id(retry) })
        }),
        1 => (some(), 0_i32..9).prop_map(|(cluster, status)| {
            Command::ClusterReset(ClusterReset { id: cluster, status, reason: "by hand".to_owned() })
        }),
        4 => (some(), some(), operation()).prop_map(|(container, cluster, operation)| {
            let wish = ContainerWish { name: "k".to_owned(), image: "i".to_owned(), ..ContainerWish::default() };
            Command::ContainerCreate(ContainerCreate { id: container, cluster, wish, operation: id(operation), timeout_ms: 50 })
        }),
        1 => (some(), present(), "[ab]").prop_map(|(container, expected_revision, name)| {
            Command::ContainerUpdate(ContainerUpdate { id: container, expected_revision, wish: ContainerWish { name, ..ContainerWish::default() } })
        }),
        4 => (some(), 3_i32..12, operation()).prop_map(|(container, kind, operation)| {
            Command::ContainerAct(ContainerAct { id: container, kind, operation: id(operation), timeout_ms: 50, command: Some("ls".to_owned()) })
        }),
    ]
}

/// Mostly nothing is left.
fn left() -> impl Strategy<Value = (Vec<Left>, bool)> {
    let thing = Left { what: "network".to_owned(), name: "n".to_owned(), id: "1".to_owned() };
    (prop_oneof![4 => Just(Vec::new()), 1 => Just(vec![thing])], prop_oneof![6 => Just(false), 1 => Just(true)])
}

fn reports() -> impl Strategy<Value = Command> {
    let seen = || proptest::option::weighted(0.3, sighting());
    prop_oneof![
        4 => (operation(), present(), "[st]", prop_oneof![3 => Just(false), 1 => Just(true)], any::<bool>()).prop_map(|(operation, epoch, name, goes_on, batch)| {
            Command::StepBegin(StepBegin { operation: id(operation), epoch, name, target: "t".to_owned(), effect_ms: 9, goes_on, batch })
        }),
        4 => (operation(), present(), "[st]", 0_i32..5, seen(), proptest::option::of(0_i32..7), left()).prop_map(|(operation, epoch, name, outcome, seen, ends, (left, left_unseen))| {
            Command::StepEnd(StepEnd { operation: id(operation), epoch, name, outcome, seen, ends, left, left_unseen, failure: outcome, pause_ms: 7, ..StepEnd::default() })
        }),
        4 => (operation(), present(), prop_oneof![4 => Just(1), 1 => 0_i32..6], seen()).prop_map(|(operation, epoch, state, seen)| {
            Command::OperationEnd(OperationEnd { operation: id(operation), epoch, state, seen, ..OperationEnd::default() })
        }),
        2 => proptest::collection::vec(sighting(), 1..3).prop_map(|sightings| Command::Observe(Observe { sightings })),
        1 => (0_u32..4).prop_map(|limit| Command::Expire(Expire { limit })),
        1 => (some(), present()).prop_map(|(cluster, epoch)| {
            Command::HealthLapse(HealthLapse { clusters: vec![Lapsed { cluster, epoch, reason: "r".to_owned() }] })
        }),
    ]
}

fn sinks() -> impl Strategy<Value = Command> {
    let name = || prop_oneof![4 => Just("file"), 2 => Just("web"), 1 => Just("no name")].prop_map(str::to_owned);
    prop_oneof![
        3 => name().prop_map(|name| Command::SinkOpen(SinkOpen { name })),
        5 => (name(), present(), 0_u64..60, 0_u64..2).prop_map(|(name, from, to, term)| {
            Command::SinkAdvance(SinkAdvance { name, term, from, to, records: 1 })
        }),
        1 => name().prop_map(|name| Command::SinkClose(SinkClose { name })),
        1 => (999_u64..1_002, 999_u64..1_002).prop_map(|(keep, backlog)| Command::EventsKeep(EventsKeep { keep, backlog })),
    ]
}

#[derive(Clone, Debug)]
struct Asked {
    command: Command,
    actor: Actor,
    origin: Option<Origin>,
    key: Option<IdempotencyKey>,
    pause_ms: u64,
}

fn asked() -> impl Strategy<Value = Asked> {
    let command = prop_oneof![2 => members(), 2 => templates(), 3 => clusters(), 3 => rolling(), 5 => reports(), 1 => sinks()];
    let actor = (prop_oneof![8 => Just("p1"), 1 => Just("p2")], any::<bool>()).prop_map(|(project, all_projects)| Actor {
        project_id: project.to_owned(),
        user_id: "u".to_owned(),
        request_id: "r".to_owned(),
        all_projects,
    });
    let origin = proptest::option::weighted(
        0.5,
        (1_u64..4, 1_u64..3, 1_u64..9).prop_map(|(member, incarnation, sequence)| Origin { member, incarnation, sequence }),
    );
    let key = proptest::option::weighted(0.2, ("[ab]", 0_u8..2).prop_map(|(key, digest)| IdempotencyKey { key, digest: vec![digest] }));
    let pause = prop_oneof![8 => 0_u64..5, 1 => 40_u64..80, 1 => Just(24 * 60 * 60 * 1000)];
    (command, actor, origin, key, pause).prop_map(|(command, actor, origin, key, pause_ms)| Asked { command, actor, origin, key, pause_ms })
}

/// Mostly reports are about operations that are open: small numbers pick one of them.
fn aim(tables: &MemoryTables, operation: &mut OperationId) {
    let open: Vec<Operation> = model::record::all(tables).unwrap().into_iter().filter(Operation::open).collect();
    let number = usize::try_from(operation.uuid().as_u128()).unwrap();
    if number < 30
        && let Some(one) = open.get(number % open.len().max(1))
    {
        *operation = one.id;
    }
}

/// Mostly what is done again has failed: small numbers pick one of those.
fn aim_failed(tables: &MemoryTables, operation: &mut OperationId) {
    let again = |operation: &Operation| matches!(operation.state(), State::Failed | State::Cancelled | State::Unknown);
    let mut failed: Vec<Operation> = model::record::all(tables).unwrap().into_iter().filter(again).collect();
    failed.sort_by_key(|operation| std::cmp::Reverse(operation.accepted));
    let number = usize::try_from(operation.uuid().as_u128()).unwrap();
    if number < 30
        && let Some(one) = failed.get(number % failed.len().max(1))
    {
        *operation = one.id;
    }
}

/// Mostly the machine that is to be replaced is one that is not ready.
fn aim_failing(tables: &MemoryTables, heal: &mut ClusterHeal) {
    let failing = model::node::query::of_cluster(tables, heal.id).unwrap().into_iter().find(|node| node.not_ready);
    if let Some(node) = failing {
        heal.node = node.id;
    }
}

/// Puts what is there in place of small numbers, as an owner and a client would that have just read the state.
fn late_bind(tables: &MemoryTables, command: &mut Command) {
    match command {
        Command::StepBegin(step) => aim(tables, &mut step.operation),
        Command::StepEnd(step) => aim(tables, &mut step.operation),
        Command::OperationEnd(end) => aim(tables, &mut end.operation),
        Command::OperationCancel(cancel) => aim(tables, &mut cancel.operation),
        Command::OperationPause(pause) => aim(tables, &mut pause.operation),
        Command::OperationRetry(retry) => aim_failed(tables, &mut retry.operation),
        _ => {}
    }
    let incarnation = |number| model::member::query::by_number(tables, MemberId(number)).unwrap().map_or(1, |member| member.incarnation);
    let epoch = |cluster| model::ownership::query::of(tables, cluster).unwrap().map_or(0, |ownership| ownership.epoch);
    let of_operation = |operation| model::operation::query::by_id(tables, operation).unwrap().map(|operation| operation.cluster);
    let bind = |place: &mut u64, cluster: Option<_>| {
        if *place == 0 {
            *place = cluster.map_or(0, epoch);
        }
    };
    let bind_seen = |seen: &mut Option<Sighting>, cluster: Option<_>| {
        if let (Some(seen), Some(cluster)) = (seen, cluster) {
            seen.cluster = cluster;
            bind(&mut seen.epoch, Some(cluster));
        }
    };
    match command {
        Command::Assign(assign) => assign.assignments.iter_mut().for_each(|one| {
            bind(&mut one.expected_epoch, Some(one.cluster));
            if one.incarnation < 3 {
                one.incarnation = incarnation(one.member);
            }
        }),
        Command::ClusterHeal(heal) => {
            bind(&mut heal.epoch, Some(heal.id));
            aim_failing(tables, heal);
        }
        Command::Release(release) => bind(&mut release.epoch, Some(release.cluster)),
        Command::StepBegin(step) => bind(&mut step.epoch, of_operation(step.operation)),
        Command::StepEnd(step) => {
            bind(&mut step.epoch, of_operation(step.operation));
            bind_seen(&mut step.seen, of_operation(step.operation));
        }
        Command::OperationEnd(end) => {
            bind(&mut end.epoch, of_operation(end.operation));
            bind_seen(&mut end.seen, of_operation(end.operation));
        }
        Command::Observe(observe) => observe.sightings.iter_mut().for_each(|seen| bind(&mut seen.epoch, Some(seen.cluster))),
        Command::HealthLapse(lapse) => lapse.clusters.iter_mut().for_each(|lapsed| bind(&mut lapsed.epoch, Some(lapsed.cluster))),
        Command::SinkAdvance(advance) if advance.from == 0 => {
            let present = model::sink::query::by_name(tables, &advance.name).unwrap();
            advance.from = present.map_or(0, |sink| sink.cursor);
            advance.to += advance.from;
        }
        Command::TemplateUpdate(update) if update.expected_revision == 0 => {
            let present = model::template::query::by_id(tables, update.id).unwrap();
            update.expected_revision = present.map_or(0, |template| template.revision);
        }
        Command::NodeUpdate(update) if update.expected_revision == 0 => {
            let present = model::node::query::by_id(tables, update.node.id).unwrap();
            update.expected_revision = present.map_or(0, |node| node.revision);
        }
        Command::ContainerUpdate(update) if update.expected_revision == 0 => {
            let present = model::container::query::by_id(tables, update.id).unwrap();
            update.expected_revision = present.map_or(0, |container| container.revision);
        }
        _ => {}
    }
}

fn start() -> Vec<Command> {
    let member =
        |incarnation| Command::MemberJoin(MemberJoin { member: Member { incarnation, version_max: model::VERSION, ..Member::default() } });
    let wish = TemplateWish { name: "a".to_owned(), coe: "swarm".to_owned(), public: true, ..TemplateWish::default() };
    let template = Command::TemplateCreate(TemplateCreate { id: id(1), wish });
    let assignment = |number| Assignment { cluster: id(number), member: 1, incarnation: 1, expected_epoch: 0, reason: 0 };
    let assign = Command::Assign(Assign { assignments: vec![assignment(1), assignment(2)], term: 0 });
    vec![
        member(1),
        member(2),
        Command::RaiseVersion(RaiseVersion { version: model::VERSION }),
        template,
        healing(1, id(1)),
        healing(2, id(1)),
        assign,
    ]
}

#[derive(Default)]
struct Pair {
    left: MemoryTables,
    right: MemoryTables,
    index: u64,
    at_ms: u64,
    done: usize,
    refused: usize,
}

impl Pair {
    fn apply(&mut self, proposal: &Proposal) -> Result<model::Applied, TestCaseError> {
        self.index += 1;
        self.at_ms += 1;
        let payload = proposal.encode_to_vec();
        let entry = Entry { index: self.index, term: 1, at_ms: self.at_ms, payload: &payload };
        let applied = apply(&mut self.left, &entry).map_err(|fault| TestCaseError::fail(fault.to_string()))?;
        let other = apply(&mut self.right, &entry).map_err(|fault| TestCaseError::fail(fault.to_string()))?;
        prop_assert_eq!(&applied, &other);
        prop_assert!(self.left == self.right, "the rows differ");
        let wrong = model::check::check(&self.left).unwrap();
        prop_assert!(wrong.is_empty(), "after {proposal:?}: {wrong:?}");
        Ok(applied)
    }

    fn step(&mut self, asked: Asked) -> Result<(), TestCaseError> {
        let Asked { mut command, actor, origin, key, pause_ms } = asked;
        self.at_ms += pause_ms;
        late_bind(&self.left, &mut command);
        let proposal =
            Proposal { origin, actor: Some(actor), key, wall_ms: 5, min_version: model::version::needed(&command), command: Some(command) };
        let before = objects(&self.left);
        let applied = self.apply(&proposal)?;
        let refused = applied.outcome.clone().into_result().is_err();
        if refused {
            prop_assert!(applied.changes.is_empty());
            prop_assert!(objects(&self.left) == before, "a refusal changed something: {proposal:?}");
            self.refused += 1;
        } else {
            self.done += 1;
        }
        self.retry(&proposal, &applied)
    }

    /// The same proposal again, if it can be told to be the same.
    fn retry(&mut self, proposal: &Proposal, applied: &model::Applied) -> Result<(), TestCaseError> {
        let forgets = matches!(proposal.command, Some(Command::MemberRemove(_)));
        if forgets || (proposal.origin.is_none() && (proposal.key.is_none() || applied.outcome.clone().into_result().is_err())) {
            return Ok(());
        }
        let before = objects(&self.left);
        let again = self.apply(proposal)?;
        if again
            .outcome
            .clone()
            .into_result()
            .is_err_and(|refusal| ["outcome-forgotten", "member-missing"].contains(&refusal.code.as_str()))
        {
            return Ok(());
        }
        prop_assert_eq!(&again.outcome, &applied.outcome);
        prop_assert!(again.changes.is_empty());
        prop_assert!(objects(&self.left) == before, "a retry changed something: {proposal:?}");
        Ok(())
    }
}

/// As many cases as `PROPTEST_CASES` says, or enough for every day.
fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: cases.unwrap_or(192), ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn members_stay_alike_and_every_state_is_sound(script in proptest::collection::vec(asked(), 1..80)) {
        #[cfg(feature = "faults")]
        model::planted::arm().unwrap();
        let mut pair = Pair::default();
        for command in start() {
            let actor = Actor { project_id: "p1".to_owned(), ..Actor::default() };
            pair.step(Asked { command, actor, origin: None, key: None, pause_ms: 0 })?;
        }
        for asked in script {
            pair.step(asked)?;
        }
        prop_assert!(pair.done + pair.refused > 6);
    }
}
