//! Roles, whom they trust, and their own policies.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    Iam,
    account::Role,
    policy::PolicyKind,
    requests::{Answer, conflict, document, encoded, invalid, listed, missing, paged, required, size, tags},
};
use crate::{
    api::{ApiError, Scope},
    wire::{text, timestamp},
};

/// AWS documents these as the most characters of a trust policy, and of all own policies of a role together.
const MAX_TRUST_CHARS: usize = 2048;
const MAX_INLINE_CHARS: usize = 10_240;

impl Iam {
    pub(super) fn create_role(&mut self, scope: &Scope, body: &Value) -> Answer {
        let name = named(body, "RoleName", 64)?;
        let path = path(body)?;
        let trust =
            document(required(body, "AssumeRolePolicyDocument")?, PolicyKind::Trust, MAX_TRUST_CHARS)?;
        let longest = text(body, "MaxSessionDuration").unwrap_or("3600").parse().ok();
        let longest_session = longest
            .filter(|seconds| (3600..=43_200).contains(seconds))
            .ok_or_else(|| invalid("MaxSessionDuration must be between 3600 and 43200"))?;
        if text(body, "PermissionsBoundary").is_some() {
            return Err(invalid("the embedded AWS models no permissions boundaries"));
        }
        if self.role(&scope.account, name).is_some() {
            return Err(conflict("EntityAlreadyExists", format!("Role with name {name} already exists.")));
        }
        let role = Role {
            arn: format!("arn:aws:iam::{}:role{path}{name}", scope.account),
            id: self.unique_id("AROA"),
            name: name.to_owned(),
            path,
            created: scope.now,
            description: text(body, "Description").map(str::to_owned),
            longest_session,
            trust,
            inline: BTreeMap::new(),
            attached: BTreeSet::new(),
            tags: tags(body),
        };
        let answer = json!({ "Role": told(&role) });
        self.account(&scope.account).roles.insert(name.to_owned(), role);
        Ok(answer)
    }

    pub(super) fn get_role(&self, scope: &Scope, body: &Value) -> Answer {
        Ok(json!({ "Role": told(self.of(scope, body)?) }))
    }

    pub(super) fn list_roles(&self, scope: &Scope, body: &Value) -> Answer {
        let prefix = text(body, "PathPrefix").unwrap_or("/");
        let roles = self.accounts.get(&scope.account).into_iter().flat_map(|account| account.roles.values());
        let roles = roles.filter(|role| role.path.starts_with(prefix));
        paged(body, "Roles", roles.map(|role| (&role.name, told(role))))
    }

    pub(super) fn delete_role(&mut self, scope: &Scope, body: &Value) -> Answer {
        let role = self.changeable(scope, body)?;
        if !role.attached.is_empty() {
            let message = "Cannot delete entity, must detach all policies first.";
            return Err(conflict("DeleteConflict", message));
        }
        if !role.inline.is_empty() {
            return Err(conflict("DeleteConflict", "Cannot delete entity, must delete policies first."));
        }
        let name = role.name.clone();
        self.account(&scope.account).roles.remove(&name);
        Ok(Value::Null)
    }

    pub(super) fn update_trust(&mut self, scope: &Scope, body: &Value) -> Answer {
        let trust = document(required(body, "PolicyDocument")?, PolicyKind::Trust, MAX_TRUST_CHARS)?;
        self.changeable(scope, body)?.trust = trust;
        Ok(Value::Null)
    }

    pub(super) fn tag_role(&mut self, scope: &Scope, body: &Value) -> Answer {
        let more = tags(body);
        let role = self.role_mut(scope, body)?;
        let mut all = role.tags.clone();
        all.extend(more);
        if all.len() > 50 {
            return Err(conflict("LimitExceeded", "The number of tags has reached the maximum limit."));
        }
        role.tags = all;
        Ok(Value::Null)
    }

