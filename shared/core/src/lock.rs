//! When AWS deletes: in vaults under lock, by a lifecycle that is fixed when the point is made, and nowhere else.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::policy::{COLD_DAYS, Policy};
use crate::tier::Flag;

/// The retention in days that a locked or air-gapped vault takes. AWS fails a job outside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// The least, at least 1.
    pub min_days: u32,
    /// The greatest, at most [`MAX_DAYS`].
    pub max_days: u32,
}

/// The greatest retention that AWS Backup takes, in days: 100 years.
pub const MAX_DAYS: u32 = 36_500;

/// What a point in a locked vault is given when it is made, in days from its creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Lifecycle {
    /// MoveToColdStorageAfterDays.
    pub cold_after_days: Option<u32>,
    /// DeleteAfterDays.
    pub delete_after_days: u32,
}

impl Lock {
    /// What every air-gapped vault keeps to: at least 7 days.
    pub const AIR_GAPPED: Lock = Lock { min_days: 7, max_days: MAX_DAYS };

    /// The lock that AWS describes. What it leaves out is not bounded but by AWS Backup itself.
    pub fn from_vault(min_days: Option<i64>, max_days: Option<i64>) -> Self {
        let within = |days: Option<i64>, or: u32| {
            days.map_or(or, |days| u32::try_from(days.max(1)).unwrap_or(MAX_DAYS).min(MAX_DAYS))
        };
        let min_days = within(min_days, 1);
        Self { min_days, max_days: within(max_days, MAX_DAYS).max(min_days) }
    }

    fn clamp(self, days: u32) -> u32 {
        days.max(self.min_days).min(self.max_days)
    }
}

/// The DeleteAfterDays of a point that AWS creates at `made_at`: up to the last flag's lapse, rounded up to
/// whole days, within the lock's range. A manual backup has no flags and stays for as long as the lock allows,
/// as no one can remove it by an operator. AWS counts from the creation date, also of a copy (assumption A12).
pub fn delete_after_days(made_at: Timestamp, flags: &[Flag], lock: Lock) -> u32 {
    const DAY: i64 = 24 * 60 * 60;
    let Some(lapses) = flags.iter().map(|flag| flag.lapses).max() else { return lock.max_days };
    let left = lapses.duration_since(made_at);
    let seconds = left.as_secs() + i64::from(left.subsec_nanos() > 0);
    let days = seconds.max(0).div_euclid(DAY) + i64::from(seconds.max(0) % DAY > 0);
    lock.clamp(u32::try_from(days).unwrap_or(MAX_DAYS))
}

/// The DeleteAfterDays of a copy into a vault without a lock, where no clock but ours deletes. A copy that is given
/// none takes its source's retention, and is deleted with it; one that is to stay is given the most that AWS takes
/// (AWS Backup's guide on copies advises that itself). The copy of a point without an end has none, and needs none.
pub fn outliving(source_ends: bool) -> Option<u32> {
    source_ends.then_some(MAX_DAYS)
}

/// The lifecycle of a point of the policy in a locked vault: as [`delete_after_days`], and to cold storage as
/// [`Policy::cold_days_of`] says. A point in cold storage is kept [`COLD_DAYS`] longer than it was warm,
/// as AWS demands; where the lock does not allow that it stays warm.
pub fn lifecycle(policy: &Policy, made_at: Timestamp, flags: &[Flag], lock: Lock) -> Lifecycle {
    let delete_after_days = delete_after_days(made_at, flags, lock);
    let cold = policy.cold_days_of(flags).filter(|days| days + COLD_DAYS <= lock.max_days);
    let least = cold.map_or(0, |days| days + COLD_DAYS);
    Lifecycle { cold_after_days: cold, delete_after_days: delete_after_days.max(least) }
}

/// After how many days a point that is made at `made_at` goes to cold storage, and is deleted by AWS: the latter in a
/// locked vault, where we cannot, and of a copy whose source ends by itself, which would end with it.
pub fn days_of(
    policy: Option<&Policy>,
    made_at: Timestamp,
    flags: &[Flag],
    lock: Option<Lock>,
    source_ends: bool,
) -> (Option<i64>, Option<i64>) {
    let (cold, delete) = match (policy, lock) {
        (policy, None) => (policy.and_then(|policy| policy.cold_days_of(flags)), outliving(source_ends)),
        (None, Some(lock)) => (None, Some(delete_after_days(made_at, flags, lock))),
        (Some(policy), Some(lock)) => {
            let life = lifecycle(policy, made_at, flags, lock);
            (life.cold_after_days, Some(life.delete_after_days))
        }
    };
    (cold.map(i64::from), delete.map(i64::from))
}

#[cfg(test)]
mod tests {
    use std::slice;

    use proptest::prelude::*;

    use super::*;
    use crate::policy::Home;
    use crate::tier::Tier;

    const WIDE: Lock = Lock { min_days: 1, max_days: MAX_DAYS };

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn flag(span: &str, lapses: &str) -> Flag {
        let slot = at("2026-01-05T06:00:00Z");
        Flag { tier: Tier::Daily, slot, span: span.parse().unwrap(), lapses: at(lapses) }
    }

    fn policy() -> Policy {
        let home = Home {
            partition: "aws".to_owned(),
            account: "111122223333".parse().unwrap(),
            region: "eu-central-1".parse().unwrap(),
        };
        let text = "{name: test, vault: main, sources: {all: true}, cold_after: 30 days, tiers: {monthly: \
                    {on: first monday, at: 06:00, keep: 6 months}, daily: {at: 06:00, keep: 3 days}}}";
        Policy::parse(text, &home).unwrap()
    }

