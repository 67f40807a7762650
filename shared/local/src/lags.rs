//! Who sees a change when. AWS is eventually consistent in many places: for a while a reader sees what was, or
//! nothing. Here each change carries the moment from which readers of each kind see it, so that what is seen follows
//! from the time alone: nothing has to happen when a lag ends.

use std::{collections::BTreeMap, ops::Deref};

use jiff::{SignedDuration, Timestamp};

use crate::rng::Rng;

/// A kind of reader that sees changes late. All others see everything at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lag {
    /// `ListTagsOfResource` of DynamoDB. AWS documents that it may answer the previous tags, or none, right after
    /// TagResource and UntagResource, and reflects a change after a few seconds.
    TableTags,
    /// The conditions of IAM on `aws:ResourceTag` of tables, recovery points and vaults. AWS says of TagResource
    /// that the application of tags is eventually consistent; that this goes for conditions, and may take longer
    /// than the listing, is assumption A32.
    JudgedTags,
    /// The tagging API's search for tables, vaults and recovery points. That it sees a change late is assumption A42.
    FoundTags,
    /// `GetResourcePolicy`. AWS documents that it may answer the previous policy, a deleted one, or
    /// PolicyNotFoundException right after a change.
    Policies,
    /// What describes a table that was just created or restored, or lists tables. AWS documents
    /// ResourceNotFoundException of DescribeTable and GetResourcePolicy; that the others share it is assumption A42.
    NewTables,
    /// `DescribeTimeToLive` and `DescribeContinuousBackups` after a change (assumption A42).
    TableSettings,
    /// Items read without ConsistentRead, and every read of a global secondary index, as AWS documents.
    Items,
    /// `ListTags` of AWS Backup after a change, and of a recovery point that was just made or completed
    /// (assumption A42).
    PointTags,
    /// AWS Backup's lists of recovery points: new ones are missing, states are old, removed ones are still there
    /// (assumption A42); DescribeRecoveryPoint is exact.
    Points,
    /// AWS Backup's lists of backup, copy and restore jobs: likewise.
    Jobs,
}

impl Lag {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::TableTags,
        Self::JudgedTags,
        Self::FoundTags,
        Self::Policies,
        Self::NewTables,
        Self::TableSettings,
        Self::Items,
        Self::PointTags,
        Self::Points,
        Self::Jobs,
    ];

    /// The longest lag that the seed gives. AWS returns a few seconds for tags, and no number for the others.
    fn longest(self) -> SignedDuration {
        SignedDuration::from_secs(match self {
            Self::JudgedTags => 15,
            Self::FoundTags => 10,
            Self::Items => 3,
            _ => 5,
        })
    }

    /// Whether AWS documents that there may be nothing to see for a while, where there was something before.
    fn may_be_blank(self) -> bool {
        matches!(self, Self::TableTags | Self::Policies | Self::PointTags)
    }
}

/// How late the changes of one kind are seen.
#[derive(Debug, Clone, Copy)]
enum Late {
    UpTo(SignedDuration),
    Exactly(SignedDuration),
}

/// The lags of one service. Each kind draws from a stream of its own, so that a lag that a test stretches shifts no
/// other.
#[derive(Debug)]
pub(crate) struct Lags {
    seed: u64,
    first_stream: u64,
    kinds: BTreeMap<Lag, (Rng, Late)>,
    /// How many ask for changes that are seen at once.
    at_once: usize,
}

impl Lags {
    /// No lag at all. The service has as many streams as there are kinds, from `first_stream` on.
    pub(crate) fn new(seed: u64, first_stream: u64) -> Self {
        Self { seed, first_stream, kinds: BTreeMap::new(), at_once: 0 }
    }

    /// Every change is seen at once from now on.
    pub(crate) fn clear(&mut self) {
        self.kinds.clear();
    }

    /// Changes are seen at once until [`Lags::set_scene`] is called again with `false`.
    pub(crate) fn set_scene(&mut self, begins: bool) {
        self.at_once = if begins { self.at_once + 1 } else { self.at_once.saturating_sub(1) };
    }

    /// Every change is seen late from now on, as the seed says.
    pub(crate) fn spread(&mut self) {
        for kind in Lag::ALL {
            self.set(kind, Late::UpTo(kind.longest()));
        }
    }

    /// Every change of this kind is seen exactly so late from now on.
    pub(crate) fn stretch(&mut self, kind: Lag, by: SignedDuration) {
        self.set(kind, Late::Exactly(by));
    }

    fn set(&mut self, kind: Lag, late: Late) {
        let stream = self.first_stream + kind as u64;
        let (_, had) = self.kinds.entry(kind).or_insert_with(|| (Rng::new(self.seed, stream), late));
        *had = late;
    }

