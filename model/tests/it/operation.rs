//! Steps, ends, sightings, deadlines: what owners report and what time does.

use model::{
    Class, Command,
    cluster::{self, Health, Observed, Status},
    command::*,
    container::{self, ContainerStatus},
    id::*,
    node::{self, Node},
    operation::{Failure, Kind, Operation, State, StepOutcome, TROUBLES, query},
};

use crate::world::{World, id};

fn begin(operation: OperationId, epoch: u64) -> Command {
    let (name, target) = ("network.create".to_owned(), "jeroboam-10".to_owned());
    Command::StepBegin(StepBegin { operation, epoch, name, target, effect_ms: 5_000, goes_on: false, batch: false })
}

fn step_end(operation: OperationId, epoch: u64) -> StepEnd {
    StepEnd {
        operation,
        epoch,
        name: "network.create".to_owned(),
        outcome: StepOutcome::Done.into(),
        external_id: Some("net-1".to_owned()),
        reason: None,
        ..StepEnd::default()
    }
}

fn operation(world: &World, number: u128) -> Operation {
    query::by_id(&world.tables, id(number)).unwrap().unwrap()
}

const CREATE: u128 = 1_000_010;

#[test]
fn a_step_is_begun_before_and_ended_after() {
    let (mut world, epoch) = World::begun();
    world.done(begin(id(CREATE), epoch));
    let present = operation(&world, CREATE);
    let step = present.open_step().unwrap();
    assert_eq!((step.attempts, step.epoch, step.begun_ms), (1, epoch, world.at_ms));
    assert_eq!(query::in_flight(&world.tables, id(10), world.at_ms).unwrap().len(), 1);
    world.done(begin(id(CREATE), epoch));
    assert_eq!(operation(&world, CREATE).steps.first().unwrap().attempts, 2);
    world.done(Command::StepEnd(step_end(id(CREATE), epoch)));
    let present = operation(&world, CREATE);
    assert_eq!((present.open_step(), present.state()), (None, State::Open));
    assert_eq!(present.steps.first().unwrap().external_id.as_deref(), Some("net-1"));
    assert!(query::in_flight(&world.tables, id(10), world.at_ms).unwrap().is_empty());

    let last = StepEnd { ends: Some(State::Succeeded.into()), ..step_end(id(CREATE), epoch) };
    world.done(Command::StepEnd(last));
    assert_eq!(operation(&world, CREATE).state(), State::Succeeded);
    let cluster = cluster::query::by_id(&world.tables, id(10)).unwrap().unwrap();
    assert_eq!(cluster.status(), Status::CreateComplete);
    assert_eq!(world.refused(begin(id(CREATE), epoch)).class(), Class::Conflict);
}

#[test]
fn an_old_epoch_reports_nothing() {
    let (mut world, old) = World::begun();
    world.done(begin(id(CREATE), old));
    let other = world.join(1);
    let new = world.assign(id(10), other, 1, old);
    let seen = Sighting { cluster: id(10), epoch: old, observed: Some(Observed::default()), ..Sighting::default() };
    let end = OperationEnd { operation: id(CREATE), epoch: old, state: State::Succeeded.into(), ..OperationEnd::default() };
    for command in [
        begin(id(CREATE), old),
        Command::StepEnd(step_end(id(CREATE), old)),
        Command::OperationEnd(end),
        Command::Release(Release { cluster: id(10), epoch: old, reason: 0 }),
    ] {
        assert_eq!(world.refused(command).class(), Class::Stale);
    }
    assert_eq!(world.done(Command::Observe(Observe { sightings: vec![seen] })).number, 0);
    world.done(Command::StepEnd(step_end(id(CREATE), new)));
    world.done(Command::Release(Release { cluster: id(10), epoch: new, reason: 0 }));
    assert_eq!(world.refused(begin(id(CREATE), new)).class(), Class::Stale, "a released epoch is over");
}

#[test]
fn reports_without_sense_are_refused() {
    let (mut world, epoch) = World::begun();
    assert_eq!(world.refused(begin(id(77), epoch)).class(), Class::Missing);
    assert_eq!(world.refused(Command::StepEnd(step_end(id(CREATE), epoch))).code, "step-missing");
    world.done(begin(id(CREATE), epoch));
    let good = step_end(id(CREATE), epoch);
    let foreign = Sighting { cluster: id(11), epoch, ..Sighting::default() };
    for bad in [
        StepEnd { outcome: StepOutcome::Begun.into(), ..good.clone() },
        StepEnd { outcome: 99, ..good.clone() },
        StepEnd { ends: Some(State::Open.into()), ..good.clone() },
        StepEnd { ends: Some(State::Superseded.into()), ..good.clone() },
        StepEnd { ends: Some(99), ..good.clone() },
        StepEnd { seen: Some(foreign), ..good.clone() },
    ] {
        assert_eq!(world.refused(Command::StepEnd(bad)).class(), Class::Invalid);
    }
    world.done(Command::StepEnd(good.clone()));
    world.done(Command::StepEnd(good.clone()));
    let other = StepEnd { outcome: StepOutcome::Failed.into(), ..good };
    assert_eq!(world.refused(Command::StepEnd(other)).code, "step-ended");
}

