//! Least privilege, compared in both directions: what functions and AWS Backup ask for, and what the roles allow.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use backup_chain_core::ids::TableName;
use backup_chain_core::invoke::{Ask, From, RetentionRequest, SessionRequest, Wanted};
use backup_chain_core::point::{Kind, RestorePoint};
use backup_chain_core::restore::{Choices, Feature, Key, Stage};
use backup_chain_core::settings::TableSettings;
use backup_chain_local::stack::{ACCOUNT, COPY, RESTORE, RETENTION, SESSION, SOURCE, Stack, TARGET};
use backup_chain_local::{Fault, FaultRule, Permissions, Required, World};
use backup_chain_tests::restores::{ask, everything, newest, quick, restored};
use backup_chain_tests::{apply, at, backup, deployed, dynamodb, points, table, tables};
use jiff::SignedDuration;
use serde_json::{Value, json};

/// The roles of AWS Backup.
const SERVICE_ROLES: [&str; 3] = [
    "backup-chain-backup-eu-central-1",
    "backup-chain-copy-eu-central-1",
    "backup-chain-restore-eu-central-1",
];

/// What no recorded call shows: role (all when empty), statement, action (all when empty), a part of the resource,
/// and why it is there all the same. One that is not needed any more is a finding.
const UNSEEN: &[(&str, &str, &str, &str, &str)] = &[
    ("", "Log", "", "", "the Lambda service writes logs in the function's name"),
    ("", "TakeEvents", "", "", "the Lambda service takes events from the queue in the function's name"),
    (SESSION, "StartBackups", "", TARGET, "the parameter FurtherVaults names vaults of all Regions at once"),
    (COPY, "BringSettings", "", "", "copies go to every other Region: a policy cannot except one"),
    (RESTORE, "CopyBack", "", "", "copies come back from every other Region: a policy cannot except one"),
    (
        RESTORE,
        "ChangeRestoredTables",
        "dynamodb:EnableKinesisStreamingDestination",
        "",
        "in a target Region only where it has the stream too",
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
struct Role {
    statements: Vec<Value>,
    needs: Vec<Need>,
}

/// A right that was needed, with its resource in the form that policies have.
#[derive(Debug, Clone, PartialEq)]
struct Need {
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

fn listed(value: &Value) -> Vec<&str> {
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
    fn findings(&self, name: &str, unseen: &mut BTreeSet<usize>) -> Vec<String> {
        let whole = policy(&self.statements);
        let mut findings = Vec::new();
        for need in self.needs.iter().filter(|need| !whole.allow(&need.required)) {
            findings.push(format!("missing: {} on {}", need.required.action, need.shape));
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
            self.look_at_statement(name, statement, &allowed, unseen, &mut findings);
        }
        self.look_behind_guards(&whole, &mut findings);
        findings.sort();
        findings.dedup();
        findings
    }

    /// Every action, resource and condition of a statement must be of use.
    fn look_at_statement(
        &self,
        name: &str,
        statement: &Value,
        allowed: &[&Need],
        unseen: &mut BTreeSet<usize>,
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
                let excepted = UNSEEN.iter().position(|(role, statement, only, resource, _)| {
                    (role.is_empty() || *role == name)
                        && *statement == sid
                        && (only.is_empty() || *only == action)
                        && pattern.contains(resource)
                });
                match excepted {
                    Some(number) => drop(unseen.insert(number)),
                    None => findings.push(format!("surplus: {sid}: {action} on {pattern}, used in {at:?}")),
                }
            }
        }
        for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
            for (key, values) in keys.as_object().unwrap() {
                let whole = UNSEEN.iter().any(|(role, statement, only, resource, _)| {
                    (role.is_empty() || *role == name)
                        && *statement == sid
                        && only.is_empty()
                        && resource.is_empty()
                });
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

/// All roles, and what they are asked for in the scenes.
#[derive(Debug, Default)]
struct Roles(BTreeMap<String, Role>);

impl Roles {
    /// Takes what was recorded of a scene.
    async fn take(&mut self, world: &World) {
        for name in [SESSION, COPY, RETENTION, RESTORE] {
            let calls = world.calls();
            let required =
                calls.into_iter().filter(|call| call.caller == name).flat_map(|call| call.required);
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
        for need in required.into_iter().map(Need::new) {
            let known = |other: &Need| {
                let Required { action, context, .. } = &other.required;
                (action, &other.shape, &other.guards) == (&need.required.action, &need.shape, &need.guards)
                    && context.get("aws:TagKeys") == need.required.context.get("aws:TagKeys")
            };
            if !role.needs.iter().any(known) {
                role.needs.push(need);
            }
        }
    }

    fn findings(&self) -> String {
        let (mut told, mut unseen) = (String::new(), BTreeSet::new());
        for (name, role) in &self.0 {
            for finding in role.findings(name, &mut unseen) {
                writeln!(told, "{name}: {finding}").unwrap();
            }
        }
        for (number, exception) in UNSEEN.iter().enumerate().filter(|(number, _)| !unseen.contains(number)) {
            writeln!(told, "exception {number} is not needed: {exception:?}").unwrap();
        }
        told
    }
}

/// The statements of a role as IAM has them.
async fn statements(world: &World, role: &str) -> Vec<Value> {
    let iam = aws_sdk_iam::Client::new(&world.sdk_config(ACCOUNT, SOURCE, "operator"));
    let names = iam.list_role_policies().role_name(role).send().await.unwrap();
    let mut statements = Vec::new();
    for name in names.policy_names() {
        let got = iam.get_role_policy().role_name(role).policy_name(name).send().await.unwrap();
        let document: Value = serde_json::from_slice(&decoded(got.policy_document())).unwrap();
        statements.extend(document["Statement"].as_array().unwrap().iter().cloned());
    }
    statements
}

fn decoded(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text.bytes());
    while let Some(byte) = rest.next() {
        let mut digit = || char::from(rest.next().unwrap()).to_digit(16).unwrap();
        bytes.push(if byte == b'%' { u8::try_from(digit() * 16 + digit()).unwrap() } else { byte });
    }
    bytes
}

const POLICY: &str = "
name: daily
sources: {prefixes: [app-], tags: {team: shop}}
vault: backup-chain
objective: 25 hours
tags: {purpose: audit}
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]
retries: {attempts: 2, pause: 5 minutes}
tiers:
  daily: {at: [07:00], keep: 3 days, copy: {keep: 4 days}}
";

fn of(points: &[RestorePoint], kind: Kind) -> RestorePoint {
    points.iter().find(|point| point.kind == kind).unwrap().clone()
}

/// The answers of these calls are lost, one invocation long: three tries.
fn lose_answers(world: &World, caller: &str, operations: &[&str]) {
    for operation in operations {
        world.inject(FaultRule::new("backup", operation, Fault::TimeoutAfter).caller(caller).times(3));
    }
}

/// Backups, copies and retention.
async fn weeks(roles: &mut Roles) {
    let (world, mut stack) = deployed("2026-01-05T06:00:00Z").await;
    let large = TableSettings::from_bytes(include_bytes!("../fixtures/huge.json")).unwrap();
    let large = tables::create(&world, "app-large", &large).await.unwrap();
    let orders = table(&world, "app-orders", &[("team", "shop")]).await.unwrap();
    stack.session(SessionRequest::Check { document: POLICY.to_owned() }).await.unwrap();
    apply(&stack, POLICY).await.unwrap();
    let other = POLICY.replace("name: daily", "name: other").replace("app-", "x-").replace("shop", "none");
    apply(&stack, &other).await.unwrap();
    let policy = || "other".parse().unwrap();
    stack.session(SessionRequest::Disable { policy: policy(), by: None }).await.unwrap();
    stack.session(SessionRequest::Enable { policy: policy(), by: None }).await.unwrap();
    stack.session(SessionRequest::Delete { policy: policy(), by: None }).await.unwrap();
    lose_answers(&world, SESSION, &["StartBackupJob"]);
    lose_answers(&world, COPY, &["StartCopyJob"]);
    let arn = format!("arn:aws:dynamodb:{SOURCE}:{ACCOUNT}:table/app-orders");
    stack.session(SessionRequest::Backup { tables: vec![orders.to_string()], vault: None }).await.unwrap();
    stack.live_until(at("2026-01-06T12:00:00Z")).await;
    // What fails for good goes among what is past, and is told.
    world.with_backup(|backup| (0..3).for_each(|_| backup.fail_next_copy(&arn, "No space is left.")));
    world.inject(FaultRule::new("backup", "StartBackupJob", Fault::Deny).caller(SESSION).times(1));
    stack.session(SessionRequest::Backup { tables: vec![orders.to_string()], vault: None }).await.unwrap();
    // Settings that are stored go when their last point goes.
    let tag = aws_sdk_dynamodb::types::Tag::builder().key("later").value("yes").build().unwrap();
    let large_arn = format!("arn:aws:dynamodb:{SOURCE}:{ACCOUNT}:table/{large}");
    dynamodb(&world).tag_resource().resource_arn(&large_arn).tags(tag).send().await.unwrap();
    stack.live_until(at("2026-01-07T12:00:00Z")).await;
    world.with_backup(|backup| (0..3).for_each(|_| backup.fail_next_backup(&arn, "No space is left.")));
    stack.live_until(at("2026-01-08T12:00:00Z")).await;
    let made = points(&stack, &orders).await;
    for point in [of(&made, Kind::Backup), of(&made, Kind::Copy)] {
        let vault = Some(format!("{}/{}", point.vault.region, point.vault.name));
        let hold = RetentionRequest::Hold {
            table: orders.clone(),
            point: point.id.clone(),
            vault: vault.clone(),
            reason: "audit".to_owned(),
            until: None,
            by: None,
        };
        stack.hold(hold).await.unwrap();
        let (table, point) = (orders.clone(), point.id);
        stack.hold(RetentionRequest::LiftHold { table, point, vault, by: None, reason: None }).await.unwrap();
    }
    stack.retention(RetentionRequest::Plan { table: None }).await.unwrap();
    dynamodb(&world).delete_table().table_name(large.as_str()).send().await.ok();
    stack.live_until(at("2026-01-20T12:00:00Z")).await;
    stack.rebuild().await.unwrap();
    roles.take(&world).await;
}

const COPIED: &str = "
name: copied
sources: {tables: [orders]}
vault: backup-chain
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]
tiers:
  daily: {at: [07:00], keep: 2 days, copy: {keep: 30 days}}
";

async fn copied() -> (World, Stack, TableName, TableSettings) {
    let (world, mut stack) = quick().await;
    let (orders, settings) = everything(&world, &mut stack).await;
    apply(&stack, COPIED).await.unwrap();
    stack.session(SessionRequest::Run { policy: "copied".parse().unwrap() }).await.unwrap();
    stack.live(SignedDuration::from_mins(20)).await;
    (world, stack, orders, settings)
}

async fn restore(stack: &mut Stack, ask: Ask) {
    let told = stack.restore(ask).await.unwrap();
    stack.live(SignedDuration::from_mins(30)).await;
    let restore = restored(stack, &told[0].restore.id).await;
    assert_eq!(restore.stage, Stage::Succeeded, "{restore:#?}");
}

/// Restores where the backup is, and by DynamoDB itself.
async fn restores(roles: &mut Roles) {
    let (world, mut stack, orders, settings) = copied().await;
    let with = [Feature::Alarms, Feature::Stream, Feature::Ttl];
    let choices = Choices {
        without_indexes: ["by-status".to_owned()].into(),
        without_tags: ["team".to_owned()].into(),
        with: with.into(),
        ..Choices::default()
    };
    let again = Wanted { name: Some("orders-again".parse().unwrap()), ..newest(&orders) };
    restore(&mut stack, Ask { choices, ..ask([again]) }).await;
    tables::drop(&world, &orders, &settings).await.unwrap();
    lose_answers(&world, RESTORE, &["StartRestoreJob"]);
    restore(&mut stack, ask([newest(&orders)])).await;
    // A point that has lost its tags is restored all the same, if that is asked for.
    tables::drop(&world, &orders, &settings).await.unwrap();
    let point = of(&points(&stack, &orders).await, Kind::Backup);
    let arn = point.arn.unwrap();
    assert!(world.with_backup(|backup| backup.overwrite_tags(arn.as_str(), BTreeMap::new())));
    let wanted = Wanted { from: From::Point(point.id), ..newest(&orders) };
    let choices = Choices { encryption: Some(Key::AwsOwned), ..Choices::default() };
    restore(&mut stack, Ask { items_only: true, choices, ..ask([wanted]) }).await;
    roles.take(&world).await;
}

/// Restores of copies where they are.
async fn restores_of_copies(roles: &mut Roles) {
    let (world, mut stack, orders, _) = copied().await;
    let vault = Some("eu-west-1/backup-chain-copies".to_owned());
    let wanted = Wanted { vault, ..newest(&orders) };
    stack.restore(ask([wanted.clone()])).await.unwrap_err();
    let with =
        [Feature::Stream, Feature::Alarms, Feature::ScheduledScaling, Feature::WarmThroughput, Feature::Ttl];
    let choices = || Choices { encryption: Some(Key::AwsOwned), with: with.into(), ..Choices::default() };
    restore(&mut stack, Ask { choices: choices(), ..ask([wanted.clone()]) }).await;
    let choices = Choices {
        without_indexes: ["by-status".to_owned()].into(),
        without_tags: ["team".to_owned()].into(),
        ..choices()
    };
    let again = Wanted { name: Some("orders-again".parse().unwrap()), ..wanted };
    restore(&mut stack, Ask { choices, ..ask([again]) }).await;
    roles.take(&world).await;
}

/// Restores of copies that come back to the source Region, the answer to their start lost or not.
async fn restores_of_copies_brought_back(roles: &mut Roles, is_lost: bool) {
    let (world, mut stack, orders, settings) = copied().await;
    tables::drop(&world, &orders, &settings).await.unwrap();
    let chain = points(&stack, &orders).await;
    let (first, copy) = (of(&chain, Kind::Backup), of(&chain, Kind::Copy));
    let removal = json!({
        "action": "remove", "table": "orders", "which": {"point": first.id}, "vault": "eu-central-1/backup-chain",
        "override_guards": ["newest"], "reason": "a neighbour",
    });
    stack.retention(serde_json::from_value(removal).unwrap()).await.unwrap();
    stack.live(SignedDuration::from_mins(30)).await;
    stack.retention(RetentionRequest::Run { confirm: None }).await.unwrap();
    if is_lost {
        lose_answers(&world, RESTORE, &["StartCopyJob"]);
    }
    let vault = Some("eu-west-1/backup-chain-copies".to_owned());
    let home = Some(SOURCE.parse().unwrap());
    let back = Wanted { from: From::Point(copy.id), vault, region: home, ..newest(&orders) };
    restore(&mut stack, ask([back])).await;
    roles.take(&world).await;
}

/// Restores of a table whose settings are in the settings tables.
async fn restores_of_much(roles: &mut Roles) {
    let (world, mut stack) = quick().await;
    let settings = TableSettings::from_bytes(include_bytes!("../fixtures/huge.json")).unwrap();
    let large = tables::create(&world, "app-large", &settings).await.unwrap();
    apply(&stack, &COPIED.replace("tables: [orders]", "tables: [app-large]")).await.unwrap();
    stack.session(SessionRequest::Run { policy: "copied".parse().unwrap() }).await.unwrap();
    stack.live(SignedDuration::from_mins(20)).await;
    for vault in [None, Some("eu-west-1/backup-chain-copies".to_owned())] {
        let name = Some("app-again".parse().unwrap());
        let choices = Choices { encryption: Some(Key::AwsOwned), ..Choices::default() };
        restore(&mut stack, Ask { choices, ..ask([Wanted { vault, name, ..newest(&large) }]) }).await;
    }
    roles.take(&world).await;
}

/// A recovery point in the vault that is not ours, as a neighbour may put one there.
async fn with_a_stranger(roles: &mut Roles) {
    let (world, mut stack) = quick().await;
    let carts = table(&world, "carts", &[]).await.unwrap();
    let start = backup(&world, SOURCE)
        .start_backup_job()
        .backup_vault_name("backup-chain")
        .iam_role_arn(format!("arn:aws:iam::{ACCOUNT}:role/{}", SERVICE_ROLES[0]))
        .resource_arn(format!("arn:aws:dynamodb:{SOURCE}:{ACCOUNT}:table/{carts}"));
    start.send().await.unwrap();
    stack.live(SignedDuration::from_mins(10)).await;
    stack.retention(RetentionRequest::Run { confirm: None }).await.unwrap();
    stack.rebuild().await.unwrap();
    roles.take(&world).await;
}

async fn lived() -> Roles {
    let mut roles = Roles::default();
    weeks(&mut roles).await;
    restores(&mut roles).await;
    restores_of_copies(&mut roles).await;
    for is_lost in [false, true] {
        restores_of_copies_brought_back(&mut roles, is_lost).await;
    }
    restores_of_much(&mut roles).await;
    with_a_stranger(&mut roles).await;
    roles
}

#[tokio::test(start_paused = true)]
async fn the_roles_allow_what_is_needed_and_nothing_more() {
    let roles = lived().await;
    let findings = roles.findings();
    assert!(findings.is_empty(), "{findings}");
    planted_faults_are_found(&roles);
}

/// Every action, resource and condition of every statement in turn is taken away, made wider or joined by another.
fn planted_faults_are_found(roles: &Roles) {
    let mut planted = 0;
    for (name, role) in &roles.0 {
        for (number, statement) in role.statements.iter().enumerate() {
            let sid = statement["Sid"].as_str().unwrap();
            let excepted =
                UNSEEN.iter().any(|(role, of, ..)| (role.is_empty() || role == name) && *of == sid);
            if excepted {
                continue;
            }
            for (what, fault) in faults(statement) {
                let mut statements = role.statements.clone();
                match fault {
                    Some(fault) => statements[number] = fault,
                    None => drop(statements.remove(number)),
                }
                let role = Role { statements, needs: role.needs.clone() };
                let found = role.findings(name, &mut BTreeSet::new());
                assert!(!found.is_empty(), "{name}: {sid}: {what} is not found");
                planted += 1;
            }
        }
    }
    assert!(planted > 300, "{planted}");
}

/// A statement with each fault that it can have; `None` is that it is not there.
fn faults(statement: &Value) -> Vec<(String, Option<Value>)> {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut changed = statement.clone();
        change(&mut changed);
        Some(changed)
    };
    let mut faults = vec![("not there".to_owned(), None)];
    for part in ["Action", "Resource"] {
        let entries = listed(&statement[part]);
        for entry in entries.iter().filter(|_| entries.len() > 1) {
            let left: Vec<&&str> = entries.iter().filter(|other| *other != entry).collect();
            faults.push((format!("{part} without {entry}"), with(&|it| it[part] = json!(left))));
        }
        let more = if part == "Action" { "dynamodb:DeleteTable" } else { "arn:aws:s3:::bucket" };
        let joined: Vec<&str> = entries.iter().copied().chain([more]).collect();
        faults.push((format!("{part} with {more}"), with(&|it| it[part] = json!(joined))));
    }
    for resource in listed(&statement["Resource"]).into_iter().filter(|resource| *resource != "*") {
        let wider = |wide: &str| with(&|it| it["Resource"] = json!(wide));
        faults.push((format!("all in place of {resource}"), wider("*")));
        let parts: Vec<&str> = resource.splitn(6, ':').collect();
        let region = if parts[3] == "*" { SOURCE } else { "*" };
        if !parts[3].is_empty() && statement["Effect"] == "Allow" {
            let other = format!("arn:aws:{}:{region}:{}:{}", parts[2], parts[4], parts[5]);
            faults.push((format!("{other} in place of {resource}"), wider(&other)));
        }
    }
    for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
        for key in keys.as_object().unwrap().keys() {
            let without = with(&|it| {
                it["Condition"][operator].as_object_mut().unwrap().remove(key);
            });
            faults.push((format!("without the condition {operator} {key}"), without));
        }
    }
    if statement["Effect"] == "Allow" {
        for operator in ["StringEquals", "StringEqualsIfExists"] {
            let more = with(&|it| it["Condition"][operator]["aws:ResourceTag/stage"] = json!("test"));
            faults.push((format!("{operator} of a tag that nothing has"), more));
        }
    }
    faults
}