    /// Whether there are readers of this kind who see changes late.
    pub(crate) fn has(&self, kind: Lag) -> bool {
        self.kinds.contains_key(&kind)
    }

    /// When readers of these kinds see a change that is made now.
    pub(crate) fn draw(&mut self, kinds: &[Lag], now: Timestamp) -> Seen {
        let late = kinds.iter().filter_map(|kind| self.sight(*kind, now)).collect();
        Seen { now, late }
    }

    /// When a reader of this kind sees a change that is made now.
    pub(crate) fn visible_at(&mut self, kind: Lag, now: Timestamp) -> Timestamp {
        self.sight(kind, now).map_or(now, |sight| sight.at)
    }

    fn sight(&mut self, by: Lag, now: Timestamp) -> Option<Sight> {
        let (rng, late) = self.kinds.get_mut(&by).filter(|_| self.at_once == 0)?;
        let lag = match *late {
            Late::Exactly(lag) => lag,
            // Most reads find the change, also in AWS.
            Late::UpTo(_) if rng.below(3) == 0 => SignedDuration::ZERO,
            Late::UpTo(longest) => {
                let longest = u32::try_from(longest.as_millis()).unwrap_or(u32::MAX);
                SignedDuration::from_millis(rng.below(longest).into())
            }
        };
        let blank = by.may_be_blank() && rng.below(2) == 0;
        let at = now.checked_add(lag).unwrap_or(Timestamp::MAX);
        (at > now).then_some(Sight { by, at, blank })
    }
}

/// When a kind of reader sees a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sight {
    by: Lag,
    at: Timestamp,
    /// Until then there is nothing to see, rather than what was.
    blank: bool,
}

/// A change's moment, and who sees it later; by default no one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    now: Timestamp,
    late: Vec<Sight>,
}

impl Seen {
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// Whether anybody sees the change later.
    pub(crate) fn is_late(&self) -> bool {
        !self.late.is_empty()
    }

    fn is_open(&self, now: Timestamp) -> bool {
        self.late.iter().any(|sight| now < sight.at)
    }
}

/// What was, for as long as there may be somebody who has not seen what came after: changes in their order.
#[derive(Debug, Clone)]
pub(crate) struct Past<T> {
    changes: Vec<(T, Seen)>,
    nothing: T,
}

impl<T: Default> Default for Past<T> {
    fn default() -> Self {
        Self { changes: Vec::new(), nothing: T::default() }
    }
}

impl<T: Default> Past<T> {
    /// Notes a change of what was. Changes that everybody has seen are forgotten.
    pub(crate) fn add(&mut self, was: T, seen: Seen) {
        let settled = self.changes.iter().rposition(|(_, earlier)| !earlier.is_open(seen.now));
        self.changes.drain(..settled.map_or(0, |last| last + 1));
        if seen.is_late() {
            self.changes.push((was, seen));
        } else {
            self.changes.clear();
        }
    }

    /// What a reader sees instead of what is; `None` when it sees that. Who has seen a change has seen those before.
    pub(crate) fn seen(&self, by: Lag, now: Timestamp) -> Option<&T> {
        let mut found = None;
        for (was, seen) in self.changes.iter().rev() {
            match seen.late.iter().find(|sight| sight.by == by && now < sight.at) {
                None => break,
                Some(sight) => found = Some(if sight.blank { &self.nothing } else { was }),
            }
        }
        found
    }

    /// Whether somebody may still see something else than what is.
    pub(crate) fn is_open(&self, now: Timestamp) -> bool {
        self.changes.last().is_some_and(|(_, seen)| seen.is_open(now))
    }
}

/// A value that some readers see late. By itself it is what it is.
#[derive(Debug, Clone)]
pub(crate) struct Lagging<T> {
    is: T,
    past: Past<T>,
}

impl<T: Default> Lagging<T> {
    /// A value that everybody sees.
    pub(crate) fn known(is: T) -> Self {
        Self { is, past: Past::default() }
    }

    /// A value where nothing was.
    pub(crate) fn new(is: T, seen: Seen) -> Self {
        let mut value = Self::known(T::default());
        value.set(is, seen);
        value
    }

    pub(crate) fn set(&mut self, is: T, seen: Seen) {
        let was = std::mem::replace(&mut self.is, is);
        self.past.add(was, seen);
    }

    /// It is put there once more, as it is.
    pub(crate) fn touch(&mut self, seen: Seen)
    where
        T: Clone,
    {
        if seen.is_late() {
            self.past.add(self.is.clone(), seen);
        }
    }

    /// What a reader sees.
    pub(crate) fn seen(&self, by: Lag, now: Timestamp) -> &T {
        self.past.seen(by, now).unwrap_or(&self.is)
    }
}

impl<T: Default> Default for Lagging<T> {
    fn default() -> Self {
        Self::known(T::default())
    }
}