#[test]
fn a_report_brings_what_was_seen() {
    let mut world = World::new();
    let (cluster, epoch) = world.ready();
    world.container(cluster, 20);
    world.done(begin(id(1_000_020), epoch));
    let seen = ContainerSighting { id: id(20), status: ContainerStatus::Paused.into(), reason: None, engine_id: Some("e".to_owned()) };
    let seen = Sighting { cluster, epoch, containers: vec![seen], ..Sighting::default() };
    let end = StepEnd { seen: Some(seen), ends: Some(State::Succeeded.into()), ..step_end(id(1_000_020), epoch) };
    world.done(Command::StepEnd(end));
    let container = container::query::by_id(&world.tables, id(20)).unwrap().unwrap();
    assert_eq!((container.status(), container.engine_id.as_deref()), (ContainerStatus::Paused, Some("e")), "what was seen counts");
}

#[test]
fn sightings_write_only_what_is_different() {
    let mut world = World::new();
    let (cluster, epoch) = world.ready();
    let observed = Observed { api_address: Some("tcp://h".to_owned()), node_addresses: vec!["n".to_owned()], ..Observed::default() };
    let machine = Node { id: id(40), name: Some("host".to_owned()), ..Node::default() };
    let seen = Sighting { cluster, epoch, observed: Some(observed), nodes: vec![machine], nodes_seen: true, ..Sighting::default() };
    let observe = |seen: &Sighting| Command::Observe(Observe { sightings: vec![seen.clone()] });
    assert_eq!(world.done(observe(&seen)).number, 1);
    let before = (cluster::query::by_id(&world.tables, cluster).unwrap(), node::query::of_cluster(&world.tables, cluster).unwrap());
    assert_eq!(before.1.iter().map(|node| (node.serial, node.project_id.as_str())).collect::<Vec<_>>(), [(1, "p1")]);
    assert_eq!(world.done(observe(&seen)).number, 0);
    assert!(world.changes.is_empty());
    let after = (cluster::query::by_id(&world.tables, cluster).unwrap(), node::query::of_cluster(&world.tables, cluster).unwrap());
    assert_eq!(after, before);

    let report = HealthReport { health: Some(Health::Healthy.into()), ..HealthReport::default() };
    world.done(Command::ClusterUpdate(ClusterUpdate { id: cluster, health: Some(report), ..ClusterUpdate::default() }));
    assert_eq!(world.done(observe(&seen)).number, 0, "an owner that did not look at the health leaves it alone");
    assert_eq!(world.done(observe(&Sighting { nodes: vec![], ..seen })).number, 1);
    assert!(node::query::of_cluster(&world.tables, cluster).unwrap().is_empty());
}

#[test]
fn what_went_wrong_is_kept_with_its_words_in_a_bounded_number() {
    let (mut world, epoch) = World::begun();
    for attempt in 1..=10_u32 {
        world.done(begin(id(CREATE), epoch));
        let reason = Some(format!("no {attempt}"));
        let outcome = StepOutcome::Failed.into();
        world.done(Command::StepEnd(StepEnd {
            outcome,
            reason,
            failure: Failure::Busy.into(),
            pause_ms: 500,
            ..step_end(id(CREATE), epoch)
        }));
    }
    let present = operation(&world, CREATE);
    assert_eq!((present.attempts(), present.retry_ms()), (10, world.at_ms + 500), "nobody begins before");
    let step = present.steps.first().unwrap();
    assert_eq!((step.troubles.len(), step.troubles.first().unwrap().attempt), (TROUBLES, 3));
    let last = present.last_trouble().unwrap();
    assert_eq!((last.failure(), last.reason.as_str(), last.epoch), (Failure::Busy, "no 10", epoch));
    world.wait(600_000);
    world.done(Command::Expire(Expire { limit: 10 }));
    let ended = operation(&world, CREATE);
    assert_eq!((ended.failure(), ended.reason.as_deref()), (Failure::Busy, Some("timed out after 600 s: no 10")));
}

#[test]
fn an_attempt_that_goes_on_is_declared_anew_and_is_no_new_one() {
    let (mut world, epoch) = World::begun();
    let again = |epoch| {
        let (name, target) = ("network.create".to_owned(), "jeroboam-10".to_owned());
        Command::StepBegin(StepBegin { operation: id(CREATE), epoch, name, target, effect_ms: 5_000, goes_on: true, batch: false })
    };
    assert_eq!(world.refused(again(epoch)).code, "step-not-open");
    world.done(begin(id(CREATE), epoch));
    world.wait(4_000);
    world.done(again(epoch));
    let step = operation(&world, CREATE).steps.first().unwrap().clone();
    assert_eq!((step.attempts, step.begun_ms, step.may_still_act(world.at_ms + 4_999)), (1, world.at_ms, true));
    world.done(Command::StepEnd(step_end(id(CREATE), epoch)));
    assert_eq!(world.refused(again(epoch)).code, "step-not-open");
}

