//! Work on machines: which ones are out of service at a time, whoever owns the cluster; upgrades, rotations, and machines that are replaced.

use std::collections::BTreeSet;

use model::{
    Command, Done, Refusal,
    cluster::{self, Cluster, Status},
    command::*,
    id::NodeId,
    node::{self, Node},
    nodegroup::{self, NodeGroup},
    operation::{
        Kind, LONGEST_MS, Machine, Operation, Pick, Roll, State, StepOutcome,
        held::{Held, held},
        query,
    },
    template::TemplateWish,
};

use crate::world::{World, actor, cluster_wish, id};

const WORKER: u128 = 2_000_020;
const MASTER: u128 = 2_000_021;

/// A machine of the cluster's backend: `w…` works, `m…` is a master; a `!` behind says that it is not ready.
fn machine(word: &str) -> Node {
    let (name, not_ready) = word.strip_suffix('!').map_or((word, false), |name| (name, true));
    let master = name.starts_with('m');
    let group = if master { "default-master" } else { "default-worker" };
    Node {
        id: NodeId::new(uuid::Uuid::new_v5(&uuid::Uuid::nil(), name.as_bytes())),
        name: Some(format!("node-{name}")),
        external_id: Some(name.to_owned()),
        group: Some(group.to_owned()),
        master,
        not_ready,
        ..Node::default()
    }
}

struct Bay {
    world: World,
    epoch: u64,
}

impl Bay {
    /// A complete cluster with these machines.
    fn with(machines: &[&str]) -> Self {
        Self::labelled(machines, &[])
    }

    fn labelled(machines: &[&str], labels: &[(&str, &str)]) -> Self {
        let mut world = World::new();
        let member = world.join(1);
        let template = world.template(1, "swarm");
        let mut create = cluster_wish(10, template);
        create.wish.labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        world.done(Command::ClusterCreate(create));
        let epoch = world.assign(id(10), member, 1, 0);
        world.end(id(1_000_010), epoch, State::Succeeded).unwrap();
        let mut bay = Self { world, epoch };
        bay.see(machines);
        bay
    }

    /// The owner sees exactly these machines.
    fn see(&mut self, machines: &[&str]) {
        let nodes = machines.iter().map(|word| machine(word)).collect();
        let sighting = Sighting { cluster: id(10), epoch: self.epoch, nodes, nodes_seen: true, ..Sighting::default() };
        self.world.done(Command::Observe(Observe { sightings: vec![sighting] }));
    }

    fn next_owner(&mut self) {
        self.epoch = self.world.assign(id(10), 1, 1, self.epoch);
    }

    fn begin(&mut self, operation: u128) -> Result<Done, Refusal> {
        let begin =
            StepBegin { operation: id(operation), epoch: self.epoch, name: "batch".to_owned(), batch: true, ..StepBegin::default() };
        self.world.ask(Command::StepBegin(begin))
    }

    fn end(&mut self, operation: u128, outcome: StepOutcome) {
        let end = StepEnd {
            operation: id(operation),
            epoch: self.epoch,
            name: "batch".to_owned(),
            outcome: outcome.into(),
            ..StepEnd::default()
        };
        self.world.done(Command::StepEnd(end));
    }

    fn operation(&self, number: u128) -> Operation {
        query::by_id(&self.world.tables, id(number)).unwrap().unwrap()
    }

    fn roll(&self, number: u128) -> Roll {
        self.operation(number).roll.unwrap()
    }

    fn batch(&self, number: u128) -> Vec<String> {
        names(&self.roll(number).batch)
    }

    fn held(&self, number: u128) -> Option<Held> {
        held(&self.world.tables, &self.operation(number)).unwrap()
    }

    fn cluster(&self) -> Cluster {
        cluster::query::by_id(&self.world.tables, id(10)).unwrap().unwrap()
    }

    fn group(&self, number: u128) -> NodeGroup {
        nodegroup::query::by_id(&self.world.tables, id(number)).unwrap().unwrap()
    }

    fn node(&self, name: &str) -> Option<Node> {
        node::query::by_id(&self.world.tables, machine(name).id).unwrap()
    }