impl<T> Deref for Lagging<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.is
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn late(now: i64, sights: &[(Lag, i64, bool)]) -> Seen {
        let late = sights.iter().map(|(by, until, blank)| Sight { by: *by, at: at(*until), blank: *blank });
        Seen { now: at(now), late: late.collect() }
    }

    #[test]
    fn each_kind_of_reader_sees_a_change_at_its_own_moment() {
        let mut value = Lagging::known(1);
        value.set(2, late(0, &[(Lag::TableTags, 5, false), (Lag::JudgedTags, 9, false)]));
        assert_eq!(*value, 2, "what is is not what is seen");
        let seen = |by, now| *value.seen(by, at(now));
        assert_eq!((seen(Lag::TableTags, 4), seen(Lag::TableTags, 5)), (1, 2));
        assert_eq!((seen(Lag::JudgedTags, 8), seen(Lag::JudgedTags, 9)), (1, 2));
        assert_eq!(seen(Lag::FoundTags, 0), 2, "who lags is drawn for each change");
    }

    #[test]
    fn a_reader_may_see_nothing_where_something_was_and_is() {
        let mut value = Lagging::known(1);
        value.set(2, late(0, &[(Lag::TableTags, 5, true)]));
        assert_eq!(*value.seen(Lag::TableTags, at(4)), 0);
        assert_eq!(*value.seen(Lag::TableTags, at(5)), 2);
    }

    #[test]
    fn who_has_seen_a_change_has_seen_those_before_it() {
        let mut value = Lagging::known(1);
        value.set(2, late(0, &[(Lag::TableTags, 9, false)]));
        value.set(3, late(1, &[(Lag::TableTags, 4, false)]));
        let seen: Vec<i32> = [1, 3, 4, 9].map(|now| *value.seen(Lag::TableTags, at(now))).to_vec();
        assert_eq!(seen, [1, 1, 3, 3]);
        value.set(4, late(2, &[(Lag::TableTags, 12, false)]));
        let seen: Vec<i32> = [2, 4, 11, 12].map(|now| *value.seen(Lag::TableTags, at(now))).to_vec();
        assert_eq!(seen, [1, 3, 3, 4]);
    }

    #[test]
    fn what_everybody_has_seen_is_forgotten() {
        let mut past = Past::default();
        for second in 0..100 {
            past.add(second, late(second, &[(Lag::Items, second + 3, false)]));
        }
        assert_eq!(past.changes.len(), 3);
        assert!(past.is_open(at(101)) && !past.is_open(at(102)));
        past.add(100, late(100, &[]));
        assert!(past.changes.is_empty(), "a change that is seen at once hides those before it");
    }

    #[test]
    fn lags_are_drawn_from_the_seed_and_lie_between_none_and_the_longest() {
        let drawn = |seed| {
            let mut lags = Lags::new(seed, 100);
            lags.spread();
            let moments = (0..200).map(|_| lags.visible_at(Lag::JudgedTags, at(0)));
            moments.collect::<Vec<_>>()
        };
        let moments = drawn(1);
        assert_eq!(moments, drawn(1));
        assert_ne!(moments, drawn(2));
        let zero = moments.iter().filter(|moment| **moment == at(0)).count();
        assert!((30..100).contains(&zero), "{zero} of 200 are seen at once");
        let last = moments.iter().max().unwrap();
        assert!(*last > at(10) && *last < at(15), "{last}");
    }

    #[test]
    fn a_lag_that_is_stretched_shifts_no_other() {
        let drawn = |stretched: bool| {
            let mut lags = Lags::new(1, 100);
            lags.spread();
            if stretched {
                lags.stretch(Lag::TableTags, SignedDuration::from_mins(1));
            }
            (0..20)
                .map(|_| (lags.visible_at(Lag::TableTags, at(0)), lags.visible_at(Lag::Items, at(0))))
                .unzip::<_, _, Vec<_>, Vec<_>>()
        };
        let ((drawn_tags, items), (tags, same)) = (drawn(false), drawn(true));
        assert_eq!(items, same);
        assert!(tags.iter().all(|moment| *moment == at(60)) && tags != drawn_tags);
    }

    #[test]
    fn without_lags_everything_is_seen_at_once() {
        let mut lags = Lags::new(1, 100);
        assert!(lags.draw(&Lag::ALL, at(0)).late.is_empty());
        lags.spread();
        lags.clear();
        assert!(lags.draw(&Lag::ALL, at(0)).late.is_empty());
        let mut value = Lagging::new(vec![1], lags.draw(&[Lag::TableTags], at(0)));
        value.set(vec![1, 2], lags.draw(&[Lag::TableTags], at(0)));
        assert_eq!(*value.seen(Lag::TableTags, at(0)), [1, 2]);
    }
}
