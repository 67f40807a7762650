//! Rates of requests, as services publish them: of an operation, by account and Region. A second's worth may come at
//! once.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

/// An account, a Region, and what is counted there.
type Key = (String, String, &'static str);

/// When each bucket has run full again: the theoretical arrival time of the generic cell rate algorithm.
#[derive(Debug, Default)]
pub(crate) struct Rates(BTreeMap<Key, Timestamp>);

impl Rates {
    /// Counts a request against all these buckets, each of so many a second, or against none when one is full.
    ///
    /// Returns whether there was room.
    pub(crate) fn take(
        &mut self,
        account: &str,
        region: &str,
        buckets: &[(&'static str, i64)],
        now: Timestamp,
    ) -> bool {
        let mut full = Vec::new();
        for (name, per_second) in buckets {
            let key = (account.to_owned(), region.to_owned(), *name);
            let step = SignedDuration::from_nanos(1_000_000_000 / (*per_second).max(1));
            let at = self.0.get(&key).copied().unwrap_or(now).max(now) + step;
            if at.duration_since(now) > SignedDuration::from_secs(1) {
                return false;
            }
            full.push((key, at));
        }
        self.0.extend(full);
        true
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_seconds_worth_comes_at_once_and_then_one_at_a_time() {
        let mut rates = Rates::default();
        let now = Timestamp::UNIX_EPOCH;
        let mut take = |at| rates.take("a", "r", &[("TagResource", 5)], at);
        assert_eq!((0..7).map(|_| take(now)).filter(|there| *there).count(), 5);
        let later = now + SignedDuration::from_millis(200);
        assert_eq!([take(later), take(later)], [true, false]);
        assert!(rates.take("a", "elsewhere", &[("TagResource", 5)], now));
    }
}
