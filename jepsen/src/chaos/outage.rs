//! How long nobody got an acknowledgement.
//!
//! One definition for every fault: the longest time without an acknowledged write, counted from the fault on. For a
//! leader's kill -9 that is the time from the kill to the first write of the new leader; for a graceful stop, whose
//! gap comes a little after the signal, it is that gap. "The first acknowledgement after the fault" would flatter both.

use crate::{
    check::{Operation, Outcome},
    history::Verb,
};

/// The moments of all acknowledged creates, in order.
#[must_use]
pub fn acknowledged(operations: &[Operation]) -> Vec<u64> {
    let mut moments: Vec<u64> =
        operations.iter().filter(|one| one.f == Verb::Create && one.outcome == Outcome::Ok).map(|one| one.ended).collect();
    moments.sort_unstable();
    moments
}

/// The longest time without one of the (sorted) moments between `from` and `to`, both of which count as moments.
#[must_use]
pub fn longest(moments: &[u64], from: u64, to: u64) -> u64 {
    let first = moments.partition_point(|moment| *moment < from);
    let mut last = from;
    let mut longest = 0;
    for moment in moments.iter().skip(first).copied().take_while(|moment| *moment < to).chain([to]) {
        longest = longest.max(moment.saturating_sub(last));
        last = moment;
    }
    longest
}

/// How many of the moments lie between `from` and `to`.
#[must_use]
pub fn count(moments: &[u64], from: u64, to: u64) -> u64 {
    let first = moments.partition_point(|moment| *moment < from);
    let end = moments.partition_point(|moment| *moment < to);
    end.saturating_sub(first) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gap_is_counted_from_the_fault_and_to_the_end() {
        assert_eq!(longest(&[1, 2, 3, 60, 61], 10, 70), 50);
        assert_eq!(longest(&[12, 40, 42], 10, 50), 28);
        assert_eq!(longest(&[], 10, 50), 40);
        assert_eq!(count(&[1, 12, 40, 60], 10, 50), 2);
    }
}