#[test]
fn an_end_comes_once() {
    let (mut world, epoch) = World::begun();
    world.done(begin(id(CREATE), epoch));
    world.end(id(CREATE), epoch, State::Failed).unwrap();
    let present = operation(&world, CREATE);
    assert_eq!((present.state(), present.steps.first().unwrap().outcome()), (State::Failed, StepOutcome::Unknown));
    assert_eq!(query::in_flight(&world.tables, id(10), world.at_ms).unwrap().len(), 1, "its call may still take effect");
    assert!(query::in_flight(&world.tables, id(10), world.at_ms + 5_000).unwrap().is_empty());
    world.end(id(CREATE), epoch, State::Failed).unwrap();
    assert_eq!(operation(&world, CREATE), present);
    assert_eq!(world.end(id(CREATE), epoch, State::Succeeded).unwrap_err().class(), Class::Conflict);
    let cluster = cluster::query::by_id(&world.tables, id(10)).unwrap().unwrap();
    assert_eq!((cluster.status(), cluster.status_reason.as_deref()), (Status::CreateFailed, Some("because")));
}

#[test]
fn what_takes_too_long_fails_by_log_time() {
    let (mut world, epoch) = World::begun();
    world.done(begin(id(CREATE), epoch));
    let expire = Command::Expire(Expire { limit: 10 });
    assert_eq!(world.done(expire.clone()).number, 0);
    assert_eq!(query::next_deadline(&world.tables).unwrap(), Some(operation(&world, CREATE).deadline_ms));
    world.wait(600_000);
    assert!(query::expire_due(&world.tables, world.at_ms).unwrap());
    assert_eq!(world.done(expire.clone()).number, 1);
    assert_eq!(world.done(expire).number, 0);
    let present = operation(&world, CREATE);
    assert_eq!((present.state(), present.reason.as_deref()), (State::Failed, Some("timed out after 600 s")));
    let cluster = cluster::query::by_id(&world.tables, id(10)).unwrap().unwrap();
    assert_eq!((cluster.status(), cluster.status_reason.as_deref()), (Status::CreateFailed, Some("timed out after 600 s")));
    assert_eq!(present.open_step().unwrap().epoch, epoch, "nobody looked, so the step stays open");
    world.done(Command::StepEnd(StepEnd { ends: Some(State::Succeeded.into()), ..step_end(id(CREATE), epoch) }));
    let present = operation(&world, CREATE);
    assert_eq!((present.state(), present.open_step()), (State::Failed, None), "a late report ends the step, not the operation again");
}

#[test]
fn expiry_is_bounded() {
    let mut world = World::new();
    let (cluster, _) = world.ready();
    for number in 20..25 {
        world.container(cluster, number);
    }
    world.wait(60_000);
    assert_eq!(world.done(Command::Expire(Expire { limit: 3 })).number, 3);
    assert_eq!(world.done(Command::Expire(Expire { limit: 3 })).number, 2);
    let failed = container::query::by_id(&world.tables, id(20)).unwrap().unwrap();
    assert_eq!(failed.status(), ContainerStatus::Error);
}

#[test]
fn ended_operations_are_kept_in_a_bounded_number() {
    let mut world = World::new();
    let (cluster, epoch) = world.ready();
    let container = world.container(cluster, 20);
    world.end(id(1_000_020), epoch, State::Succeeded).unwrap();
    for number in 0..200 {
        world.act(container, Kind::ContainerReboot, 100 + number).unwrap();
        world.end(id(100 + number), epoch, State::Succeeded).unwrap();
        if number == 99 {
            assert_eq!(query::of_cluster(&world.tables, cluster, usize::MAX).unwrap().len(), 102, "what ended just now is kept");
        }
        world.wait(if number < 100 { 0 } else { 60_000 });
    }
    let kept = query::of_cluster(&world.tables, cluster, usize::MAX).unwrap();
    assert!(kept.len() <= 65, "{} are kept", kept.len());
    assert_eq!(kept.last().unwrap().id, id(299));
}

#[test]
fn what_may_have_run_and_is_over_its_time_is_unknown() {
    let mut world = World::new();
    let (cluster, epoch) = world.ready();
    let container = world.container(cluster, 20);
    world.end(id(1_000_020), epoch, State::Succeeded).unwrap();
    world.act(container, Kind::ContainerReboot, 30).unwrap();
    world.act(container, Kind::ContainerReboot, 31).unwrap();
    world.done(begin(id(30), epoch));
    world.wait(60_000);
    world.done(Command::Expire(Expire { limit: 10 }));
    assert_eq!((operation(&world, 30).state(), operation(&world, 31).state()), (State::Unknown, State::Failed));
    world.done(Command::StepEnd(StepEnd { outcome: StepOutcome::Unknown.into(), ..step_end(id(30), epoch) }));
    assert_eq!(operation(&world, 30).open_step(), None, "its owner says later that it heard nothing");
}
