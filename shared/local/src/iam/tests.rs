//! How policies are read and evaluated, and that every operation is in the table.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Iam, Request,
    facts::{Facts, Principal},
    holdings::Holdings,
    judge::{Verdict, said},
    policy::{Named, Policy, PolicyKind},
};
use crate::{
    api::Scope,
    backup::Backup,
    clock::WorldClock,
    dynamodb::Dynamo,
    kms::Kms,
    lags::Lags,
    record::Context,
    rng::Rng,
    wire::{Incoming, Service},
};

const ACCOUNT: &str = "111122223333";
const TABLE: &str = "arn:aws:dynamodb:eu-central-1:111122223333:table/orders";

fn statement(rest: &Value) -> Value {
    let mut statement = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    for (name, value) in rest.as_object().unwrap() {
        if let Some(plain) = name.strip_prefix("Not") {
            statement.as_object_mut().unwrap().remove(plain);
        }
        statement[name] = value.clone();
    }
    statement
}

fn policy(statements: &[Value]) -> Policy {
    let statements: Vec<Value> = statements.iter().map(statement).collect();
    Policy::read(
        &json!({ "Version": "2012-10-17", "Statement": statements }).to_string(),
        PolicyKind::Identity,
    )
    .unwrap()
}

fn verdict_of(policy: &Policy, action: &str, resource: &str, context: &Context) -> Verdict {
    let tags = BTreeMap::from([("team".to_owned(), "shop".to_owned())]);
    let principal = Principal {
        account: ACCOUNT,
        arn: format!("arn:aws:iam::{ACCOUNT}:role/worker"),
        session_arn: format!("arn:aws:sts::{ACCOUNT}:assumed-role/worker/session"),
        user_id: "AROA:session".to_owned(),
        tags: Some(&tags),
    };
    let mut context = context.clone();
    context.insert("aws:ResourceTag/team".to_owned(), vec!["shop".to_owned()]);
    let facts = Facts {
        principal: Some(&principal),
        action,
        resource,
        context: &context,
        at: Some(("eu-central-1", "2026-03-01T00:00:00Z".parse().unwrap())),
    };
    said(
        policy
            .statements
            .iter()
            .filter(|statement| statement.applies(&facts))
            .map(|statement| statement.denies),
    )
}

fn verdict(statements: &[Value], action: &str, resource: &str) -> Verdict {
    verdict_of(&policy(statements), action, resource, &Context::new())
}

/// Whether a condition block holds in a context.
fn holds(block: &Value, context: &[(&str, &[&str])]) -> bool {
    let context = context
        .iter()
        .map(|(key, values)| ((*key).to_owned(), values.iter().map(|value| (*value).to_owned()).collect()))
        .collect();
    let policy = policy(&[json!({ "Condition": block })]);
    verdict_of(&policy, "dynamodb:GetItem", TABLE, &context) == Verdict::Allowed
}

#[test]
fn nothing_is_allowed_that_no_statement_allows_and_a_deny_wins() {
    assert_eq!(verdict(&[json!({ "Action": "s3:*" })], "dynamodb:GetItem", TABLE), Verdict::Implicit);
    assert_eq!(verdict(&[json!({})], "dynamodb:GetItem", TABLE), Verdict::Allowed);
    let deny = json!({ "Effect": "Deny", "Action": "dynamodb:Get*" });
    for both in [[json!({}), deny.clone()], [deny, json!({})]] {
        assert_eq!(verdict(&both, "dynamodb:GetItem", TABLE), Verdict::Explicit);
        assert_eq!(verdict(&both, "dynamodb:PutItem", TABLE), Verdict::Allowed);
    }
}

