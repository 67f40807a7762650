//! The API of IAM and STS, by signed requests in the query protocol.

use backup_chain_local::World;

use super::{ACCOUNT, world};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const READ: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"dynamodb:Get*","Resource":"*"}]}"#;

/// Asks a service; the key is the account's unless a token says whose it is.
async fn ask(
    world: &World,
    service: &str,
    token: &str,
    operation: &str,
    fields: &[(&str, &str)],
) -> (u16, String) {
    let mut body = format!("Action={operation}&Version=2010-05-08");
    for (name, value) in fields {
        let value = percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
        body.push_str(&format!("&{name}={value}"));
    }
    let scope = format!("Credential=ASIA{ACCOUNT}/20260301/us-east-1/{service}/aws4_request");
    let request = http::Request::post("https://anywhere.example/")
        .header("authorization", format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"))
        .header("x-amz-security-token", token)
        .body(body.into())
        .unwrap();
    let response = world.handle(request).await.unwrap();
    (response.status().as_u16(), String::from_utf8(response.into_body().to_vec()).unwrap())
}

async fn iam(world: &World, operation: &str, fields: &[(&str, &str)]) -> (u16, String) {
    ask(world, "iam", "", operation, fields).await
}

async fn done(world: &World, operation: &str, fields: &[(&str, &str)]) -> String {
    let (status, body) = iam(world, operation, fields).await;
    assert_eq!(status, 200, "{operation}: {body}");
    body
}

async fn refused(world: &World, operation: &str, fields: &[(&str, &str)], status: u16, code: &str) {
    let (given, body) = iam(world, operation, fields).await;
    assert!(given == status && body.contains(&format!("<Code>{code}</Code>")), "{operation}: {given} {body}");
}

/// The text of an element.
fn element<'a>(body: &'a str, name: &str) -> &'a str {
    body.split_once(&format!("<{name}>")).and_then(|(_, rest)| rest.split_once('<')).unwrap().0
}

#[tokio::test(start_paused = true)]
async fn a_role_lives_with_its_policies() {
    let world = world();
    let role = ("RoleName", "worker");
    let made = done(
        &world,
        "CreateRole",
        &[
            role,
            ("AssumeRolePolicyDocument", TRUST),
            ("Tags.member.1.Key", "team"),
            ("Tags.member.1.Value", "shop"),
        ],
    )
    .await;
    assert!(made.contains("<Arn>arn:aws:iam::111122223333:role/worker</Arn>"), "{made}");
    assert!(
        element(&made, "AssumeRolePolicyDocument").starts_with("%7B%22Version%22%3A%222012-10-17%22"),
        "{made}"
    );
    assert!(element(&made, "RoleId").starts_with("AROA") && element(&made, "RoleId").len() == 21);
    assert_eq!(element(&made, "CreateDate"), "2026-03-01T00:00:00.000Z");
    assert!(made.contains("<Tags><member><Key>team</Key><Value>shop</Value></member></Tags>"), "{made}");
    refused(&world, "CreateRole", &[role, ("AssumeRolePolicyDocument", TRUST)], 409, "EntityAlreadyExists")
        .await;
    let bad = [("RoleName", "bad"), ("AssumeRolePolicyDocument", READ)];
    refused(&world, "CreateRole", &bad, 400, "MalformedPolicyDocument").await;

    let inline = [role, ("PolicyName", "read"), ("PolicyDocument", READ)];
    done(&world, "PutRolePolicy", &inline).await;
    let got = done(&world, "GetRolePolicy", &inline[..2]).await;
    assert!(element(&got, "PolicyDocument").contains("dynamodb%3AGet%2A"), "{got}");
    assert!(done(&world, "ListRolePolicies", &[role]).await.contains("<member>read</member>"));
    refused(&world, "DeleteRole", &[role], 409, "DeleteConflict").await;
    done(&world, "DeleteRolePolicy", &inline[..2]).await;

    let made = done(&world, "CreatePolicy", &[("PolicyName", "mine"), ("PolicyDocument", READ)]).await;
    let arn = element(&made, "Arn").to_owned();
    let attached = [role, ("PolicyArn", arn.as_str())];
    done(&world, "AttachRolePolicy", &attached).await;
    let aws = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup";
    done(&world, "AttachRolePolicy", &[role, ("PolicyArn", aws)]).await;
    let list = done(&world, "ListAttachedRolePolicies", &[role]).await;
    assert!(list.contains("<PolicyName>mine</PolicyName>") && list.contains(aws), "{list}");
    refused(&world, "DeletePolicy", &[("PolicyArn", &arn)], 409, "DeleteConflict").await;
    refused(&world, "DeleteRole", &[role], 409, "DeleteConflict").await;
    let got = done(&world, "GetPolicy", &[("PolicyArn", &arn)]).await;
    assert_eq!((element(&got, "AttachmentCount"), element(&got, "DefaultVersionId")), ("1", "v1"));
    let got = done(&world, "GetPolicyVersion", &[("PolicyArn", aws), ("VersionId", "v1")]).await;
    assert!(element(&got, "Document").contains("StartAwsBackupJob"), "{got}");
    for policy in [arn.as_str(), aws] {
        done(&world, "DetachRolePolicy", &[role, ("PolicyArn", policy)]).await;
    }
    done(&world, "DeletePolicy", &[("PolicyArn", &arn)]).await;
    done(&world, "DeleteRole", &[role]).await;
    refused(&world, "GetRole", &[role], 404, "NoSuchEntity").await;
    refused(&world, "AttachRolePolicy", &attached, 404, "NoSuchEntity").await;
}

