//! All randomness of a run comes from one printed seed.
//!
//! The same seed makes the same choices of targets, delays and operations. It cannot make the same
//! interleaving: the members are real processes.

use rand::{Rng, RngCore, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

/// A seeded source of chance; independent streams are forked by label.
#[derive(Clone, Debug)]
pub struct Chance {
    seed: u64,
    stream: ChaCha8Rng,
}

impl Chance {
    /// The source of a whole run.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self { seed, stream: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// A seed nobody chose, to be printed.
    #[must_use]
    pub fn fresh_seed() -> u64 {
        // 48 bits: short enough to be typed again.
        rand::rng().next_u64() >> 16
    }

    /// An independent source, the same for the same label and seed whatever was drawn before.
    #[must_use]
    pub fn fork(&self, label: &str) -> Self {
        // FNV-1a; only has to be stable.
        let hash = label
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64 ^ self.seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        Self { seed: hash, stream: ChaCha8Rng::seed_from_u64(hash) }
    }

    /// A number in `from..to`; `from` when the range is empty.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        if from >= to { from } else { self.stream.random_range(from..to) }
    }

    /// True in `percent` of 100 cases.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.between(0, 100) < percent
    }

    /// One of the items, `None` when there is none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.choose(&mut self.stream)
    }

    /// 128 random bits as hexadecimal, for idempotency keys.
    pub fn key(&mut self) -> String {
        format!("{:016x}{:016x}", self.stream.next_u64(), self.stream.next_u64())
    }
}
