//! What AWS Backup is to protect in a Region.

use std::collections::BTreeMap;

pub(super) const DYNAMODB: &str = "DynamoDB";

#[derive(Debug)]
pub(super) struct RegionSettings {
    pub(super) opt_in: BTreeMap<String, bool>,
    pub(super) management: BTreeMap<String, bool>,
}

impl Default for RegionSettings {
    /// Both on: so it is for accounts that had no vault before the advanced features came.
    fn default() -> Self {
        let on = || BTreeMap::from([(DYNAMODB.to_owned(), true)]);
        Self { opt_in: on(), management: on() }
    }
}

impl RegionSettings {
    /// The advanced features are on if both maps say so.
    pub(super) fn advanced(&self) -> bool {
        [&self.opt_in, &self.management].iter().all(|map| map.get(DYNAMODB).copied().unwrap_or(false))
    }
}