#[tokio::test(start_paused = true)]
async fn lists_come_in_pages() {
    let world = world();
    for name in ["a", "b", "c"] {
        world.put_role(ACCOUNT, name, &[]).unwrap();
    }
    let first = done(&world, "ListRoles", &[("MaxItems", "2")]).await;
    assert!(!first.contains("<RoleName>c</RoleName>") && element(&first, "IsTruncated") == "true", "{first}");
    let next = [("MaxItems", "2"), ("Marker", element(&first, "Marker"))];
    let last = done(&world, "ListRoles", &next).await;
    assert!(last.contains("<RoleName>c</RoleName>") && element(&last, "IsTruncated") == "false", "{last}");
}

#[tokio::test(start_paused = true)]
async fn a_services_own_role_is_there_once() {
    let world = world();
    let service = [("AWSServiceName", "backup.amazonaws.com")];
    let made = done(&world, "CreateServiceLinkedRole", &service).await;
    assert_eq!(element(&made, "RoleName"), "AWSServiceRoleForBackup");
    refused(&world, "CreateServiceLinkedRole", &service, 400, "InvalidInput").await;
    let role = ("RoleName", "AWSServiceRoleForBackup");
    refused(
        &world,
        "PutRolePolicy",
        &[role, ("PolicyName", "p"), ("PolicyDocument", READ)],
        400,
        "UnmodifiableEntity",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_simulator_says_what_policies_would_decide() {
    let world = world();
    let deny = r#"{"Statement":{"Effect":"Deny","Action":"dynamodb:GetItem","Resource":"*",
        "Condition":{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}}}"#;
    world.put_role(ACCOUNT, "worker", &[READ, deny]).unwrap();
    let fields = [
        ("PolicySourceArn", "arn:aws:iam::111122223333:role/worker"),
        ("ActionNames.member.1", "dynamodb:GetItem"),
        ("ActionNames.member.2", "dynamodb:PutItem"),
        ("ResourceArns.member.1", "arn:aws:dynamodb:eu-west-1:111122223333:table/orders"),
        ("ContextEntries.member.1.ContextKeyName", "aws:RequestedRegion"),
        ("ContextEntries.member.1.ContextKeyType", "string"),
        ("ContextEntries.member.1.ContextKeyValues.member.1", "eu-west-1"),
    ];
    let with = done(&world, "SimulatePrincipalPolicy", &fields).await;
    assert!(with.contains("<EvalDecision>explicitDeny</EvalDecision>"), "{with}");
    assert!(with.contains("<EvalDecision>implicitDeny</EvalDecision>"), "{with}");
    assert_eq!(element(&with, "SourcePolicyId"), "policy-2");
    let without = done(&world, "SimulatePrincipalPolicy", &fields[..4]).await;
    assert!(without.contains("<EvalDecision>allowed</EvalDecision>"), "{without}");
    let custom = [("PolicyInputList.member.1", READ), ("ActionNames.member.1", "dynamodb:GetItem")];
    let custom = done(&world, "SimulateCustomPolicy", &custom).await;
    assert_eq!((element(&custom, "EvalDecision"), element(&custom, "EvalResourceName")), ("allowed", "*"));
}

