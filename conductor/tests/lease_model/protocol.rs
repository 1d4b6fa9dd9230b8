//! The protocol of ownership as a state machine with a few bytes of state: two members, one cluster, one outside target.
//!
//! * Scheduling is arbitrary: any member may do nothing for any time, so a pause needs no event of its own. Whether a member may stand
//!   still *between the check of its lease and the sending of its call* is a switch, because nothing but a fence covers that.
//! * Time is counted in ticks, as countdowns, so that there is no horizon. All clocks tick together.
//! * The log is one atomic place: consensus is not what is examined here.
//! * A call that was sent may take effect at any moment within [`EFFECT`] ticks, whatever its sender has become.
//! * A hand-over is the owner's own act: whatever its worker is at, it stops, leaves its step open in the log, and releases; the next owner is
//!   assigned at once, without waiting for any lease.
//! * The leader's assignment may have an outcome that it does not know; as long as that is so, it may still come. Whoever was silent for too
//!   long and from whom nothing is being taken is forgiven, because there may be nobody else.

use crate::{
    design::{Bug, Design, Job},
    state::{Call, Doing, Member, Request, State},
};

/// Ticks a grant is good for.
pub(crate) const LEASE: u8 = 2;
/// Ticks more before the leader gives the cluster to another member.
pub(crate) const MARGIN: u8 = 1;
/// Ticks for which a sent call may still take effect.
pub(crate) const EFFECT: u8 = 1;
/// Ticks to wait for one: strictly longer, because it may still take effect in its last tick.
pub(crate) const WAIT: u8 = EFFECT + 1;

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Tick,
    Ask(u8),
    Grant(u8),
    GrantByOldLeader(u8),
    Hear(u8),
    Begin(u8),
    Check(u8),
    Send(u8),
    GiveUp(u8),
    End(u8),
    Arrive(u8),
    ArriveAnswerLost(u8),
    Lose(u8),
    Suspect,
    Assign,
    Propose,
    ComesAfterAll,
    NeverComes,
    Forgive,
    AssignRestarted,
    Release(u8),
    AssignReleased(u8),
    Move,
    Restart(u8),
    NewLeader,
}

impl State {
    /// Everything that may happen next, with what it leads to.
    pub(crate) fn next(&self, design: &Design) -> Vec<(Event, Self)> {
        let mut all = Vec::with_capacity(16);
        let mut add = |event: Event, state: Option<Self>| all.extend(state.map(|state| (event, state.plain(design))));
        add(Event::Tick, self.tick(design));
        for who in 0..2 {
            add(Event::Ask(who), self.ask(who, design));
            add(Event::Grant(who), self.grant(who, design));
            add(Event::GrantByOldLeader(who), self.grant_by_old_leader(who, design));
            add(Event::Hear(who), self.hear(who, design));
            add(Event::Begin(who), self.begin(who, design));
            add(Event::Check(who), self.check(who, design));
            add(Event::Send(who), self.send(who));
            add(Event::GiveUp(who), self.give_up(who));
            add(Event::End(who), self.end(who, design));
            add(Event::Restart(who), self.restart(who));
            add(Event::Release(who), self.release(who, design));
            add(Event::AssignReleased(who), self.assign_released(who));
        }
        for slot in 0..2 {
            add(Event::Arrive(slot), self.arrive(slot, design, true));
            add(Event::ArriveAnswerLost(slot), self.arrive(slot, design, false));
            add(Event::Lose(slot), self.lose(slot));
        }
        add(Event::Suspect, self.suspect(design));
        add(Event::Assign, self.assign());
        add(Event::Propose, self.propose(design));
        add(Event::ComesAfterAll, self.comes_after_all());
        add(Event::NeverComes, self.never_comes());
        add(Event::Forgive, self.forgive(design));
        add(Event::Move, self.move_unreleased(design));
        add(Event::AssignRestarted, self.assign_restarted(design));
        add(Event::NewLeader, self.new_leader(design));
        all
    }

    fn tick(&self, design: &Design) -> Option<Self> {
        if self.calls.iter().flatten().any(|call| call.left == 0) {
            return None; // its time is up: it arrives or is lost first
        }
        let mut next = *self;
        for call in next.calls.iter_mut().flatten() {
            call.left -= 1;
        }
        for member in &mut next.members {
            member.lease = member.lease.saturating_sub(1);
            member.hazard = member.hazard.saturating_sub(1);
            member.epoch_age = (member.epoch_age + 1).min(WAIT);
            if let Some(request) = &mut member.request {
                request.age = (request.age + 1).min(LEASE);
            }
            // A grant as old as the lease is worth nothing, and the member asks again.
            if design.bug != Bug::LeaseFromReply && member.request.is_some_and(|request| request.age == LEASE) {
                member.request = None;
            }
        }
        if design.bug == Bug::QuiesceFromIntent {
            next.begun_age = (next.begun_age + 1).min(WAIT);
        }
        for silent in &mut next.silent {
            *silent = (*silent + 1).min(LEASE + MARGIN);
        }
        Some(next)
    }

