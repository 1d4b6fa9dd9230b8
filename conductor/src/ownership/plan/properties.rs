//! What holds of every plan, whatever the members and clusters.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    tests::{held, member, new},
    *,
};
use crate::ownership::holdings::Holdings;

const DRIVERS: [&str; 2] = ["local", "heat"];

fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
    let one = (
        prop_oneof![6 => Just(Standing::Present), 1 => Just(Standing::Silent), 1 => Just(Standing::Lost)],
        prop_oneof![Just(50_u32), Just(100), Just(0), Just(300)],
        any::<bool>(),
        prop_oneof![5 => Just(false), 1 => Just(true)],
        1_u64..3,
        prop_oneof![Just(""), Just("a"), Just("b")],
    );
    proptest::collection::vec(one, 1..7).prop_map(|all| {
        let number = |(index, (standing, weight, heat, draining, incarnation, zone)): (usize, (_, _, bool, _, _, &str))| Candidate {
            weight,
            draining,
            incarnation,
            zone: zone.to_owned(),
            drivers: DRIVERS.iter().take(if heat { 2 } else { 1 }).map(|driver| (*driver).to_owned()).collect(),
            ..member(u64::try_from(index).unwrap_or(0) + 1, standing)
        };
        all.into_iter().enumerate().map(number).collect()
    })
}

/// A cluster as it is drawn: owner, work, driver, pin, zone, whether it waits.
type Drawn = (Option<u64>, u64, &'static str, Option<u64>, &'static str, bool);

fn holdings(most: usize) -> impl Strategy<Value = Vec<Holding>> {
    let one = (
        proptest::option::weighted(0.8, 1_u64..8),
        10_u64..60,
        prop_oneof![5 => Just("local"), 1 => Just("heat")],
        proptest::option::weighted(0.1, 1_u64..9),
        prop_oneof![3 => Just(""), 1 => Just("a"), 1 => Just("b")],
        proptest::bool::weighted(0.1),
    );
    proptest::collection::vec(one, 0..most).prop_map(|all| {
        let number = |(index, (owner, work, driver, pin, zone, wait)): (usize, Drawn)| {
            let number = u128::try_from(index).unwrap_or(0);
            let base = owner.map_or_else(|| new(number), |owner| held(number, owner));
            let wait = wait && owner.is_none();
            Holding { work, driver: driver.to_owned(), pin: pin.map(MemberId), zone: zone.to_owned(), wait, ..base }
        };
        all.into_iter().enumerate().map(number).collect()
    })
}

/// Members that are all alike and able, and clusters that any of them may have.
fn peaceful(most: usize) -> impl Strategy<Value = (Vec<Candidate>, Vec<Holding>)> {
    (2_u64..7, holdings(most)).prop_map(|(count, holdings)| {
        let members: Vec<Candidate> = (1..=count).map(|number| member(number, Standing::Present)).collect();
        let tame = |holding: Holding| Holding {
            owner: holding.owner.map(|(owner, _)| (MemberId(owner.0 % count + 1), 1)),
            driver: "local".to_owned(),
            pin: None,
            ..holding
        };
        (members, holdings.into_iter().map(tame).collect())
    })
}

/// The clusters after the plan was carried out.
fn after(holdings: &[Holding], plan: &Plan) -> Vec<Holding> {
    let moved: BTreeMap<ClusterId, &Move> = plan.assign.iter().chain(&plan.handover).map(|one| (one.cluster, one)).collect();
    let carried = |holding: &Holding| match moved.get(&holding.cluster) {
        Some(one) => Holding { owner: Some((one.to, one.incarnation)), epoch: holding.epoch + 1000, reason: one.reason, ..holding.clone() },
        None => holding.clone(),
    };
    holdings.iter().map(carried).collect()
}

/// Plans are carried out until there is nothing to move; that must come soon.
fn settled(members: &[Candidate], mut holdings: Vec<Holding>) -> Vec<Holding> {
    for _ in 0..10 {
        let planned = plan(members, &holdings, Aim::Bounded);
        if planned.is_empty() {
            return holdings;
        }
        holdings = after(&holdings, &planned);
    }
    panic!("ten plans and no end");
}

