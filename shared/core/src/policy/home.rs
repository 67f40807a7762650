//! Where a policy is at home.

use super::document::{Node, Value};
use crate::ids::{AccountId, Region, TableArn, VaultArn};

/// Where a policy is at home: the account and the source Region of the stack that runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// `aws`, or another partition.
    pub partition: String,
    /// The account of tables and vaults.
    pub account: AccountId,
    /// The Region of tables and backups.
    pub region: Region,
}

/// What is known of a policy's home without its stack. What is unknown is not checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownHome {
    /// `aws`, or another partition.
    pub partition: Option<String>,
    /// The account of tables and vaults.
    pub account: Option<AccountId>,
    /// The Region of tables and backups.
    pub region: Option<Region>,
}

impl From<&Home> for KnownHome {
    fn from(home: &Home) -> Self {
        let Home { partition, account, region } = home.clone();
        Self { partition: Some(partition), account: Some(account), region: Some(region) }
    }
}

impl KnownHome {
    /// With what the document's own ARNs say where nothing else does: those of its tables, then that of its vault. Vaults
    /// of copies are of the account, in other Regions.
    pub(super) fn or_of(self, document: &Node) -> Self {
        let tables =
            ["sources", "exclude"].into_iter().filter_map(|field| document.get(field)?.get("tables"));
        let table = tables.flat_map(Node::texts).find_map(|text| text.parse::<TableArn>().ok());
        let vault_in =
            |node: &Node| node.get("vault")?.texts().find_map(|text| text.parse::<VaultArn>().ok());
        let (vault, copy) =
            (vault_in(document), document.get("copies").and_then(|node| node.each().find_map(vault_in)));
        let table = table.map(|arn| (arn.partition, arn.account, Some(arn.region)));
        let vault = vault.map(|arn| (arn.partition, arn.account, Some(arn.region)));
        let copy = copy.map(|arn| (arn.partition, arn.account, None));
        let Some((partition, account, region)) = table.or(vault).or(copy) else { return self };
        Self {
            partition: self.partition.or(Some(partition)),
            account: self.account.or(Some(account)),
            region: self.region.or(region),
        }
    }
}

impl Node {
    /// The field of a mapping.
    fn get(&self, name: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The items of a list; anything else is a list of one.
    fn each(&self) -> impl Iterator<Item = &Node> {
        match &self.value {
            Value::List(items) => items.iter(),
            _ => std::slice::from_ref(self).iter(),
        }
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        self.each().filter_map(|node| match &node.value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }
}