    fn ask(&self, who: u8, design: &Design) -> Option<Self> {
        // Asking again while an answer is under way adds nothing but states, unless the lease has run out or the epoch was lost.
        let member = self.member(who);
        let idle = member.request.is_none_or(|request| request.answer.is_some() && design.bug != Bug::LeaseFromReply);
        let worth = member.epoch == 0 || member.lease < LEASE;
        (idle && worth && self.owner == who && !self.vacant).then(|| self.with(who, |m| m.request = Some(Request { age: 0, answer: None })))
    }

    /// What the state at the granted index shows as this member's: the epoch, or 0.
    fn answer_for(&self, who: u8, member: Member, design: &Design) -> u8 {
        let start = self.owner_incarnation == member.incarnation || design.bug == Bug::AnyIncarnation;
        if self.owner == who && start && !self.vacant { self.epoch } else { 0 }
    }

    fn grant(&self, who: u8, design: &Design) -> Option<Self> {
        let member = self.member(who);
        let request = member.request.filter(|request| request.answer.is_none())?;
        if design.lease && self.suspect && self.owner == who && design.bug != Bug::GrantToSuspect {
            return None;
        }
        let answer = self.answer_for(who, member, design);
        let mut next = self.with(who, |m| m.request = Some(Request { answer: Some(answer), ..request }));
        next.silent[usize::from(who)] = 0;
        Some(next)
    }

    fn grant_by_old_leader(&self, who: u8, design: &Design) -> Option<Self> {
        let (owner, incarnation, epoch) = self.deposed.filter(|_| design.bug == Bug::GrantWithoutReadIndex)?;
        let member = self.member(who);
        let request = member.request.filter(|request| request.answer.is_none())?;
        let answer = if owner == who && incarnation == member.incarnation { epoch } else { 0 };
        Some(self.with(who, |m| m.request = Some(Request { answer: Some(answer), ..request })))
    }

    fn hear(&self, who: u8, design: &Design) -> Option<Self> {
        let request = self.member(who).request?;
        let epoch = request.answer?;
        let tenure = if epoch == self.epoch { self.tenure } else { epoch };
        Some(
            self.with(who, |m| {
                m.request = None;
                if m.epoch != epoch && !(design.bug == Bug::NoLookAfterGrant && m.epoch != 0) {
                    m.epoch_age = 0;
                    m.hazard = 0;
                    m.doing = Doing::Nothing;
                    m.tenure = tenure;
                }
                let believes = design.bug == Bug::NoLookAfterGrant && m.epoch != 0;
                m.epoch = if believes { m.epoch } else { epoch };
                let spent = if design.bug == Bug::LeaseFromReply { 0 } else { request.age };
                m.lease = if m.epoch == 0 { 0 } else { m.lease.max(LEASE - spent) };
            })
            .without_calls_of_idle(who),
        )
    }

    /// Whether the next job may begin now, as far as calls that may still arrive are concerned.
    fn quiet(&self, member: Member, design: &Design) -> bool {
        if !matches!(design.jobs[usize::from(self.done)], Job::Delete(_)) {
            return true;
        }
        let open = if self.begun != 0 && self.begun != member.epoch { self.begun } else { 0 };
        let unanswered = if design.bug == Bug::WaitForOpenStepsOnly { open } else { self.unanswered.max(open) };
        let hidden = unanswered >= member.epoch && matches!(design.bug, Bug::NewestUnansweredOnly | Bug::WaitForOpenStepsOnly);
        let earlier = unanswered != 0 && !hidden && design.wait_earlier;
        let waited = if design.bug == Bug::QuiesceFromIntent { self.begun_age } else { member.epoch_age };
        let quiesce = if design.bug == Bug::ShortQuiesce { EFFECT } else { WAIT };
        (!earlier || waited >= quiesce) && (!design.wait_own || member.hazard == 0)
    }

