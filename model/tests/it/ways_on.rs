//! From everything that went wrong there is a way on: cancel, retry, supersede, force, reset.

use model::{
    Class, Command,
    cluster::{self, Cluster, Observed, Status},
    command::*,
    container::{self, ContainerStatus, Wanted},
    nodegroup,
    operation::{FORCED_MS, Kind, Left, Operation, State, StepOutcome, query},
};

use crate::world::{World, actor, admin, id};

const CREATE: u128 = 1_000_010;

fn stored(world: &World) -> Cluster {
    cluster::query::by_id(&world.tables, id(10)).unwrap().unwrap()
}

fn operation(world: &World, number: u128) -> Operation {
    query::by_id(&world.tables, id(number)).unwrap().unwrap()
}

fn workers(world: &World) -> u32 {
    nodegroup::query::counts(&nodegroup::query::of_cluster(&world.tables, id(10)).unwrap()).nodes
}

fn cancel(operation: u128) -> Command {
    Command::OperationCancel(OperationCancel { operation: id(operation) })
}

fn retry(operation: u128, retry: u128) -> Command {
    Command::OperationRetry(OperationRetry { operation: id(operation), retry: id(retry) })
}

fn resize(node_count: u32, operation: u128) -> Command {
    Command::ClusterUpdate(ClusterUpdate { id: id(10), node_count: Some(node_count), operation: id(operation), ..ClusterUpdate::default() })
}

fn delete(operation: u128, force: bool) -> Command {
    Command::ClusterDelete(ClusterDelete { id: id(10), expected_revision: 0, operation: id(operation), force })
}

fn reset(status: Status) -> Command {
    Command::ClusterReset(ClusterReset { id: id(10), status: status.into(), reason: "put right by hand".to_owned() })
}

fn expire(world: &mut World) -> u64 {
    world.done(Command::Expire(Expire { limit: 100 })).number
}

#[test]
fn a_create_that_was_called_off_can_be_asked_for_again() {
    let (mut world, epoch) = World::begun();
    let done = world.done(cancel(CREATE));
    assert_eq!(world.done(cancel(CREATE)).object, done.object, "asked again it is cancelled");
    assert_eq!((stored(&world).status(), stored(&world).status_reason.as_deref()), (Status::CreateFailed, Some("cancelled on request")));
    assert_eq!(operation(&world, CREATE).state(), State::Cancelled);
    let late = world.end(id(CREATE), epoch, State::Succeeded).unwrap_err();
    assert_eq!(late.code, "operation-ended", "the owner's late success changes nothing");
    assert_eq!(world.refused(resize(3, 50)).class(), Class::Invalid);
    let done = world.done(retry(CREATE, 51));
    assert_eq!(done.operation, id::<model::id::kind::Operation>(51).bytes());
    assert_eq!((stored(&world).status(), operation(&world, 51).retry_of), (Status::CreateInProgress, Some(id(CREATE))));
    assert_eq!(operation(&world, 51).deadline_ms, world.at_ms + 600_000, "it has its whole time again");
    assert_eq!(world.refused(retry(CREATE, 52)).code, "operation-overtaken");
    assert_eq!(world.refused(retry(51, 52)).code, "operation-open");
    world.end(id(51), epoch, State::Succeeded).unwrap();
    assert_eq!(stored(&world).status(), Status::CreateComplete);
    assert_eq!(world.refused(retry(51, 52)).code, "operation-ended");
}

#[test]
fn a_second_resize_replaces_the_target_of_the_first() {
    let mut world = World::new();
    let (_, epoch) = world.ready();
    world.done(resize(7, 50));
    world.done(resize(4, 51));
    assert_eq!((operation(&world, 50).state(), operation(&world, 51).state()), (State::Superseded, State::Open));
    assert_eq!((stored(&world).operation, workers(&world)), (Some(id(51)), 4));
    assert_eq!(world.end(id(50), epoch, State::Succeeded).unwrap_err().code, "operation-ended");
    world.end(id(51), epoch, State::Failed).unwrap();
    assert_eq!((stored(&world).status(), workers(&world)), (Status::UpdateFailed, 2), "the size from before both is back");
    world.done(retry(51, 52));
    assert_eq!((operation(&world, 52).node_count, workers(&world)), (Some(4), 4));
    world.done(cancel(52));
    assert_eq!((stored(&world).status(), workers(&world)), (Status::UpdateFailed, 2));
    world.done(resize(3, 53));
    assert_eq!(world.refused(retry(52, 54)).code, "operation-overtaken", "nobody is led back to what was given up");
    world.end(id(53), epoch, State::Succeeded).unwrap();
    assert_eq!((stored(&world).status(), workers(&world)), (Status::UpdateComplete, 3));
}

