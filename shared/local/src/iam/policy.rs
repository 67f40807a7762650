//! Policy documents: read and checked once, when they are put.
//!
//! The evaluation is our own. The crate that was looked at takes no request without an ARN as its resource (half
//! of AWS Backup's actions have none), no statement of several kinds of principals, no `ForAnyValue` beside
//! `IfExists`, gives a variable without a value the value "", and copies the request at each evaluation.

use serde_json::{Map, Value};

use super::{
    condition::Condition,
    facts::{Facts, Principal},
    pattern::Pattern,
};

/// A policy document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Policy {
    /// As it was given.
    pub(super) text: String,
    pub(super) statements: Vec<Statement>,
}

/// What a policy is put on: decides which elements it must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PolicyKind {
    /// On a role: no principals.
    Identity,
    /// Who may assume a role: principals, no resources.
    Trust,
    /// On a resource: principals and resources.
    Resource,
}

/// A statement of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) denies: bool,
    principals: Option<List<String>>,
    actions: List<Pattern>,
    resources: Option<List<Pattern>>,
    conditions: Vec<Condition>,
}

/// Patterns, or all but these.
#[derive(Debug, Clone, PartialEq, Eq)]
struct List<T> {
    not: bool,
    entries: Vec<T>,
}

impl<T> List<T> {
    fn has(&self, fits: impl FnMut(&T) -> bool) -> bool {
        self.entries.iter().any(fits) != self.not
    }
}

/// How a statement names who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Named {
    /// The account as a whole: it decides with its own policies.
    Account,
    /// The role, its session, or everybody.
    Itself,
}

/// Checks the policy of a resource.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check_resource_policy(text: &str) -> Result<(), String> {
    Policy::read(text, PolicyKind::Resource).map(drop)
}

impl Policy {
    /// Reads and checks a document.
    ///
    /// # Errors
    /// What is wrong with it, as IAM says it.
    pub(super) fn read(text: &str, kind: PolicyKind) -> Result<Self, String> {
        let document: Value = serde_json::from_str(text).map_err(|_| syntax())?;
        let members = document.as_object().ok_or_else(syntax)?;
        if let Some(other) =
            members.keys().find(|name| !["Version", "Id", "Statement"].contains(&name.as_str()))
        {
            return Err(format!("Syntax errors in policy: {other} is no element of it."));
        }
        match members.get("Version").map(|version| version.as_str()) {
            None | Some(Some("2012-10-17" | "2008-10-17")) => {}
            Some(_) => return Err("The policy must contain a valid version string".to_owned()),
        }
        let statements = match members.get("Statement") {
            Some(Value::Array(list)) if !list.is_empty() => list.iter().collect(),
            Some(one @ Value::Object(_)) => vec![one],
            _ => return Err(syntax()),
        };
        let mut sids: Vec<&str> =
            statements.iter().filter_map(|statement| statement.get("Sid")?.as_str()).collect();
        sids.sort_unstable();
        if sids.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err("Statement IDs (SID) in a single policy must be unique.".to_owned());
        }
        let statements = statements
            .into_iter()
            .map(|statement| Statement::read(statement.as_object().ok_or_else(syntax)?, kind))
            .collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), statements })
    }
}

fn syntax() -> String {
    "Syntax errors in policy.".to_owned()
}

impl Statement {
    fn read(members: &Map<String, Value>, kind: PolicyKind) -> Result<Self, String> {
        const ELEMENTS: [&str; 9] = [
            "Sid",
            "Effect",
            "Principal",
            "NotPrincipal",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Condition",
        ];
        if !members.keys().all(|name| ELEMENTS.contains(&name.as_str())) {
            return Err(syntax());
        }
        let denies = match members.get("Effect").and_then(Value::as_str) {
            Some("Allow") => false,
            Some("Deny") => true,
            _ => return Err(syntax()),
        };
        let actions = either(members, "Action")?.ok_or("Policy statement must contain actions.")?;
        for action in actions.entries.iter().filter(|action| *action != "*") {
            if !action.split_once(':').is_some_and(|(vendor, name)| !vendor.is_empty() && !name.is_empty()) {
                return Err(
                    "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.".to_owned()
                );
            }
        }
        let resources = either(members, "Resource")?;
        match (&resources, kind) {
            (Some(_), PolicyKind::Trust) => return Err("Has prohibited field Resource".to_owned()),
            (None, PolicyKind::Identity | PolicyKind::Resource) => {
                return Err("Policy statement must contain resources.".to_owned());
            }
            _ => {}
        }
        for resource in resources.iter().flat_map(|list| &list.entries) {
            if resource != "*" && !resource.starts_with("arn:") {
                return Err(format!("Resource {resource} must be in ARN format or \"*\"."));
            }
        }
        let principals = principals(members)?;
        match (&principals, kind) {
            (Some(_), PolicyKind::Identity) => {
                return Err("Policy document should not specify a principal.".to_owned());
            }
            (None, PolicyKind::Trust | PolicyKind::Resource) => {
                return Err("Policy statement must contain principals.".to_owned());
            }
            _ => {}
        }
        let lower = |action: &String| Pattern::read(&action.to_ascii_lowercase());
        Ok(Self {
            denies,
            principals,
            actions: List { not: actions.not, entries: actions.entries.iter().map(lower).collect() },
            resources: resources.map(|list| List {
                not: list.not,
                entries: list.entries.iter().map(|text| Pattern::read(text)).collect(),
            }),
            conditions: conditions(members)?,
        })
    }

