//! What an account has: roles and managed policies.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;

use super::policy::Policy;

/// The ARN of the policy of administrators.
pub(super) const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

/// The roles and policies of one account.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) roles: BTreeMap<String, Role>,
    /// Customer-managed policies by ARN.
    pub(super) policies: BTreeMap<String, Managed>,
}

#[derive(Debug)]
pub(super) struct Role {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) id: String,
    pub(super) arn: String,
    pub(super) created: Timestamp,
    pub(super) description: Option<String>,
    pub(super) longest_session: i64,
    pub(super) trust: Arc<Policy>,
    pub(super) inline: BTreeMap<String, Arc<Policy>>,
    /// ARNs of managed policies.
    pub(super) attached: BTreeSet<String>,
    pub(super) tags: BTreeMap<String, String>,
}

impl Role {
    /// Whether it is an administrator's, and nothing else: no policy needs to be asked.
    pub(super) fn has_everything(&self) -> bool {
        self.inline.is_empty() && self.attached.iter().eq([ADMINISTRATOR])
    }
}

/// A managed policy. The model keeps one version of each.
#[derive(Debug)]
pub(super) struct Managed {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) id: String,
    pub(super) arn: String,
    pub(super) created: Timestamp,
    pub(super) description: Option<String>,
    pub(super) policy: Arc<Policy>,
}