#[tokio::test(start_paused = true)]
async fn a_role_is_assumed_by_those_that_it_trusts() {
    let world = world();
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
        "Principal":{"AWS":["arn:aws:iam::111122223333:root","arn:aws:iam::111122223333:role/friend"]},"Action":"sts:AssumeRole"}]}"#;
    done(&world, "CreateRole", &[("RoleName", "wanted"), ("AssumeRolePolicyDocument", trust)]).await;
    for caller in ["friend", "stranger"] {
        world.put_role(ACCOUNT, caller, &[]).unwrap();
    }
    let wanted = [("RoleArn", "arn:aws:iam::111122223333:role/wanted"), ("RoleSessionName", "today")];
    let (status, body) = ask(&world, "sts", "stranger", "AssumeRole", &wanted).await;
    assert_eq!((status, element(&body, "Code")), (403, "AccessDenied"));
    let (status, body) = ask(&world, "sts", "friend", "AssumeRole", &wanted).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(element(&body, "AccessKeyId"), "ASIA111122223333");
    assert_eq!(element(&body, "Expiration"), "2026-03-01T01:00:00.000Z");
    let (_, body) = ask(&world, "sts", element(&body, "SessionToken"), "GetCallerIdentity", &[]).await;
    assert_eq!(element(&body, "Arn"), "arn:aws:sts::111122223333:assumed-role/wanted/today");
    assert!(element(&body, "UserId").ends_with(":today") && element(&body, "UserId").starts_with("AROA"));
    let lambdas = [("RoleArn", "arn:aws:iam::111122223333:role/friend"), ("RoleSessionName", "today")];
    assert_eq!(ask(&world, "sts", "", "AssumeRole", &lambdas).await.0, 403, "root is not Lambda");
}

#[tokio::test]
async fn clients_with_a_clock_of_their_own_hold_on_to_credentials() {
    // As exact as answers tell the time.
    #[expect(clippy::disallowed_methods, reason = "clients go by it")]
    let present = jiff::Timestamp::from_millisecond(jiff::Timestamp::now().as_millisecond()).unwrap();
    for start in ["2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z"] {
        let start = start.parse().unwrap();
        let world = World::new(backup_chain_local::Options { start, seed: 7 });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let serving = tokio::spawn(backup_chain_local::server::serve(world.clone(), listener));
        tokio::task::yield_now().await;
        let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
            "Principal":{"AWS":["arn:aws:iam::111122223333:root"]},"Action":"sts:AssumeRole"}]}"#;
        done(&world, "CreateRole", &[("RoleName", "wanted"), ("AssumeRolePolicyDocument", trust)]).await;
        let wanted = [("RoleArn", "arn:aws:iam::111122223333:role/wanted"), ("RoleSessionName", "today")];
        let (_, body) = ask(&world, "sts", "", "AssumeRole", &wanted).await;
        let ends: jiff::Timestamp = element(&body, "Expiration").parse().unwrap();
        let hour = jiff::SignedDuration::from_hours(1);
        assert!(ends >= start + hour && ends >= present + hour, "{ends}");
        serving.abort();
    }
}
