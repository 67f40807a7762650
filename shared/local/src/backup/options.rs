//! How long things take, and which readings of AWS's documentation apply.

use std::collections::BTreeMap;

use jiff::SignedDuration;

/// How long the work of AWS Backup takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durations {
    /// From the request of a job until it could first run.
    pub start: SignedDuration,
    /// A backup of an empty table.
    pub backup: SignedDuration,
    /// A copy of an empty recovery point.
    pub copy: SignedDuration,
    /// A restore of an empty recovery point.
    pub restore: SignedDuration,
    /// More for a restore out of cold storage. AWS says up to four hours: here it takes them all.
    pub cold: SignedDuration,
    /// More for every MiB that a backup, copy or restore holds.
    pub per_mib: SignedDuration,
    /// How long a deleted recovery point stays DELETING.
    pub delete: SignedDuration,
    /// Instead of all that, the whole run of a backup, copy or restore of the table with this ARN.
    pub tables: BTreeMap<String, SignedDuration>,
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            start: SignedDuration::from_secs(2),
            backup: SignedDuration::from_mins(4),
            copy: SignedDuration::from_mins(6),
            restore: SignedDuration::from_mins(8),
            cold: SignedDuration::from_hours(4),
            per_mib: SignedDuration::from_secs(1),
            delete: SignedDuration::from_secs(40),
            tables: BTreeMap::new(),
        }
    }
}

impl Durations {
    pub(super) fn run(&self, resource: &str, base: SignedDuration, bytes: u64) -> SignedDuration {
        let mib = i32::try_from(bytes >> 20).unwrap_or(i32::MAX);
        self.tables
            .get(resource)
            .copied()
            .unwrap_or_else(|| base.saturating_add(self.per_mib.saturating_mul(mib)))
    }
}

/// Limits of AWS Backup, and the choice where AWS's own pages disagree or say nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How long things take.
    pub durations: Durations,
    /// Whether the published API rates are enforced.
    pub rates: bool,
    /// The most tags that may be added to a recovery point, by RecoveryPointTags and TagResource together, beside those
    /// that it inherits. The API says 50; the page of quotas says 10 (assumption A21).
    pub added_tags: usize,
    /// The most backups that run at once in an account and Region.
    pub running_backups: usize,
    /// The most copies that run at once into one Region of an account.
    pub running_copies: usize,
    /// The most restores that run at once in an account and Region.
    pub running_restores: usize,
    /// The most entries of one page of a list, however many are asked for.
    pub page: usize,
    /// What a usable recovery point is called: `COMPLETED`, or `AVAILABLE` in newer pages (assumption A26).
    pub usable: &'static str,
    /// Whether a recovery point is created when its job starts to run rather than when it was requested
    /// (assumption A20).
    pub created_at_start: bool,
    /// Whether what does not exist is denied (`AccessDeniedException`) rather than not found (assumption A14).
    pub missing_is_denied: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durations: Durations::default(),
            rates: true,
            added_tags: 50,
            running_backups: 300,
            running_copies: 100,
            running_restores: 50,
            page: 1000,
            usable: "COMPLETED",
            created_at_start: false,
            missing_is_denied: false,
        }
    }
}