    fn begin(&self, who: u8, design: &Design) -> Option<Self> {
        let member = self.member(who);
        if member.epoch == 0 || member.doing != Doing::Nothing || self.finished(design) || !self.quiet(member, design) {
            return None;
        }
        if design.intent && design.lease && self.over(member) {
            return Some(self.with(who, |m| m.epoch = 0)); // refused as stale
        }
        let mut next = self.with(who, |m| m.doing = Doing::Intends(self.done));
        if design.intent {
            if self.begun == 0 {
                next.begun_age = 0;
            } else {
                next.unanswered = self.begun.max(self.unanswered);
            }
            next.begun = member.epoch;
        }
        Some(next)
    }

    /// Whether the log refuses what this member reports.
    fn over(&self, member: Member) -> bool {
        member.epoch != self.epoch || self.vacant
    }

    fn check(&self, who: u8, design: &Design) -> Option<Self> {
        let member = self.member(who);
        let Doing::Intends(job) = member.doing else { return None };
        if design.lease && member.lease == 0 {
            return Some(self.with(who, |m| m.doing = Doing::Nothing));
        }
        let next = self.with(who, |m| m.doing = Doing::Checked(job));
        if design.pause_before_send { Some(next) } else { next.send(who) }
    }

    fn send(&self, who: u8) -> Option<Self> {
        let member = self.member(who);
        let Doing::Checked(job) = member.doing else { return None };
        let slot = self.calls.iter().position(Option::is_none)?;
        let mut next = self.with(who, |m| m.doing = Doing::Waits(job));
        next.calls[slot] = Some(Call { epoch: member.epoch, tenure: member.tenure, job, left: EFFECT, from: Some(who) });
        Some(next)
    }

    fn give_up(&self, who: u8) -> Option<Self> {
        let Doing::Waits(_) = self.member(who).doing else { return None };
        let under_way = self.calls.iter().flatten().any(|call| call.from == Some(who));
        if under_way && self.losses == 0 {
            return None;
        }
        let mut next = self.with(who, |m| {
            m.doing = Doing::Nothing;
            m.hazard = WAIT;
        });
        next.losses -= u8::from(under_way);
        Some(next.without_calls_of_idle(who))
    }

    fn end(&self, who: u8, design: &Design) -> Option<Self> {
        let member = self.member(who);
        let Doing::Answered(job) = member.doing else { return None };
        if design.lease && design.intent && self.over(member) {
            return Some(self.with(who, |m| {
                m.epoch = 0;
                m.doing = Doing::Nothing;
            }));
        }
        let mut next = self.with(who, |m| m.doing = Doing::Nothing);
        if job == self.done {
            next.done += 1;
            next.begun = 0;
        }
        Some(next)
    }

    fn arrive(&self, slot: u8, design: &Design, answered: bool) -> Option<Self> {
        let call = self.calls[usize::from(slot)]?;
        let mut next = *self;
        next.calls[usize::from(slot)] = None;
        let refused = design.fence && call.epoch < self.fence;
        if !refused {
            next.fence = next.fence.max(call.epoch);
            next.effect(call, design);
        }
        match call.from {
            Some(who) if answered => {
                let doing = if refused { Doing::Nothing } else { Doing::Answered(call.job) };
                next = next.with(who, |m| m.doing = doing);
            }
            Some(_) => next.losses = next.losses.checked_sub(1)?,
            None if answered => {}
            None => return None,
        }
        Some(next)
    }

    fn effect(&mut self, call: Call, design: &Design) {
        let effective = match design.jobs[usize::from(call.job)] {
            Job::Create(number) => {
                let count = &mut self.objects[usize::from(number)];
                let makes = !(design.adopt && *count > 0);
                *count += u8::from(makes);
                makes
            }
            Job::Delete(number) => std::mem::take(&mut self.objects[usize::from(number)]) > 0,
        };
        if effective {
            self.stale |= call.tenure < self.top;
            self.top = self.top.max(call.tenure);
        }
    }

    fn lose(&self, slot: u8) -> Option<Self> {
        let call = self.calls[usize::from(slot)]?;
        let mut next = *self;
        next.calls[usize::from(slot)] = None;
        if call.from.is_some() {
            next.losses = next.losses.checked_sub(1)?;
        }
        Some(next)
    }

    fn suspect(&self, design: &Design) -> Option<Self> {
        let patience = match (design.lease, design.bug) {
            // One unit too early is made up for by the next one's wait for earlier calls; at once is not.
            (true, Bug::EarlySuspicion) => 0,
            (true, _) => LEASE + MARGIN,
            (false, _) => 1,
        };
        if self.vacant || self.suspect || self.disturbances == 0 || self.silent[usize::from(self.owner)] < patience {
            return None;
        }
        Some(Self { suspect: true, disturbances: self.disturbances - 1, ..*self })
    }

