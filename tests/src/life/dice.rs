//! The dice of a life: what a seed throws.

use jiff::SignedDuration;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// Dice of one seed.
#[derive(Debug)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// Dice that always throw the same.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A number from `0..end`; 0 where there is none.
    pub fn below(&mut self, end: u32) -> u32 {
        let thrown = self.0.next_u64() % u64::from(end.max(1));
        u32::try_from(thrown).unwrap_or_default()
    }

    /// Whether it is one of so many.
    pub fn one_in(&mut self, many: u32) -> bool {
        self.below(many) == 0
    }

    /// One of these.
    ///
    /// # Panics
    /// When there is none.
    pub fn one_of<T: Copy>(&mut self, these: &[T]) -> T {
        let place = self.below(u32::try_from(these.len()).unwrap_or(u32::MAX));
        these[usize::try_from(place).unwrap_or_default()]
    }

    /// A number of whole minutes between two durations.
    pub fn between(&mut self, least: SignedDuration, most: SignedDuration) -> SignedDuration {
        let minutes = u32::try_from(most.saturating_sub(least).as_mins()).unwrap_or_default();
        least + SignedDuration::from_mins(self.below(minutes.saturating_add(1)).into())
    }
}
