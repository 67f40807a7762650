//! Resource policies of tables and streams.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    Dynamo, Store,
    features::Policy,
    requests::{Answer, invalid, required, table_arn},
};
use crate::{
    api::{ApiError, Scope},
    lags::{Lag, Lags},
    rng::Rng,
    wire::text,
};

const MAX_BYTES: usize = 20 * 1024;
const COOLDOWN: SignedDuration = SignedDuration::from_secs(15);

impl Store {
    pub(super) fn resource_policy(&mut self, scope: &Scope, body: &Value) -> Answer {
        let arn = required(body, "ResourceArn")?;
        let policy = self.by_arn(scope, arn)?.1.policies.get(arn);
        let policy = policy.and_then(|policy| policy.seen(Lag::Policies, scope.now).as_ref());
        let policy = policy.ok_or_else(|| no_policy(arn))?;
        Ok(json!({ "Policy": policy.document, "RevisionId": policy.revision }))
    }

    /// The same document again changes nothing. Whether a caller locks itself out has been judged before.
    pub(super) fn put_resource_policy(
        &mut self,
        scope: &Scope,
        body: &Value,
        rng: &mut Rng,
        lags: &mut Lags,
    ) -> Answer {
        let arn = required(body, "ResourceArn")?;
        let document = checked(required(body, "Policy")?)?;
        let (table, settings) = self.by_arn(scope, arn)?;
        settings.life.require_made(table, scope.now)?;
        let policy = settings.policies.entry(arn.to_owned()).or_default();
        expect_revision(policy.as_ref(), body, arn)?;
        if let Some(had) = policy.as_ref() {
            if had.document == document {
                return Ok(json!({ "RevisionId": had.revision }));
            }
            cooled_down(had, arn, scope)?;
        }
        let revision = rng.uuid();
        let answer = json!({ "RevisionId": revision });
        let new = Policy { document, revision, changed: scope.now };
        policy.set(Some(new), lags.draw(&[Lag::Policies], scope.now));
        Ok(answer)
    }

    pub(super) fn delete_resource_policy(&mut self, scope: &Scope, body: &Value, lags: &mut Lags) -> Answer {
        let arn = required(body, "ResourceArn")?;
        let (table, settings) = self.by_arn(scope, arn)?;
        settings.life.require_made(table, scope.now)?;
        let policy = settings.policies.entry(arn.to_owned()).or_default();
        expect_revision(policy.as_ref(), body, arn)?;
        let Some(had) = policy.as_ref() else { return Ok(json!({})) };
        cooled_down(had, arn, scope)?;
        let answer = json!({ "RevisionId": had.revision });
        policy.set(None, lags.draw(&[Lag::Policies], scope.now));
        Ok(answer)
    }
}

impl Dynamo {
    /// The policy that governs a table, one of its indexes or its stream: a stream has one of its own.
    pub(crate) fn policy_of(&self, arn: &str) -> Option<&str> {
        let mut parts = arn.strip_prefix("arn:aws:dynamodb:")?.splitn(3, ':');
        let (region, account) = (parts.next()?, parts.next()?);
        let path = parts.next()?.strip_prefix("table/")?;
        let (table, below) = path.split_once('/').unwrap_or((path, ""));
        let own =
            if below.starts_with("stream/") { arn.to_owned() } else { table_arn(account, region, table) };
        let settings = self.stores.get(&(account.to_owned(), region.to_owned()))?.tables.get(table)?;
        settings.policies.get(&own)?.as_ref().map(|policy| policy.document.as_str())
    }
}

/// A document as a policy: AWS documents 20 KB at most, blanks counted.
///
/// # Errors
/// `ValidationException`.
pub(super) fn checked(document: &str) -> Result<String, ApiError> {
    if document.len() > MAX_BYTES {
        return Err(invalid(format!(
            "Resource-based policy is larger than {MAX_BYTES} bytes: it has {}",
            document.len()
        )));
    }
    match serde_json::from_str::<Value>(document) {
        Ok(Value::Object(_)) => Ok(document.to_owned()),
        _ => Err(invalid("Invalid resource policy: the document is no JSON object")),
    }
}

/// AWS documents that a policy cannot be changed for 15 seconds after a change; how it refuses is assumption A31.
fn cooled_down(policy: &Policy, arn: &str, scope: &Scope) -> Result<(), ApiError> {
    if scope.now.duration_since(policy.changed) < COOLDOWN {
        return Err(ApiError::client(
            "ResourceInUseException",
            format!("The policy of {arn} has been changed in the last 15 seconds"),
        ));
    }
    Ok(())
}

/// A change may name the revision that it expects: `NO_POLICY` for none.
fn expect_revision(policy: Option<&Policy>, body: &Value, arn: &str) -> Result<(), ApiError> {
    match text(body, "ExpectedRevisionId") {
        Some(expected) if expected != policy.map_or("NO_POLICY", |policy| &policy.revision) => {
            Err(no_policy(arn))
        }
        _ => Ok(()),
    }
}

fn no_policy(arn: &str) -> ApiError {
    ApiError::client(
        "PolicyNotFoundException",
        format!("Resource-based policy not found for the provided ResourceArn: {arn}"),
    )
}