    fn assign(&self) -> Option<Self> {
        if !self.suspect {
            return None;
        }
        let owner = 1 - self.owner;
        Some(Self {
            suspect: false,
            doubt: false,
            owner,
            owner_incarnation: self.member(owner).incarnation,
            epoch: self.epoch + 1,
            tenure: self.tenure + 1,
            ..*self
        })
    }

    /// The assignment is proposed, and no answer comes.
    fn propose(&self, design: &Design) -> Option<Self> {
        (design.lease && self.suspect && !self.doubt).then_some(Self { doubt: true, ..*self })
    }

    /// It names the epoch that it ends: whatever changed that has made an end of it, too.
    fn comes_after_all(&self) -> Option<Self> {
        if !self.doubt {
            return None;
        }
        Self { suspect: true, ..*self }.assign()
    }

    /// What the leader put into the log after it is there, and it is not.
    fn never_comes(&self) -> Option<Self> {
        self.doubt.then_some(Self { doubt: false, ..*self })
    }

    /// Nothing is being taken from the silent member: it may ask again.
    fn forgive(&self, design: &Design) -> Option<Self> {
        if !self.suspect || (self.doubt && design.bug != Bug::ForgiveInDoubt) {
            return None;
        }
        let mut next = Self { suspect: false, ..*self };
        next.silent[usize::from(self.owner)] = 0;
        Some(next)
    }

    fn assign_restarted(&self, design: &Design) -> Option<Self> {
        let incarnation = self.member(self.owner).incarnation;
        if self.owner_incarnation == incarnation || self.vacant || design.bug == Bug::AnyIncarnation {
            return None;
        }
        let raise = u8::from(design.bug != Bug::EpochKeptOnRestart);
        Some(Self {
            suspect: false,
            doubt: false,
            owner_incarnation: incarnation,
            epoch: self.epoch + raise,
            tenure: self.tenure + 1,
            ..*self
        })
    }

    /// The owner hands over, whatever its worker is at. A call that is under way becomes one that nobody waits for; its step stays open.
    fn release(&self, who: u8, design: &Design) -> Option<Self> {
        let member = self.member(who);
        let handovers = self.handovers.checked_sub(1)?;
        if self.suspect || self.owner != who || member.epoch == 0 || self.over(member) || matches!(member.doing, Doing::Answered(_)) {
            return None;
        }
        let mut next = Self { handovers, vacant: true, doubt: false, ..*self };
        if design.bug == Bug::ReleaseClosesStep {
            (next.begun, next.unanswered) = (0, 0);
        }
        if design.bug == Bug::ActAfterRelease {
            return Some(next);
        }
        Some(next.with(who, |m| *m = Member { request: m.request, ..Member::fresh(m.incarnation) }).without_calls_of_idle(who))
    }

    /// What was released is assigned at once, perhaps to the same member.
    fn assign_released(&self, to: u8) -> Option<Self> {
        if !self.vacant {
            return None;
        }
        let mut next = Self {
            vacant: false,
            owner: to,
            owner_incarnation: self.member(to).incarnation,
            epoch: self.epoch + 1,
            tenure: self.tenure + 1,
            ..*self
        };
        next.silent[usize::from(to)] = 0;
        Some(next)
    }

    fn move_unreleased(&self, design: &Design) -> Option<Self> {
        if design.bug != Bug::MoveWithoutRelease || self.vacant || self.suspect {
            return None;
        }
        let handovers = self.handovers.checked_sub(1)?;
        Self { handovers, suspect: true, ..*self }.assign()
    }

    fn restart(&self, who: u8) -> Option<Self> {
        let disturbances = self.disturbances.checked_sub(1)?;
        let fresh = Member::fresh(self.member(who).incarnation + 1);
        Some(Self { disturbances, ..*self }.with(who, |m| *m = fresh).without_calls_of_idle(who))
    }

    fn new_leader(&self, design: &Design) -> Option<Self> {
        let elections = self.elections.checked_sub(1)?;
        let silent = if design.bug == Bug::HastyLeader { LEASE + MARGIN } else { 0 };
        let deposed = (design.bug == Bug::GrantWithoutReadIndex).then_some((self.owner, self.owner_incarnation, self.epoch));
        Some(Self {
            elections,
            silent: [silent; 2],
            deposed,
            suspect: false,
            // Its own first entry stands behind whatever the last leader still had on its way.
            doubt: false,
            disturbances: self.disturbances + u8::from(self.suspect),
            ..*self
        })
    }
}