/// The owner's step of an operation, and its success when the operation may have been overtaken since.
fn step(operation: u128, epoch: u64) -> [Command; 2] {
    let (name, target) = ("provision".to_owned(), "jeroboam-10".to_owned());
    let begin = StepBegin { operation: id(operation), epoch, name: name.clone(), target, effect_ms: 5_000, goes_on: false, batch: false };
    let ends = Some(State::Succeeded.into());
    let end = StepEnd { operation: id(operation), epoch, name, outcome: StepOutcome::Done.into(), ends, ..StepEnd::default() };
    [Command::StepBegin(begin), Command::StepEnd(end)]
}

#[test]
fn what_was_superseded_ends_late_and_moves_no_status() {
    let mut world = World::new();
    let (_, epoch) = world.ready();
    world.done(resize(7, 50));
    let [begin, late] = step(50, epoch);
    world.done(begin);
    world.done(resize(4, 51));
    world.done(late);
    assert_eq!(operation(&world, 50).state(), State::Superseded);
    assert_eq!((stored(&world).status(), stored(&world).operation, workers(&world)), (Status::UpdateInProgress, Some(id(51)), 4));
    let [begin, late] = step(51, epoch);
    world.done(begin);
    world.done(delete(60, false));
    world.done(late);
    assert_eq!(operation(&world, 51).state(), State::Superseded);
    assert_eq!((stored(&world).status(), stored(&world).operation), (Status::DeleteInProgress, Some(id(60))), "the deletion has won");
    world.end(id(60), epoch, State::Succeeded).unwrap();
    assert_eq!(cluster::query::by_id(&world.tables, id(10)).unwrap(), None);
}

#[test]
fn a_deletion_is_not_called_off_but_asked_for_again() {
    let mut world = World::new();
    let (_, epoch) = world.ready();
    world.container(id(10), 20);
    world.act(id(20), Kind::ContainerDelete, 30).unwrap();
    assert_eq!(world.refused(cancel(30)).code, "deletion-final");
    world.done(delete(60, false));
    assert_eq!(world.refused(cancel(60)).code, "deletion-final");
    world.end(id(60), epoch, State::Failed).unwrap();
    world.done(retry(60, 61));
    assert_eq!((stored(&world).status(), operation(&world, 61).retry_of), (Status::DeleteInProgress, Some(id(60))));
    world.end(id(61), epoch, State::Succeeded).unwrap();
    assert_eq!(cluster::query::by_id(&world.tables, id(10)).unwrap(), None);
}

#[test]
fn acts_on_containers_are_cancelled_and_retried() {
    let mut world = World::new();
    let (cluster, epoch) = world.ready();
    world.container(cluster, 20);
    world.end(id(1_000_020), epoch, State::Failed).unwrap();
    let stored = |world: &World| container::query::by_id(&world.tables, id(20)).unwrap().unwrap();
    assert_eq!(stored(&world).status(), ContainerStatus::Error);
    world.done(retry(1_000_020, 40));
    world.end(id(40), epoch, State::Succeeded).unwrap();
    assert_eq!(stored(&world).status(), ContainerStatus::Stopped);
    world.act(id(20), Kind::ContainerStart, 41).unwrap();
    world.act(id(20), Kind::ContainerExecute, 42).unwrap();
    world.done(cancel(41));
    world.done(cancel(42));
    assert_eq!((operation(&world, 41).state(), stored(&world).status()), (State::Cancelled, ContainerStatus::Stopped));
    assert_eq!(world.refused(retry(42, 43)).code, "execute-not-repeated");
    assert_eq!(world.refused(retry(41, 43)).code, "operation-overtaken");
    world.act(id(20), Kind::ContainerReboot, 44).unwrap();
    world.end(id(44), epoch, State::Unknown).unwrap();
    world.done(retry(44, 45));
    assert_eq!((operation(&world, 45).kind(), stored(&world).wanted()), (Kind::ContainerReboot, Wanted::Running));
    world.end(id(45), epoch, State::Succeeded).unwrap();
    world.act(id(20), Kind::ContainerDelete, 46).unwrap();
    world.end(id(46), epoch, State::Failed).unwrap();
    world.done(retry(46, 47));
    world.end(id(47), epoch, State::Succeeded).unwrap();
    assert_eq!(container::query::by_id(&world.tables, id(20)).unwrap(), None);
}

