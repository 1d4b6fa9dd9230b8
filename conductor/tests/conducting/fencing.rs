//! Owners that are slow, cut off, killed or removed, and writes that are sent twice: what the log and the outside make of them.

use std::{sync::Arc, time::Duration};

use model::{
    Command, MemberId,
    command::QuotaSet,
    operation::{Kind, Operation, State, StepOutcome},
    ownership::Reason,
    quota,
};
use raft::Write;
use tokio::{
    sync::Notify,
    task::yield_now,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    group::{Group, called},
    rig::{LIMIT, Rig, actor},
    scripted::Trouble,
};

#[tokio::test(start_paused = true)]
async fn a_lease_runs_from_when_it_was_asked_for_however_late_the_answer_comes() {
    let group = Group::new().await;
    let (bay, before) = group.bay_of_a_follower().await;
    let id = group.made_container(bay).await;
    sleep(Duration::from_secs(10)).await;
    let word = Arc::new(Notify::new());
    group.outside.script("start", Trouble::Held(Arc::clone(&word)));
    let operation = group.begin_act(id, Kind::ContainerStart).await;
    called(&group.outside, "start", 1).await;
    // The last grant before the link breaks was long under way; nothing else that this member hears is late.
    group.ways.back_to(before.member, Duration::from_millis(2_300));
    let asked = group.ways.asks(before.member).await;
    sleep_until(asked + Duration::from_millis(2_350)).await;
    group.sever(before.member);
    let after = group.owner_when(bay, |row| row.owner().is_some() && row.epoch != before.epoch).await;
    called(&group.outside, "start", 2).await;
    assert!(asked.elapsed() < Duration::from_millis(7_200), "{:?}: too late to show anything", asked.elapsed());
    // If the old owner's call is still alive, it acts now, after its successor.
    word.notify_waiters();
    sleep(Duration::from_secs(1)).await;
    group.effects_never_fall();
    let ended = group.ended(operation).await;
    assert_eq!((ended.state(), ended.steps[0].epoch), (State::Succeeded, after.epoch));
}

#[tokio::test(start_paused = true)]
async fn what_an_owner_that_was_cut_off_reports_late_does_not_count() {
    let group = Group::new().await;
    let (bay, before) = group.bay_of_a_follower().await;
    let id = group.made_container(bay).await;
    sleep(Duration::from_secs(10)).await;
    let (first, second) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    group.outside.script("start", Trouble::Held(Arc::clone(&first)));
    group.outside.script("start", Trouble::Held(Arc::clone(&second)));
    let operation = group.begin_act(id, Kind::ContainerStart).await;
    called(&group.outside, "start", 1).await;
    group.sever(before.member);
    // Its call ends under a lease that still runs; what it has to say of it cannot leave.
    first.notify_waiters();
    let after = group.owner_when(bay, |row| row.owner().is_some() && row.epoch != before.epoch).await;
    called(&group.outside, "start", 2).await;
    group.heal();
    sleep(Duration::from_secs(8)).await;
    let seen = group.operation(operation).await;
    assert!(seen.open(), "epoch {} has ended what epoch {} is at: {seen:?}", before.epoch, after.epoch);
    second.notify_waiters();
    assert_eq!(group.ended(operation).await.state(), State::Succeeded);
}