#[test]
fn actions_match_without_regard_to_case_and_resources_with_it() {
    let allowed =
        |rest: Value, resource: &str| verdict(&[rest], "dynamodb:GetItem", resource) == Verdict::Allowed;
    for action in ["DYNAMODB:getitem", "dynamodb:Get*", "dynamodb:?etItem", "*", "dynamodb:*", "*:GetItem"] {
        assert!(allowed(json!({ "Action": action }), TABLE), "{action}");
    }
    for action in ["dynamodb:GetIte", "dynamodb:GetItem?", "dynamodb:PutItem"] {
        assert!(!allowed(json!({ "Action": action }), TABLE), "{action}");
    }
    for resource in
        ["*", TABLE, "arn:aws:dynamodb:*:*:table/ord*", "arn:aws:dynamodb:*:111122223333:table/order?"]
    {
        assert!(allowed(json!({ "Resource": resource }), TABLE), "{resource}");
    }
    for resource in
        ["arn:aws:dynamodb:*:*:table/Orders", "arn:aws:dynamodb:*:*:table", "arn:aws:dynamodb:*:table/orders"]
    {
        assert!(!allowed(json!({ "Resource": resource }), TABLE), "{resource}");
    }
    assert!(!allowed(json!({ "Resource": TABLE }), "*"), "what has no resource needs a lone *");
    assert!(allowed(json!({ "NotAction": ["s3:*", "dynamodb:PutItem"] }), TABLE));
    assert!(!allowed(json!({ "NotAction": ["dynamodb:Get*"] }), TABLE));
    assert!(allowed(json!({ "NotResource": "arn:aws:dynamodb:*:*:table/users" }), TABLE));
    assert!(!allowed(json!({ "NotResource": ["arn:aws:dynamodb:*:*:table/*"] }), TABLE));
}

#[test]
fn wildcards_go_back_as_far_as_they_must() {
    let matches = |resource: &str, given: &str| {
        verdict(&[json!({ "Resource": resource })], "a:B", given) == Verdict::Allowed
    };
    let arn = |local: &str| format!("arn:aws:x:r:a:{local}");
    assert!(matches(&arn("*a*b?c"), &arn("xaab-b-bbc")));
    assert!(!matches(&arn("*a*b?c"), &arn("xaab-b-bc-")));
    assert!(matches(&arn("*"), &arn("")) && matches(&arn("ü?"), &arn("üß")));
    assert!(matches(&arn("t:*"), &arn("t:u:v")), "the last part may hold colons");
    assert!(!matches("arn:aws:*:a:t", "arn:aws:x:r:a:t"), "no wildcard crosses from part to part");
}

#[test]
fn each_operator_compares_in_its_own_way() {
    let context: &[(&str, &[&str])] = &[
        ("x:Text", &["Blue"]),
        ("x:Arn", &[TABLE]),
        ("x:Yes", &["true"]),
        ("x:Seven", &["7"]),
        ("x:When", &["2026-03-01T12:00:00Z"]),
        ("x:Address", &["10.1.2.3"]),
    ];
    for (operator, key, value, expected) in [
        ("StringEquals", "x:Text", json!("Blue"), true),
        ("StringEquals", "x:text", json!(["Red", "Blue"]), true),
        ("StringEquals", "x:Text", json!("blue"), false),
        ("StringEquals", "x:Text", json!("B*"), false),
        ("StringNotEquals", "x:Text", json!(["Red", "Blue"]), false),
        ("StringNotEquals", "x:Text", json!(["Red", "Green"]), true),
        ("StringEqualsIgnoreCase", "x:Text", json!("bLUE"), true),
        ("StringLike", "x:Text", json!("B?u*"), true),
        ("StringNotLike", "x:Text", json!("B*"), false),
        ("ArnLike", "x:Arn", json!("arn:aws:dynamodb:*:*:table/*"), true),
        ("ArnEquals", "x:Arn", json!("arn:aws:dynamodb:*:*:table/o*"), true),
        ("ArnEquals", "x:Arn", json!("arn:aws:*:table/o*"), false),
        ("ArnNotLike", "x:Arn", json!("arn:aws:dynamodb:*:*:table/u*"), true),
        ("Bool", "x:Yes", json!(true), true),
        ("Bool", "x:Yes", json!("false"), false),
        ("Null", "x:Yes", json!("false"), true),
        ("Null", "x:Yes", json!(true), false),
        ("Null", "x:None", json!("true"), true),
        ("NumericLessThan", "x:Seven", json!(8), true),
        ("NumericLessThan", "x:Seven", json!("7"), false),
        ("NumericLessThanEquals", "x:Seven", json!("7.0"), true),
        ("NumericGreaterThan", "x:Seven", json!("6"), true),
        ("NumericEquals", "x:Text", json!("7"), false),
        ("DateLessThan", "x:When", json!("2026-03-02"), true),
        ("DateGreaterThan", "x:When", json!("2026-03-01T13:00:00+01:00"), false),
        ("DateLessThanEquals", "x:When", json!("1772366400"), true),
        ("DateLessThan", "aws:CurrentTime", json!("2026-03-01T00:00:01Z"), true),
        ("IpAddress", "x:Address", json!(["192.168.0.0/16", "10.0.0.0/8"]), true),
        ("NotIpAddress", "x:Address", json!("10.1.2.3"), false),
    ] {
        assert_eq!(
            holds(&json!({ operator: { key: value } }), context),
            expected,
            "{operator} {key} {value}"
        );
    }
}

