//! Rates below those that AWS publishes: half of each, so that a healthy run sees no throttling and other
//! tools in the account keep their share.
//!
//! Published for AWS Backup, per account and Region and second: StartBackupJob and tagging 5, DeleteRecoveryPoint
//! 10, Describe calls 15, List calls 20; StartCopyJob is not published and taken as 5. For DynamoDB:
//! DescribeTimeToLive, DescribeContinuousBackups and ListTagsOfResource 10; GetResourcePolicy and
//! DescribeKinesisStreamingDestination are not published and taken as 20 (assumption A3).

use std::time::Duration;

use leaky_bucket::RateLimiter;

/// The limiters of one Region.
#[derive(Debug)]
pub(crate) struct Limits {
    pub start: RateLimiter,
    pub delete: RateLimiter,
    pub describe: RateLimiter,
    pub list: RateLimiter,
    pub describe_ttl: RateLimiter,
    pub describe_backups: RateLimiter,
    pub list_table_tags: RateLimiter,
    pub describe_table_parts: RateLimiter,
}

impl Limits {
    pub fn new() -> Self {
        Self {
            start: per_second(5),
            delete: per_second(10),
            describe: per_second(15),
            list: per_second(20),
            describe_ttl: per_second(10),
            describe_backups: per_second(10),
            list_table_tags: per_second(10),
            describe_table_parts: per_second(20),
        }
    }
}

/// Half of `published` calls a second, evenly spaced but for the first two.
fn per_second(published: u64) -> RateLimiter {
    RateLimiter::builder()
        .initial(2)
        .max(2)
        .refill(1)
        .interval(Duration::from_millis(2_000 / published))
        .build()
}