/// The steps of an operation as those who are left know them.
fn steps(operation: &Operation) -> Vec<(StepOutcome, u64)> {
    operation.steps.iter().map(|step| (step.outcome(), step.epoch)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_out_stands_in_the_log_when_its_owner_dies() {
    let mut group = Group::new().await;
    let (bay, before) = group.bay_of_a_follower().await;
    sleep(Duration::from_secs(10)).await;
    group.outside.script("create", Trouble::Hangs);
    let operation = group.begin_container(bay).await;
    called(&group.outside, "create", 1).await;
    group.kill(before.member).await;
    assert_eq!(steps(&group.operation(operation).await), [(StepOutcome::Begun, before.epoch)], "nobody knows of the call that is out");
    assert_eq!(group.ended(operation).await.state(), State::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_reckons_with_a_call_whose_owner_died_in_it() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    // It travels on after its sender is dead, and nobody was told anything.
    rig.outside.script("create", Trouble::Silent(Duration::from_secs(8)));
    rig.begin_container(bay).await;
    called(&rig.outside, "create", 1).await;
    let rig = rig.crash().await;
    let delete = rig.begin_delete(bay).await;
    assert_eq!(rig.ended(delete).await.state(), State::Succeeded);
    sleep(Duration::from_secs(20)).await;
    assert!(rig.outside.containers().is_empty(), "an orphan of a bay that is gone");
    assert_eq!(rig.outside.networks(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_record_goes_only_when_the_outside_has_gone() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    rig.outside.script("provision.delete", Trouble::Hangs);
    let delete = rig.begin_delete(bay).await;
    sleep(Duration::from_secs(5)).await;
    assert!(rig.cluster(bay).await.is_some(), "the record has gone, and {} network is there", rig.outside.networks());
    assert_eq!(rig.outside.count("provision.delete"), 1);
    let rig = rig.crash().await;
    assert_eq!(rig.ended(delete).await.state(), State::Succeeded);
    assert_eq!(rig.outside.networks(), 0);
    assert!(rig.cluster(bay).await.is_none());
}

/// The calls from `from` on, with the epochs that they show.
fn shown(rig: &Rig, from: usize) -> Vec<(&'static str, u64)> {
    rig.outside.journal()[from..].iter().map(|called| (called.what, called.shown)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_new_owner_of_a_bay_without_an_endpoint_shows_its_epoch_before_it_changes_anything() {
    let rig = Rig::new().await;
    rig.outside.script("provision.create", Trouble::Hangs);
    let (bay, create) = rig.begin_bay().await;
    called(&rig.outside, "provision.create", 1).await;
    let epoch = rig.epoch(bay).await;
    assert_eq!(shown(&rig, 0), [("provision.create", epoch)], "nobody has acted before the first owner");
    let rig = rig.crash().await;
    assert_eq!(rig.ended(create).await.state(), State::Succeeded);
    let next = rig.epoch(bay).await;
    assert!(next > epoch);
    assert_eq!(shown(&rig, 1)[..2], [("provision.look", next), ("provision.create", next)]);
}

#[tokio::test(start_paused = true)]
async fn a_new_owner_of_a_bay_that_is_deleted_shows_its_epoch_first() {
    let rig = Rig::new().await;
    let bay = rig.bay().await;
    rig.outside.script("provision.delete", Trouble::Hangs);
    let delete = rig.begin_delete(bay).await;
    called(&rig.outside, "provision.delete", 1).await;
    let before = rig.outside.journal().len();
    let epoch = rig.epoch(bay).await;
    let rig = rig.crash().await;
    assert_eq!(rig.ended(delete).await.state(), State::Succeeded);
    let calls = shown(&rig, before);
    assert_eq!((calls[0].0, calls[1].0), ("provision.look", "provision.delete"), "{calls:?}");
    assert!(calls.iter().all(|(_, shown)| *shown > epoch), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn the_bay_of_a_removed_member_finds_a_new_owner() {
    let mut group = Group::new().await;
    let (bay, before) = group.bay_of_a_follower().await;
    sleep(Duration::from_secs(10)).await;
    group.kill(before.member).await;
    let removed = Instant::now();
    group.handle().remove(MemberId(before.member), Instant::now() + LIMIT).await.unwrap();
    let after = group.owner_when(bay, |row| row.owner().is_some() && row.epoch != before.epoch).await;
    assert_eq!(after.reason(), Reason::Removed);
    // What it was granted may still run: a lease, a margin, and the leader's next look.
    let waited = removed.elapsed();
    assert!(waited > Duration::from_secs(5) && waited < Duration::from_secs(8), "{waited:?}");
    let operation = group.begin_container(bay).await;
    assert_eq!(group.ended(operation).await.state(), State::Succeeded);
}

/// The quota of a project becomes this number, whatever it was.
fn set(project: &str, hard_limit: u32) -> Command {
    let (project_id, resource) = (project.to_owned(), quota::CLUSTER.to_owned());
    Command::QuotaSet(QuotaSet { project_id, resource, hard_limit, create: None })
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_forwarded_again_is_applied_once() {
    let group = Group::new().await;
    let leader = group.leader().unwrap().0;
    let follower = (1..=3).find(|member| *member != leader).unwrap();
    let mut shown = 0;
    // The link breaks a little later each time, until the answer is quicker.
    for steps in 0.. {
        let project = format!("after {steps}");
        let handle = group.members[&follower].member.handle();
        let write = Write { command: set(&project, 1), actor: Some(actor()), key: None };
        let first = tokio::spawn(async move { handle.write(write, Instant::now() + LIMIT).await });
        for _ in 0..steps {
            yield_now().await;
        }
        if first.is_finished() {
            break;
        }
        group.sever(follower);
        sleep(Duration::from_secs(2)).await;
        let limit = || group.view(|view| quota::query::limit(view, &project, quota::CLUSTER).unwrap());
        let arrived = limit().await == Some(1);
        if arrived {
            group.write(set(&project, 2)).await;
        }
        group.heal();
        first.await.unwrap().unwrap().outcome.into_result().unwrap();
        sleep(Duration::from_secs(1)).await;
        if arrived {
            shown += 1;
            assert_eq!(limit().await, Some(2), "an older write has come again after a newer one");
        }
    }
    assert!(shown > 0, "no link broke between the log and the answer: this has shown nothing");
    let resent = group.members[&follower].member.handle().status().counters.resent;
    assert!(resent >= shown, "{resent} of {shown} were forwarded again");
}

#[tokio::test(start_paused = true)]
async fn every_effect_is_marked_with_its_epoch() {
    let group = Group::new().await;
    let (bay, owner) = group.bay_of_a_follower().await;
    let id = group.made_container(bay).await;
    group.begin_act(id, Kind::ContainerStart).await;
    called(&group.outside, "start", 1).await;
    let of =
        |what: &str| group.outside.journal().iter().filter(|called| called.what == what).map(|called| called.epoch).collect::<Vec<_>>();
    assert_eq!((of("create"), of("start")), (vec![owner.epoch], vec![owner.epoch]));
    assert!(!of("provision.create").contains(&0));
    assert_eq!(group.outside.containers()[0].epoch, owner.epoch);
}
