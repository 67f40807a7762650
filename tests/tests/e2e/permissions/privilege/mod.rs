//! What functions and AWS Backup ask for, and what the roles allow: everything in which the two differ.

pub mod scenes;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use backup_chain_deployed::stack::{
    ACCOUNT, COPIES, COPY, RESTORE, RETENTION, SESSION, SOURCE, TARGET, VAULT,
};
use backup_chain_local::{Call, Permissions, Required, World};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

/// The roles of AWS Backup.
pub const SERVICE_ROLES: [&str; 3] = [
    "backup-chain-AWSBackup-backup-eu-central-1",
    "backup-chain-AWSBackup-copy-eu-central-1",
    "backup-chain-AWSBackup-restore-eu-central-1",
];

const LEFT: &str = "what a dropped table left is removed in any Region, and here it was left in one";

type Unseen = (&'static str, &'static str, &'static str, &'static str, &'static str);

/// What no recorded call shows: role (all when empty), statement, action (all when empty), a part of the resource,
/// and why it is there all the same. One that is not needed any more is a finding.
const UNSEEN: &[Unseen] = &[
    ("", "Log", "", "", "the Lambda service writes logs in the function's name"),
    ("", "TakeEvents", "", "", "the Lambda service takes events from the queue in the function's name"),
    (SESSION, "StartBackups", "", TARGET, "the parameter FurtherVaults names vaults of all Regions at once"),
    (RESTORE, "CopyBack", "", "", "copies come back from every other Region: a policy cannot except one"),
    (
        RESTORE,
        "ChangeRestoredTables",
        "dynamodb:EnableKinesisStreamingDestination",
        "",
        "in a target Region only where it has the stream too",
    ),
    (RESTORE, "MakeAlarms", "cloudwatch:DeleteAlarms", "", LEFT),
    (RESTORE, "ScaleTables", "application-autoscaling:DeleteScalingPolicy", "", LEFT),
    (RESTORE, "ScaleTables", "application-autoscaling:DeleteScheduledAction", "", LEFT),
    (RESTORE, "ScaleTables", "application-autoscaling:DeregisterScalableTarget", "", LEFT),
    (
        RESTORE,
        "WatchRestoredIndexes",
        "",
        "",
        "where RestoreTables is a name, the table's ARN stands for no index",
    ),
    (RETENTION, "LetBackupDelete", "", "", "AWS Backup makes its own role at an account's first deletion"),
    (RESTORE, "LetServicesWork", "", "", "services make their own roles at an account's first use"),
    (
        RESTORE,
        "LetDynamoDBEncrypt",
        "",
        "",
        "DynamoDB asks for keys in the caller's name when it fills a table",
    ),
    (RESTORE, "ListStreams", "", "", "AWS lists it among what connecting a stream takes"),
    (SERVICE_ROLES[0], "DescribeVaults", "", "", "AWS's own role for backups has it"),
    (SERVICE_ROLES[0], "ReadEncryptedTables", "", "", "asked by KMS of a table with a key of its own"),
    (SERVICE_ROLES[0], "DescribeKeys", "", "", "asked by KMS"),
    (SERVICE_ROLES[0], "GrantKeysToAws", "", "", "asked by KMS"),
    (
        SERVICE_ROLES[1],
        "CopyIntoVaults",
        "backup:DescribeBackupVault",
        "",
        "AWS's own role for copies has it",
    ),
    (SERVICE_ROLES[1], "BringTags", "", "", "asked when AWS Backup copies the tags"),
    (SERVICE_ROLES[1], "DescribeKeys", "", "", "asked by KMS"),
    (SERVICE_ROLES[1], "GrantKeysToAws", "", "", "asked by KMS"),
    (SERVICE_ROLES[2], "EncryptTables", "", "", "asked by KMS of a table with a key of its own"),
    (SERVICE_ROLES[2], "DescribeKeys", "", "", "asked by KMS"),
    (SERVICE_ROLES[2], "GrantKeysToAws", "", "", "asked by KMS"),
];

/// The exceptions of a role's statement, with their numbers.
pub fn unseen(role: &str, sid: &str) -> impl Iterator<Item = (usize, &'static Unseen)> {
    UNSEEN
        .iter()
        .enumerate()
        .filter(move |(_, (of, statement, ..))| (of.is_empty() || *of == role) && *statement == sid)
}

/// The condition keys that rights can be bound to. What all calls of a kind carry, the policy has to ask for.
const GUARDS: [&str; 7] = [
    "application-autoscaling:service-namespace",
    "aws:RequestTag/backup-chain/restore",
    "aws:ResourceTag/backup-chain/id",
    "aws:ResourceTag/backup-chain/restore",
    "aws:ViaAWSService",
    "iam:PassedToService",
    "kms:EncryptionContext:application",
];
/// Of these the value counts too, since it is always the same.
const FIXED: [&str; 4] = [
    "application-autoscaling:service-namespace",
    "aws:ViaAWSService",
    "iam:PassedToService",
    "kms:EncryptionContext:application",
];

/// What a role is asked for, and under which policy.
#[derive(Debug, Default)]
pub struct Role {
    pub statements: Vec<Value>,
    pub needs: Vec<Need>,
}

/// A right that was needed, with its resource in the form that policies have.
#[derive(Debug, Clone, PartialEq)]
pub struct Need {
    required: Required,
    /// The Region, empty for what has none.
    region: String,
    /// The ARN with names and ids that are not known beforehand as `*`.
    shape: String,
    guards: BTreeMap<&'static str, Vec<String>>,
}

impl Need {
    fn new(required: Required) -> Self {
        let shape = shape(&required.resource);
        let region = shape.split(':').nth(3).unwrap_or_default().to_owned();
        let guards = GUARDS.into_iter().filter_map(|key| Some((key, required.context.get(key)?.clone())));
        Self { guards: guards.collect(), region, shape, required }
    }

    /// With the Region as `*` too.
    fn anywhere(&self) -> String {
        self.shape.replacen(&format!(":{}:", self.region), ":*:", 1)
    }
}

fn shape(resource: &str) -> String {
    let parts: Vec<&str> = resource.splitn(6, ':').collect();
    let [.., service, region, account, local] = parts[..] else { return resource.to_owned() };
    let local = match service {
        "dynamodb" if local.starts_with("table/backup-chain-") => local.to_owned(),
        "dynamodb" if local.contains("/stream/") => "table/*/stream/*".to_owned(),
        "dynamodb" if local.starts_with("table/") => "table/*".to_owned(),
        "backup" if local.starts_with("recovery-point:") => "recovery-point:*".to_owned(),
        "kms" if !local.starts_with("key/mrk-") => "key/*".to_owned(),
        "cloudwatch" => "alarm:*".to_owned(),
        "kinesis" => "stream/*".to_owned(),
        _ => local.to_owned(),
    };
    format!("arn:aws:{service}:{region}:{account}:{local}")
}

pub fn listed(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect(),
    }
}

