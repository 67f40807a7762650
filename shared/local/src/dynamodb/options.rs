//! How long the work of DynamoDB takes.

use jiff::{SignedDuration, Timestamp};

/// How long the work of DynamoDB takes. AWS promises none of these; they are what makes a client wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Durations {
    /// A table is CREATING.
    pub create: SignedDuration,
    /// A table is UPDATING; for a new index, the time in which its resources are allocated.
    pub update: SignedDuration,
    /// A new index is filled after that, or a removed one is DELETING.
    pub index: SignedDuration,
    /// A table is DELETING.
    pub delete: SignedDuration,
    /// Time to live, a Kinesis destination or Contributor Insights continue or off.
    pub switch: SignedDuration,
    /// A table restored through DynamoDB itself is CREATING.
    pub restore: SignedDuration,
    /// From a table's creation until point-in-time recovery can be changed.
    pub continuous_backups: SignedDuration,
}

impl Default for Durations {
    /// Tables come and go at once; what changes them takes two seconds.
    fn default() -> Self {
        let moment = SignedDuration::from_secs(2);
        Self {
            create: SignedDuration::ZERO,
            update: moment,
            index: moment,
            delete: SignedDuration::ZERO,
            switch: moment,
            restore: SignedDuration::from_mins(2),
            continuous_backups: SignedDuration::ZERO,
        }
    }
}

impl Durations {
    /// No time at all, for scripts.
    #[must_use]
    pub fn none() -> Self {
        let none = SignedDuration::ZERO;
        Self {
            create: none,
            update: none,
            index: none,
            delete: none,
            switch: none,
            restore: none,
            continuous_backups: none,
        }
    }

    /// Small ones that are all real, for somebody who waits.
    #[must_use]
    pub fn served() -> Self {
        let second = SignedDuration::from_secs(1);
        Self {
            create: second,
            delete: second,
            restore: SignedDuration::from_secs(5),
            continuous_backups: second,
            ..Self::default()
        }
    }
}

/// What the `RestoreSummary.SourceBackupArn` of a table is that AWS Backup has restored. No page says, and all samples
/// are of DynamoDB's own backups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoreSource {
    /// The ARN of the recovery point.
    RecoveryPoint,
    /// The ARN of a backup of DynamoDB's own: `arn:aws:dynamodb:…:table/…/backup/…`.
    DynamoDbBackup,
    /// There is none.
    Absent,
}

/// A moment so much later.
pub(super) fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}
