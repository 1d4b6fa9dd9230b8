//! Replicas are equal: at the same applied index every member has the same state digest.
//!
//! Digests at different indexes say nothing about each other, so the caller samples until all members have
//! come to rest at one index, and gives up as *unknown* when they do not.

use super::Finding;

/// What one member says about its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// The member.
    pub member: String,
    /// The last applied log index.
    pub applied: u64,
    /// The digest of the whole state at that index.
    pub digest: String,
}

/// `None` when the members do not stand at one index; otherwise what differs there.
#[must_use]
pub fn check(replicas: &[Replica]) -> Option<Vec<Finding>> {
    let first = replicas.first()?;
    if replicas.iter().any(|one| one.applied != first.applied || one.digest.is_empty()) {
        return None;
    }
    let differs = replicas.iter().filter(|one| one.digest != first.digest).map(|one| Finding {
        invariant: "replicas are equal",
        words: format!("at index {} {} has {} and {} has {}", first.applied, first.member, first.digest, one.member, one.digest),
        key: None,
        at: None,
    });
    Some(differs.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replica(member: &str, applied: u64, digest: &str) -> Replica {
        Replica { member: member.into(), applied, digest: digest.into() }
    }

    #[test]
    fn only_equal_indexes_can_be_compared() {
        assert_eq!(check(&[]), None);
        assert_eq!(check(&[replica("n1", 5, "a"), replica("n2", 6, "a")]), None);
        assert_eq!(check(&[replica("n1", 5, "a"), replica("n2", 5, "a")]), Some(vec![]));
    }

    #[test]
    fn a_diverged_member_is_caught() {
        let found = check(&[replica("n1", 5, "a"), replica("n2", 5, "b"), replica("n3", 5, "a")]);
        assert_eq!(found.map(|found| found.len()), Some(1));
    }
}
