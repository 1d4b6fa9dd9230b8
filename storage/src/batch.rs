//! A batch of changes that becomes visible and durable as one.
//!
//! All keys and values lie behind each other in one buffer, so that a batch of hundreds of log entries costs a handful of allocations;
//! the engine copies them once more into its own form.

use crate::engine::Family;

/// Changes of one engine, applied in order and atomically.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    bytes: Vec<u8>,
    steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    verb: Verb,
    family: Family,
    first: usize,
    second: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Put,
    Delete,
    DeleteRange,
}

/// One change of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// Set a value.
    Put {
        /// Its family.
        family: Family,
        /// Its key.
        key: &'a [u8],
        /// Its value.
        value: &'a [u8],
    },
    /// Remove a key, present or not.
    Delete {
        /// Its family.
        family: Family,
        /// Its key.
        key: &'a [u8],
    },
    /// Remove all keys of a range.
    DeleteRange {
        /// Its family.
        family: Family,
        /// First key, inclusive.
        start: &'a [u8],
        /// End, exclusive.
        end: &'a [u8],
    },
}

impl Batch {
    /// An empty batch with room for `changes` changes of `bytes` bytes in total.
    pub fn with_capacity(changes: usize, bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), steps: Vec::with_capacity(changes) }
    }

    /// Sets a value.
    pub fn put(&mut self, family: Family, key: &[u8], value: &[u8]) {
        self.push(Verb::Put, family, key, value);
    }

    /// Removes a key, present or not.
    pub fn delete(&mut self, family: Family, key: &[u8]) {
        self.push(Verb::Delete, family, key, &[]);
    }

    /// Removes all keys from `start` (inclusive) to `end` (exclusive); an empty or inverted range removes nothing.
    pub fn delete_range(&mut self, family: Family, start: &[u8], end: &[u8]) {
        if start < end {
            self.push(Verb::DeleteRange, family, start, end);
        }
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// How many changes are in it.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Bytes of all keys and values.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Its changes in order.
    pub fn changes(&self) -> impl Iterator<Item = Change<'_>> {
        let mut rest = self.bytes.as_slice();
        self.steps.iter().map_while(move |step| {
            let (first, tail) = rest.split_at_checked(step.first)?;
            let (second, tail) = tail.split_at_checked(step.second)?;
            rest = tail;
            Some(match step.verb {
                Verb::Put => Change::Put { family: step.family, key: first, value: second },
                Verb::Delete => Change::Delete { family: step.family, key: first },
                Verb::DeleteRange => Change::DeleteRange { family: step.family, start: first, end: second },
            })
        })
    }

    fn push(&mut self, verb: Verb, family: Family, first: &[u8], second: &[u8]) {
        self.bytes.extend_from_slice(first);
        self.bytes.extend_from_slice(second);
        self.steps.push(Step { verb, family, first: first.len(), second: second.len() });
    }
}
