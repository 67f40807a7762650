//! A recovery point as AWS shows it, and what its metadata claims before anything of it is believed.

use std::collections::BTreeMap;

use backup_chain_core::esdk::{Message, WrappedKey};
use backup_chain_core::ids::{AccountId, RecoveryPointArn, Region};
use backup_chain_core::metadata::Document;
use backup_chain_core::metadata::tags::Sealed;
use backup_chain_core::point::RestorePoint;
use jiff::{SignedDuration, Timestamp};

use crate::backup::Point;

/// Clocks of AWS and ours may differ this much in what is compared.
const SLACK: SignedDuration = SignedDuration::from_mins(5);

/// A recovery point as AWS shows it, for comparison with its metadata.
#[derive(Debug)]
pub struct Seen<'a> {
    /// Its ARN.
    pub arn: &'a RecoveryPointArn,
    /// Its tags.
    pub tags: &'a BTreeMap<String, String>,
    /// Its creation date.
    pub created_at: Option<Timestamp>,
    /// What AWS says that it is a backup of; none where no one has looked.
    pub resource: Option<&'a str>,
    /// The Region that it is in, whose key opens it.
    pub region: &'a Region,
}

impl<'a> Seen<'a> {
    /// A recovery point as it was described or listed, with its tags.
    pub fn of(found: &'a Point, tags: &'a BTreeMap<String, String>, region: &'a Region) -> Self {
        let Point { arn, created_at, resource, .. } = found;
        Self { arn, tags, created_at: *created_at, resource: resource.as_deref(), region }
    }

    /// The recovery point of a record, with its tags: no one has looked what AWS says of it.
    pub fn of_record(
        point: &'a RestorePoint,
        arn: &'a RecoveryPointArn,
        tags: &'a BTreeMap<String, String>,
    ) -> Self {
        Self { arn, tags, created_at: point.created_at, resource: None, region: &point.vault.region }
    }

    /// Tags are put by whoever may tag. What AWS says of a recovery point is not: it must fit what its metadata says.
    pub(crate) fn fits(&self, document: &Document) -> Result<(), String> {
        let table = document.table.arn.to_string();
        if let Some(other) = self.resource.filter(|resource| *resource != table) {
            return Err(format!(
                "its metadata is that of {table}, and AWS says that it is a backup of {other}"
            ));
        }
        created_in_time(document.requested_at, self.created_at)
    }
}

/// What a sealed message says of itself, in clear. Nothing of it is authenticated before the message is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The ARN of the metadata key in the source Region.
    pub key: String,
    /// The account of the table.
    pub account: AccountId,
    /// The source Region.
    pub region: Region,
}

impl Claim {
    pub(crate) fn read(sealed: &Sealed) -> Option<Self> {
        let message = Message::parse(&sealed.bytes).ok()?;
        let told = |name: &str| message.context().get(name);
        let wrapped = message.wrapped_keys().iter().find(|key| key.provider == WrappedKey::AWS_KMS)?;
        Some(Self {
            key: wrapped.key.clone(),
            account: told("account")?.parse().ok()?,
            region: told("region")?.parse().ok()?,
        })
    }
}

/// A recovery point is created between the moment it was asked for and the end of the longest start window.
fn created_in_time(requested_at: Timestamp, created_at: Option<Timestamp>) -> Result<(), String> {
    let window = SignedDuration::from_hours(12) + SLACK;
    // Any two moments have a duration between them; a moment before or after any may not be there.
    match created_at.map(|at| at.duration_since(requested_at)) {
        Some(after) if -SLACK <= after && after <= window => Ok(()),
        _ => Err("it was not created when its metadata says that it was asked for".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recovery_point_is_created_in_its_start_window_or_it_is_another() {
        let requested: Timestamp = "2026-01-05T07:00:00Z".parse().unwrap();
        let after = |span| created_in_time(requested, Some(requested + span)).is_ok();
        let (minute, window) = (SignedDuration::from_mins(1), SignedDuration::from_hours(12));
        assert!(after(-SLACK) && after(SignedDuration::ZERO) && after(window + SLACK));
        assert!(!after(-SLACK - minute) && !after(window + SLACK + minute));
        assert!(created_in_time(requested, None).is_err());
    }

    /// Whoever may use the key may seal any moment.
    #[test]
    fn a_moment_at_the_end_of_time_is_no_trouble() {
        for end in [Timestamp::MIN, Timestamp::MAX] {
            assert!(created_in_time(end, Some(end)).is_ok());
            assert!(created_in_time(end, Some("2026-01-05T07:00:00Z".parse().unwrap())).is_err());
        }
    }
}