fn policy(statements: &[Value]) -> Permissions {
    Permissions::read(&json!({ "Version": "2012-10-17", "Statement": statements }).to_string()).unwrap()
}

fn is_read(action: &str) -> bool {
    let operation = action.split(':').next_back().unwrap();
    ["BatchGet", "Describe", "Get", "List", "Query", "Scan"].iter().any(|verb| operation.starts_with(verb))
}

impl Role {
    /// Everything in which needs and policy differ.
    pub fn findings(&self, name: &str, met: &mut BTreeSet<usize>) -> Vec<String> {
        let whole = policy(&self.statements);
        let mut findings = Vec::new();
        for need in self.needs.iter().filter(|need| !whole.allow(&need.required)) {
            findings.push(format!(
                "missing: {} on {} with {:?}",
                need.required.action, need.shape, need.required.context
            ));
        }
        for statement in &self.statements {
            if statement["Effect"] == "Deny" {
                self.look_at_denial(statement, &mut findings);
                continue;
            }
            let alone = policy(std::slice::from_ref(statement));
            let actions = listed(&statement["Action"]);
            let meant = self.needs.iter().filter(|need| actions.contains(&need.required.action.as_str()));
            let allowed: Vec<&Need> = meant.filter(|need| alone.allow(&need.required)).collect();
            self.look_at_statement(name, statement, &allowed, met, &mut findings);
        }
        self.look_behind_guards(&whole, &mut findings);
        findings.sort();
        findings.dedup();
        findings
    }

    /// Leaves out what is asked again once its tags are seen: conditions see new tags late, and deny until then.
    fn forget_calls_before_tags_are_seen(&mut self) {
        let is_tagged =
            |need: &Need| need.required.context.keys().any(|key| key.starts_with("aws:ResourceTag/"));
        let tagged: Vec<Need> = self.needs.iter().filter(|need| is_tagged(need)).cloned().collect();
        let is_same = |a: &Need, b: &Need| {
            (&a.required.action, &a.shape) == (&b.required.action, &b.shape)
                && a.required.context.get("aws:TagKeys") == b.required.context.get("aws:TagKeys")
        };
        let whole = policy(&self.statements);
        self.needs.retain(|need| {
            whole.allow(&need.required) || is_tagged(need) || !tagged.iter().any(|later| is_same(later, need))
        });
    }