#[test]
fn a_missing_key_satisfies_only_what_says_so() {
    for (operator, expected) in [
        ("StringEquals", false),
        ("StringEqualsIfExists", true),
        ("StringNotEquals", true),
        ("StringLike", false),
        ("NumericLessThan", false),
        ("BoolIfExists", true),
        ("ForAllValues:StringEquals", true),
        ("ForAnyValue:StringEquals", false),
        ("ForAnyValue:StringLikeIfExists", true),
    ] {
        assert_eq!(holds(&json!({ operator: { "x:None": "1" } }), &[]), expected, "{operator}");
    }
    assert!(!holds(&json!({ "StringEqualsIfExists": { "x:K": "1" } }), &[("x:K", &["2"])]));
}

#[test]
fn sets_are_compared_value_by_value() {
    let given: &[(&str, &[&str])] = &[("aws:TagKeys", &["a", "b"])];
    let set = |operator: &str, values: Value| holds(&json!({ operator: { "aws:TagKeys": values } }), given);
    assert!(set("ForAllValues:StringEquals", json!(["a", "b", "c"])));
    assert!(!set("ForAllValues:StringEquals", json!(["a"])));
    assert!(set("ForAnyValue:StringEquals", json!(["a"])));
    assert!(!set("ForAnyValue:StringEquals", json!(["c"])));
    assert!(set("ForAnyValue:StringNotEquals", json!(["a"])), "b is another");
    assert!(!set("ForAllValues:StringNotLike", json!(["a*"])));
}

#[test]
fn all_keys_of_a_block_must_hold() {
    let context: &[(&str, &[&str])] = &[("x:A", &["1"]), ("x:B", &["2"])];
    assert!(holds(&json!({ "StringEquals": { "x:A": "1", "x:B": ["2", "3"] } }), context));
    assert!(!holds(&json!({ "StringEquals": { "x:A": "1", "x:B": "3" } }), context));
    assert!(!holds(&json!({ "StringEquals": { "x:A": "1" }, "StringLike": { "x:B": "3*" } }), context));
}

#[test]
fn variables_stand_for_what_is_known_of_the_request() {
    let resource = |resource: &str, given: &str| {
        verdict(&[json!({ "Resource": resource })], "dynamodb:GetItem", given) == Verdict::Allowed
    };
    assert!(resource("arn:aws:dynamodb:${aws:RequestedRegion}:${aws:PrincipalAccount}:table/orders", TABLE));
    assert!(resource("arn:aws:dynamodb:*:*:table/${aws:PrincipalTag/nobody, 'orders'}", TABLE));
    assert!(!resource("arn:aws:dynamodb:*:*:table/${aws:username}", TABLE), "no value matches nothing");
    assert!(!resource("arn:aws:dynamodb:*:*:table/${*}", TABLE));
    assert!(resource("arn:aws:dynamodb:*:*:table/${*}", "arn:aws:dynamodb:r:a:table/*"));
    let equal = json!({ "StringEquals": { "aws:ResourceAccount": "${aws:PrincipalAccount}" } });
    assert!(holds(&equal, &[]));
    let tag = json!({ "StringEquals": { "aws:ResourceTag/Team": "${aws:PrincipalTag/team}" } });
    assert!(holds(&tag, &[]));
    let literal = json!({ "StringLike": { "x:Text": "${x:Pattern}" } });
    assert!(!holds(&literal, &[("x:Text", &["blue"]), ("x:Pattern", &["*"])]), "a value holds no wildcards");
}

