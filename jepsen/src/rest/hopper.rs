//! The client that does not give up.
//!
//! A request goes to one member; when that does not answer, or answers that it cannot now (429, 5xx), the *same*
//! request with the *same* idempotency key goes to the next, until the deadline. So a member's death costs such
//! a client time, never an answer, and the product must not do twice what arrived twice.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::{Attempt, Endpoint, Reply, Request};

/// The members a client knows; shared, because membership changes while clients run.
#[derive(Clone, Debug, Default)]
pub struct Roster {
    members: Arc<RwLock<Vec<Endpoint>>>,
}

impl Roster {
    /// Replaces the list.
    pub fn set(&self, members: Vec<Endpoint>) {
        *self.members.write().unwrap_or_else(PoisonError::into_inner) = members;
    }

    /// All members.
    #[must_use]
    pub fn all(&self) -> Vec<Endpoint> {
        self.members.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The member at this place, counted round.
    #[must_use]
    pub fn at(&self, place: usize) -> Option<Endpoint> {
        let members = self.members.read().unwrap_or_else(PoisonError::into_inner);
        let place = place.checked_rem(members.len())?;
        members.get(place).cloned()
    }

    fn len(&self) -> usize {
        self.members.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// What happened on the way, over all requests of a run.
#[derive(Debug, Default)]
pub struct Tally {
    /// Attempts.
    pub attempts: AtomicU64,
    /// Attempts without a connection.
    pub unreachable: AtomicU64,
    /// Attempts whose answer was lost.
    pub lost: AtomicU64,
    /// Answers 503: no leader within the member's bounded wait.
    pub unavailable: AtomicU64,
    /// Answers 5xx other than 503: a bug, even if the retry succeeds.
    pub broken: AtomicU64,
    /// Answers 429.
    pub throttled: AtomicU64,
}

/// How a request ended after all its attempts.
#[derive(Clone, Debug)]
pub enum Answer {
    /// 2xx.
    Done(Reply),
    /// 4xx: it certainly did not happen.
    Refused(Reply),
    /// No answer until the deadline: it may have happened.
    Unknown(String),
}

/// A client with its patience.
#[derive(Clone, Debug)]
pub struct Hopper {
    roster: Roster,
    /// The limit of one attempt.
    pub attempt: Duration,
    /// The limit of the whole request.
    pub patience: Duration,
    tally: Arc<Tally>,
    turn: Arc<AtomicUsize>,
}

/// Pause after every member has been tried once.
const ROUND_PAUSE: Duration = Duration::from_millis(25);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

impl Hopper {
    /// A client over these members; requests begin at each member in turn.
    #[must_use]
    pub fn new(roster: Roster, attempt: Duration, patience: Duration) -> Self {
        Self { roster, attempt, patience, tally: Arc::default(), turn: Arc::default() }
    }

    /// The same client with another limit for one attempt.
    #[must_use]
    pub fn with_attempt(&self, attempt: Duration) -> Self {
        Self { attempt, ..self.clone() }
    }

    /// The same client with more or less patience.
    #[must_use]
    pub fn with_patience(&self, patience: Duration) -> Self {
        Self { patience, ..self.clone() }
    }

    /// What happened on the way so far.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The members this client knows.
    #[must_use]
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Sends until there is an answer or patience ends.
    pub async fn send(&self, request: &Request) -> Answer {
        let deadline = Instant::now() + self.patience;
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut why = "no member known".to_owned();
        let mut pause = ROUND_PAUSE;
        for attempt in 0_usize.. {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            if let Some(member) = self.roster.at(first.wrapping_add(attempt)) {
                let limit = self.attempt.min(left);
                match self.judge(member.send(request, limit).await) {
                    Ok(answer) => return answer,
                    Err(reason) => why = format!("{}: {reason}", member.name),
                }
            }
            if (attempt + 1).checked_rem(self.roster.len()).unwrap_or(0) == 0 {
                sleep(pause.min(deadline.saturating_duration_since(Instant::now()))).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
        Answer::Unknown(why)
    }

    /// An answer that ends the request, or the reason to try the next member.
    fn judge(&self, attempt: Attempt) -> Result<Answer, String> {
        let count = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
        count(&self.tally.attempts);
        match attempt {
            Attempt::Answered(reply) => match reply.status {
                200..300 => Ok(Answer::Done(reply)),
                429 | 500.. => {
                    count(match reply.status {
                        429 => &self.tally.throttled,
                        503 => &self.tally.unavailable,
                        _ => &self.tally.broken,
                    });
                    Err(format!("{} {}", reply.status, reply.body))
                }
                _ => Ok(Answer::Refused(reply)),
            },
            Attempt::Unreachable(reason) => {
                count(&self.tally.unreachable);
                Err(reason)
            }
            Attempt::Lost(reason) => {
                count(&self.tally.lost);
                Err(reason)
            }
        }
    }
}
