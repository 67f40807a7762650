//! The policy simulator.

use serde_json::{Value, json};

use super::{
    Iam,
    facts::{Facts, Principal, account_of},
    judge::{Verdict, principal, said},
    policy::{Policy, PolicyKind},
    requests::{Answer, missing, paged, required},
};
use crate::{
    api::{ApiError, Scope},
    record::Context,
    wire::text,
};

impl Iam {
    /// What the policies of a role, and more that the request gives, say of actions on resources.
    pub(super) fn simulate_principal(&self, scope: &Scope, body: &Value) -> Answer {
        let arn = required(body, "PolicySourceArn")?;
        let found = account_of(arn).filter(|account| *account == scope.account).and_then(|id| {
            let account = self.accounts.get(id)?;
            Some((account, account.roles.get(arn.rsplit('/').next()?).filter(|role| role.arn == arn)?))
        });
        let (account, role) = found.ok_or_else(|| missing(format!("Entity {arn} cannot be found.")))?;
        let more = given(body)?;
        let mut policies: Vec<(&str, &Policy)> = account.policies_of(role).collect();
        policies.extend(more.iter().map(|(name, policy)| (name.as_str(), policy)));
        let who = principal(&scope.account, Some(role), "session");
        evaluated(body, &policies, Some(&who))
    }

    /// What loose policies say of actions on resources.
    pub(super) fn simulate_custom(body: &Value) -> Answer {
        let given = given(body)?;
        if given.is_empty() {
            required(body, "PolicyInputList")?;
        }
        let policies: Vec<(&str, &Policy)> =
            given.iter().map(|(name, policy)| (name.as_str(), policy)).collect();
        evaluated(body, &policies, None)
    }
}

/// The policies of a request, under the names that AWS gives them.
fn given(body: &Value) -> Result<Vec<(String, Policy)>, ApiError> {
    texts(body, "PolicyInputList")
        .into_iter()
        .zip(1..)
        .map(|(text, number)| {
            let policy = Policy::read(text, PolicyKind::Identity)
                .map_err(|error| ApiError::client("InvalidInput", error))?;
            Ok((format!("PolicyInputList.{number}"), policy))
        })
        .collect()
}

fn evaluated(body: &Value, policies: &[(&str, &Policy)], principal: Option<&Principal<'_>>) -> Answer {
    let context: Context = body["ContextEntries"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let values = texts(entry, "ContextKeyValues").into_iter().map(str::to_owned).collect();
            Some((text(entry, "ContextKeyName")?.to_owned(), values))
        })
        .collect();
    let actions = texts(body, "ActionNames");
    if actions.is_empty() {
        required(body, "ActionNames")?;
    }
    let mut resources = texts(body, "ResourceArns");
    if resources.is_empty() {
        resources.push("*");
    }
    let mut results = Vec::new();
    for (action, resource) in actions.iter().flat_map(|a| resources.iter().map(move |r| (*a, *r))) {
        let facts = Facts { principal, action, resource, context: &context, at: None };
        let matched: Vec<(&str, bool)> = policies
            .iter()
            .flat_map(|(name, policy)| policy.statements.iter().map(move |statement| (*name, statement)))
            .filter(|(_, statement)| statement.applies(&facts))
            .map(|(name, statement)| (name, statement.denies))
            .collect();
        let verdict = said(matched.iter().map(|(_, denies)| *denies));
        let decision = match verdict {
            Verdict::Allowed => "allowed",
            Verdict::Implicit => "implicitDeny",
            Verdict::Explicit => "explicitDeny",
        };
        // AWS lists the statements that decided.
        let deciding = matched.iter().filter(|(_, denies)| *denies == (verdict == Verdict::Explicit));
        let statements: Vec<Value> = deciding
            .map(|(name, _)| {
                let kind = if name.starts_with("PolicyInputList.") {
                    "none"
                } else if name.starts_with("arn:aws:iam::aws:") {
                    "aws-managed"
                } else if name.starts_with("arn:") {
                    "user-managed"
                } else {
                    "role"
                };
                json!({ "SourcePolicyId": name.rsplit('/').next(), "SourcePolicyType": kind })
            })
            .collect();
        let result = json!({
            "EvalActionName": action,
            "EvalResourceName": resource,
            "EvalDecision": decision,
            "MatchedStatements": statements,
            "MissingContextValues": [],
        });
        results.push((format!("{:08}", results.len()), result));
    }
    paged(body, "EvaluationResults", results)
}

fn texts<'a>(body: &'a Value, member: &str) -> Vec<&'a str> {
    body[member].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
