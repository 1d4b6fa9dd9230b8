use std::collections::BTreeMap;

use super::*;
use uuid::Uuid;

pub(super) fn member(number: u64, standing: Standing) -> Candidate {
    Candidate {
        member: MemberId(number),
        incarnation: 1,
        drivers: BTreeSet::from(["local".to_owned()]),
        weight: 100,
        zone: String::new(),
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

pub(super) fn new(number: u128) -> Holding {
    Holding {
        cluster: id(number),
        name: format!("bay{number}"),
        driver: "local".to_owned(),
        work: 10,
        zone: String::new(),
        pin: None,
        epoch: 0,
        owner: None,
        reason: Reason::New,
        wait: false,
    }
}

pub(super) fn held(number: u128, owner: u64) -> Holding {
    Holding { epoch: 10 + u64::try_from(number).unwrap_or(0), owner: Some((MemberId(owner), 1)), ..new(number) }
}

fn pinned(holding: Holding, to: u64) -> Holding {
    Holding { pin: Some(MemberId(to)), ..holding }
}

fn counts(plan: &Plan) -> BTreeMap<u64, usize> {
    let mut counts = BTreeMap::new();
    for assignment in &plan.assign {
        *counts.entry(assignment.to.0).or_default() += 1;
    }
    counts
}

fn routes(moves: &[Move]) -> Vec<(Option<u64>, u64, Reason)> {
    moves.iter().map(|one| (one.from.map(|from| from.0), one.to.0, one.reason)).collect()
}

#[test]
fn new_clusters_are_spread_evenly() {
    let plan = plan(&three(), &(0..9).map(new).collect::<Vec<_>>(), Aim::Urgent);
    assert_eq!(counts(&plan), BTreeMap::from([(1, 3), (2, 3), (3, 3)]));
    assert_eq!(plan.summary(), "assign 9 (new 9), hand over 0, stuck 0");
}

#[test]
fn weights_count() {
    let mut members = three();
    members[0].weight = 200;
    let plan = plan(&members, &(0..8).map(new).collect::<Vec<_>>(), Aim::Urgent);
    assert_eq!(counts(&plan), BTreeMap::from([(1, 4), (2, 2), (3, 2)]));
}

#[test]
fn work_counts_not_the_number() {
    let large = Holding { work: work(100, 0), ..new(0) };
    let many = (1..=20).map(new);
    let plan = plan(&three(), &std::iter::once(large).chain(many).collect::<Vec<_>>(), Aim::Urgent);
    assert_eq!(counts(&plan), BTreeMap::from([(1, 1), (2, 10), (3, 10)]), "one of 110 and twenty of 10");
    assert_eq!((work(3, 2), work(0, 99)), (23, 50));
}

#[test]
fn only_what_a_lost_member_had_moves() {
    let mut members = three();
    members[2].standing = Standing::Lost;
    let holdings: Vec<_> = (0..9).map(|number| held(number, 1 + u64::try_from(number % 3).unwrap_or(0))).collect();
    let plan = plan(&members, &holdings, Aim::Bounded);
    assert_eq!(plan.assign.len(), 3);
    assert!(plan.assign.iter().all(|one| one.reason == Reason::Lost && one.to != MemberId(3) && one.from == Some(MemberId(3))));
    assert!(plan.handover.is_empty(), "no balance before all have an owner");
}

#[test]
fn a_silent_member_keeps_what_it_has_and_gets_nothing() {
    let mut members = three();
    members[2].standing = Standing::Silent;
    let plan = plan(&members, &[held(1, 3), new(2), new(3)], Aim::Urgent);
    assert_eq!(counts(&plan), BTreeMap::from([(1, 1), (2, 1)]));
}

#[test]
fn a_restarted_member_gets_its_own_back_under_a_new_epoch_at_once() {
    let mut members = three();
    members[0].incarnation = 2;
    let plan = plan(&members, &[held(1, 1), held(2, 1), held(3, 2)], Aim::Urgent);
    assert_eq!(plan.assign.len(), 2);
    for one in &plan.assign {
        assert_eq!((one.to.0, one.incarnation, one.reason, one.choice), (1, 2, Reason::Restarted, Choice::Own));
    }
}

#[test]
fn a_restarted_member_that_does_not_ask_loses_them() {
    let mut members = three();
    members[0].incarnation = 2;
    members[0].standing = Standing::Silent;
    let plan = plan(&members, &[held(1, 1)], Aim::Urgent);
    assert_eq!(plan.assign[0].to.0, 2);
}

#[test]
fn what_may_still_be_acted_for_is_not_assigned() {
    let waits = Holding { wait: true, epoch: 4, reason: Reason::Removed, ..new(1) };
    assert!(plan(&three(), &[waits], Aim::Bounded).is_empty());
}

#[test]
fn released_clusters_are_assigned_at_once_and_keep_their_reason() {
    for reason in [Reason::Released, Reason::Drain] {
        let released = Holding { epoch: 4, reason, ..new(1) };
        let plan = plan(&three(), &[released], Aim::Urgent);
        assert_eq!((plan.assign[0].reason, plan.assign[0].epoch), (reason, 4));
    }
}

#[test]
fn a_member_without_the_driver_gets_none() {
    let mut members = three();
    members[0].drivers.clear();
    members[1].drivers = BTreeSet::from(["heat".to_owned()]);
    let planned = plan(&members, &(0..3).map(new).collect::<Vec<_>>(), Aim::Urgent);
    assert_eq!(counts(&planned), BTreeMap::from([(3, 3)]));
    members[2].draining = true;
    let planned = plan(&members, &[new(1)], Aim::Urgent);
    assert_eq!(planned.stuck[0].lack, Lack::Everybody);
    let other = Holding { driver: "none".to_owned(), ..held(2, 2) };
    members[1].standing = Standing::Lost;
    let planned = plan(&members, &[other], Aim::Urgent);
    assert_eq!((&planned.stuck[0].lack, planned.stuck[0].owner), (&Lack::Driver("none".to_owned()), Some(MemberId(2))));
    assert!(planned.to_string().contains("no member has the driver \"none\"; it stays with member 2"), "{planned}");
}

#[test]
fn draining_is_asked_for_not_taken() {
    let mut members = three();
    members[0].draining = true;
    let holdings = [held(1, 1), held(2, 1), held(3, 2)];
    let planned = plan(&members, &holdings, Aim::Wishes);
    assert!(planned.assign.is_empty());
    assert_eq!(routes(&planned.handover), [(Some(1), 3, Reason::Drain), (Some(1), 2, Reason::Drain)]);
    assert!(plan(&members, &holdings, Aim::Urgent).is_empty());
    // Whoever drains and then dies loses the rest as others do.
    members[0].standing = Standing::Lost;
    assert_eq!(plan(&members, &holdings, Aim::Wishes).assign.len(), 2);
}

#[test]
fn draining_everybody_moves_nothing() {
    let mut members = three();
    members.iter_mut().for_each(|member| member.draining = true);
    let planned = plan(&members, &[held(1, 1)], Aim::Bounded);
    assert!(planned.is_empty());
    assert_eq!(planned.stuck[0].lack, Lack::Drains);
}

#[test]
fn balance_moves_no_more_than_makes_it_even() {
    let holdings: Vec<_> = (0..6).map(|number| held(number, 1)).collect();
    let planned = plan(&three(), &holdings, Aim::Bounded);
    assert_eq!(planned.handover.len(), 4);
    assert!(planned.balances());
    assert!(plan(&three(), &holdings, Aim::Wishes).is_empty());
    let even = [held(1, 1), held(2, 1), held(3, 2), held(4, 3)];
    assert!(plan(&three(), &even, Aim::Even).is_empty(), "one more is not worth a move");
}

#[test]
fn within_the_bound_nothing_moves_unless_evenness_is_asked_for() {
    // 11, 10 and 9 of 10: the worst has 1.1 times the mean.
    let holdings: Vec<_> = (0..30)
        .map(|number| {
            held(
                number,
                if number < 11 {
                    1
                } else if number < 21 {
                    2
                } else {
                    3
                },
            )
        })
        .collect();
    assert!(plan(&three(), &holdings, Aim::Bounded).is_empty());
    let even = plan(&three(), &holdings, Aim::Even);
    assert_eq!(routes(&even.handover), [(Some(1), 3, Reason::Balance)]);
}

#[test]
fn the_lightest_cluster_that_is_enough_goes_and_among_equals_the_youngest() {
    let heavy = |number, work| Holding { work, ..held(number, 1) };
    let holdings = [heavy(1, 100), heavy(2, 40), heavy(3, 40), heavy(4, 20), Holding { work: 100, ..held(5, 2) }];
    let planned = plan(&three()[..2], &holdings, Aim::Bounded);
    // 200 against 100, mean 150: 35 must go, 65 may come.
    assert_eq!(planned.handover.iter().map(|one| one.cluster).collect::<Vec<_>>(), [id(3)]);
}

#[test]
fn a_pin_is_obeyed() {
    let planned = plan(&three(), &[pinned(new(1), 3), pinned(held(2, 1), 2), pinned(held(3, 3), 3)], Aim::Wishes);
    assert_eq!((planned.assign[0].to.0, planned.assign[0].choice), (3, Choice::Pin));
    assert_eq!(routes(&planned.handover), [(Some(1), 2, Reason::Pinned)]);
    assert!(planned.unmet.is_empty());
}

#[test]
fn what_is_pinned_does_not_move_for_balance() {
    let holdings: Vec<_> = (0..6).map(|number| if number < 4 { pinned(held(number, 1), 1) } else { held(number, 1) }).collect();
    let planned = plan(&three(), &holdings, Aim::Even);
    assert_eq!(planned.handover.len(), 2, "the two that are free");
}

#[test]
fn a_pin_to_a_member_that_cannot_serve_is_explained() {
    let mut members = three();
    members[1].draining = true;
    members[2].drivers.clear();
    let holdings = [pinned(held(1, 1), 2), pinned(new(2), 3), pinned(held(3, 1), 9), pinned(held(4, 2), 2)];
    let planned = plan(&members, &holdings, Aim::Wishes);
    assert_eq!(planned.assign[0].to.0, 1, "somebody serves it meanwhile");
    assert_eq!(routes(&planned.handover), [(Some(2), 1, Reason::Drain)], "a drain is stronger than a pin");
    let text = planned.to_string();
    for words in ["member 2, which drains", "member 3, which has no driver \"local\"", "member 9, which does not exist"] {
        assert!(text.contains(&format!("pinned to {words}: obeyed as soon as that changes")), "{text}");
    }
}

#[test]
fn a_cluster_goes_to_its_zone_while_that_is_within_the_bound() {
    let mut members = three();
    members[2].zone = "north".to_owned();
    let north = |number| Holding { zone: "north".to_owned(), ..new(number) };
    let planned = plan(&members, &[north(1)], Aim::Urgent);
    assert_eq!(counts(&planned), BTreeMap::from([(3, 1)]), "all else is equal");
    let planned = plan(&members, &(0..30).map(north).collect::<Vec<_>>(), Aim::Urgent);
    assert_eq!(counts(&planned)[&3], 11, "11 of 30 are 1.1 times the mean");
    assert!(planned.assign.iter().any(|one| one.choice == Choice::Zone));
}

#[test]
fn at_equal_shares_the_zone_with_less_goes_first() {
    let mut members = three();
    members[0].zone = "a".to_owned();
    members[1].zone = "a".to_owned();
    members[2].zone = "b".to_owned();
    let planned = plan(&members, &[held(1, 1), new(2)], Aim::Urgent);
    assert_eq!(counts(&planned), BTreeMap::from([(3, 1)]));
}

#[test]
fn a_large_plan_goes_in_batches() {
    let plan = plan(&three(), &(0..2500).map(new).collect::<Vec<_>>(), Aim::Urgent);
    assert_eq!(plan.commands(1).iter().map(|command| command.assignments.len()).collect::<Vec<_>>(), [1000, 1000, 500]);
}

#[test]
fn what_is_in_the_midst_of_something_comes_with_the_first_of_many_entries() {
    let mut plan = plan(&three(), &(0..2500).map(new).collect::<Vec<_>>(), Aim::Urgent);
    assert!(plan.takes_entries());
    let busy = [id(7), id(2400)];
    plan.put_first(|cluster| busy.contains(&cluster));
    let first: Vec<_> = plan.commands(1)[0].assignments.iter().map(|one| one.cluster).collect();
    assert_eq!((first.len(), &first[..2], first[2]), (BATCH, &busy[..], id(0)), "the others stay in their order");
}

#[test]
fn a_plan_explains_itself() {
    let mut members = three();
    members[0].zone = "north".to_owned();
    members[1].draining = true;
    members[2].standing = Standing::Lost;
    let planned = plan(&members, &[held(1, 1), held(2, 2), held(3, 3), held(4, 3), new(5)], Aim::Bounded);
    let uuid = |number| id(number).to_string();
    let expected = format!(
        "member  zone        weight  bays            work            share of the mean
1       north          100  1 -> 5          10 -> 50        ██████████|········· 1.00
2       -              100  1 -> 0          10 -> 0         ··········|········· 0.00 drains
3       -              100  2 -> 0          20 -> 0         ··········|········· 0.00 lost

given an owner now: 3
  bay3                 {} 3 -> 1    lost      member 3 fell silent and its lease has run out; member 1 has the least work for its weight
  bay4                 {} 3 -> 1    lost      member 3 fell silent and its lease has run out; member 1 has the least work for its weight
  … and 1 more

handed over by their owner: 1
  bay2                 {} 2 -> 1    drain     member 2 drains; member 1 has the least work for its weight
",
        uuid(3),
        uuid(4),
        uuid(2),
    );
    assert_eq!(format!("{planned:.2}"), expected);
    assert!(planned.to_string().contains("it never had an owner"), "{planned}");
    assert!(plan(&three(), &[], Aim::Even).to_string().ends_with("\nnothing moves\n"));
}
