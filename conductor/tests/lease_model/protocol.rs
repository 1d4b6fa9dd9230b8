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
//! * `tenure` is a ghost that no part of the protocol reads: which holder, truly, made a call.

/// Ticks a grant is good for.
pub(crate) const LEASE: u8 = 2;
/// Ticks more before the leader gives the cluster to another member.
pub(crate) const MARGIN: u8 = 1;
/// Ticks for which a sent call may still take effect.
pub(crate) const EFFECT: u8 = 1;
/// Ticks to wait for one: strictly longer, because it may still take effect in its last tick.
pub(crate) const WAIT: u8 = EFFECT + 1;

/// What is to be done, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    /// Make the object with this number.
    Create(u8),
    /// Remove the object with this number.
    Delete(u8),
}

/// What must never be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Property {
    /// Two objects where one was asked for.
    Doubled,
    /// A former holder's call took effect after one of a later holder had.
    Stale,
    /// An object that is there after its deletion has ended.
    Orphan,
}

/// A planted mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// None.
    None,
    /// The lease runs from when the grant arrived.
    LeaseFromReply,
    /// A member that started again keeps the epoch of its last life.
    EpochKeptOnRestart,
    /// A new leader re-assigns without waiting until the last leader's grants have run out.
    HastyLeader,
    /// A leader that has been replaced goes on granting: no read-index round.
    GrantWithoutReadIndex,
    /// The leader grants to a member whose clusters it is taking away.
    GrantToSuspect,
    /// An old epoch's call is waited for only if its step is still open, not if the step was taken up again and ended since.
    WaitForOpenStepsOnly,
    /// Only the newest unanswered call is remembered: one of this epoch then hides one of an earlier epoch.
    NewestUnansweredOnly,
    /// The leader forgives a member while an assignment that takes the cluster from it may still come.
    ForgiveInDoubt,
    /// The leader suspects a member before the lease it granted last has run out.
    EarlySuspicion,
    /// The leader moves a cluster whose owner has not released it.
    MoveWithoutRelease,
    /// Who has released goes on with what it was at, because its lease still runs.
    ActAfterRelease,
    /// A release closes the step whose call is unknown, so that nobody knows of it any more.
    ReleaseClosesStep,
    /// A grant that comes after the lease ran out renews the right for what was believed before, without a look at the state.
    NoLookAfterGrant,
    /// The state's assignment is taken as one's own whichever start it names.
    AnyIncarnation,
    /// Earlier calls are waited for as long as they may act, not strictly longer.
    ShortQuiesce,
    /// The wait for earlier calls begins with the intent, not with the epoch of who waits: the call may have been sent long after the intent.
    QuiesceFromIntent,
}

/// What a design has. Everything off is the lock of 2015: who does not answer a ping loses it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Design {
    /// A lease is granted, checked before a call and waited out before the cluster goes to another; the log refuses old epochs.
    pub(crate) lease: bool,
    /// The intent is in the log before the call.
    pub(crate) intent: bool,
    /// The target refuses calls with an older epoch than it has seen.
    pub(crate) fence: bool,
    /// A create finds the object by its name and takes it.
    pub(crate) adopt: bool,
    /// A call that is not create-or-adopt waits until calls of earlier epochs can no longer take effect.
    pub(crate) wait_earlier: bool,
    /// ... and until this member's own calls without an answer can no longer take effect.
    pub(crate) wait_own: bool,
    /// Whether a member may stand still between the check and the sending.
    pub(crate) pause_before_send: bool,
    /// What is to be done.
    pub(crate) jobs: &'static [Job],
    /// How often a member may be started again or lose the cluster by silence; how often a call or its answer is lost; how often the
    /// leader changes.
    pub(crate) troubles: [u8; 3],
    /// How often the owner is asked to hand over.
    pub(crate) handovers: u8,
    /// A planted mistake.
    pub(crate) bug: Bug,
}

/// Where a member's worker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Doing {
    Nothing,
    Intends(u8),
    Checked(u8),
    Waits(u8),
    Answered(u8),
}

/// A lease request under way: how long ago it was sent, and the answer if the leader gave one (0: not yours).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Request {
    pub(crate) age: u8,
    pub(crate) answer: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Member {
    pub(crate) incarnation: u8,
    /// The epoch it believes to hold; 0 is none.
    pub(crate) epoch: u8,
    pub(crate) tenure: u8,
    /// Ticks of lease left.
    pub(crate) lease: u8,
    /// Ticks since it saw its epoch, up to [`WAIT`].
    pub(crate) epoch_age: u8,
    /// Ticks for which an unanswered call of its own may still take effect.
    pub(crate) hazard: u8,
    pub(crate) request: Option<Request>,
    pub(crate) doing: Doing,
}