    pub(super) fn put_role_policy(&mut self, scope: &Scope, body: &Value) -> Answer {
        let name = named(body, "PolicyName", 128)?;
        let policy = document(required(body, "PolicyDocument")?, PolicyKind::Identity, MAX_INLINE_CHARS)?;
        let role = self.changeable(scope, body)?;
        let others = role.inline.iter().filter(|(other, _)| *other != name);
        if others.map(|(_, other)| size(other)).sum::<usize>() + size(&policy) > MAX_INLINE_CHARS {
            let message =
                format!("Maximum policy size of {MAX_INLINE_CHARS} bytes exceeded for role {}", role.name);
            return Err(conflict("LimitExceeded", message));
        }
        role.inline.insert(name.to_owned(), policy);
        Ok(Value::Null)
    }

    pub(super) fn get_role_policy(&self, scope: &Scope, body: &Value) -> Answer {
        let (role, name) = (self.of(scope, body)?, required(body, "PolicyName")?);
        let policy = role.inline.get(name).ok_or_else(|| no_policy(name))?;
        Ok(json!({ "RoleName": role.name, "PolicyName": name, "PolicyDocument": encoded(policy) }))
    }

    pub(super) fn list_role_policies(&self, scope: &Scope, body: &Value) -> Answer {
        paged(body, "PolicyNames", self.of(scope, body)?.inline.keys().map(|name| (name, json!(name))))
    }

    pub(super) fn delete_role_policy(&mut self, scope: &Scope, body: &Value) -> Answer {
        let name = required(body, "PolicyName")?;
        let removed = self.changeable(scope, body)?.inline.remove(name);
        removed.map(|_| Value::Null).ok_or_else(|| no_policy(name))
    }

    /// The role that a request names.
    pub(super) fn of(&self, scope: &Scope, body: &Value) -> Result<&Role, ApiError> {
        let name = required(body, "RoleName")?;
        self.role(&scope.account, name).ok_or_else(|| no_role(name))
    }

    /// The same, to be changed.
    pub(super) fn role_mut(&mut self, scope: &Scope, body: &Value) -> Result<&mut Role, ApiError> {
        let name = required(body, "RoleName")?;
        self.account(&scope.account).roles.get_mut(name).ok_or_else(|| no_role(name))
    }

    /// The same, unless it is a service's own, which AWS lets no one change.
    pub(super) fn changeable(&mut self, scope: &Scope, body: &Value) -> Result<&mut Role, ApiError> {
        let role = self.role_mut(scope, body)?;
        if role.path.starts_with("/aws-service-role/") {
            let message = format!(
                "Cannot perform the operation on the protected role '{}' - this role is only modifiable by AWS",
                role.name
            );
            return Err(ApiError::client("UnmodifiableEntity", message));
        }
        Ok(role)
    }
}

/// As IAM tells a role.
pub(super) fn told(role: &Role) -> Value {
    json!({
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": timestamp(role.created),
        "AssumeRolePolicyDocument": encoded(&role.trust),
        "Description": role.description,
        "MaxSessionDuration": role.longest_session,
        "Tags": if role.tags.is_empty() { Value::Null } else { json!(listed(&role.tags)) },
    })
}

/// A name of at most `most` letters, digits and `+=,.@_-`.
pub(super) fn named<'a>(body: &'a Value, member: &str, most: usize) -> Result<&'a str, ApiError> {
    let name = required(body, member)?;
    let fits = |char: char| char.is_ascii_alphanumeric() || "+=,.@_-".contains(char);
    if name.len() > most || !name.chars().all(fits) {
        return Err(invalid(format!(
            "The specified value for {member} is invalid. It must contain only alphanumeric characters and/or \
             the following: +=,.@_-"
        )));
    }
    Ok(name)
}

/// The path of a request: `/` when it gives none.
pub(super) fn path(body: &Value) -> Result<String, ApiError> {
    let path = text(body, "Path").unwrap_or("/");
    let whole = path.starts_with('/') && path.ends_with('/') && path.len() <= 512;
    if !whole || path.contains("//") || path.chars().any(|char| !char.is_ascii_graphic()) {
        return Err(invalid("The specified value for path is invalid."));
    }
    Ok(path.to_owned())
}

fn no_role(name: &str) -> ApiError {
    missing(format!("The role with name {name} cannot be found."))
}

fn no_policy(name: &str) -> ApiError {
    missing(format!("The role policy with name {name} cannot be found."))
}
