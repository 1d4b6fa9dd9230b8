//! What kind of failure an outside call had: the driver says it, the log keeps it, everybody decides by it.
//!
//! The words that come along are for people; nothing matches on them.

/// Why a step, and with it perhaps its operation, did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Failure {
    /// It did not fail, or not by a call.
    None = 0,
    /// What was named is not there.
    Gone = 1,
    /// What was named is in another state than the call needs.
    State = 2,
    /// The backend said no, and will say no again.
    Refused = 3,
    /// The backend was occupied; nothing was changed.
    Busy = 4,
    /// It did not work this time.
    Broken = 5,
    /// There was no answer: it may have taken effect, or may still.
    Unanswered = 6,
    /// The time was up, and nothing else had gone wrong.
    Late = 7,
}

/// What a failure means for another attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outlook {
    /// A repetition may work.
    Transient,
    /// A repetition is pointless until something else changes.
    Permanent,
    /// The call may have taken effect.
    Unknown,
}

impl Failure {
    /// The word shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gone => "gone",
            Self::State => "state",
            Self::Refused => "refused",
            Self::Busy => "busy",
            Self::Broken => "broken",
            Self::Unanswered => "unanswered",
            Self::Late => "late",
        }
    }
    /// What it means for another attempt; `None`: nothing failed.
    pub fn outlook(self) -> Option<Outlook> {
        match self {
            Self::None => None,
            Self::Gone | Self::State | Self::Refused => Some(Outlook::Permanent),
            Self::Busy | Self::Broken | Self::Late => Some(Outlook::Transient),
            Self::Unanswered => Some(Outlook::Unknown),
        }
    }
}

impl Outlook {
    /// The word shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Permanent => "permanent",
            Self::Unknown => "unknown outcome",
        }
    }
}
