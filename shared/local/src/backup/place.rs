//! An account in a Region: what all state of AWS Backup belongs to.

use crate::api::Scope;

/// An account in a Region: what all state of AWS Backup belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AccountRegion {
    pub(super) account: String,
    pub(super) region: String,
}

impl AccountRegion {
    pub(super) fn of(scope: &Scope) -> Self {
        Self { account: scope.account.clone(), region: scope.region.clone() }
    }

    /// Where an ARN says that it lives.
    pub(super) fn of_arn(arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':').skip(3);
        let (region, account) = (parts.next()?, parts.next()?);
        Some(Self { account: account.to_owned(), region: region.to_owned() })
    }

    pub(super) fn vault_arn(&self, vault: &str) -> String {
        format!("arn:aws:backup:{}:{}:backup-vault:{vault}", self.region, self.account)
    }
}

impl AccountRegion {
    pub(super) fn hold_arn(&self, id: &str) -> String {
        format!("arn:aws:backup:{}:{}:legal-hold:{id}", self.region, self.account)
    }
}