    #[test]
    fn what_is_asked_of_aws_follows_the_policy_the_lock_and_the_source() {
        let (daily, monthly) =
            (flag("3 days", "2026-01-08T06:00:00Z"), flag("6 months", "2026-07-05T06:00:00Z"));
        let policy = policy();
        let asked = |policy: Option<&Policy>, flags: &[Flag], lock: Option<Lock>, source_ends: bool| {
            days_of(policy, at("2026-01-05T06:00:00Z"), flags, lock, source_ends)
        };
        assert_eq!(asked(Some(&policy), slice::from_ref(&daily), None, false), (None, None));
        assert_eq!(asked(Some(&policy), slice::from_ref(&monthly), None, false), (Some(30), None));
        assert_eq!(
            asked(Some(&policy), slice::from_ref(&daily), None, true),
            (None, Some(i64::from(MAX_DAYS)))
        );
        assert_eq!(asked(None, slice::from_ref(&daily), Some(WIDE), false), (None, Some(3)));
        assert_eq!(asked(Some(&policy), &[monthly], Some(WIDE), false), (Some(30), Some(181)));
        assert_eq!(asked(None, &[daily], None, false), (None, None));
    }

    #[test]
    fn what_is_left_of_the_last_flag_is_rounded_up_to_days() {
        let days =
            |made_at: &str, lapses: &str| delete_after_days(at(made_at), &[flag("3 days", lapses)], WIDE);
        let lapse = "2026-01-08T06:00:00Z";
        assert_eq!(days("2026-01-05T06:00:00Z", lapse), 3);
        // Made an hour after its slot, a nanosecond before it, and a nanosecond after.
        assert_eq!(days("2026-01-05T07:00:00Z", lapse), 3);
        assert_eq!(days("2026-01-05T05:59:59.999999999Z", lapse), 4);
        assert_eq!(days("2026-01-05T06:00:00.000000001Z", lapse), 3);
        // Lapsed before it was made: the least.
        assert_eq!(days("2026-02-01T06:00:00Z", lapse), 1);
        let both = [flag("3 days", lapse), flag("5 weeks", "2026-02-09T06:00:00Z")];
        assert_eq!(delete_after_days(at("2026-01-05T06:10:00Z"), &both, WIDE), 35);
    }

    #[test]
    fn the_range_of_the_lock_is_kept() {
        let flags = [flag("5 weeks", "2026-02-09T06:00:00Z")];
        let days = |min_days, max_days| {
            delete_after_days(at("2026-01-05T06:00:00Z"), &flags, Lock { min_days, max_days })
        };
        assert_eq!((days(1, 36_500), days(60, 90), days(7, 30)), (35, 60, 30));
        assert_eq!(
            delete_after_days(at("2026-01-05T06:00:00Z"), &[], Lock { min_days: 7, max_days: 30 }),
            30
        );
        let far = [flag("100 years", "9999-01-01T00:00:00Z")];
        assert_eq!(delete_after_days(at("2026-01-05T06:00:00Z"), &far, WIDE), MAX_DAYS);
    }

    #[test]
    fn cold_storage_is_asked_for_only_where_the_lock_leaves_it_its_days() {
        // Six months from 5 January are 181 days; cold storage needs 30 + 90.
        let flags = [flag("6 months", "2026-07-05T06:00:00Z")];
        let of = |flags: &[Flag], max_days| {
            let lifecycle =
                lifecycle(&policy(), at("2026-01-05T06:00:00Z"), flags, Lock { min_days: 7, max_days });
            (lifecycle.cold_after_days, lifecycle.delete_after_days)
        };
        assert_eq!(of(&flags, 365), (Some(30), 181));
        assert_eq!(of(&flags, 120), (Some(30), 120));
        assert_eq!(of(&flags, 119), (None, 119));
        assert_eq!(of(&[flag("3 days", "2026-01-08T06:00:00Z")], 365), (None, 7));
        // A copy that was owed for so long that little is left is kept for cold storage's sake.
        assert_eq!(of(&[flag("6 months", "2026-02-05T06:00:00Z")], 365), (Some(30), 120));
    }

    #[test]
    fn a_copy_outlives_a_source_that_ends() {
        assert_eq!(outliving(true), Some(MAX_DAYS));
        assert_eq!(outliving(false), None);
    }

    #[test]
    fn what_aws_leaves_out_is_not_bounded() {
        assert_eq!(Lock::from_vault(None, None), WIDE);
        assert_eq!(Lock::from_vault(Some(7), None), Lock { min_days: 7, max_days: MAX_DAYS });
        assert_eq!(Lock::from_vault(Some(-1), Some(i64::MAX)), WIDE);
        assert_eq!(Lock::from_vault(Some(40), Some(30)), Lock { min_days: 40, max_days: 40 });
    }

    proptest! {
        #[test]
        fn nothing_is_deleted_before_its_flags_lapse_nor_refused(
            made in 0i64..4_000_000_000, left in -1_000_000i64..4_000_000_000, min in 1u32..400, more in 0u32..40_000,
        ) {
            let made_at = Timestamp::from_second(made).unwrap();
            let lapses = Timestamp::from_second(made + left).unwrap();
            let flag = Flag { lapses, ..flag("3 days", "2026-01-08T06:00:00Z") };
            let lock = Lock { min_days: min, max_days: (min + more).min(MAX_DAYS) };
            let days = delete_after_days(made_at, &[flag], lock);
            prop_assert!((lock.min_days..=lock.max_days).contains(&days));
            prop_assert!(days == lock.max_days || i64::from(days) * 86_400 >= left);
        }
    }
}