    /// Every action, resource and condition of a statement must be of use.
    fn look_at_statement(
        &self,
        name: &str,
        statement: &Value,
        allowed: &[&Need],
        met: &mut BTreeSet<usize>,
        findings: &mut Vec<String>,
    ) {
        let sid = statement["Sid"].as_str().unwrap();
        for action in listed(&statement["Action"]) {
            let used: Vec<&&Need> = allowed.iter().filter(|need| need.required.action == action).collect();
            for pattern in listed(&statement["Resource"]) {
                let at: BTreeSet<&str> = used
                    .iter()
                    .filter(|need| need.shape == pattern || need.anywhere() == pattern)
                    .map(|need| need.region.as_str())
                    .collect();
                let everywhere = pattern.split(':').nth(3) == Some("*");
                if at.len() > usize::from(everywhere) {
                    continue;
                }
                let excepted = unseen(name, sid).find(|(_, (_, _, only, resource, _))| {
                    (only.is_empty() || *only == action) && pattern.contains(resource)
                });
                match excepted {
                    Some((number, _)) => drop(met.insert(number)),
                    None => findings.push(format!("surplus: {sid}: {action} on {pattern}, used in {at:?}")),
                }
            }
        }
        let whole =
            unseen(name, sid).any(|(_, (_, _, only, resource, _))| only.is_empty() && resource.is_empty());
        for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
            for (key, values) in keys.as_object().unwrap() {
                let asked: BTreeSet<&str> = allowed
                    .iter()
                    .filter_map(|need| need.required.context.get(key))
                    .flatten()
                    .map(String::as_str)
                    .collect();
                if asked.is_empty() && !whole {
                    findings.push(format!("surplus: {sid}: no call gives {key}"));
                }
                if operator == "Null" || operator.contains("Not") || whole {
                    continue;
                }
                for value in listed(values).into_iter().filter(|value| !asked.contains(value)) {
                    findings.push(format!("surplus: {sid}: no call gives {key} as {value}"));
                }
            }
        }
    }

    /// A denial must take away what the rest would allow, and never what is needed.
    fn look_at_denial(&self, statement: &Value, findings: &mut Vec<String>) {
        let rest: Vec<Value> = self.statements.iter().filter(|other| *other != statement).cloned().collect();
        let (rest, whole) = (policy(&rest), policy(&self.statements));
        for action in listed(&statement["Action"]) {
            for resource in listed(&statement["Resource"]) {
                let made_up = Required {
                    action: action.to_owned(),
                    resource: resource.replace(":*:", &format!(":{TARGET}:")),
                    context: GUARDS.iter().map(|key| ((*key).to_owned(), vec!["x".to_owned()])).collect(),
                };
                if !rest.allow(&made_up) || whole.allow(&made_up) {
                    findings.push(format!("surplus: {}: denies {action} on {resource}", statement["Sid"]));
                }
            }
        }
    }

    /// What was never asked for without a guard must not be allowed without it.
    fn look_behind_guards(&self, whole: &Permissions, findings: &mut Vec<String>) {
        for need in self.needs.iter().filter(|need| !is_read(&need.required.action)) {
            let alike = |other: &&Need| {
                other.required.action == need.required.action && other.anywhere() == need.anywhere()
            };
            let mut tried = |required: &Required, what: String| {
                if whole.allow(required) {
                    findings.push(format!("open: {} on {} {what}", required.action, need.shape));
                }
            };
            for guard in need.guards.keys() {
                let left: BTreeSet<&str> = need.guards.keys().copied().filter(|key| key != guard).collect();
                let seen = self.needs.iter().filter(alike).any(|other| {
                    !other.guards.contains_key(guard) && other.guards.keys().all(|key| left.contains(key))
                });
                let mut without = need.required.clone();
                without.context.remove(*guard);
                if !seen {
                    tried(&without, format!("without {guard}"));
                }
                if FIXED.contains(guard) {
                    without.context.insert((*guard).to_owned(), vec!["another".to_owned()]);
                    tried(&without, format!("with another {guard}"));
                }
            }
            // The mark of a restored table opens none of our own.
            if need.guards.keys().any(|guard| guard.ends_with("/backup-chain/restore")) {
                for (region, table) in [(SOURCE, "catalog"), (SOURCE, "settings"), (TARGET, "settings")] {
                    let mut own = need.required.clone();
                    own.resource = format!("arn:aws:dynamodb:{region}:{ACCOUNT}:table/backup-chain-{table}");
                    tried(&own, format!("for {}", own.resource));
                }
            }
            // Our own tags are written by jobs alone, holds by retention alone.
            let action = need.required.action.as_str();
            if ["backup:TagResource", "backup:UntagResource"].contains(&action)
                && need.required.context.contains_key("aws:TagKeys")
            {
                let mut forged = need.required.clone();
                forged.context.insert("aws:TagKeys".to_owned(), vec!["backup-chain/id".to_owned()]);
                tried(&forged, "for our own tags".to_owned());
            }
        }
    }
}

