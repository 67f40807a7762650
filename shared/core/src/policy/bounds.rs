//! The bounds and the fixed words of the language, which its reader and its schema share.

use std::ops::RangeInclusive;

/// The most bytes of a document: room for the names of all tables that a Region has by default, and room in a record of the
/// catalog, which ends at 400 KB.
pub(super) const MAX_BYTES: usize = 128 << 10;
/// The most values of a document, those that aliases stand for included.
pub(super) const MAX_VALUES: usize = 20_000;
/// The most aliases of a document.
pub(super) const MAX_ALIASES: usize = 100;
/// The most levels of lists and mappings within each other: the language itself has six.
pub(super) const MAX_DEPTH: usize = 16;

/// The most characters of a description.
pub(super) const MAX_DESCRIPTION: usize = 255;
/// The most patterns of a selection: a name is compared with each of them, character by character.
pub(super) const MAX_PATTERNS: usize = 100;
/// The most vaults of copies: each has a place of its own in the records of the catalog.
pub(super) const MAX_COPIES: usize = 20;
/// So many tags of a policy are sure to have room beside ours and a table's own.
pub(super) const MAX_TAGS: usize = 10;
/// The most characters of a tag's key and of its value. By
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TaggingRestrictions.html>.
pub(super) const MAX_TAG_KEY: usize = 128;
pub(super) const MAX_TAG_VALUE: usize = 256;

/// In how many hours AWS Backup may be told to start a job.
pub(super) const START_WINDOW_HOURS: RangeInclusive<u32> = 1..=12;
/// The pause before another try, in minutes.
pub(super) const PAUSE_MINUTES: RangeInclusive<u32> = 1..=60;
/// Of the 36,500 days that AWS Backup keeps a point at most, 90 are in cold storage.
pub(super) const MAX_COLD_DAYS: u32 = 36_410;
/// The longest objective: a year.
pub(super) const MAX_OBJECTIVE_HOURS: u32 = 366 * 24;

/// The words that stand for lists.
pub(super) const EVERY_HOUR: &str = "every hour";
pub(super) const EVERY_DAY: &str = "every day";
pub(super) const WORKDAYS: &str = "workdays";
pub(super) const ALL_MONTHS: &str = "all";

/// How IAM, and AWS Backup in its own selections, begin the name of a condition on a tag, in lower case.
pub(super) const CONDITIONS: [&str; 2] = ["aws:resourcetag/", "aws:requesttag/"];

/// What is shown of a vault in another Region.
pub(super) const EXAMPLE_ARN: &str = "arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies";