    fn resize(&mut self, node_count: u32, remove: &[&str], max_batch_size: u32, operation: u128) -> Result<Done, Refusal> {
        let remove = remove.iter().map(|name| (*name).to_owned()).collect();
        let operation = id(operation);
        let command = ClusterResize { id: id(10), node_count, remove, max_batch_size, operation, ..ClusterResize::default() };
        self.world.ask(Command::ClusterResize(command))
    }

    fn upgrade(&mut self, template: u128, max_batch_size: u32, operation: u128) -> Result<Done, Refusal> {
        let operation = id(operation);
        self.world.ask(Command::ClusterUpgrade(ClusterUpgrade {
            id: id(10),
            template: id(template),
            max_batch_size,
            operation,
            ..ClusterUpgrade::default()
        }))
    }

    fn pause(&mut self, operation: u128, paused: bool) -> Result<Done, Refusal> {
        self.world.ask(Command::OperationPause(OperationPause { operation: id(operation), paused }))
    }

    fn heal(&mut self, name: &str, operation: u128) -> Result<Done, Refusal> {
        let (node, epoch, operation) = (machine(name).id, self.epoch, id(operation));
        self.world.ask(Command::ClusterHeal(ClusterHeal { id: id(10), epoch, node, operation }))
    }

    fn retry(&mut self, operation: u128, retry: u128) -> Result<Done, Refusal> {
        self.world.ask(Command::OperationRetry(OperationRetry { operation: id(operation), retry: id(retry) }))
    }
}

fn names(machines: &[Machine]) -> Vec<String> {
    machines.iter().map(|machine| machine.external_id.clone()).collect()
}

#[test]
fn named_machines_go_first_then_those_that_are_down_then_the_youngest() {
    let mut bay = Bay::with(&["w1", "w2!", "w3", "w4", "m1"]);
    bay.resize(1, &["node-w1", "unknown"], 0, 50).unwrap();
    assert_eq!(names(&bay.roll(50).waiting), ["w1", "w2", "w4"]);
    let (operation, group) = (bay.operation(50), bay.group(WORKER));
    assert_eq!((operation.kind(), operation.previous_node_count, group.node_count), (Kind::ClusterResize, Some(2), 1));
    assert_eq!((group.status(), bay.group(MASTER).status()), (Status::UpdateInProgress, Status::CreateComplete));
    bay.begin(50).unwrap();
    assert_eq!(bay.batch(50), ["w2", "w1", "w4"], "all at once, where nobody said otherwise");
    bay.end(50, StepOutcome::Done);
    assert_eq!(bay.begin(50).unwrap_err().code, "machines-done");
    bay.world.end(id(50), bay.epoch, State::Succeeded).unwrap();
    assert_eq!((bay.cluster().status(), bay.group(WORKER).status()), (Status::UpdateComplete, Status::UpdateComplete));
}

#[test]
fn a_batch_is_the_same_for_every_owner_and_the_next_one_waits_for_its_end() {
    let mut bay = Bay::with(&["w1", "w2", "w3", "w4", "w5"]);
    bay.resize(1, &["w1", "w2", "w3", "w4"], 2, 50).unwrap();
    let mut gone = BTreeSet::new();
    for batch in [["w1", "w2"], ["w3", "w4"]] {
        for _ in 0..3 {
            bay.begin(50).unwrap();
            assert_eq!(bay.batch(50), batch, "whoever owns the cluster goes on with it");
            bay.next_owner();
        }
        bay.begin(50).unwrap();
        bay.end(50, StepOutcome::Done);
        gone.extend(batch);
        assert_eq!(bay.operation(50).attempts(), 0, "each batch has a budget of its own");
    }
    assert_eq!((bay.roll(50).done, bay.roll(50).batches, gone.len()), (4, 2, 4));
}