/// All roles, and what they are asked for in the scenes; and what the access policies of the vaults allow beside, by
/// Region and statement, with whether it was needed.
#[derive(Debug, Default)]
pub struct Roles(pub BTreeMap<String, Role>, BTreeMap<(&'static str, String), bool>);

impl Roles {
    /// Takes what was recorded of a scene.
    pub async fn take(&mut self, world: &World) {
        for name in [SESSION, COPY, RETENTION, RESTORE] {
            let calls: Vec<_> = world.calls().into_iter().filter(|call| call.caller == name).collect();
            // A right that hangs on a fresh tag comes later: what was denied once was done then.
            let denied =
                |call: &Call| call.error.as_ref().is_some_and(|code| code.starts_with("AccessDenied"));
            let is_done = |call: &Call| {
                calls.iter().any(|other| {
                    (&other.operation, &other.resource) == (&call.operation, &call.resource) && !denied(other)
                })
            };
            let required = calls.iter().filter(|call| !denied(call) || !is_done(call));
            let required = required.flat_map(|call| call.required.clone());
            self.role(world, name, required).await;
        }
        for name in SERVICE_ROLES {
            let asked = world.asked_of(&format!("arn:aws:iam::{ACCOUNT}:role/{name}"));
            self.role(world, name, asked).await;
        }
    }

    async fn role(&mut self, world: &World, name: &str, required: impl IntoIterator<Item = Required>) {
        let role = self.0.entry(name.to_owned()).or_default();
        role.statements = statements(world, name).await;
        let own = policy(&role.statements);
        let lent = lent(world).await;
        for (statement, _) in &lent {
            self.1.entry(statement.clone()).or_default();
        }
        for need in required.into_iter().map(Need::new) {
            let mut named = need.required.clone();
            named
                .context
                .insert("aws:PrincipalArn".to_owned(), vec![format!("arn:aws:iam::{ACCOUNT}:role/{name}")]);
            let is_lent = |((region, _), allows): &&((&str, String), Permissions)| {
                *region == need.region && allows.allow(&named)
            };
            if let Some((statement, _)) = lent.iter().find(is_lent).filter(|_| !own.allow(&need.required)) {
                self.1.insert(statement.clone(), true);
                continue;
            }
            let known = |other: &Need| {
                let Required { action, context, .. } = &other.required;
                (action, &other.shape, &other.guards) == (&need.required.action, &need.shape, &need.guards)
                    && context.get("aws:TagKeys") == need.required.context.get("aws:TagKeys")
            };
            if !role.needs.iter().any(known) {
                role.needs.push(need);
            }
        }
        role.forget_calls_before_tags_are_seen();
    }

    pub fn findings(&self) -> String {
        let (mut told, mut met) = (String::new(), BTreeSet::new());
        for (name, role) in &self.0 {
            for finding in role.findings(name, &mut met) {
                writeln!(told, "{name}: {finding}").unwrap();
            }
        }
        for ((region, sid), _) in self.1.iter().filter(|(_, needed)| !**needed) {
            writeln!(told, "surplus: {sid} of the vault in {region}").unwrap();
        }
        for (number, exception) in UNSEEN.iter().enumerate().filter(|(number, _)| !met.contains(number)) {
            writeln!(told, "exception {number} is not needed: {exception:?}").unwrap();
        }
        told
    }
}

/// What the access policies of the vaults allow.
async fn lent(world: &World) -> Vec<((&'static str, String), Permissions)> {
    let mut lent = Vec::new();
    for (region, vault) in [(SOURCE, VAULT), (TARGET, COPIES)] {
        let backup = aws_sdk_backup::Client::new(&world.sdk_config(ACCOUNT, region, "operator"));
        let got = backup.get_backup_vault_access_policy().backup_vault_name(vault).send().await.unwrap();
        let document: Value = serde_json::from_str(got.policy().unwrap()).unwrap();
        for statement in document["Statement"].as_array().unwrap() {
            if statement["Effect"] == "Allow" {
                let mut alone = statement.clone();
                alone.as_object_mut().unwrap().remove("Principal");
                let sid = statement["Sid"].as_str().unwrap().to_owned();
                lent.push(((region, sid), policy(&[alone])));
            }
        }
    }
    lent
}

/// The statements of a role as IAM has them.
async fn statements(world: &World, role: &str) -> Vec<Value> {
    let iam = aws_sdk_iam::Client::new(&world.sdk_config(ACCOUNT, SOURCE, "operator"));
    let names = iam.list_role_policies().role_name(role).send().await.unwrap();
    let mut statements = Vec::new();
    for name in names.policy_names() {
        let got = iam.get_role_policy().role_name(role).policy_name(name).send().await.unwrap();
        let document: Value =
            serde_json::from_slice(&percent_decode_str(got.policy_document()).collect::<Vec<_>>()).unwrap();
        statements.extend(document["Statement"].as_array().unwrap().iter().cloned());
    }
    statements
}