#[test]
fn a_document_that_is_none_is_refused() {
    let document = |change: &dyn Fn(&mut Value)| {
        let mut document =
            json!({ "Version": "2012-10-17", "Statement": [statement(&json!({ "Sid": "One" }))] });
        change(&mut document);
        document.to_string()
    };
    let identity = |text: &str| Policy::read(text, PolicyKind::Identity);
    assert!(identity(&document(&|_| {})).is_ok());
    for (text, says) in [
        ("{".to_owned(), "Syntax"),
        ("[]".to_owned(), "Syntax"),
        (document(&|d| d["Version"] = json!("2020-01-01")), "version"),
        (document(&|d| d["Statement"] = json!([])), "Syntax"),
        (document(&|d| d["Statement"][0]["Effect"] = json!("allow")), "Syntax"),
        (document(&|d| d["Statement"][0]["Colour"] = json!("blue")), "Syntax"),
        (document(&|d| d["Statement"][0]["Action"] = json!("GetItem")), "vendor"),
        (document(&|d| d["Statement"][0]["NotAction"] = json!("a:b")), "Syntax"),
        (document(&|d| d["Statement"][0]["Resource"] = json!("orders")), "ARN format"),
        (document(&|d| drop(d["Statement"][0].as_object_mut().unwrap().remove("Resource"))), "resources"),
        (document(&|d| d["Statement"][0]["Principal"] = json!("*")), "principal"),
        (
            document(&|d| d["Statement"][0]["Condition"] = json!({ "Equals": { "a:b": "c" } })),
            "Condition type",
        ),
        (document(&|d| d["Statement"][0]["Condition"] = json!({ "StringLike": { "b": "c" } })), "vendor"),
        (document(&|d| d["Statement"] = json!([d["Statement"][0], d["Statement"][0]])), "unique"),
    ] {
        let error = identity(&text).unwrap_err();
        assert!(error.contains(says), "{text}: {error}");
    }
    assert!(Policy::read(&document(&|_| {}), PolicyKind::Trust).is_err(), "trust has no resources");
    assert!(Policy::read(&document(&|_| {}), PolicyKind::Resource).is_err(), "who is it for?");
}

#[test]
fn principals_are_named_by_account_role_session_or_all() {
    let who = Principal {
        account: ACCOUNT,
        arn: format!("arn:aws:iam::{ACCOUNT}:role/worker"),
        session_arn: format!("arn:aws:sts::{ACCOUNT}:assumed-role/worker/session"),
        user_id: String::new(),
        tags: None,
    };
    for (principal, expected) in [
        (json!("*"), Some(Named::Itself)),
        (json!({ "AWS": "*" }), Some(Named::Itself)),
        (json!({ "AWS": ACCOUNT }), Some(Named::Account)),
        (json!({ "AWS": [format!("arn:aws:iam::{ACCOUNT}:root")] }), Some(Named::Account)),
        (json!({ "Service": "lambda.amazonaws.com", "AWS": who.arn }), Some(Named::Itself)),
        (json!({ "AWS": who.session_arn }), Some(Named::Itself)),
        (json!({ "AWS": "arn:aws:iam::111122223333:role/other" }), None),
        (json!({ "Service": "lambda.amazonaws.com" }), None),
    ] {
        let document = json!({ "Statement": statement(&json!({ "Principal": principal })) });
        let policy = Policy::read(&document.to_string(), PolicyKind::Resource).unwrap();
        assert_eq!(policy.statements[0].names(&who), expected, "{principal}");
    }
}

