//! What judging looks at beside IAM.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{backup::Backup, dynamodb::Dynamo, kms::Kms};

/// What judging looks at beside IAM: tags and policies of resources.
#[derive(Clone, Copy)]
pub(crate) struct Holdings<'a> {
    pub(crate) backup: &'a Backup,
    pub(crate) dynamo: &'a Dynamo,
    pub(crate) kms: &'a Kms,
    /// The moment of the request.
    pub(crate) now: Timestamp,
}

impl Holdings<'_> {
    pub(super) fn tags(&self, arn: &str) -> Option<&BTreeMap<String, String>> {
        match arn.split(':').nth(2)? {
            "backup" => self.backup.tags_by_arn(arn, self.now),
            "dynamodb" => self.dynamo.tags_of(arn, self.now),
            "kms" => self.kms.tags_of(arn),
            _ => None,
        }
    }
}
