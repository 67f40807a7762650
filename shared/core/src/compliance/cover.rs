//! Sets of moments.

use jiff::Timestamp;

/// Stretches of time, each from its first moment until before its last, in order and apart from each other.
#[derive(Debug, Default)]
pub(super) struct Cover(Vec<(Timestamp, Timestamp)>);

impl Cover {
    /// All moments of these stretches.
    pub fn of(stretches: impl IntoIterator<Item = (Timestamp, Timestamp)>) -> Self {
        let mut stretches: Vec<_> = stretches.into_iter().filter(|(from, until)| from < until).collect();
        stretches.sort_unstable();
        let mut joined: Vec<(Timestamp, Timestamp)> = Vec::new();
        for (from, until) in stretches {
            match joined.last_mut() {
                Some((_, end)) if from <= *end => *end = until.max(*end),
                _ => joined.push((from, until)),
            }
        }
        Self(joined)
    }

    /// Whether every moment from `from` until before `until` is one of them.
    pub fn covers(&self, from: Timestamp, until: Timestamp) -> bool {
        let next = self.0.partition_point(|(_, end)| *end <= from);
        self.0.get(next).is_some_and(|(start, end)| *start <= from && *end >= until)
    }
}
