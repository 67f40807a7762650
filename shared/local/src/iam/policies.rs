//! Managed policies, and the roles that they are attached to.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Iam,
    account::{Account, Managed},
    managed,
    policy::PolicyKind,
    requests::{Answer, conflict, document, encoded, invalid, missing, paged, required},
    roles::{named, path},
};
use crate::{
    api::{ApiError, Scope},
    wire::{text, timestamp},
};

/// AWS documents this as the most characters of a managed policy.
const MAX_CHARS: usize = 6144;
/// AWS documents this as the default quota of managed policies of a role.
const MAX_ATTACHED: usize = 10;

impl Iam {
    pub(super) fn create_policy(&mut self, scope: &Scope, body: &Value) -> Answer {
        let name = named(body, "PolicyName", 128)?;
        let path = path(body)?;
        let policy = document(required(body, "PolicyDocument")?, PolicyKind::Identity, MAX_CHARS)?;
        let arn = format!("arn:aws:iam::{}:policy{path}{name}", scope.account);
        let id = self.unique_id("ANPA");
        let account = self.account(&scope.account);
        if account.policies.values().any(|other| other.name == name) {
            let message = format!("A policy called {name} already exists. Duplicate names are not allowed.");
            return Err(conflict("EntityAlreadyExists", message));
        }
        let managed = Managed {
            name: name.to_owned(),
            path,
            id,
            arn: arn.clone(),
            created: scope.now,
            description: text(body, "Description").map(str::to_owned),
            policy,
        };
        let answer = json!({ "Policy": told(account, &managed) });
        account.policies.insert(arn, managed);
        Ok(answer)
    }

    pub(super) fn get_policy(&mut self, scope: &Scope, body: &Value) -> Answer {
        let account = self.account(&scope.account);
        let policy = find(&account.policies, required(body, "PolicyArn")?)?;
        Ok(json!({ "Policy": told(account, policy) }))
    }

    pub(super) fn get_policy_version(&mut self, scope: &Scope, body: &Value) -> Answer {
        let arn = required(body, "PolicyArn")?;
        let managed = find(&self.account(&scope.account).policies, arn)?;
        let version = required(body, "VersionId")?;
        if version != "v1" {
            return Err(missing(format!(
                "Policy {arn} version {version} does not exist or is not attachable."
            )));
        }
        Ok(json!({ "PolicyVersion": {
            "Document": encoded(&managed.policy),
            "VersionId": version,
            "IsDefaultVersion": true,
            "CreateDate": timestamp(managed.created),
        } }))
    }

    pub(super) fn list_policies(&mut self, scope: &Scope, body: &Value) -> Answer {
        let account = self.account(&scope.account);
        let whose = text(body, "Scope").unwrap_or("All");
        if !["All", "AWS", "Local"].contains(&whose) {
            return Err(invalid(format!("Value '{whose}' at 'scope' is none of All, AWS, Local")));
        }
        let aws = managed::of_aws().values().filter(|_| whose != "Local");
        let local = account.policies.values().filter(|_| whose != "AWS");
        let prefix = text(body, "PathPrefix").unwrap_or("/");
        let only_attached = text(body, "OnlyAttached") == Some("true");
        let list = local
            .chain(aws)
            .filter(|policy| policy.path.starts_with(prefix))
            .filter(|policy| !only_attached || attachments(account, &policy.arn) > 0)
            .map(|policy| (&policy.arn, told(account, policy)));
        // AWS's own come last in this order, for their account is a word.
        paged(body, "Policies", list)
    }

    pub(super) fn delete_policy(&mut self, scope: &Scope, body: &Value) -> Answer {
        let arn = required(body, "PolicyArn")?;
        let account = self.account(&scope.account);
        find(&account.policies, arn)?;
        if attachments(account, arn) > 0 {
            let message = "Cannot delete a policy attached to entities.";
            return Err(conflict("DeleteConflict", message));
        }
        if account.policies.remove(arn).is_none() {
            return Err(ApiError {
                status: 403,
                ..ApiError::client("AccessDenied", format!("Cannot delete {arn}: it is a policy of AWS."))
            });
        }
        Ok(Value::Null)
    }

    pub(super) fn attach(&mut self, scope: &Scope, body: &Value) -> Answer {
        let arn = required(body, "PolicyArn")?;
        find(&self.account(&scope.account).policies, arn)?;
        let role = self.changeable(scope, body)?;
        if role.attached.len() >= MAX_ATTACHED && !role.attached.contains(arn) {
            let message = format!("Cannot exceed quota for PoliciesPerRole: {MAX_ATTACHED}");
            return Err(conflict("LimitExceeded", message));
        }
        role.attached.insert(arn.to_owned());
        Ok(Value::Null)
    }

    pub(super) fn detach(&mut self, scope: &Scope, body: &Value) -> Answer {
        let arn = required(body, "PolicyArn")?;
        let role = self.changeable(scope, body)?;
        if role.attached.remove(arn) {
            return Ok(Value::Null);
        }
        Err(missing(format!("Policy {arn} was not found.")))
    }

    pub(super) fn list_attached(&self, scope: &Scope, body: &Value) -> Answer {
        let told = |arn: &String| json!({ "PolicyName": arn.rsplit('/').next(), "PolicyArn": arn });
        paged(body, "AttachedPolicies", self.of(scope, body)?.attached.iter().map(|arn| (arn, told(arn))))
    }
}

/// A policy of the account or of AWS.
fn find<'a>(policies: &'a BTreeMap<String, Managed>, arn: &str) -> Result<&'a Managed, ApiError> {
    policies
        .get(arn)
        .or_else(|| managed::of_aws().get(arn))
        .ok_or_else(|| missing(format!("Policy {arn} does not exist or is not attachable.")))
}

fn attachments(account: &Account, arn: &str) -> usize {
    account.roles.values().filter(|role| role.attached.contains(arn)).count()
}

fn told(account: &Account, policy: &Managed) -> Value {
    json!({
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": "v1",
        "AttachmentCount": attachments(account, &policy.arn),
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": true,
        "Description": policy.description,
        "CreateDate": timestamp(policy.created),
        "UpdateDate": timestamp(policy.created),
    })
}
