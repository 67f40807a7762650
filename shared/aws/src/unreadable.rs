//! Records of the catalog that this version cannot read, and what an operator can do about one.

use backup_chain_core::ids::{PolicyName, TableName};
use thiserror::Error;

/// The partition of the policies.
pub(crate) const POLICY: &str = "policy";
/// The partition of the restores.
pub(crate) const RESTORE: &str = "restore";
/// What the partition of a table begins with.
pub(crate) const TABLE: &str = "table#";
/// What the key of a table's head ends with.
pub(crate) const HEAD: &str = "#head";

/// A record of the catalog that this version cannot read. It counts as present: nothing that it may speak for is
/// removed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("record {pk} / {sk} of the catalog cannot be read: {why}")]
pub struct UnreadableRecord {
    /// Its partition.
    pub pk: String,
    /// Its key there.
    pub sk: String,
    /// What is wrong with it.
    pub why: String,
}

impl UnreadableRecord {
    /// Whether it is that of a policy, or the policy's document is none.
    pub fn is_of_a_policy(&self) -> bool {
        self.pk == POLICY
    }

    /// Whether it is that of a restore point of a table.
    pub fn is_point_of(&self, table: &TableName) -> bool {
        self.pk.strip_prefix(TABLE) == Some(table.as_str()) && !self.sk.ends_with(HEAD)
    }

    /// Whether it may keep points of a table: one of the table, the policy of its points, or a restore, which may be of
    /// any table.
    pub(crate) fn may_keep_points_of(&self, table: &TableName, policy: Option<&PolicyName>) -> bool {
        self.pk.strip_prefix(TABLE) == Some(table.as_str())
            || self.pk == RESTORE
            || (self.is_of_a_policy() && policy.is_some_and(|policy| self.sk == policy.as_str()))
    }

    /// What an operator can do about it.
    pub fn way_out(&self) -> String {
        let then = if self.pk.starts_with(TABLE) {
            "delete it from the catalog's table and run backup-chain catalog rebuild, which reads the vaults"
        } else if self.is_of_a_policy() {
            "delete it from the catalog's table and apply the policy's document again"
        } else if self.pk == RESTORE {
            "see in AWS Backup what became of its job, and delete it from the catalog's table"
        } else {
            "delete it from the catalog's table: what it says is lost, and no restore point with it"
        };
        format!("run the version that wrote it; if there is none, {then}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(pk: &str, sk: &str) -> UnreadableRecord {
        UnreadableRecord { pk: pk.to_owned(), sk: sk.to_owned(), why: "it is of version 2".to_owned() }
    }

    #[test]
    fn a_record_may_keep_the_points_of_its_table_its_policy_and_whatever_is_restored() {
        let (orders, gold) = ("orders".parse().unwrap(), "gold".parse().unwrap());
        let may_keep = |pk: &str, sk: &str| record(pk, sk).may_keep_points_of(&orders, Some(&gold));
        assert!(may_keep("table#orders", "id#point#x") && may_keep("table#orders", "id#head"));
        assert!(may_keep("policy", "gold") && may_keep("restore", "any"));
        assert!(!may_keep("table#carts", "id#point#x") && !may_keep("policy", "silver"));
        assert!(!may_keep("session", "any") && !may_keep("policy#gold", "000001"));
        assert!(!record("policy", "gold").may_keep_points_of(&orders, None));
        assert!(record("table#orders", "id#point#x").is_point_of(&orders));
        assert!(!record("table#orders", "id#head").is_point_of(&orders));
    }

    #[test]
    fn each_kind_has_a_way_out() {
        let kinds = [("table#orders", "id#head"), ("policy", "gold"), ("restore", "any"), ("session", "any")];
        let ways: std::collections::BTreeSet<String> = kinds.map(|(pk, sk)| record(pk, sk).way_out()).into();
        assert_eq!(ways.len(), kinds.len());
        assert!(ways.iter().all(|way| way.starts_with("run the version that wrote it; if there is none, ")));
    }
}
