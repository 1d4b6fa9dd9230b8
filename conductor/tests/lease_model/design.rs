//! A design: which safeguards it has, what it is given to do and to suffer, and which mistake is planted in it.
//!
//! The safeguards are switches and the mistakes are a list, so that each can be taken away alone; what they do stands in `protocol`.

/// What is to be done, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    /// Make the object with this number.
    Create(u8),
    /// Remove the object with this number.
    Delete(u8),
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
