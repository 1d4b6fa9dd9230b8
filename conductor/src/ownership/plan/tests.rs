use super::*;
use uuid::Uuid;

fn member(number: u64, standing: Standing) -> Candidate {
    Candidate {
        member: MemberId(number),
        incarnation: 1,
        drivers: BTreeSet::from(["local".to_owned()]),
        weight: 100,
        draining: false,
        standing,
    }
}

fn three() -> Vec<Candidate> {
    (1..=3).map(|number| member(number, Standing::Present)).collect()
}

fn id(number: u128) -> ClusterId {
    ClusterId::new(Uuid::from_u128(number))
}

fn new(number: u128) -> Holding {
    Holding { cluster: id(number), driver: "local".to_owned(), epoch: 0, owner: None, reason: Reason::New, wait: false }
}

fn held(number: u128, owner: u64) -> Holding {
    Holding { epoch: 10 + u64::try_from(number).unwrap_or(0), owner: Some((MemberId(owner), 1)), ..new(number) }
}

fn counts(plan: &Plan) -> BTreeMap<u64, usize> {
    let mut counts = BTreeMap::new();
    for assignment in &plan.assign {
        *counts.entry(assignment.member).or_default() += 1;
    }
    counts
}

#[test]
fn new_clusters_are_spread_evenly() {
    let plan = plan(&three(), &(0..9).map(new).collect::<Vec<_>>(), false);
    assert_eq!(counts(&plan), BTreeMap::from([(1, 3), (2, 3), (3, 3)]));
    assert_eq!(plan.to_string(), "assign 9 (new 9), hand over 0, homeless 0");
}

#[test]
fn weights_count() {
    let mut members = three();
    members[0].weight = 200;
    let plan = plan(&members, &(0..8).map(new).collect::<Vec<_>>(), false);
    assert_eq!(counts(&plan), BTreeMap::from([(1, 4), (2, 2), (3, 2)]));
}

#[test]
fn only_what_a_lost_member_had_moves() {
    let mut members = three();
    members[2].standing = Standing::Lost;
    let holdings: Vec<_> = (0..9).map(|number| held(number, 1 + u64::try_from(number % 3).unwrap_or(0))).collect();
    let plan = plan(&members, &holdings, true);
    assert_eq!(plan.assign.len(), 3);
    assert!(plan.assign.iter().all(|assignment| assignment.reason() == Reason::Lost && assignment.member != 3));
    assert!(plan.handover.is_empty(), "no other moves while something is assigned");
}

#[test]
fn a_silent_member_keeps_what_it_has_and_gets_nothing() {
    let mut members = three();
    members[2].standing = Standing::Silent;
    let plan = plan(&members, &[held(1, 3), new(2), new(3)], false);
    assert_eq!(counts(&plan), BTreeMap::from([(1, 1), (2, 1)]));
}

#[test]
fn a_restarted_member_gets_its_own_back_under_a_new_epoch_at_once() {
    let mut members = three();
    members[0].incarnation = 2;
    let plan = plan(&members, &[held(1, 1), held(2, 1), held(3, 2)], false);
    assert_eq!(plan.assign.len(), 2);
    for assignment in &plan.assign {
        assert_eq!((assignment.member, assignment.incarnation, assignment.reason()), (1, 2, Reason::Restarted));
    }
}

#[test]
fn a_restarted_member_that_does_not_ask_loses_them() {
    let mut members = three();
    members[0].incarnation = 2;
    members[0].standing = Standing::Silent;
    let plan = plan(&members, &[held(1, 1)], false);
    assert_eq!(plan.assign[0].member, 2);
}

#[test]
fn what_may_still_be_acted_for_is_not_assigned() {
    let waits = Holding { wait: true, epoch: 4, reason: Reason::Removed, ..new(1) };
    assert!(plan(&three(), &[waits], true).is_empty());
}

#[test]
fn released_clusters_are_assigned_at_once() {
    let released = Holding { epoch: 4, reason: Reason::Released, ..new(1) };
    let plan = plan(&three(), &[released], false);
    assert_eq!(plan.assign[0].reason(), Reason::Released);
    assert_eq!(plan.assign[0].expected_epoch, 4);
}

#[test]
fn a_member_without_the_driver_gets_none() {
    let mut members = three();
    members[0].drivers.clear();
    members[1].drivers = BTreeSet::from(["heat".to_owned()]);
    let planned = plan(&members, &(0..3).map(new).collect::<Vec<_>>(), false);
    assert_eq!(counts(&planned), BTreeMap::from([(3, 3)]));
    members[2].draining = true;
    assert_eq!(plan(&members, &[new(1)], false).homeless, 1);
}

#[test]
fn draining_is_asked_for_not_taken() {
    let mut members = three();
    members[0].draining = true;
    let planned = plan(&members, &[held(1, 1), held(2, 1), held(3, 2)], true);
    assert!(planned.assign.is_empty());
    assert_eq!(planned.handover.len(), 2);
    assert!(planned.handover.iter().all(|handover| handover.from == MemberId(1) && handover.reason == Reason::Drain));
}

#[test]
fn balance_moves_no_more_than_makes_it_even() {
    let holdings: Vec<_> = (0..6).map(|number| held(number, 1)).collect();
    let planned = plan(&three(), &holdings, true);
    assert_eq!(planned.handover.len(), 4);
    assert!(plan(&three(), &holdings, false).is_empty());
    let even = [held(1, 1), held(2, 1), held(3, 2), held(4, 3)];
    assert!(plan(&three(), &even, true).is_empty(), "one more is not worth a move");
}

#[test]
fn a_large_plan_goes_in_batches() {
    let plan = plan(&three(), &(0..2500).map(new).collect::<Vec<_>>(), false);
    assert_eq!(plan.commands(1).iter().map(|command| command.assignments.len()).collect::<Vec<_>>(), [1000, 1000, 500]);
}

#[test]
fn the_same_input_gives_the_same_plan() {
    let holdings: Vec<_> = (0..50).map(|number| if number % 3 == 0 { new(number) } else { held(number, 2) }).collect();
    assert_eq!(plan(&three(), &holdings, true), plan(&three(), &holdings, true));
}
