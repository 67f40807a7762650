//! IAM: roles, their policies, and who may do what.

mod account;
mod actions;
mod condition;
mod facts;
mod holdings;
mod judge;
mod managed;
mod passed;
mod pattern;
pub mod permissions;
mod policies;
mod policy;
mod requests;
mod roles;
mod setup;
mod simulate;
#[cfg(test)]
mod tests;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use serde_json::Value;

use self::{
    account::{Account, Role},
    policy::Policy,
    requests::Answer,
};
pub(crate) use self::{actions::Request, holdings::Holdings, policy::check_resource_policy};
use crate::{api::Scope, rng::Rng, wire::Service};

/// IAM of all accounts. It knows no Regions: whichever signs, the state is the account's.
#[derive(Debug)]
pub(crate) struct Iam {
    accounts: BTreeMap<String, Account>,
    /// Policies of keys and vaults by their text, read once; `None` for what is no policy.
    resource_policies: BTreeMap<String, Option<Arc<Policy>>>,
    /// When somebody last asked: what services do on a caller's behalf happens then.
    now: Timestamp,
    /// What services wanted to do with the roles that they were passed: role, action and resource.
    asked: RefCell<BTreeSet<(String, String, String)>>,
    rng: Rng,
}

impl Iam {
    pub(crate) fn new(rng: Rng) -> Self {
        Self {
            accounts: BTreeMap::new(),
            resource_policies: BTreeMap::new(),
            now: Timestamp::UNIX_EPOCH,
            asked: RefCell::default(),
            rng,
        }
    }

    /// Answers a request.
    ///
    /// # Errors
    /// As IAM answers it.
    pub(crate) fn handle(&mut self, scope: &Scope, operation: &str, body: &Value) -> Answer {
        match operation {
            "CreateRole" => self.create_role(scope, body),
            "GetRole" => self.get_role(scope, body),
            "ListRoles" => self.list_roles(scope, body),
            "DeleteRole" => self.delete_role(scope, body),
            "UpdateAssumeRolePolicy" => self.update_trust(scope, body),
            "TagRole" => self.tag_role(scope, body),
            "PutRolePolicy" => self.put_role_policy(scope, body),
            "GetRolePolicy" => self.get_role_policy(scope, body),
            "ListRolePolicies" => self.list_role_policies(scope, body),
            "DeleteRolePolicy" => self.delete_role_policy(scope, body),
            "CreateServiceLinkedRole" => self.create_service_linked_role(scope, body),
            "CreatePolicy" => self.create_policy(scope, body),
            "GetPolicy" => self.get_policy(scope, body),
            "GetPolicyVersion" => self.get_policy_version(scope, body),
            "ListPolicies" => self.list_policies(scope, body),
            "DeletePolicy" => self.delete_policy(scope, body),
            "AttachRolePolicy" => self.attach(scope, body),
            "DetachRolePolicy" => self.detach(scope, body),
            "ListAttachedRolePolicies" => self.list_attached(scope, body),
            "SimulatePrincipalPolicy" => self.simulate_principal(scope, body),
            "SimulateCustomPolicy" => Self::simulate_custom(body),
            _ => Err(Service::Iam.unknown_operation(operation)),
        }
    }

    /// A role by its name.
    fn role(&self, account: &str, name: &str) -> Option<&Role> {
        self.accounts.get(account)?.roles.get(name)
    }

    fn account(&mut self, account: &str) -> &mut Account {
        self.accounts.entry(account.to_owned()).or_default()
    }

    /// An id as IAM makes them: a prefix that says what it is, and seventeen letters and digits.
    fn unique_id(&mut self, prefix: &str) -> String {
        const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let letters = self.rng.bytes(17).into_iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)]));
        prefix.chars().chain(letters).collect()
    }
}
