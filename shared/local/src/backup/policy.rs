//! Access policies of vaults: what one is, and whether it keeps a copy out.
//!
//! AWS Backup itself asks the destination's policy for `backup:CopyIntoBackupVault`. Within an account the
//! role's own policies allow, so that only a Deny counts.

use serde_json::Value;

use super::wire::invalid_parameter;
use crate::{api::ApiError, glob::like};

const COPY_INTO: &str = "backup:CopyIntoBackupVault";

/// Who asks, and for what.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    /// The account of the role.
    pub(super) account: &'a str,
    /// The role that AWS Backup acts as.
    pub(super) role: &'a str,
    /// The destination.
    pub(super) vault_arn: &'a str,
}

/// A policy that is one: JSON with statements that have an effect, a principal, actions and resources.
///
/// # Errors
/// `InvalidParameterValueException`.
pub(super) fn check(text: &str) -> Result<(), ApiError> {
    let refused = |why: &str| invalid_parameter(format!("The specified policy cannot be parsed: {why}"));
    let policy: Value = serde_json::from_str(text).map_err(|_| refused("it is no JSON"))?;
    let version = policy.get("Version").and_then(Value::as_str).unwrap_or("2008-10-17");
    if !["2012-10-17", "2008-10-17"].contains(&version) {
        return Err(refused("its Version is unknown"));
    }
    let statements = one_or_more(policy.get("Statement"));
    if statements.is_empty() {
        return Err(refused("it has no Statement"));
    }
    for statement in statements {
        let has = |names: [&str; 2]| names.iter().any(|name| statement.get(*name).is_some());
        let effect = statement.get("Effect").and_then(Value::as_str);
        if !matches!(effect, Some("Allow" | "Deny")) {
            return Err(refused("an Effect is neither Allow nor Deny"));
        }
        if !has(["Principal", "NotPrincipal"]) {
            return Err(refused("a statement has no Principal"));
        }
        if !has(["Action", "NotAction"]) || !has(["Resource", "NotResource"]) {
            return Err(refused("a statement has no Action or no Resource"));
        }
        // AWS Backup takes no wildcard for the service of an action.
        let actions = texts(statement.get("Action").or_else(|| statement.get("NotAction")));
        if actions.iter().any(|action| *action != "*" && !action.starts_with("backup:")) {
            return Err(refused("an Action is not one of AWS Backup"));
        }
    }
    Ok(())
}

/// Whether a statement denies the copy.
pub(super) fn denies_copy(policy: &str, asked: &Asked<'_>) -> bool {
    let policy: Value = serde_json::from_str(policy).unwrap_or(Value::Null);
    one_or_more(policy.get("Statement"))
        .into_iter()
        .filter(|statement| statement.get("Effect").and_then(Value::as_str) == Some("Deny"))
        .any(|statement| applies(statement, asked))
}

fn applies(statement: &Value, asked: &Asked<'_>) -> bool {
    let named = |name: &str, not: &str, fits: &dyn Fn(&Value) -> bool| match statement.get(name) {
        Some(given) => fits(given),
        None => statement.get(not).is_some_and(|given| !fits(given)),
    };
    let any = |given: &Value, subject: &str, cased: bool| {
        texts(Some(given)).iter().any(|pattern| {
            if cased {
                like(pattern, subject)
            } else {
                like(&pattern.to_lowercase(), &subject.to_lowercase())
            }
        })
    };
    named("Action", "NotAction", &|given| any(given, COPY_INTO, false))
        && named("Resource", "NotResource", &|given| any(given, asked.vault_arn, true))
        && named("Principal", "NotPrincipal", &|given| is_principal(given, asked))
        && conditions_met(statement.get("Condition"), asked)
}

fn is_principal(given: &Value, asked: &Asked<'_>) -> bool {
    let root = format!("arn:aws:iam::{}:root", asked.account);
    let fits = |name: &&str| *name == "*" || *name == asked.role || *name == asked.account || *name == root;
    match given {
        Value::Object(kinds) => texts(kinds.get("AWS")).iter().any(fits),
        other => texts(Some(other)).iter().any(fits),
    }
}

/// Whether all conditions hold. An operator outside strings, ARNs and Null counts as met: a Deny is then
/// rather too strong than too weak.
fn conditions_met(conditions: Option<&Value>, asked: &Asked<'_>) -> bool {
    let operators = conditions.and_then(Value::as_object).into_iter().flatten();
    operators
        .flat_map(|(operator, keys)| {
            keys.as_object().into_iter().flatten().map(move |(key, wanted)| (operator.as_str(), key, wanted))
        })
        .all(|(operator, key, wanted)| condition_met(operator, key, &texts(Some(wanted)), asked))
}

fn condition_met(operator: &str, key: &str, wanted: &[&str], asked: &Asked<'_>) -> bool {
    let value = match key.to_ascii_lowercase().as_str() {
        "aws:principalarn" => Some(asked.role),
        "aws:principalaccount" => Some(asked.account),
        _ => None,
    };
    if operator == "Null" {
        return wanted.iter().all(|wanted| wanted.eq_ignore_ascii_case("true") == value.is_none());
    }
    let bare = operator.strip_suffix("IfExists").unwrap_or(operator);
    let negated = bare.contains("Not");
    let Some(value) = value else { return negated || bare.len() < operator.len() };
    let found = match bare {
        "StringEquals" | "StringNotEquals" => wanted.contains(&value),
        "StringEqualsIgnoreCase" | "StringNotEqualsIgnoreCase" => {
            wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(value))
        }
        "StringLike" | "StringNotLike" | "ArnLike" | "ArnNotLike" | "ArnEquals" | "ArnNotEquals" => {
            wanted.iter().any(|wanted| like(wanted, value))
        }
        _ => return true,
    };
    found != negated
}

fn one_or_more(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Array(many)) => many.iter().collect(),
        Some(one @ Value::Object(_)) => vec![one],
        _ => Vec::new(),
    }
}

fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        Some(one) => one.as_str().into_iter().collect(),
        None => Vec::new(),
    }
}