#[test]
fn other_projects_neither_cancel_nor_retry_nor_reset() {
    let (mut world, _) = World::begun();
    assert_eq!(world.refused_as(actor("p2"), cancel(CREATE)).0, Class::Missing);
    assert_eq!(world.refused_as(actor("p2"), retry(CREATE, 50)).0, Class::Missing);
    assert_eq!(world.refused(reset(Status::CreateComplete)).class(), Class::Forbidden);
    assert_eq!(world.refused(cancel(99)).class(), Class::Missing);
    world.try_as(admin(), cancel(CREATE)).unwrap();
}

#[test]
fn an_administrator_sets_a_stuck_status() {
    let (mut world, epoch) = World::begun();
    for bad in [Status::CreateInProgress, Status::DeleteComplete, Status::RollbackFailed] {
        assert_eq!(world.try_as(admin(), reset(bad)).unwrap_err().class(), Class::Invalid);
    }
    world.try_as(admin(), reset(Status::CreateComplete)).unwrap();
    assert_eq!((stored(&world).status(), stored(&world).operation), (Status::CreateComplete, None));
    assert_eq!(operation(&world, CREATE).state(), State::Cancelled);
    let events = model::event::query::of_cluster(&world.tables, id(10), 0, 100).unwrap();
    let event = events.iter().find(|event| event.action == "reset").unwrap();
    assert_eq!(event.detail, "CREATE_IN_PROGRESS to CREATE_COMPLETE: put right by hand");
    assert_eq!((event.user_id.as_str(), event.request_id.as_str()), ("u1", "req-1"), "it says who");

    world.done(delete(60, false));
    world.end(id(60), epoch, State::Failed).unwrap();
    world.try_as(admin(), reset(Status::UpdateComplete)).unwrap();
    world.done(resize(5, 61));
    world.end(id(61), epoch, State::Succeeded).unwrap();
    let before = stored(&world);
    world.try_as(admin(), reset(Status::UpdateComplete)).unwrap();
    assert_eq!(stored(&world), before, "set to what it is, nothing changes");
}

/// A bay with a network and a container, whose owner has been told to delete it by force.
fn forced() -> (World, u64) {
    let mut world = World::new();
    let (cluster, epoch) = world.ready();
    world.container(cluster, 20);
    let seen = ContainerSighting { id: id(20), status: ContainerStatus::Stopped.into(), reason: None, engine_id: Some("e20".to_owned()) };
    let observed = Observed { backend_id: Some("net-1".to_owned()), api_address: Some("tcp://h".to_owned()), ..Observed::default() };
    let seen = Sighting { cluster, epoch, observed: Some(observed), containers: vec![seen], ..Sighting::default() };
    world.done(Command::Observe(Observe { sightings: vec![seen] }));
    world.done(delete(60, true));
    (world, epoch)
}

fn begin(world: &mut World, epoch: u64) {
    let name = "provision.delete".to_owned();
    world.done(Command::StepBegin(StepBegin {
        operation: id(60),
        epoch,
        name,
        target: "jeroboam-10".to_owned(),
        effect_ms: 5_000,
        goes_on: false,
        batch: false,
    }));
}

fn given_up(epoch: u64) -> StepEnd {
    StepEnd {
        operation: id(60),
        epoch,
        name: "provision.delete".to_owned(),
        outcome: StepOutcome::Failed.into(),
        reason: Some("no".to_owned()),
        ends: Some(State::Succeeded.into()),
        ..StepEnd::default()
    }
}

fn names(operation: &Operation) -> Vec<(&str, &str)> {
    operation.left.iter().map(|left| (left.what.as_str(), left.id.as_str())).collect()
}

#[test]
fn a_forced_deletion_says_what_its_owner_found_left() {
    let (mut world, epoch) = forced();
    begin(&mut world, epoch);
    let left = vec![Left { what: "network".to_owned(), name: "jeroboam-10".to_owned(), id: "net-1".to_owned() }];
    world.done(Command::StepEnd(StepEnd { left, ..given_up(epoch) }));
    assert_eq!(cluster::query::by_id(&world.tables, id(10)).unwrap(), None);
    let ended = operation(&world, 60);
    assert_eq!((ended.state(), ended.reason.as_deref()), (State::Succeeded, Some("forced: 1 thing was left outside")));
    assert_eq!(names(&ended), [("network", "net-1")]);
    assert_eq!(query::with_left(&world.tables, 10).unwrap(), std::slice::from_ref(&ended));
    world.wait(3_700_000);
    expire(&mut world);
    assert_eq!(query::with_left(&world.tables, 10).unwrap(), [ended], "it is remembered for longer than others");
    world.wait(31 * 24 * 3_600_000);
    expire(&mut world);
    assert_eq!(query::with_left(&world.tables, 10).unwrap(), []);
}

