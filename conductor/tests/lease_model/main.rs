//! Is the right to act right? A small model of owner, incarnation, epoch, lease and step, explored exhaustively.
//!
//! Written before the lease was. Every design that is known to fail must fail here, with the shortest way to the failure printed
//! (`cargo test -p conductor --test lease_model -- --nocapture`); every mistake that could be made in the design that is used must be
//! found; and that design itself must hold in every state, and be able to finish from every state.
//!
//! What it says about the design, beyond "it holds":
//! * Against a target without a fence, no lease covers a member that stands still between its check and its call: keep the two together,
//!   and sweep for orphans.
//! * Even create-or-adopt is not free: a *later* call that is not (a delete) must wait until no earlier create can still arrive, whether its
//!   step is open or was ended by a successor.
//! * A hand-over needs no wait for a lease, with a call still under way too, as long as the step stays open in the log: the next owner
//!   waits for that one call, strictly longer than it may act, counted from its own epoch.
//! * A fence does not help against one's own calls: after an answer that never came, the same member has to wait as well.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod design;
mod explore;
mod protocol;
mod state;

use design::{Bug, Design, Job};
use explore::{Found, explore, tell};
use state::Property;

const CREATES: &[Job] = &[Job::Create(0), Job::Create(1)];
const CREATE_DELETE: &[Job] = &[Job::Create(0), Job::Delete(0)];

/// Who does not answer a ping loses the lock: no lease, no epoch, no intent.
const PING_LOCK: Design = Design {
    lease: false,
    intent: false,
    fence: false,
    adopt: false,
    wait_earlier: false,
    wait_own: false,
    pause_before_send: true,
    jobs: CREATES,
    troubles: [1, 1, 0],
    handovers: 0,
    bug: Bug::None,
};
const LEASE_ONLY: Design = Design { lease: true, ..PING_LOCK };
const INTENT: Design = Design { intent: true, ..LEASE_ONLY };
const FENCE: Design = Design { fence: true, ..INTENT };
const ADOPT: Design = Design { adopt: true, ..INTENT };
const BOTH: Design = Design { fence: true, adopt: true, ..INTENT };

/// Ours, where the target refuses old epochs: a member may even stand still between check and call.
const OURS_FENCED: Design = Design { wait_own: true, jobs: CREATE_DELETE, troubles: [2, 1, 0], ..BOTH };
/// Ours, where it cannot (a plain Docker Engine): check and call are one.
const OURS_UNFENCED: Design = Design { wait_earlier: true, fence: false, pause_before_send: false, troubles: [2, 1, 1], ..OURS_FENCED };

/// With hand-overs among the troubles: the owner is asked to release whatever it is at, and the next one begins at once.
const HANDING_FENCED: Design = Design { handovers: 1, troubles: [1, 1, 0], ..OURS_FENCED };
const HANDING_UNFENCED: Design = Design { handovers: 1, troubles: [1, 1, 1], ..OURS_UNFENCED };

fn fails(name: &str, design: &Design, property: Property) {
    let found = explore(design, Some(property));
    let (broken, way) = found.broken.unwrap_or_else(|| panic!("{name}: no {property:?} in {} states", found.states));
    println!("{name}: {broken:?} after {} events ({} states seen)\n{}", way.len(), found.states, tell(&way));
}

fn never(name: &str, design: &Design, property: Property) {
    let found = explore(design, Some(property));
    if let Some((broken, way)) = found.broken {
        panic!("{name}: {broken:?}\n{}", tell(&way));
    }
    println!("{name}: never {property:?} ({} states)", found.states);
}

fn holds(name: &str, design: &Design) {
    let Found { states, broken, stuck } = explore(design, None);
    if let Some((broken, way)) = broken {
        panic!("{name}: {broken:?}\n{}", tell(&way));
    }
    if let Some(way) = stuck {
        panic!("{name}: cannot finish any more\n{}", tell(&way));
    }
    println!("{name}: holds in all {states} states and can finish from each");
}

#[test]
fn a_lock_by_ping_doubles_objects_and_lets_old_owners_act() {
    fails("ping lock", &PING_LOCK, Property::Doubled);
    fails("ping lock", &PING_LOCK, Property::Stale);
}

#[test]
fn a_lease_check_alone_is_not_enough() {
    fails("lease", &LEASE_ONLY, Property::Doubled);
    fails("lease", &LEASE_ONLY, Property::Stale);
}

#[test]
fn an_intent_in_the_log_alone_is_not_enough() {
    fails("lease and intent", &INTENT, Property::Doubled);
    fails("lease and intent", &INTENT, Property::Stale);
}

#[test]
fn a_fence_keeps_order_but_not_from_doubling() {
    fails("with a fence", &FENCE, Property::Doubled);
    never("with a fence", &FENCE, Property::Stale);
}

#[test]
fn create_or_adopt_never_doubles() {
    holds("with create-or-adopt", &ADOPT);
}

#[test]
fn both_hold_for_creates() {
    holds("with both", &BOTH);
}

#[test]
fn ours_holds_with_deletes_where_the_target_fences() {
    holds("ours, fenced", &OURS_FENCED);
}

#[test]
fn ours_holds_with_deletes_where_the_target_does_not_fence() {
    holds("ours, unfenced", &OURS_UNFENCED);
}

#[test]
fn without_a_fence_standing_still_before_the_call_is_not_covered() {
    fails("unfenced with a pause", &Design { pause_before_send: true, ..OURS_UNFENCED }, Property::Orphan);
}

