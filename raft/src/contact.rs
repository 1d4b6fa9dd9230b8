//! How old the state of a follower may be: since the leader last said how far the log is committed, and this member had applied that far.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

#[derive(Clone, Copy, Debug)]
struct Word {
    committed: u64,
    at: Instant,
}

#[derive(Debug, Default)]
struct Words {
    /// The newest word that is known to be covered by the applied state.
    covered: Option<Word>,
    /// The oldest word that was not covered when it was last looked at.
    open: Option<Word>,
    /// The newest word of all.
    newest: Option<Word>,
}

/// What the leader last said.
#[derive(Debug, Default)]
pub(crate) struct Contact(Mutex<Words>);

impl Contact {
    /// The leader says now that the log is committed up to `committed`; `applied` is how far the state here is.
    pub(crate) fn heard(&self, committed: u64, applied: u64) {
        let word = Word { committed, at: Instant::now() };
        let mut words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        words.settle(applied);
        words.newest = Some(word);
        if applied >= committed {
            words.covered = Some(word);
        } else if words.open.is_none() {
            words.open = Some(word);
        }
    }

    /// Since when the state, applied up to `applied`, may lack something.
    pub(crate) fn age(&self, applied: u64) -> Option<Duration> {
        let mut words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        words.settle(applied);
        words.covered.map(|word| word.at.elapsed())
    }

    /// Since the leader was last heard at all.
    pub(crate) fn silence(&self) -> Option<Duration> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).newest.map(|word| word.at.elapsed())
    }
}

impl Words {
    fn settle(&mut self, applied: u64) {
        if let Some(open) = self.open
            && applied >= open.committed
        {
            self.covered = Some(open);
            self.open = None;
        }
        if let Some(newest) = self.newest
            && applied >= newest.committed
        {
            self.covered = Some(newest);
            self.open = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn age_counts_from_the_last_word_that_is_covered() {
        let contact = Contact::default();
        assert_eq!(contact.age(0), None);
        contact.heard(5, 5);
        tokio::time::advance(Duration::from_millis(100)).await;
        contact.heard(9, 5);
        tokio::time::advance(Duration::from_millis(10)).await;
        assert_eq!(contact.age(5), Some(Duration::from_millis(110)));
        assert_eq!(contact.age(9), Some(Duration::from_millis(10)));
        assert_eq!(contact.silence(), Some(Duration::from_millis(10)));
    }
}