#[test]
fn where_nobody_could_look_the_records_say_what_is_left() {
    let (mut world, epoch) = forced();
    begin(&mut world, epoch);
    world.done(Command::StepEnd(StepEnd { left_unseen: true, ..given_up(epoch) }));
    assert_eq!(names(&operation(&world, 60)), [("local", "net-1"), ("container", "e20")]);
}

#[test]
fn a_forced_deletion_ends_without_any_owner() {
    let (mut world, epoch) = forced();
    begin(&mut world, epoch);
    world.done(Command::Release(Release { cluster: id(10), epoch, reason: 0 }));
    world.wait(FORCED_MS);
    assert_eq!(expire(&mut world), 1);
    assert_eq!(cluster::query::by_id(&world.tables, id(10)).unwrap(), None);
    assert_eq!(names(&operation(&world, 60)), [("local", "net-1"), ("container", "e20")]);
}

#[test]
fn a_deletion_under_way_is_forced_and_a_clean_one_leaves_nothing() {
    let mut world = World::new();
    let (_, epoch) = world.ready();
    world.done(delete(60, false));
    assert_eq!(operation(&world, 60).deadline_ms, world.at_ms + 600_000);
    let again = world.done(delete(61, true));
    assert_eq!(again.operation, id::<model::id::kind::Operation>(60).bytes(), "it is the same deletion");
    assert_eq!((operation(&world, 60).force, operation(&world, 60).deadline_ms), (true, world.at_ms + FORCED_MS));
    begin(&mut world, epoch);
    world.done(Command::StepEnd(StepEnd { outcome: StepOutcome::Done.into(), reason: None, ..given_up(epoch) }));
    let ended = operation(&world, 60);
    assert_eq!((ended.state(), ended.reason, ended.left), (State::Succeeded, None, vec![]));
}

#[test]
fn a_create_that_nobody_has_heard_of_may_have_left_something() {
    let (mut world, epoch) = World::begun();
    let target = "jeroboam-10".to_owned();
    world.done(Command::StepBegin(StepBegin {
        operation: id(CREATE),
        epoch,
        name: "c".to_owned(),
        target,
        effect_ms: 5_000,
        goes_on: false,
        batch: false,
    }));
    world.done(delete(60, true));
    world.wait(FORCED_MS);
    expire(&mut world);
    let left = operation(&world, 60).left;
    assert_eq!(left, [Left { what: "unknown".to_owned(), name: "jeroboam-10".to_owned(), id: String::new() }]);
}

#[test]
fn only_a_forced_deletion_leaves_something() {
    let mut world = World::new();
    let (_, epoch) = world.ready();
    world.done(delete(60, false));
    begin(&mut world, epoch);
    let report = StepEnd { left_unseen: true, ..given_up(epoch) };
    assert_eq!(world.refused(Command::StepEnd(report.clone())).code, "left-unforced");
    world.done(delete(61, true));
    assert_eq!(world.refused(Command::StepEnd(StepEnd { ends: None, ..report })).code, "left-unforced");
}

/// However a cluster failed, something leads out of it.
#[test]
fn no_failed_status_is_a_dead_end() {
    let fail = |kind: Kind| {
        let (mut world, epoch) = World::begun();
        if kind == Kind::ClusterCreate {
            world.end(id(CREATE), epoch, State::Failed).unwrap();
            return (world, epoch, CREATE);
        }
        world.end(id(CREATE), epoch, State::Succeeded).unwrap();
        world.done(if kind == Kind::ClusterUpdate { resize(5, 50) } else { delete(50, false) });
        world.end(id(50), epoch, State::Failed).unwrap();
        (world, epoch, 50)
    };
    for kind in [Kind::ClusterCreate, Kind::ClusterUpdate, Kind::ClusterDelete] {
        let (mut world, epoch, failed) = fail(kind);
        assert!(stored(&world).status().failed(), "{kind:?}");
        world.done(retry(failed, 70));
        world.end(id(70), epoch, State::Succeeded).unwrap();
        let after = cluster::query::by_id(&world.tables, id(10)).unwrap();
        assert!(after.is_none_or(|cluster| cluster.status().idle()), "{kind:?}: by a retry");

        for force in [false, true] {
            let (mut world, epoch, _) = fail(kind);
            world.done(delete(71, force));
            world.end(id(71), epoch, State::Succeeded).unwrap();
            assert_eq!(cluster::query::by_id(&world.tables, id(10)).unwrap(), None, "{kind:?}: by a deletion");
        }
        let (mut world, _, _) = fail(kind);
        world.try_as(admin(), reset(Status::UpdateComplete)).unwrap();
        world.done(resize(4, 72));
        assert_eq!(stored(&world).status(), Status::UpdateInProgress, "{kind:?}: by a reset");
    }
}
