//! What apply answers: an outcome or a refusal, replicated like any other result.
//!
//! Three kinds of "no" are never mixed: a [`Refusal`] is the domain's answer (over quota, wrong phase, stale epoch), deterministic and
//! remembered for retries; an error is something outside that failed; a [`crate::tables::Fault`] stops the member.

use prost::Message;

/// What became of a proposal.
#[derive(Clone, PartialEq, Message)]
pub struct Outcome {
    /// One of the two; an absent answer only occurs in a damaged message.
    #[prost(oneof = "Answer", tags = "1, 2")]
    pub answer: Option<Answer>,
    /// The log index at which it was first applied; for a remembered retry, the index of the first time.
    #[prost(uint64, tag = "3")]
    pub index: u64,
}

/// Done or refused.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Answer {
    /// It was done.
    #[prost(message, tag = "1")]
    Done(Done),
    /// The domain says no.
    #[prost(message, tag = "2")]
    Refused(Refusal),
}

/// What was done: what was made or changed.
#[derive(Clone, PartialEq, Message)]
pub struct Done {
    /// Id of the object that was made or changed, 16 bytes; empty where there is none.
    #[prost(bytes = "vec", tag = "1")]
    pub object: Vec<u8>,
    /// The object's new revision (the log index of its last change).
    #[prost(uint64, tag = "2")]
    pub revision: u64,
    /// Id of the operation that was accepted, 16 bytes; empty where nothing is left to do.
    #[prost(bytes = "vec", tag = "3")]
    pub operation: Vec<u8>,
    /// A number where the command made one (a member id).
    #[prost(uint64, tag = "4")]
    pub number: u64,
}

/// The domain's "no".
#[derive(Clone, PartialEq, Message)]
pub struct Refusal {
    /// What kind of answer it is; decides the HTTP status in `api`'s one mapping.
    #[prost(enumeration = "Class", tag = "1")]
    pub class: i32,
    /// A stable word for programs, such as `quota-exceeded`.
    #[prost(string, tag = "2")]
    pub code: String,
    /// A sentence for people: what is wrong and what to do.
    #[prost(string, tag = "3")]
    pub message: String,
    /// The revision the object has, where the refusal is about a revision.
    #[prost(uint64, tag = "4")]
    pub revision: u64,
}

/// Kinds of answers; `api/src/error.rs` holds the one match from class to status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Class {
    /// The request makes no sense: 400.
    Invalid = 0,
    /// Nobody is known under this token: 401.
    Unauthenticated = 1,
    /// Known, but not allowed: 403.
    Forbidden = 2,
    /// There is no such object for this caller: 404.
    Missing = 3,
    /// It clashes with what is there: 409.
    Conflict = 4,
    /// Over quota: 403.
    OverQuota = 5,
    /// `If-Match` named another revision: 412.
    Precondition = 6,
    /// The same idempotency key with another request: 422.
    KeyReused = 7,
    /// Not now, come back later: 503 with `Retry-After`.
    Busy = 8,
    /// An old epoch: the sender is no longer the owner. Never reaches a client.
    Stale = 9,
    /// It broke here: 500.
    Broken = 10,
}

impl Outcome {
    /// Done at `index`.
    pub fn done(index: u64, done: Done) -> Self {
        Self { answer: Some(Answer::Done(done)), index }
    }
    /// Refused at `index`.
    pub fn refused(index: u64, refusal: Refusal) -> Self {
        Self { answer: Some(Answer::Refused(refusal)), index }
    }
    /// The outcome as a result.
    pub fn into_result(self) -> Result<Done, Refusal> {
        match self.answer {
            Some(Answer::Done(done)) => Ok(done),
            Some(Answer::Refused(refusal)) => Err(refusal),
            None => Err(Refusal::new(Class::Broken, "empty-outcome", "the outcome of this command is damaged")),
        }
    }
}

impl Refusal {
    /// A refusal of a class, with its code and its sentence.
    pub fn new(class: Class, code: &str, message: impl Into<String>) -> Self {
        Self { class: class.into(), code: code.to_owned(), message: message.into(), revision: 0 }
    }
}