    /// Whether it speaks of this action on this resource under these conditions; says nothing of who asks.
    pub(super) fn applies(&self, facts: &Facts<'_>) -> bool {
        let action = facts.action.to_ascii_lowercase();
        self.actions.has(|pattern| pattern.matches(&action, facts))
            && self
                .resources
                .as_ref()
                .is_none_or(|list| list.has(|pattern| pattern.matches_arn(facts.resource, facts)))
            && self.conditions.iter().all(|condition| condition.holds(facts))
    }

    /// Whether and how it names a role or root.
    pub(super) fn names(&self, who: &Principal<'_>) -> Option<Named> {
        let list = self.principals.as_ref()?;
        let named = list
            .entries
            .iter()
            .filter_map(|entry| {
                let account = entry.strip_prefix("arn:aws:iam::").and_then(|rest| rest.strip_suffix(":root"));
                if entry == "*" || *entry == who.arn || *entry == who.session_arn {
                    Some(Named::Itself)
                } else if entry == who.account || account == Some(who.account) {
                    Some(Named::Account)
                } else {
                    None
                }
            })
            .max();
        if list.not { if named.is_some() { None } else { Some(Named::Itself) } } else { named }
    }

    /// Whether it names a service.
    pub(super) fn names_service(&self, service: &str) -> bool {
        self.principals.as_ref().is_some_and(|list| list.has(|entry| entry == "*" || entry == service))
    }
}

/// One of an element and its `Not` form, as a list.
fn either(members: &Map<String, Value>, name: &str) -> Result<Option<List<String>>, String> {
    let (plain, not) = (members.get(name), members.get(&format!("Not{name}")));
    match (plain, not) {
        (Some(_), Some(_)) => Err(syntax()),
        (Some(value), None) => Ok(Some(List { not: false, entries: texts(value)? })),
        (None, Some(value)) => Ok(Some(List { not: true, entries: texts(value)? })),
        (None, None) => Ok(None),
    }
}

/// `"*"`, or lists by kind: accounts and roles, services, identity providers.
fn principals(members: &Map<String, Value>) -> Result<Option<List<String>>, String> {
    let (value, not) = match (members.get("Principal"), members.get("NotPrincipal")) {
        (Some(_), Some(_)) => return Err(syntax()),
        (Some(value), None) => (value, false),
        (None, Some(value)) => (value, true),
        (None, None) => return Ok(None),
    };
    let mut entries = Vec::new();
    match value {
        Value::String(all) if all == "*" => entries.push(all.clone()),
        Value::Object(kinds) => {
            for (kind, value) in kinds {
                if !["AWS", "Service", "Federated", "CanonicalUser"].contains(&kind.as_str()) {
                    return Err(format!("Invalid principal in policy: \"{kind}\""));
                }
                entries.extend(texts(value)?);
            }
        }
        _ => return Err("Invalid principal in policy.".to_owned()),
    }
    Ok(Some(List { not, entries }))
}

fn conditions(members: &Map<String, Value>) -> Result<Vec<Condition>, String> {
    let mut conditions = Vec::new();
    let Some(block) = members.get("Condition") else { return Ok(conditions) };
    for (operator, keys) in block.as_object().ok_or_else(syntax)? {
        for (key, values) in keys.as_object().ok_or_else(syntax)? {
            conditions.push(Condition::read(operator, key, texts(values)?)?);
        }
    }
    Ok(conditions)
}

/// A text, number or truth value, or a list of them.
fn texts(value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Bool(_) | Value::Number(_) => Ok(vec![value.to_string()]),
        Value::Array(list) => {
            Ok(list.iter().map(texts).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
        }
        Value::Null | Value::Object(_) => Err(syntax()),
    }
}
