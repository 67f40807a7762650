//! Identifiers and jitter from one seed.

use jiff::SignedDuration;

use crate::rng::Rng;

#[derive(Debug)]
pub(super) struct Ids(Rng);

impl Ids {
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        Self(Rng::new(seed, stream))
    }

    /// A version 4 UUID in lower case.
    pub(super) fn uuid(&mut self) -> String {
        self.0.uuid()
    }

    /// Whole milliseconds, evenly from `0..=longest`.
    pub(super) fn delay(&mut self, longest: SignedDuration) -> SignedDuration {
        let longest = u64::try_from(longest.as_millis()).unwrap_or(0);
        let millis = u64::from_be_bytes(self.0.array()) % (longest + 1);
        SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
    }
}
