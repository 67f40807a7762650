//! What decides who may do what with vaults and recovery points: their tags.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Backup, place::AccountRegion};
use crate::lags::Lag;

impl Backup {
    /// The tags that IAM sees of a recovery point or a vault.
    pub(crate) fn tags_by_arn(&self, arn: &str, now: Timestamp) -> Option<&BTreeMap<String, String>> {
        let site = self.sites.get(&AccountRegion::of_arn(arn)?)?;
        let vault = || arn.split_once(":backup-vault:").and_then(|(_, name)| site.vaults.get(name));
        let tags = site.points.get(arn).map(|point| &point.tags).or_else(|| vault().map(|vault| &vault.tags));
        tags.map(|tags| tags.seen(Lag::JudgedTags, now))
    }
}