#[test]
fn what_is_down_counts_and_a_full_number_stops_the_work() {
    let mut bay = Bay::with(&["w1", "w2", "w3", "w4"]);
    bay.resize(0, &["w1", "w2"], 2, 50).unwrap();
    bay.see(&["w1", "w2", "w3!", "w4"]);
    bay.begin(50).unwrap();
    assert_eq!((bay.batch(50), bay.roll(50).fresh, bay.roll(50).beside), (vec!["w3".to_owned(), "w1".to_owned()], 1, 0));
    let roll = |batch_max, waiting: &[&str]| Roll::new(batch_max, waiting.iter().filter_map(|word| Machine::of(&machine(word))).collect());
    let nodes = |words: &[&str]| words.iter().map(|word| machine(word)).collect::<Vec<_>>();
    assert_eq!(roll(1, &["w1"]).pick(&nodes(&["w1", "w2!"])), Pick::Full);
    assert!(matches!(roll(1, &["w1", "w2"]).pick(&nodes(&["w1", "w2!", "w3!"])), Pick::Begins(batch) if names(&batch) == ["w2"]));
    assert!(matches!(roll(9, &["m1", "m2", "w1"]).pick(&nodes(&["m1", "m2", "w1"])), Pick::Begins(batch) if names(&batch) == ["m1"]));
    assert_eq!(roll(9, &["m1"]).pick(&nodes(&["m1", "m2!"])), Pick::Full, "one master at a time");
    assert_eq!(roll(1, &[]).pick(&[]), Pick::Finished);
}

#[test]
fn a_later_size_takes_over_what_was_half_removed_and_no_other_change_does() {
    let mut bay = Bay::with(&["w1", "w2", "w3", "w4"]);
    bay.resize(2, &["w1"], 1, 50).unwrap();
    bay.begin(50).unwrap();
    bay.resize(4, &[], 1, 51).unwrap();
    assert_eq!((bay.operation(50).state(), names(&bay.roll(51).waiting)), (State::Superseded, vec!["w1".to_owned()]));
    assert_eq!((bay.group(WORKER).node_count, bay.operation(51).previous_node_count), (4, Some(2)));
    bay.world.end(id(51), bay.epoch, State::Failed).unwrap();
    assert_eq!((bay.cluster().status(), bay.group(WORKER).node_count), (Status::UpdateFailed, 2));
    bay.retry(51, 52).unwrap();
    assert_eq!((names(&bay.roll(52).waiting), bay.group(WORKER).node_count), (vec!["w1".to_owned()], 4));
    bay.world.done(Command::OperationCancel(OperationCancel { operation: id(52) }));
    let rotate = ClusterRotate { id: id(10), operation: id(53), ..ClusterRotate::default() };
    bay.world.done(Command::ClusterRotate(rotate));
    assert_eq!(bay.resize(1, &[], 0, 54).unwrap_err().code, "cluster-not-idle");
    let update = ClusterUpdate { id: id(10), node_count: Some(1), operation: id(54), ..ClusterUpdate::default() };
    assert_eq!(bay.world.refused(Command::ClusterUpdate(update)).code, "cluster-not-idle");
    bay.world.end(id(53), bay.epoch, State::Succeeded).unwrap();
    assert_eq!((bay.cluster().credentials, bay.cluster().status()), (1, Status::UpdateComplete));
}

#[test]
fn sizes_out_of_bounds_and_masters_are_refused() {
    let mut bay = Bay::labelled(&[], &[("min_node_count", "1")]);
    assert_eq!(bay.resize(0, &[], 0, 50).unwrap_err().code, "node-count-out-of-bounds");
    let masters = ClusterResize { id: id(10), group: Some(id(MASTER)), node_count: 3, operation: id(50), ..ClusterResize::default() };
    assert_eq!(bay.world.refused(Command::ClusterResize(masters)).code, "masters-fixed");
    let unknown = ClusterResize { id: id(10), group: Some(id(9)), node_count: 3, operation: id(50), ..ClusterResize::default() };
    assert_eq!(bay.world.refused(Command::ClusterResize(unknown)).code, "nodegroup-missing");
    bay.resize(3, &[], 0, 50).unwrap();
    assert_eq!(bay.operation(50).roll, None, "where nobody knows the machines, the number says all");
}

