//! What decides who may do what with vaults and recovery points: their tags.

use std::collections::BTreeMap;

use super::{Backup, Place};

impl Backup {
    /// The tags of a recovery point or a vault.
    pub(crate) fn tags_by_arn(&self, arn: &str) -> Option<&BTreeMap<String, String>> {
        let site = self.sites.get(&Place::of_arn(arn)?)?;
        let vault = || arn.split_once(":backup-vault:").and_then(|(_, name)| site.vaults.get(name));
        site.points.get(arn).map(|point| &point.tags).or_else(|| vault().map(|vault| &vault.tags))
    }
}
