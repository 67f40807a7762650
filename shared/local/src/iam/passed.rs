//! Roles that are passed to services, and the roles that services have of their own.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Iam,
    account::Role,
    facts::{Facts, account_of},
    judge::{Verdict, principal},
    policy::{Policy, PolicyKind},
    requests::{Answer, required},
    roles,
};
use crate::{
    api::{ApiError, Scope},
    record::Context,
};

/// The services that have a role of their own here, and the role's name.
const LINKED: [(&str, &str); 2] = [
    ("backup.amazonaws.com", "AWSServiceRoleForBackup"),
    (
        "dynamodb.application-autoscaling.amazonaws.com",
        "AWSServiceRoleForApplicationAutoScaling_DynamoDBTable",
    ),
];

impl Iam {
    /// Whether a role that a service has been passed may do `action` on `resource`, by its own policies.
    ///
    /// # Errors
    /// What AWS says of a role that may not, or that the service cannot assume.
    pub(crate) fn role_may(
        &self,
        role_arn: &str,
        service: &str,
        action: &str,
        resource: &str,
    ) -> Result<(), String> {
        let asked = (role_arn.to_owned(), action.to_owned(), resource.to_owned());
        self.asked.borrow_mut().insert(asked);
        let role = account_of(role_arn).zip(role_arn.rsplit('/').next());
        let known = role.and_then(|(account, name)| {
            let account = self.accounts.get_key_value(account)?;
            Some((account, account.1.roles.get(name).filter(|role| role.arn == role_arn)?))
        });
        let unassumed = || {
            let who = if service == "backup.amazonaws.com" { "AWS Backup" } else { service };
            format!("IAM role {role_arn} cannot be assumed by {who}")
        };
        let ((id, account), role) = known.ok_or_else(unassumed)?;
        let principal = principal(id, Some(role), "service");
        // AWS Backup uses keys through the service that owns the table, and grants on its behalf.
        let context: Context = if action.starts_with("kms:") {
            let region = resource.split(':').nth(3).unwrap_or_default();
            [
                ("kms:ViaService".to_owned(), vec![format!("dynamodb.{region}.amazonaws.com")]),
                ("kms:GrantIsForAWSResource".to_owned(), vec!["true".to_owned()]),
            ]
            .into()
        } else {
            Context::new()
        };
        let facts =
            |action| Facts { principal: Some(&principal), action, resource, context: &context, at: None };
        if !trusts(role, service, &facts("sts:AssumeRole")) {
            return Err(unassumed());
        }
        if role.has_everything() || account.identity(role, &facts(action)) == Verdict::Allowed {
            return Ok(());
        }
        Err(format!("{role_arn} is not authorized to perform: {action} on resource: {resource}"))
    }

    /// Whether an account has the role of a service's own. One that it lacks is made when the caller may
    /// `iam:CreateServiceLinkedRole`, as services do on a caller's behalf.
    pub(crate) fn service_linked_role(&mut self, account: &str, caller: &str, service: &str) -> bool {
        let Some((_, name)) = LINKED.iter().find(|(linked, _)| *linked == service) else { return false };
        if self.role(account, name).is_some() {
            return true;
        }
        let may = caller.is_empty()
            || self.role(account, caller).is_some_and(|role| {
                let principal = principal(account, Some(role), "session");
                let resource = linked_arn(account, service, name);
                let context = [("iam:AWSServiceName".to_owned(), vec![service.to_owned()])].into();
                let facts = Facts {
                    principal: Some(&principal),
                    action: "iam:CreateServiceLinkedRole",
                    resource: &resource,
                    context: &context,
                    at: None,
                };
                role.has_everything()
                    || self
                        .accounts
                        .get(account)
                        .is_some_and(|held| held.identity(role, &facts) == Verdict::Allowed)
            });
        may && self.link(account, service, self.now).is_some()
    }

    pub(super) fn create_service_linked_role(&mut self, scope: &Scope, body: &Value) -> Answer {
        let service = required(body, "AWSServiceName")?;
        let Some((_, name)) = LINKED.iter().find(|(linked, _)| *linked == service) else {
            let message = format!("Service {service} has no service-linked role in the embedded AWS");
            return Err(ApiError::client("InvalidInput", message));
        };
        if self.role(&scope.account, name).is_some() {
            let message = format!(
                "Service role name {name} has been taken in this account, please try a different suffix."
            );
            return Err(ApiError::client("InvalidInput", message));
        }
        let role = self.link(&scope.account, service, scope.now).map(roles::told);
        Ok(json!({ "Role": role }))
    }

    /// Makes the role of a service's own. What it may do is AWS's affair: it has no policies here.
    fn link(&mut self, account: &str, service: &str, now: Timestamp) -> Option<&Role> {
        let (_, name) = LINKED.iter().find(|(linked, _)| *linked == service)?;
        let trust = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Principal": { "Service": service }, "Action": "sts:AssumeRole" }
        ] });
        let role = Role {
            name: (*name).to_owned(),
            path: format!("/aws-service-role/{service}/"),
            id: self.unique_id("AROA"),
            arn: linked_arn(account, service, name),
            created: now,
            description: None,
            longest_session: 3600,
            trust: Arc::new(Policy::read(&trust.to_string(), PolicyKind::Trust).ok()?),
            inline: BTreeMap::new(),
            attached: BTreeSet::new(),
            tags: BTreeMap::new(),
        };
        let roles = &mut self.account(account).roles;
        roles.insert((*name).to_owned(), role);
        roles.get(*name)
    }
}

/// A role as its sessions know it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Session<'a> {
    pub(crate) account: &'a str,
    pub(crate) name: &'a str,
    pub(crate) id: &'a str,
    /// The most seconds that a session lasts.
    pub(crate) longest: i64,
}

impl Iam {
    /// The role of an ARN.
    pub(crate) fn session_of(&self, role_arn: &str) -> Option<Session<'_>> {
        let (account, held) = self.accounts.get_key_value(account_of(role_arn)?)?;
        let role = held.roles.get(role_arn.rsplit('/').next()?).filter(|role| role.arn == role_arn)?;
        Some(Session { account, name: &role.name, id: &role.id, longest: role.longest_session })
    }

    /// The ARN and the user id of a caller.
    pub(crate) fn identity_of(&self, account: &str, caller: &str, session: &str) -> (String, String) {
        let who = principal(account, self.role(account, caller), session);
        (who.session_arn, who.user_id)
    }
}

/// The ARN of a service's own role.
pub(super) fn linked_arn(account: &str, service: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:role/aws-service-role/{service}/{name}")
}

fn trusts(role: &Role, service: &str, facts: &Facts<'_>) -> bool {
    let said = role
        .trust
        .statements
        .iter()
        .filter(|statement| statement.names_service(service) && statement.applies(facts))
        .map(|statement| statement.denies);
    super::judge::said(said) == Verdict::Allowed
}