fn loads(members: &[Candidate], holdings: &[Holding]) -> BTreeMap<MemberId, u64> {
    let mut loads: BTreeMap<MemberId, u64> = members.iter().map(|member| (member.member, 0)).collect();
    for holding in holdings {
        if let Some((owner, _)) = holding.owner {
            *loads.entry(owner).or_default() += holding.work;
        }
    }
    loads
}

fn is_able(members: &[Candidate], to: MemberId, driver: &str) -> bool {
    let Some(member) = members.iter().find(|member| member.member == to) else { return false };
    member.standing == Standing::Present && !member.draining && member.drivers.contains(driver)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn it_is_the_same_when_what_stays_for_certain_is_only_summed(members in candidates(), holdings in holdings(60), aim in 0..4_usize) {
        let aim = [Aim::Urgent, Aim::Wishes, Aim::Bounded, Aim::Even][aim];
        let mut kept: Holdings = holdings.iter().cloned().collect();
        prop_assert_eq!(kept.plan(&members, aim), plan(&members, &holdings, aim));
        // And when it is followed: what was planned is done, something goes, everything is weighed.
        let planned = plan(&members, &holdings, aim);
        let mut later = after(&holdings, &planned);
        later.iter().for_each(|holding| kept.insert(holding.clone()));
        if let Some(gone) = later.pop() {
            prop_assert_eq!(kept.remove(gone.cluster), Some(gone));
        }
        let heavier = |id: ClusterId| 10 + u64::from(id.bytes()[15] % 7);
        kept.weigh(heavier);
        later.iter_mut().for_each(|holding| holding.work = heavier(holding.cluster));
        prop_assert_eq!(kept.plan(&members, aim), plan(&members, &later, aim));
        prop_assert_eq!(kept.unowned(), later.iter().filter(|holding| holding.owner.is_none()).count());
    }

    #[test]
    fn it_is_the_same_in_any_order(members in candidates(), holdings in holdings(60), aim in 0..4_usize) {
        let aim = [Aim::Urgent, Aim::Wishes, Aim::Bounded, Aim::Even][aim];
        let planned = plan(&members, &holdings, aim);
        let (mut other_members, mut other_holdings) = (members.clone(), holdings.clone());
        other_members.reverse();
        other_holdings.reverse();
        let other = plan(&other_members, &other_holdings, aim);
        prop_assert_eq!(&planned.assign, &other.assign);
        prop_assert_eq!(&planned.handover, &other.handover);
        prop_assert_eq!(&planned.seats, &other.seats);
    }

    #[test]
    fn only_those_that_can_are_given_anything(members in candidates(), holdings in holdings(60)) {
        let planned = plan(&members, &holdings, Aim::Even);
        for one in planned.assign.iter().chain(&planned.handover) {
            let holding = holdings.iter().find(|holding| holding.cluster == one.cluster).unwrap();
            prop_assert!(is_able(&members, one.to, &holding.driver), "{one:?}");
            prop_assert!(!holding.wait && one.epoch == holding.epoch);
            prop_assert_eq!(one.incarnation, members.iter().find(|member| member.member == one.to).unwrap().incarnation);
        }
        for stuck in &planned.stuck {
            let holding = holdings.iter().find(|holding| holding.cluster == stuck.cluster).unwrap();
            prop_assert!(!members.iter().any(|member| is_able(&members, member.member, &holding.driver)), "{stuck:?}");
        }
    }

    #[test]
    fn who_can_go_on_is_asked_and_who_cannot_is_not(members in candidates(), holdings in holdings(60)) {
        let planned = plan(&members, &holdings, Aim::Even);
        let goes_on = |holding: &Holding| holding.owner.is_some_and(|(owner, incarnation)| {
            members.iter().any(|member| member.member == owner && member.incarnation == incarnation && member.standing != Standing::Lost)
        });
        let mut seen = BTreeSet::new();
        for (moves, asked) in [(&planned.assign, false), (&planned.handover, true)] {
            for one in moves {
                prop_assert!(seen.insert(one.cluster), "{} moves twice", one.cluster);
                let holding = holdings.iter().find(|holding| holding.cluster == one.cluster).unwrap();
                prop_assert_eq!(goes_on(holding), asked, "{:?}", one);
                prop_assert!(Some(one.to) != holding.owner.map(|(owner, _)| owner) || one.reason == Reason::Restarted);
            }
        }
    }

    #[test]
    fn a_pin_is_obeyed_or_explained(members in candidates(), holdings in holdings(60)) {
        let planned = plan(&members, &holdings, Aim::Even);
        let then = after(&holdings, &planned);
        for holding in then.iter().filter(|holding| !holding.wait) {
            let Some(pin) = holding.pin else { continue };
            let owner = holding.owner.map(|(owner, _)| owner);
            let explained = planned.unmet.iter().any(|unmet| unmet.cluster == holding.cluster);
            let owner_waits = owner.is_some_and(|owner| {
                members.iter().all(|member| member.member != owner || member.standing == Standing::Silent)
            });
            prop_assert!(owner == Some(pin) || explained || owner_waits, "{holding:?}");
            prop_assert!(!explained || !is_able(&members, pin, &holding.driver));
        }
    }

    #[test]
    fn nothing_moves_that_need_not((members, mut holdings) in peaceful(80)) {
        holdings.retain(|holding| !holding.wait);
        let holdings = settled(&members, holdings);
        // A lost member's clusters move, and no other.
        let mut less = members.clone();
        less[0].standing = Standing::Lost;
        let planned = plan(&less, &holdings, Aim::Bounded);
        let its = holdings.iter().filter(|holding| holding.owner == Some((less[0].member, 1))).count();
        prop_assert_eq!((planned.assign.len(), planned.handover.len()), (its, 0));
    }

    #[test]
    fn the_worst_is_within_the_bound_wherever_single_moves_lead((members, holdings) in peaceful(120)) {
        let then: Vec<Holding> = settled(&members, holdings).into_iter().filter(|holding| holding.owner.is_some()).collect();
        let loads = loads(&members, &then);
        let total: u64 = loads.values().sum();
        let count = u64::try_from(members.len()).unwrap();
        for (worst, load) in loads.iter().filter(|(_, load)| **load * count * 100 > BOUND * total) {
            let lightest = then.iter().filter(|holding| holding.owner == Some((*worst, 1))).map(|holding| holding.work).min().unwrap();
            let least = loads.values().min().unwrap();
            prop_assert!(least + lightest >= *load, "{load} could give {lightest} to the one with {least}");
        }
    }

    #[test]
    fn many_clusters_are_within_the_bound((members, holdings) in peaceful(600)) {
        prop_assume!(holdings.len() > 60 * members.len());
        let then = after(&holdings, &plan(&members, &holdings, Aim::Bounded));
        let loads = loads(&members, &then);
        let (total, worst) = (loads.values().sum::<u64>(), loads.values().max().unwrap());
        prop_assert!(worst * u64::try_from(members.len()).unwrap() * 100 <= BOUND * total, "{loads:?}");
    }

    #[test]
    fn balance_takes_the_fewest_moves_there_are(counts in proptest::collection::vec(0_u64..40, 2..6)) {
        let members: Vec<Candidate> = (1..).zip(&counts).map(|(number, _)| member(number, Standing::Present)).collect();
        let owners = (1..).zip(&counts).flat_map(|(owner, count)| (0..*count).map(move |_| owner));
        let holdings: Vec<Holding> = (0..).zip(owners).map(|(number, owner)| held(number, owner)).collect();
        let planned = plan(&members, &holdings, Aim::Bounded);
        let (total, size) = (counts.iter().sum::<u64>(), u64::try_from(counts.len()).unwrap());
        // With clusters of one size everybody above the limit must give what is above it, and no plan can do with less.
        let limit = |per_cent: u64| (per_cent * total).checked_div(100 * size).unwrap_or(0);
        let begins = counts.iter().any(|count| count * size * 100 > BOUND * total);
        let settled = limit(SETTLED).max(total.div_ceil(size));
        let fewest: u64 = counts.iter().map(|count| count.saturating_sub(settled)).sum();
        let moves = u64::try_from(planned.handover.len()).unwrap();
        if !begins {
            prop_assert_eq!(moves, 0);
        } else if limit(SETTLED) >= total.div_ceil(size) {
            prop_assert_eq!(moves, fewest);
        } else {
            // Where a whole cluster is more than the gap, each may once give one to somebody who is then still better off.
            prop_assert!((fewest..=fewest + size).contains(&moves), "{moves} moves, {fewest} would do");
        }
    }
}