#[test]
fn not_waiting_for_calls_of_earlier_epochs_is_found() {
    fails("no wait for earlier epochs", &Design { wait_earlier: false, ..OURS_UNFENCED }, Property::Orphan);
}

#[test]
fn waiting_only_while_a_step_is_open_is_found() {
    fails("wait for open steps only", &Design { bug: Bug::WaitForOpenStepsOnly, ..OURS_UNFENCED }, Property::Orphan);
}

#[test]
fn not_waiting_for_own_calls_without_an_answer_is_found_even_with_a_fence() {
    fails("no wait for own calls", &Design { wait_own: false, ..OURS_FENCED }, Property::Orphan);
    fails("no wait for own calls", &Design { wait_own: false, ..OURS_UNFENCED }, Property::Orphan);
}

#[test]
fn a_lease_counted_from_the_reply_is_found() {
    fails("lease from reply", &Design { bug: Bug::LeaseFromReply, ..OURS_UNFENCED }, Property::Orphan);
}

#[test]
fn an_epoch_kept_by_a_restarted_member_is_found() {
    fails("epoch kept", &Design { bug: Bug::EpochKeptOnRestart, ..OURS_FENCED }, Property::Orphan);
}

#[test]
fn a_new_leader_that_does_not_wait_is_found() {
    fails("hasty leader", &Design { bug: Bug::HastyLeader, ..OURS_UNFENCED }, Property::Orphan);
}

#[test]
fn grants_of_a_replaced_leader_are_found() {
    fails("no read index", &Design { bug: Bug::GrantWithoutReadIndex, ..OURS_UNFENCED }, Property::Orphan);
}

#[test]
fn grants_to_a_suspect_are_found() {
    fails("grant to suspect", &Design { bug: Bug::GrantToSuspect, ..OURS_UNFENCED }, Property::Orphan);
}

#[test]
fn a_member_forgiven_while_its_cluster_may_still_be_taken_is_found() {
    fails("forgiven in doubt", &Design { bug: Bug::ForgiveInDoubt, ..OURS_UNFENCED }, Property::Orphan);
}

#[test]
fn ours_holds_with_hand_overs_where_the_target_fences() {
    holds("handing over, fenced", &HANDING_FENCED);
}

#[test]
fn ours_holds_with_hand_overs_where_the_target_does_not_fence() {
    holds("handing over, unfenced", &HANDING_UNFENCED);
}

#[test]
fn a_hand_over_needs_what_all_else_needs() {
    fails("handing over without intents", &Design { intent: false, ..HANDING_UNFENCED }, Property::Orphan);
    fails("handing over without adoption", &Design { adopt: false, ..HANDING_UNFENCED }, Property::Doubled);
    fails("handing over without a wait for earlier epochs", &Design { wait_earlier: false, ..HANDING_UNFENCED }, Property::Orphan);
}

#[test]
fn a_move_without_a_release_is_found() {
    fails("move without release", &Design { bug: Bug::MoveWithoutRelease, ..HANDING_UNFENCED }, Property::Orphan);
}

#[test]
fn acting_after_a_release_is_found() {
    fails("act after release", &Design { bug: Bug::ActAfterRelease, ..HANDING_UNFENCED }, Property::Orphan);
}

#[test]
fn a_release_that_closes_an_unknown_step_is_found() {
    fails("release closes step", &Design { bug: Bug::ReleaseClosesStep, ..HANDING_UNFENCED }, Property::Orphan);
}

#[test]
fn a_call_of_ones_own_that_hides_an_earlier_one_is_found() {
    fails("newest unanswered only", &Design { bug: Bug::NewestUnansweredOnly, ..HANDING_UNFENCED }, Property::Orphan);
}

#[test]
fn suspicion_before_the_lease_has_run_out_is_found() {
    fails("early suspicion", &Design { bug: Bug::EarlySuspicion, ..OURS_UNFENCED }, Property::Orphan);
}

#[test]
fn a_grant_without_a_look_at_the_state_is_found() {
    fails("no look after grant", &Design { bug: Bug::NoLookAfterGrant, ..OURS_UNFENCED }, Property::Orphan);
}

#[test]
fn an_assignment_to_another_start_is_found() {
    fails("any incarnation", &Design { bug: Bug::AnyIncarnation, ..OURS_FENCED }, Property::Orphan);
}

#[test]
fn a_quiesce_time_that_is_not_strictly_longer_is_found() {
    fails("short quiesce", &Design { bug: Bug::ShortQuiesce, ..OURS_UNFENCED }, Property::Orphan);
}

#[test]
fn a_quiesce_time_counted_from_the_intent_is_found() {
    fails("quiesce from intent", &Design { bug: Bug::QuiesceFromIntent, ..HANDING_UNFENCED }, Property::Orphan);
}

/// Every rule has a test that removes it: a mistake that is added to the list is not forgotten here.
#[test]
fn every_mistake_is_planted_somewhere() {
    let text = include_str!("main.rs");
    let list = include_str!("design.rs").split("pub(crate) enum Bug {").nth(1).unwrap().split("\n}").next().unwrap();
    let bugs =
        list.lines().map(str::trim).filter(|line| !line.starts_with("///") && !line.is_empty()).map(|line| line.trim_end_matches(','));
    for bug in bugs {
        assert!(text.contains(&format!("Bug::{bug}")), "{bug} is planted nowhere");
    }
}
