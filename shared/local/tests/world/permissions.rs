//! Requests are judged by the policies of their roles, of keys and of vaults.

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use backup_chain_local::World;
use bytes::Bytes;

use super::{ACCOUNT, FRANKFURT, dynamo, new_table, put, text, world};

fn client(world: &World, role: &str) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(&world.sdk_config(ACCOUNT, FRANKFURT, role))
}

fn allow(action: &str, resource: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":{action},"Resource":"{resource}"}}}}"#
    )
}

#[tokio::test(start_paused = true)]
async fn a_role_does_what_its_policies_allow_and_no_more() {
    let world = world();
    new_table(&dynamo(&world, ACCOUNT, FRANKFURT), "rows").send().await.unwrap();
    let rows = "arn:aws:dynamodb:eu-central-1:111122223333:table/rows";
    world.put_role(ACCOUNT, "writer", &[&allow(r#"["dynamodb:PutItem","dynamodb:Query"]"#, rows)]).unwrap();
    let writer = client(&world, "writer/tuesday");
    put(&writer, "rows", "a", "1").await;
    world.clear_calls();
    let error = writer
        .delete_item()
        .table_name("rows")
        .key("pk", text("a"))
        .key("sk", text("1"))
        .send()
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some("AccessDeniedException"));
    assert_eq!(
        error.message(),
        Some(
            "User: arn:aws:sts::111122223333:assumed-role/writer/tuesday is not authorized to perform: \
             dynamodb:DeleteItem on resource: arn:aws:dynamodb:eu-central-1:111122223333:table/rows because no \
             identity-based policy allows the dynamodb:DeleteItem action"
        )
    );
    let calls = world.calls();
    assert_eq!(
        (calls[0].caller.as_str(), calls[0].error.as_deref()),
        ("writer", Some("AccessDeniedException"))
    );
    assert_eq!(calls[0].required[0].action, "dynamodb:DeleteItem");
    assert_eq!(calls[0].required[0].resource, rows);
    let index = writer.query().table_name("rows").index_name("by").key_condition_expression("pk = :p");
    let error = index.expression_attribute_values(":p", text("a")).send().await.unwrap_err();
    assert!(
        error.message().unwrap().contains("table/rows/index/by because"),
        "an index is a resource of its own"
    );
    let left = client(&world, "tester").scan().table_name("rows").send().await.unwrap();
    assert_eq!(left.count, 1, "what is refused has no effect");
}

#[tokio::test(start_paused = true)]
async fn a_transaction_needs_what_its_parts_need() {
    use aws_sdk_dynamodb::types::{ConditionCheck, Put, TransactWriteItem};
    let world = world();
    new_table(&dynamo(&world, ACCOUNT, FRANKFURT), "rows").send().await.unwrap();
    let put = Put::builder().table_name("rows").item("pk", text("a")).item("sk", text("1")).build().unwrap();
    let check = ConditionCheck::builder()
        .table_name("rows")
        .key("pk", text("b"))
        .key("sk", text("1"))
        .condition_expression("attribute_not_exists(pk)")
        .build()
        .unwrap();
    let send = |role: &str| {
        client(&world, role)
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().put(put.clone()).build())
            .transact_items(TransactWriteItem::builder().condition_check(check.clone()).build())
            .send()
    };
    world.put_role(ACCOUNT, "half", &[&allow(r#""dynamodb:PutItem""#, "*")]).unwrap();
    let error = send("half").await.unwrap_err();
    assert!(error.message().unwrap().contains("dynamodb:ConditionCheckItem on resource"), "{error:?}");
    world
        .put_role(ACCOUNT, "half", &[&allow(r#"["dynamodb:PutItem","dynamodb:ConditionCheckItem"]"#, "*")])
        .unwrap();
    send("half").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_token_of_no_role_is_refused() {
    let world = world();
    for (service, target, status, code) in [
        ("dynamodb", "DynamoDB_20120810.ListTables", 400, "UnrecognizedClientException"),
        ("kms", "TrentService.ListKeys", 403, "UnrecognizedClientException"),
        ("sts", "", 403, "InvalidClientTokenId"),
    ] {
        let scope = format!("Credential=111122223333/20260301/eu-central-1/{service}/aws4_request");
        let body = if target.is_empty() { "Action=GetCallerIdentity" } else { "{}" };
        let mut request = http::Request::post("https://anywhere.example/")
            .header("authorization", format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"))
            .header("x-amz-security-token", "nobody");
        if !target.is_empty() {
            request = request.header("x-amz-target", target);
        }
        let response = world.handle(request.body(Bytes::from(body)).unwrap()).await.unwrap();
        assert_eq!(response.status(), status, "{service}");
        assert!(String::from_utf8_lossy(response.body()).contains(code), "{service}");
    }
    assert_eq!(world.calls().len(), 3, "they are calls all the same");
}

#[tokio::test(start_paused = true)]
async fn a_key_is_used_by_those_that_its_policy_and_theirs_allow() {
    let world = world();
    let kms = |role: &str| aws_sdk_kms::Client::new(&world.sdk_config(ACCOUNT, FRANKFURT, role));
    let admin = kms("admin");
    let key = admin.create_key().send().await.unwrap().key_metadata.unwrap().arn.unwrap();
    let bound = format!(
        r#"{{"Statement":{{"Effect":"Allow","Action":"kms:GenerateDataKey","Resource":"{key}",
        "Condition":{{"StringEquals":{{"kms:EncryptionContext:purpose":"tags"}},
        "ForAllValues:StringEquals":{{"kms:EncryptionContextKeys":["purpose"]}}}}}}}}"#
    );
    world.put_role(ACCOUNT, "sealer", &[&bound]).unwrap();
    let seal = |role: &str, purpose: &str| {
        let ask =
            kms(role).generate_data_key().key_id(&key).key_spec(aws_sdk_kms::types::DataKeySpec::Aes256);
        ask.encryption_context("purpose", purpose).send()
    };
    seal("sealer", "tags").await.unwrap();
    assert!(seal("sealer", "other").await.is_err());

    // The key's own policy may let a role in that has no rights, and keep everybody else out.
    world.put_role(ACCOUNT, "friend", &[]).unwrap();
    assert!(seal("friend", "tags").await.is_err());
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/friend"},"Action":"kms:GenerateDataKey","Resource":"*"}]}"#;
    admin.put_key_policy().key_id(&key).policy(policy).send().await.unwrap();
    seal("friend", "tags").await.unwrap();
    let error = seal("admin", "tags").await.unwrap_err();
    assert!(
        error
            .message()
            .unwrap()
            .ends_with("because no resource-based policy allows the kms:GenerateDataKey action")
    );
    assert!(seal("sealer", "tags").await.is_err());
    let root = kms("");
    assert_eq!(root.get_key_policy().key_id(&key).send().await.unwrap().policy.as_deref(), Some(policy));
    assert!(root.put_key_policy().key_id(&key).policy("{}").send().await.is_err());
    root.tag_resource()
        .key_id(&key)
        .tags(aws_sdk_kms::types::Tag::builder().tag_key("team").tag_value("shop").build().unwrap())
        .send()
        .await
        .unwrap();
    let tags = root.list_resource_tags().key_id(&key).send().await.unwrap().tags.unwrap();
    assert_eq!((tags[0].tag_key(), tags[0].tag_value()), ("team", "shop"));
}

#[tokio::test(start_paused = true)]
async fn a_vaults_policy_binds_even_administrators() {
    let world = world();
    let backup = |role: &str| aws_sdk_backup::Client::new(&world.sdk_config(ACCOUNT, FRANKFURT, role));
    let admin = backup("admin");
    admin.create_backup_vault().backup_vault_name("vault").send().await.unwrap();
    world.put_role(ACCOUNT, "reader", &[]).unwrap();
    assert!(backup("reader").describe_backup_vault().backup_vault_name("vault").send().await.is_err());
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Deny","Principal":"*","Action":"backup:DeleteBackupVault","Resource":"*"},
        {"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/reader"},"Action":"backup:DescribeBackupVault","Resource":"*"}]}"#;
    admin.put_backup_vault_access_policy().backup_vault_name("vault").policy(policy).send().await.unwrap();
    backup("reader").describe_backup_vault().backup_vault_name("vault").send().await.unwrap();
    let error = admin.delete_backup_vault().backup_vault_name("vault").send().await.unwrap_err();
    assert!(
        error.message().unwrap().ends_with("with an explicit deny in a resource-based policy"),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn whoever_starts_a_backup_must_be_allowed_to_pass_its_role() {
    let world = world();
    let admin = aws_sdk_backup::Client::new(&world.sdk_config(ACCOUNT, FRANKFURT, "admin"));
    new_table(&dynamo(&world, ACCOUNT, FRANKFURT), "rows").send().await.unwrap();
    admin.create_backup_vault().backup_vault_name("vault").send().await.unwrap();
    world.put_service_role(ACCOUNT, "backup").unwrap();
    let start =
        allow(r#""backup:StartBackupJob""#, "arn:aws:backup:eu-central-1:111122223333:backup-vault:vault");
    let pass = r#"{"Statement":{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::111122223333:role/backup",
        "Condition":{"StringEquals":{"iam:PassedToService":"backup.amazonaws.com"}}}}"#;
    let ask = || {
        aws_sdk_backup::Client::new(&world.sdk_config(ACCOUNT, FRANKFURT, "starter"))
            .start_backup_job()
            .backup_vault_name("vault")
            .resource_arn("arn:aws:dynamodb:eu-central-1:111122223333:table/rows")
            .iam_role_arn("arn:aws:iam::111122223333:role/backup")
            .send()
    };
    world.put_role(ACCOUNT, "starter", &[&start]).unwrap();
    let error = ask().await.unwrap_err();
    assert!(
        error.message().unwrap().contains("iam:PassRole on resource: arn:aws:iam::111122223333:role/backup")
    );
    world.put_role(ACCOUNT, "starter", &[&start, pass]).unwrap();
    ask().await.unwrap();
}
