//! Everything there is at one moment: the log, the leader, two members, the target, and what may still go wrong; a few bytes.
//!
//! * What must never be is read off a single state.
//! * States that nothing can ever tell apart are made one ([`State::plain`]), which keeps the search small.
//! * `tenure` is a ghost that no part of the protocol reads: which holder, truly, made a call.

use crate::design::{Design, Job};

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
    /// Ticks since it saw its epoch, up to [`WAIT`](crate::protocol::WAIT).
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
    /// Ticks since the first intent of the present or the last step, up to [`WAIT`](crate::protocol::WAIT); counted only for
    /// [`Bug::QuiesceFromIntent`](crate::design::Bug::QuiesceFromIntent).
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

impl Member {
    pub(crate) const fn fresh(incarnation: u8) -> Self {
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

    /// The same state without differences that nothing can ever tell: keeps the search small.
    pub(crate) fn plain(mut self, design: &Design) -> Self {
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

    pub(crate) fn member(&self, who: u8) -> Member {
        self.members[usize::from(who)]
    }

    pub(crate) fn with(mut self, who: u8, change: impl FnOnce(&mut Member)) -> Self {
        change(&mut self.members[usize::from(who)]);
        self
    }

    pub(crate) fn without_calls_of_idle(mut self, who: u8) -> Self {
        if !matches!(self.member(who).doing, Doing::Waits(_)) {
            for call in self.calls.iter_mut().flatten().filter(|call| call.from == Some(who)) {
                call.from = None;
            }
        }
        self
    }
}
