//! IAM: roles, their policies, and who may do what.

mod actions;
mod condition;
mod facts;
mod judge;
mod managed;
mod passed;
mod pattern;
pub mod permissions;
mod policies;
mod policy;
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
use serde_json::{Value, json};

pub(crate) use self::policy::check_resource_policy;
use self::policy::{Policy, PolicyKind};
pub(crate) use self::{actions::Request, judge::Holdings};
use crate::{
    api::{ApiError, Scope},
    page,
    rng::Rng,
    wire::{Service, text},
};

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

/// The roles and policies of one account.
#[derive(Debug, Default)]
struct Account {
    roles: BTreeMap<String, Role>,
    /// Customer-managed policies by ARN.
    policies: BTreeMap<String, Managed>,
}

#[derive(Debug)]
struct Role {
    name: String,
    path: String,
    id: String,
    arn: String,
    created: Timestamp,
    description: Option<String>,
    longest_session: i64,
    trust: Arc<Policy>,
    inline: BTreeMap<String, Arc<Policy>>,
    /// ARNs of managed policies.
    attached: BTreeSet<String>,
    tags: BTreeMap<String, String>,
}

impl Role {
    /// Whether it is an administrator's, and nothing else: no policy needs to be asked.
    fn has_everything(&self) -> bool {
        self.inline.is_empty() && self.attached.iter().eq([managed::ADMINISTRATOR])
    }
}

/// A managed policy. The model keeps one version of each.
#[derive(Debug)]
struct Managed {
    name: String,
    path: String,
    id: String,
    arn: String,
    created: Timestamp,
    description: Option<String>,
    policy: Arc<Policy>,
}

type Answer = Result<Value, ApiError>;

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
            "SimulateCustomPolicy" => simulate::custom(body),
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

/// A member that must be there.
fn required<'a>(body: &'a Value, member: &str) -> Result<&'a str, ApiError> {
    text(body, member).filter(|given| !given.is_empty()).ok_or_else(|| {
        invalid(format!(
            "1 validation error detected: Value at '{member}' failed to satisfy constraint: Member must not be null"
        ))
    })
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::client("ValidationError", message)
}

fn missing(message: impl Into<String>) -> ApiError {
    ApiError { status: 404, ..ApiError::client("NoSuchEntity", message) }
}

fn conflict(code: &str, message: impl Into<String>) -> ApiError {
    ApiError { status: 409, ..ApiError::client(code, message) }
}

/// A policy document of a request.
///
/// # Errors
/// `MalformedPolicyDocument`, and `LimitExceeded` above `most` characters: AWS documents that white space does
/// not count.
fn document(text: &str, kind: PolicyKind, most: usize) -> Result<Arc<Policy>, ApiError> {
    let policy =
        Policy::read(text, kind).map_err(|error| ApiError::client("MalformedPolicyDocument", error))?;
    if size(&policy) > most {
        return Err(conflict("LimitExceeded", format!("Maximum policy size of {most} bytes exceeded")));
    }
    Ok(Arc::new(policy))
}

/// The characters of a document that count.
fn size(policy: &Policy) -> usize {
    policy.text.chars().filter(|char| !char.is_whitespace()).count()
}

/// One page of a list in the order of its keys: `MaxItems` of them, after the `Marker`.
///
/// # Errors
/// `ValidationError` for a marker or size that is none.
fn paged<K: AsRef<str>>(body: &Value, member: &str, list: impl IntoIterator<Item = (K, Value)>) -> Answer {
    let most = text(body, "MaxItems").map_or(Ok(100), str::parse);
    let most = most.map_err(|_| invalid("Invalid MaxItems"))?.clamp(1, 1000);
    let after = page::after(text(body, "Marker"), || invalid("Invalid Marker"))?;
    let (shown, next) = page::page(list, after.as_deref(), most);
    let mut answer = json!({ member: shown, "IsTruncated": next.is_some() });
    if let Some(next) = next {
        answer["Marker"] = json!(next);
    }
    Ok(answer)
}

/// The tags of a request.
fn tags(body: &Value) -> BTreeMap<String, String> {
    let list = body["Tags"].as_array().into_iter().flatten();
    list.filter_map(|tag| {
        Some((text(tag, "Key")?.to_owned(), text(tag, "Value").unwrap_or_default().to_owned()))
    })
    .collect()
}

/// Tags as answers list them.
fn listed(tags: &BTreeMap<String, String>) -> Vec<Value> {
    tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

/// A document as answers carry it: percent-encoded.
fn encoded(policy: &Policy) -> String {
    const UNRESERVED: &percent_encoding::AsciiSet =
        &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    percent_encoding::utf8_percent_encode(&policy.text, UNRESERVED).to_string()
}