#[test]
fn an_upgrade_goes_masters_first_and_can_be_paused_between_batches() {
    let mut bay = Bay::with(&["w1", "w2", "w3", "m1", "m2"]);
    let wish = TemplateWish {
        name: "new".to_owned(),
        coe: "swarm".to_owned(),
        image_id: "image-2".to_owned(),
        labels: [("kube_tag".to_owned(), "v2".to_owned())].into(),
        ..TemplateWish::default()
    };
    bay.world.done(Command::TemplateCreate(TemplateCreate { id: id(2), wish }));
    bay.world.template(3, "kubernetes");
    assert_eq!(bay.upgrade(3, 2, 50).unwrap_err().code, "coe-different");
    assert_eq!(bay.upgrade(4, 2, 50).unwrap_err().code, "template-missing");
    assert_eq!(bay.upgrade(2, 0, 50).unwrap_err().code, "batch-empty");
    bay.upgrade(2, 2, 50).unwrap();
    let deadline = bay.operation(50).deadline_ms;
    let delete = Command::TemplateDelete(TemplateDelete { id: id(2), expected_revision: 0 });
    assert_eq!(bay.world.refused(delete).code, "template-referenced", "neither template goes while both are used");
    for (batch, paused) in [(vec!["m1"], false), (vec!["m2"], true), (vec!["w1", "w2"], false), (vec!["w3"], false)] {
        bay.begin(50).unwrap();
        assert_eq!(bay.batch(50), batch);
        assert_eq!(bay.held(50), None, "a batch is under work");
        if paused {
            bay.pause(50, true).unwrap();
            bay.pause(50, true).unwrap();
            assert_eq!(bay.held(50), None, "and is ended before the operation waits");
            bay.begin(50).unwrap();
            bay.next_owner();
            bay.begin(50).unwrap();
        }
        bay.end(50, StepOutcome::Done);
        if paused {
            assert_eq!(bay.begin(50).unwrap_err().code, "operation-paused", "a batch that was begun is ended, and no other one begins");
            let Some(Held::Paused { event: Some(event), waiting: 3 }) = bay.held(50) else { panic!("{:?}", bay.held(50)) };
            assert_eq!((event.action.as_str(), event.user_id), ("paused", actor("p").user_id));
            assert_eq!(bay.operation(50).deadline_ms, bay.operation(50).accepted_ms + LONGEST_MS);
            bay.world.wait(3_600_000);
            bay.pause(50, false).unwrap();
            assert_eq!(bay.held(50), None);
            assert!(bay.operation(50).deadline_ms > deadline + 3_500_000, "its clock stood still");
        }
    }
    assert_eq!(bay.cluster().template_id, id(1));
    bay.world.end(id(50), bay.epoch, State::Succeeded).unwrap();
    let cluster = bay.cluster();
    assert_eq!((cluster.template_id, cluster.next_template_id, cluster.status()), (id(2), None, Status::UpdateComplete));
    assert_eq!(
        (cluster.wanted.labels.get("kube_tag").map(String::as_str), bay.group(WORKER).image_id.as_deref()),
        (Some("v2"), Some("image-2"))
    );
}

#[test]
fn an_upgrade_that_waits_for_machines_says_which() {
    let mut bay = Bay::with(&["w1", "w2", "m1"]);
    bay.world.template(2, "swarm");
    bay.upgrade(2, 1, 50).unwrap();
    bay.begin(50).unwrap();
    bay.end(50, StepOutcome::Done);
    bay.see(&["w1", "w2", "w3!", "m1"]);
    assert_eq!(bay.begin(50).unwrap_err().code, "machines-out-of-service");
    let (group, down) = ("default-worker".to_owned(), vec!["node-w3".to_owned()]);
    assert_eq!(bay.held(50), Some(Held::Full { group, down, most: 1 }));
    bay.see(&["w1", "w2", "w3", "m1"]);
    assert_eq!(bay.held(50), None);
    bay.world.end(id(50), bay.epoch, State::Failed).unwrap();
    bay.see(&["w1", "w2", "w3!", "m1"]);
    assert_eq!(bay.held(50), None, "it has ended");
}

