//! The leader's side of the lease: who was granted when, who is granted nothing more, whose clusters may be given away.
//!
//! All of it is about *this* leadership in *this* process: it begins empty, and for the first lease + margin nothing is taken from anybody,
//! because what the last leader granted may still run. (`Bug::HastyLeader` in the model.)
//!
//! A request counts from its *arrival*, before the read-index round that confirms the leadership: whatever happens to the answer, the
//! member counts from an even earlier moment, when it sent. Marking a member as suspect and noting a request are under one lock, so no
//! request slips in between the decision to take a member's clusters and its taking effect. (`Bug::GrantToSuspect`.)

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use model::MemberId;
use tokio::time::Instant;

use crate::ownership::plan::Standing;

/// What makes a moment one that is surely after its predecessor: timers know milliseconds.
const AFTER: Duration = Duration::from_millis(1);

/// What this leader has granted.
#[derive(Debug)]
pub struct Grants {
    lease: Duration,
    margin: Duration,
    inner: Mutex<Option<Term>>,
}

/// One leadership.
#[derive(Debug)]
struct Term {
    term: u64,
    since: Instant,
    last: BTreeMap<MemberId, Last>,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    incarnation: u64,
    at: Instant,
    leaving: bool,
    suspect: bool,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Not the leader, or not known to be.
    #[error("this member does not lead")]
    NotLeader,
    /// Its clusters are being given to others.
    #[error("the clusters of this member are being given to others")]
    Suspect,
    /// A newer start of the same member has asked already.
    #[error("a newer start of this member has asked already")]
    OldIncarnation,
}

/// One member's standing, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantedAgo {
    /// The member.
    pub member: MemberId,
    /// Since its last request.
    pub ago: Duration,
    /// Whether it is granted nothing more.
    pub suspect: bool,
}

impl Grants {
    /// Of a member that does not lead yet.
    pub fn new(lease: Duration, margin: Duration) -> Self {
        Self { lease, margin, inner: Mutex::new(None) }
    }