/// A call on its way to the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Call {
    pub(crate) epoch: u8,
    pub(crate) tenure: u8,
    pub(crate) job: u8,
    pub(crate) left: u8,
    /// Who still waits for its answer.
    pub(crate) from: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    // the log
    pub(crate) owner: u8,
    pub(crate) owner_incarnation: u8,
    /// It was released and has no owner; `owner` was the last.
    pub(crate) vacant: bool,
    pub(crate) epoch: u8,
    pub(crate) tenure: u8,
    /// Jobs done.
    pub(crate) done: u8,
    /// The epoch under which the present step was begun; 0: not begun.
    pub(crate) begun: u8,
    /// The newest epoch of which some call may never have been answered; 0: none.
    pub(crate) unanswered: u8,
    /// Ticks since the first intent of the present or the last step, up to [`WAIT`]; counted only for [`Bug::QuiesceFromIntent`].
    pub(crate) begun_age: u8,
    // the leader
    pub(crate) silent: [u8; 2],
    pub(crate) suspect: bool,
    /// An assignment to the other member was proposed, and nobody knows yet whether it comes.
    pub(crate) doubt: bool,
    /// What the last leader believed: owner, incarnation, epoch.
    pub(crate) deposed: Option<(u8, u8, u8)>,
    // the members
    pub(crate) members: [Member; 2],
    // the target
    pub(crate) objects: [u8; 2],
    pub(crate) fence: u8,
    /// The newest holder whose call took effect.
    pub(crate) top: u8,
    pub(crate) calls: [Option<Call>; 2],
    // what may still go wrong
    pub(crate) disturbances: u8,
    pub(crate) losses: u8,
    pub(crate) elections: u8,
    pub(crate) handovers: u8,
    // what went wrong
    pub(crate) stale: bool,
}

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

impl Member {
    const fn fresh(incarnation: u8) -> Self {
        Self { incarnation, epoch: 0, tenure: 0, lease: 0, epoch_age: 0, hazard: 0, request: None, doing: Doing::Nothing }
    }
}

impl State {
    pub(crate) fn first(design: &Design) -> Self {
        let [disturbances, losses, elections] = design.troubles;
        Self {
            owner: 0,
            owner_incarnation: 1,
            vacant: false,
            epoch: 1,
            tenure: 1,
            done: 0,
            begun: 0,
            unanswered: 0,
            begun_age: 0,
            silent: [0; 2],
            suspect: false,
            doubt: false,
            deposed: None,
            members: [Member::fresh(1); 2],
            objects: [0; 2],
            fence: 0,
            top: 0,
            calls: [None; 2],
            disturbances,
            losses,
            elections,
            handovers: design.handovers,
            stale: false,
        }
    }

    pub(crate) fn finished(&self, design: &Design) -> bool {
        usize::from(self.done) == design.jobs.len()
    }

    /// The properties that are broken.
    pub(crate) fn broken(&self, design: &Design) -> Vec<Property> {
        let orphan = |number: usize| {
            let deleted = design.jobs.iter().rposition(|job| matches!(job, Job::Delete(deleted) if usize::from(*deleted) == number));
            deleted.is_some_and(|at| usize::from(self.done) > at) && self.objects[number] > 0
        };
        let doubled = self.objects.iter().any(|count| *count > 1);
        let all = [(doubled, Property::Doubled), (self.stale, Property::Stale), (orphan(0) || orphan(1), Property::Orphan)];
        all.into_iter().filter_map(|(broken, property)| broken.then_some(property)).collect()
    }

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

    /// The same state without differences that nothing can ever tell: keeps the search small.
    fn plain(mut self, design: &Design) -> Self {
        self.calls.sort_unstable();
        self.silent[usize::from(1 - self.owner)] = 0;
        if self.vacant {
            self.silent = [0; 2];
        }
        for member in &mut self.members {
            if member.epoch == 0 {
                *member = Member { request: member.request, ..Member::fresh(member.incarnation) };
            }
        }
        if self.finished(design) && self.members.iter().all(|member| member.doing == Doing::Nothing) {
            self.members = [Member::fresh(1); 2];
            self.silent = [0; 2];
            self.doubt = false;
            (self.suspect, self.deposed, self.elections, self.disturbances, self.losses) = (false, None, 0, 0, 0);
            (self.handovers, self.begun_age) = (0, 0);
        }
        self
    }

    fn member(&self, who: u8) -> Member {
        self.members[usize::from(who)]
    }

    fn with(mut self, who: u8, change: impl FnOnce(&mut Member)) -> Self {
        change(&mut self.members[usize::from(who)]);
        self
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

    fn without_calls_of_idle(mut self, who: u8) -> Self {
        if !matches!(self.member(who).doing, Doing::Waits(_)) {
            for call in self.calls.iter_mut().flatten().filter(|call| call.from == Some(who)) {
                call.from = None;
            }
        }
        self
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