#[test]
fn an_upgrade_that_failed_goes_on_where_it_stood() {
    let mut bay = Bay::with(&["w1", "w2", "w3"]);
    bay.world.template(2, "swarm");
    bay.upgrade(2, 1, 50).unwrap();
    bay.begin(50).unwrap();
    bay.end(50, StepOutcome::Done);
    bay.begin(50).unwrap();
    bay.world.end(id(50), bay.epoch, State::Failed).unwrap();
    let cluster = bay.cluster();
    assert_eq!((cluster.template_id, cluster.next_template_id, cluster.status()), (id(1), None, Status::UpdateFailed));
    bay.retry(50, 51).unwrap();
    assert_eq!((names(&bay.roll(51).waiting), bay.operation(51).template), (vec!["w2".to_owned(), "w3".to_owned()], Some(id(2))));
    assert_eq!(bay.pause(50, true).unwrap_err().code, "operation-ended");
    bay.world.try_as(actor("p2"), Command::OperationPause(OperationPause { operation: id(51), paused: true })).unwrap_err();
}

#[test]
fn a_machine_is_replaced_once_for_each_failure_whoever_owns_the_cluster() {
    let mut bay = Bay::labelled(&["w1", "w2", "m1"], &[("auto_healing_enabled", "True"), ("auto_healing_after", "60")]);
    assert_eq!(bay.heal("w1", 50).unwrap_err().code, "node-not-due", "it is well");
    bay.see(&["w1!", "w2", "m1!"]);
    assert_eq!(bay.heal("w1", 50).unwrap_err().code, "node-not-due", "not yet");
    bay.next_owner();
    bay.see(&["w1!", "w2", "m1!"]);
    bay.world.wait(60_000);
    assert_eq!(bay.heal("m1", 50).unwrap_err().code, "node-not-due", "masters are not replaced");
    bay.epoch -= 1;
    assert_eq!(bay.heal("w1", 50).unwrap_err().code, "epoch-stale");
    bay.epoch += 1;
    bay.heal("w1", 50).unwrap();
    assert_eq!((bay.operation(50).kind(), bay.cluster().status()), (Kind::ClusterHeal, Status::UpdateInProgress));
    bay.begin(50).unwrap();
    assert_eq!(bay.batch(50), ["w1"]);
    assert_eq!(bay.pause(50, true).unwrap_err().code, "operation-unpausable");
    bay.world.end(id(50), bay.epoch, State::Failed).unwrap();
    bay.next_owner();
    bay.see(&["w1!", "w2", "m1"]);
    bay.world.wait(600_000);
    assert_eq!(bay.heal("w1", 51).unwrap_err().code, "node-not-due", "no second time for the same failure");
    bay.retry(50, 51).unwrap();
    bay.see(&["w1!", "w2", "m1"]);
    assert_eq!(bay.node("w1").unwrap().healed_by, Some(id(51)));
    bay.begin(51).unwrap();
    bay.end(51, StepOutcome::Done);
    bay.see(&["w3", "w2", "m1"]);
    bay.world.end(id(51), bay.epoch, State::Succeeded).unwrap();
    assert_eq!((bay.node("w1"), bay.node("w3").unwrap().healed_by, bay.cluster().status()), (None, None, Status::UpdateComplete));
    bay.see(&["w3!", "w2", "m1"]);
    bay.see(&["w3", "w2", "m1"]);
    bay.see(&["w3!", "w2", "m1"]);
    assert_eq!(bay.heal("w3", 52).unwrap_err().code, "node-not-due", "its time begins anew");
    bay.world.wait(60_000);
    bay.heal("w3", 52).unwrap();
    let events = model::event::query::of_cluster(&bay.world.tables, id(10), 0, 1000).unwrap();
    let replaced: Vec<_> = events.iter().filter(|event| event.action == "replacing").map(|event| event.name.as_str()).collect();
    assert_eq!(replaced, ["node-w1", "node-w3"]);
}

#[test]
fn without_the_policy_nothing_is_replaced() {
    for labels in [&[][..], &[("auto_healing_enabled", "true"), ("auto_healing_controller", "magnum-auto-healer")][..]] {
        let mut bay = Bay::labelled(&["w1!"], labels);
        bay.world.wait(86_400_000);
        assert_eq!(bay.heal("w1", 50).unwrap_err().code, "node-not-due");
    }
}