    fn locked<T>(&self, work: impl FnOnce(&mut Option<Term>) -> T) -> T {
        work(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// This member has become the leader: nothing is known of what others granted.
    pub fn begin(&self, term: u64) {
        self.locked(|inner| *inner = Some(Term { term, since: Instant::now(), last: BTreeMap::new() }));
    }

    /// It leads no longer.
    pub fn end(&self) {
        self.locked(|inner| *inner = None);
    }

    /// The term of the present leadership.
    pub fn term(&self) -> Option<u64> {
        self.locked(|inner| inner.as_ref().map(|term| term.term))
    }

    /// A request has arrived. To be called before the read-index round; the term it answers must still be [`Self::term`] after it.
    pub fn ask(&self, member: MemberId, incarnation: u64, leaving: bool) -> Result<u64, Denied> {
        self.locked(|inner| {
            let term = inner.as_mut().ok_or(Denied::NotLeader)?;
            if let Some(last) = term.last.get(&member) {
                if last.incarnation > incarnation {
                    return Err(Denied::OldIncarnation);
                }
                if last.suspect && last.incarnation == incarnation {
                    return Err(Denied::Suspect);
                }
            }
            term.last.insert(member, Last { incarnation, at: Instant::now(), leaving, suspect: false });
            Ok(term.term)
        })
    }

    /// Where `member` stands now. Whoever is found lost is suspect from now on, until [`Self::settled`].
    pub fn standing(&self, member: MemberId, incarnation: u64) -> Standing {
        self.locked(|inner| {
            let Some(term) = inner.as_mut() else { return Standing::Silent };
            let now = Instant::now();
            let since = term.since;
            let patience = self.lease + self.margin;
            let Some(last) = term.last.get_mut(&member) else {
                // Never heard by this leader: the last one may have granted until it was replaced.
                return if now.duration_since(since) > patience {
                    term.last.insert(member, Last { incarnation, at: since, leaving: false, suspect: true });
                    Standing::Lost
                } else {
                    Standing::Silent
                };
            };
            let silence = now.duration_since(last.at);
            if silence > patience && now.duration_since(since) > patience {
                last.suspect = true;
            }
            match (last.suspect, last.leaving || silence > self.lease) {
                (true, _) => Standing::Lost,
                (false, true) => Standing::Silent,
                (false, false) => Standing::Present,
            }
        })
    }

    /// What was planned for the lost has been applied (or there was nothing to take): they may ask again.
    pub fn settled(&self, member: MemberId) {
        self.locked(|inner| {
            if let Some(last) = inner.as_mut().and_then(|term| term.last.get_mut(&member)) {
                last.suspect = false;
            }
        });
    }

    /// Whether every lease that any earlier leader granted has run out.
    pub fn settled_in(&self) -> bool {
        let patience = self.lease + self.margin;
        self.locked(|inner| inner.as_ref().is_some_and(|term| term.since.elapsed() > patience))
    }

    /// When the next member is lost, should it stay silent: who looks then loses no time. `None`: nobody is waited for, or this member does
    /// not lead.
    pub fn next_loss(&self) -> Option<Instant> {
        let patience = self.lease + self.margin;
        self.locked(|inner| {
            let term = inner.as_ref()?;
            let heard = term.last.values().filter(|last| !last.suspect).map(|last| last.at.max(term.since));
            // Of whom it has never heard it reckons from its own beginning.
            let losses = heard.chain([term.since]).map(|heard| heard + patience + AFTER);
            losses.filter(|loss| *loss > Instant::now()).min()
        })
    }

    /// For how long this leader has heard nothing of a member; of one it never heard, for how long it has led. `None`: it does not lead.
    pub fn silence(&self, member: MemberId) -> Option<Duration> {
        self.locked(|inner| {
            let term = inner.as_ref()?;
            Some(term.last.get(&member).map_or(term.since, |last| last.at).elapsed())
        })
    }

    /// Who was granted when, for people.
    pub fn list(&self) -> Vec<GrantedAgo> {
        self.locked(|inner| {
            let all = inner.iter().flat_map(|term| &term.last);
            all.map(|(member, last)| GrantedAgo { member: *member, ago: last.at.elapsed(), suspect: last.suspect }).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(5);
    const MARGIN: Duration = Duration::from_secs(1);
    const A: MemberId = MemberId(1);

    fn leading() -> Grants {
        let grants = Grants::new(LEASE, MARGIN);
        grants.begin(7);
        grants
    }

    async fn pass(ms: u64) {
        tokio::time::advance(Duration::from_millis(ms)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_lead_grants_nothing() {
        let grants = Grants::new(LEASE, MARGIN);
        assert_eq!(grants.ask(A, 1, false), Err(Denied::NotLeader));
        grants.begin(1);
        assert_eq!(grants.ask(A, 1, false), Ok(1));
        grants.end();
        assert_eq!(grants.ask(A, 1, false), Err(Denied::NotLeader));
    }

    #[tokio::test(start_paused = true)]
    async fn a_member_is_lost_only_after_lease_and_margin() {
        let grants = leading();
        pass(10_000).await;
        grants.ask(A, 1, false).unwrap();
        assert_eq!(grants.standing(A, 1), Standing::Present);
        pass(5_001).await;
        assert_eq!(grants.standing(A, 1), Standing::Silent);
        pass(998).await;
        assert_eq!(grants.standing(A, 1), Standing::Silent);
        pass(2).await;
        assert_eq!(grants.standing(A, 1), Standing::Lost);
    }

    #[tokio::test(start_paused = true)]
    async fn the_moment_of_the_next_loss_is_known() {
        let grants = Grants::new(LEASE, MARGIN);
        assert_eq!(grants.next_loss(), None, "it does not lead");
        grants.begin(7);
        grants.ask(A, 1, false).unwrap();
        tokio::time::sleep_until(grants.next_loss().unwrap()).await;
        assert_eq!((grants.standing(A, 1), grants.standing(MemberId(2), 1)), (Standing::Lost, Standing::Lost));
        assert_eq!(grants.next_loss(), None, "there is nobody left to wait for");
        grants.settled(A);
        grants.ask(A, 1, false).unwrap();
        pass(1_000).await;
        let loss = grants.next_loss().unwrap();
        assert_eq!(loss - Instant::now(), LEASE + AFTER, "a lease and a margin after it was heard");
        grants.ask(A, 1, false).unwrap();
        assert_eq!(grants.next_loss(), Some(loss + Duration::from_secs(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_lost_is_granted_nothing_until_its_clusters_have_moved() {
        let grants = leading();
        pass(6_001).await;
        assert_eq!(grants.standing(A, 1), Standing::Lost);
        assert_eq!(grants.ask(A, 1, false), Err(Denied::Suspect));
        assert_eq!(grants.standing(A, 1), Standing::Lost);
        grants.settled(A);
        assert_eq!(grants.ask(A, 1, false), Ok(7));
        assert_eq!(grants.standing(A, 1), Standing::Present);
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_leader_waits_for_what_others_granted() {
        let grants = leading();
        pass(5_999).await;
        assert_eq!(grants.standing(A, 1), Standing::Silent);
        assert!(!grants.settled_in());
        // The second leadership of the same process knows nothing of the first either.
        grants.begin(8);
        pass(5_999).await;
        assert_eq!(grants.standing(A, 1), Standing::Silent);
        pass(2).await;
        assert_eq!(grants.standing(A, 1), Standing::Lost);
        assert!(grants.settled_in());
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_start_may_ask_while_the_old_one_is_suspect_but_never_the_other_way_round() {
        let grants = leading();
        pass(6_001).await;
        assert_eq!(grants.standing(A, 1), Standing::Lost);
        assert_eq!(grants.ask(A, 2, false), Ok(7));
        assert_eq!(grants.ask(A, 1, false), Err(Denied::OldIncarnation));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_leaving_keeps_its_lease_and_gets_nothing() {
        let grants = leading();
        grants.ask(A, 1, true).unwrap();
        assert_eq!(grants.standing(A, 1), Standing::Silent);
    }
}