/// Error codes and members that look like operations.
const OTHERS: [(&str, &str); 6] = [
    ("sqs", "BatchEntryIdsNotDistinct"),
    ("sqs", "BatchRequestTooLong"),
    ("sqs", "PurgeQueueInProgress"),
    ("tagging", "TagKeys"),
    ("tagging", "TagResource"),
    ("tagging", "UntagResource"),
];

/// Names that look like operations in the match arms of a folder's or file's sources.
fn operations(of: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let folder = root.join(of);
    let files = match fs::read_dir(&folder) {
        Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
        Err(_) => vec![root.join(format!("{of}.rs"))],
    };
    let mut names = Vec::new();
    for file in files.into_iter().filter(|file| file.extension().is_some_and(|kind| kind == "rs")) {
        let text = fs::read_to_string(&file).unwrap();
        for (arm, _) in text.lines().filter_map(|line| line.split_once("=>")) {
            names.extend(
                arm.split('"').skip(1).step_by(2).filter(|name| is_operation(name)).map(str::to_owned),
            );
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}

fn is_operation(name: &str) -> bool {
    const VERBS: [&str; 36] = [
        "Assume",
        "Attach",
        "Batch",
        "Cancel",
        "Change",
        "Create",
        "Deregister",
        "Delete",
        "Describe",
        "Detach",
        "Disable",
        "Enable",
        "Execute",
        "Generate",
        "Get",
        "List",
        "Put",
        "Purge",
        "Receive",
        "Register",
        "Remove",
        "Replicate",
        "Schedule",
        "Send",
        "Set",
        "Simulate",
        "Start",
        "Stop",
        "Tag",
        "Transact",
        "Untag",
        "Update",
        "Invoke",
        "Query",
        "Scan",
        "Decrypt",
    ];
    let alone = ["Invoke", "Query", "Scan", "Decrypt", "Encrypt"].contains(&name);
    let rest = VERBS.iter().find_map(|verb| name.strip_prefix(verb));
    name.chars().all(|char| char.is_ascii_alphanumeric())
        && (alone || rest.is_some_and(|rest| rest.starts_with(|char: char| char.is_ascii_uppercase())))
}

#[test]
fn every_operation_of_every_service_is_in_the_table() {
    let clock = WorldClock::new(Timestamp::UNIX_EPOCH);
    let (backup, kms) = (Backup::new(1), Kms::new(Rng::new(1, 2)));
    let dynamo = Dynamo::new(clock, Rng::new(1, 1), Lags::new(1, 100));
    let now = Timestamp::UNIX_EPOCH;
    let holdings = Holdings { backup: &backup, dynamo: &dynamo, kms: &kms, now };
    let incoming = Incoming {
        scope: Scope {
            account: ACCOUNT.to_owned(),
            region: "eu-central-1".to_owned(),
            caller: String::new(),
            now: Timestamp::UNIX_EPOCH,
        },
        session: "session".to_owned(),
        service: String::new(),
        method: String::new(),
        uri: http::Uri::default(),
        path: Vec::new(),
        query: Vec::new(),
        target: None,
        headers: http::HeaderMap::new(),
        body: bytes::Bytes::new(),
    };
    let (mut found, mut missing) = (0, Vec::new());
    for (service, sources) in [
        (Service::Backup, &["backup"][..]),
        (Service::CloudWatch, &["cloudwatch"]),
        (Service::DynamoDb, &["dynamodb"]),
        (Service::Events, &["events"]),
        (Service::Iam, &["iam"]),
        (Service::Kms, &["kms"]),
        (Service::Lambda, &["lambda"]),
        (Service::Scaling, &["scaling"]),
        (Service::Sqs, &["sqs"]),
        (Service::Sts, &["sts"]),
        (Service::Tagging, &["tagging"]),
    ] {
        for operation in sources.iter().flat_map(|source| operations(source)) {
            let request = Request { incoming: &incoming, operation: &operation, body: &Value::Null };
            let is_other = OTHERS.contains(&(service.name(), operation.as_str()));
            if !is_other && super::actions::required(service, &request, holdings).is_none() {
                missing.push(format!("{}:{operation}", service.name()));
            }
            found += 1;
        }
    }
    assert_eq!(missing, [""; 0]);
    assert!(found > 100, "only {found} were found: the sources are read wrongly");
}

#[test]
fn roles_are_passed_to_services_that_they_trust() {
    let world = crate::World::new(crate::Options { start: Timestamp::UNIX_EPOCH, seed: 1 });
    world.put_service_role(ACCOUNT, "backup").unwrap();
    let role = "arn:aws:iam::111122223333:role/backup";
    let vault = "arn:aws:backup:eu-central-1:111122223333:backup-vault:source";
    let may = |role: &str, service: &str, action: &str, resource: &str| {
        world.with_iam(|iam| iam.role_may(role, service, action, resource))
    };
    let by_backup = |action, resource| may(role, "backup.amazonaws.com", action, resource);
    assert_eq!(by_backup("dynamodb:StartAwsBackupJob", TABLE), Ok(()));
    assert_eq!(by_backup("backup:CopyIntoBackupVault", vault), Ok(()));
    assert_eq!(by_backup("dynamodb:RestoreTableFromAwsBackup", TABLE), Ok(()));
    assert_eq!(by_backup("kms:CreateGrant", "arn:aws:kms:eu-central-1:111122223333:key/k"), Ok(()));
    assert_eq!(
        by_backup("backup:TagResource", "arn:aws:backup:eu-central-1:111122223333:recovery-point:p"),
        Ok(())
    );
    let other = "arn:aws:backup:eu-central-1:444455556666:recovery-point:p";
    assert!(by_backup("backup:TagResource", other).is_err(), "in the role's own account only");
    let refused = by_backup("dynamodb:DeleteTable", TABLE).unwrap_err();
    assert_eq!(
        refused,
        format!("{role} is not authorized to perform: dynamodb:DeleteTable on resource: {TABLE}")
    );
    for (role, service) in
        [(role, "ec2.amazonaws.com"), ("arn:aws:iam::111122223333:role/none", "backup.amazonaws.com")]
    {
        let refused = may(role, service, "dynamodb:StartAwsBackupJob", TABLE).unwrap_err();
        assert!(refused.contains("cannot be assumed by"), "{refused}");
    }
}

#[test]
fn a_services_own_role_is_made_for_those_who_may() {
    let mut iam = Iam::new(Rng::new(1, 6));
    let service = "backup.amazonaws.com";
    let may = r#"{"Statement":{"Effect":"Allow","Action":"iam:CreateServiceLinkedRole","Resource":"*",
        "Condition":{"StringEquals":{"iam:AWSServiceName":"backup.amazonaws.com"}}}}"#;
    iam.ensure_administrator(ACCOUNT, "nobody", Timestamp::UNIX_EPOCH);
    let roles = &mut iam.accounts.get_mut(ACCOUNT).unwrap().roles;
    roles.get_mut("nobody").unwrap().attached.clear();
    assert!(!iam.service_linked_role(ACCOUNT, "nobody", service));
    assert!(!iam.service_linked_role(ACCOUNT, "", "unknown.amazonaws.com"));
    let role = iam.accounts.get_mut(ACCOUNT).unwrap().roles.get_mut("nobody").unwrap();
    role.inline.insert("link".to_owned(), Arc::new(Policy::read(may, PolicyKind::Identity).unwrap()));
    assert!(iam.service_linked_role(ACCOUNT, "nobody", service));
    assert!(iam.service_linked_role(ACCOUNT, "another", service), "it is there now");
    assert!(iam.role(ACCOUNT, "AWSServiceRoleForBackup").is_some());
}
