//! What the templates make.

use std::time::Duration;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
    PointInTimeRecoverySpecification, Projection, ProjectionType, ScalarAttributeType, Tag,
};
use backup_chain_core::functions::{COPY, FUNCTIONS, RESTORE, RETENTION};
use bytes::Bytes;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::names::{ACCOUNT, CATALOG, COPIES, Failure, SETTINGS, SOURCE, Schedules, TARGET, VAULT, function};
use super::template::Template;
use backup_chain_local::World;

/// The queue of backup and copy job events, which feeds the copy function.
const JOBS: &str = "backup-chain-jobs";
/// The queue of restore job events, which feeds the restore function.
const RESTORES: &str = "backup-chain-restores";

/// Makes roles, tables, vaults and keys, and tells the metadata key's ARN. Roles, keys and vaults have the policies
/// of the templates.
pub(super) async fn make(world: &World) -> Result<String, Failure> {
    let (mut here, mut there) = templates()?;
    let source = world.sdk_config(ACCOUNT, SOURCE, "operator");
    let target = world.sdk_config(ACCOUNT, TARGET, "operator");
    let kms = aws_sdk_kms::Client::new(&source);
    let policy = here.property("MetadataKey", "KeyPolicy")?.to_string();
    let made = kms
        .create_key()
        .multi_region(true)
        .policy(policy)
        .description("Backup Chain metadata")
        .send()
        .await?;
    let key =
        made.key_metadata().and_then(|key| key.arn()).ok_or("KMS made a key without an ARN")?.to_owned();
    kms.enable_key_rotation().key_id(&key).send().await?;
    here.made("MetadataKey", &key);
    there.choose("MetadataKeyArn", &key);
    let policy = there.property("MetadataKey", "KeyPolicy")?.to_string();
    kms.replicate_key().key_id(&key).replica_region(TARGET).policy(policy).send().await?;
    roles(world, &here)?;
    for (config, vault, template) in [(&source, VAULT, &here), (&target, COPIES, &there)] {
        let kms = aws_sdk_kms::Client::new(config);
        let policy = template.property("VaultKey", "KeyPolicy")?.to_string();
        let made = kms.create_key().policy(policy).description("Backup Chain vault").send().await?;
        let vault_key =
            made.key_metadata().and_then(|key| key.arn()).ok_or("KMS made a key without an ARN")?;
        kms.enable_key_rotation().key_id(vault_key).send().await?;
        let backup = aws_sdk_backup::Client::new(config);
        backup.create_backup_vault().backup_vault_name(vault).encryption_key_arn(vault_key).send().await?;
        let policy = template.property("Vault", "AccessPolicy")?.to_string();
        backup.put_backup_vault_access_policy().backup_vault_name(vault).policy(policy).send().await?;
        let tags = template.property("Settings", "Tags")?;
        table(&aws_sdk_dynamodb::Client::new(config), SETTINGS, &[], &tags).await?;
    }
    let number = ScalarAttributeType::N;
    let indexes = [("due", "queue", "due_at", number), ("session", "session", "pk", ScalarAttributeType::S)];
    table(&aws_sdk_dynamodb::Client::new(&source), CATALOG, &indexes, &Value::Null).await?;
    Ok(key)
}

/// The templates, with the parameters that are chosen here.
fn templates() -> Result<(Template, Template), Failure> {
    let (mut here, mut there) = (Template::source()?, Template::target()?);
    here.choose("FurtherVaults", format!("arn:aws:backup:{TARGET}:{ACCOUNT}:backup-vault:{COPIES}"));
    for template in [&mut here, &mut there] {
        // Those who work in these worlds beside the functions are operators and their kin.
        template.choose("BreakGlassRole", format!("arn:aws:iam::{ACCOUNT}:role/o*"));
        template.choose("MetadataReaders", format!("arn:aws:iam::{ACCOUNT}:role/o*"));
    }
    Ok((here, there))
}

/// Makes the roles again, for another metadata key.
pub(super) fn renew_roles(world: &World, key: &str) -> Result<(), Failure> {
    let (mut here, _) = templates()?;
    here.made("MetadataKey", key);
    roles(world, &here)
}

/// Makes the roles of the functions and of AWS Backup.
fn roles(world: &World, template: &Template) -> Result<(), Failure> {
    for role in template.of_type("AWS::IAM::Role") {
        let name = template.property(role, "RoleName")?;
        let trust = template.property(role, "AssumeRolePolicyDocument")?.to_string();
        let policies = template.property(role, "Policies")?;
        let policies = policies.as_array().into_iter().flatten().filter_map(|policy| {
            Some((policy["PolicyName"].as_str()?.to_owned(), policy["PolicyDocument"].to_string()))
        });
        let name = name.as_str().ok_or("a role without a name")?;
        world.make_role(ACCOUNT, name, &trust, &policies.collect())?;
    }
    Ok(())
}

/// Connects the functions, which are there, with their schedules and with the events of AWS Backup.
pub(super) async fn connect(world: &World, schedules: Schedules) -> Result<(), Failure> {
    let function = |name: &str| format!("arn:aws:lambda:{SOURCE}:{ACCOUNT}:function:{}", function(name));
    let (here, _) = templates()?;
    feed(world, schedules, JOBS, COPY.name, &here.property("JobsRule", "EventPattern")?).await?;
    feed(world, schedules, RESTORES, RESTORE.name, &here.property("RestoresRule", "EventPattern")?).await?;
    let tick = json!({ "action": "tick" });
    let ticked = FUNCTIONS.into_iter().filter(|function| function.has_tick);
    let ticks: Vec<_> = ticked.map(|ticked| (function(ticked.name), Some(tick.clone()))).collect();
    let schedule = json!({ "Name": "backup-chain-tick", "ScheduleExpression": rate(schedules.tick) });
    rule(world, &schedule, &ticks).await?;
    if schedules.retention {
        let daily = json!({ "Name": "backup-chain-retention", "ScheduleExpression": rate(SignedDuration::from_hours(24)) });
        rule(world, &daily, &[(function(RETENTION.name), Some(scheduled_run()))]).await?;
    }
    Ok(())
}

/// Feeds a function with events of AWS Backup through a queue, which puts aside what the function cannot take.
async fn feed(
    world: &World,
    schedules: Schedules,
    name: &str,
    function: &str,
    events: &Value,
) -> Result<(), Failure> {
    let queue = |name: &str| format!("arn:aws:sqs:{SOURCE}:{ACCOUNT}:{name}");
    let failed = format!("{name}-failed");
    let visible_again = schedules.timeout.as_secs().saturating_mul(6);
    ask(world, "sqs", "AmazonSQS.CreateQueue", &json!({ "QueueName": failed })).await?;
    let redrive = json!({ "deadLetterTargetArn": queue(&failed), "maxReceiveCount": 5 }).to_string();
    let attributes = json!({ "VisibilityTimeout": visible_again.to_string(), "RedrivePolicy": redrive });
    ask(world, "sqs", "AmazonSQS.CreateQueue", &json!({ "QueueName": name, "Attributes": attributes }))
        .await?;
    let feeds = json!({
        "FunctionName": super::names::function(function),
        "EventSourceArn": queue(name),
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    });
    send(world, "lambda", "/2015-03-31/event-source-mappings", None, &feeds).await?;
    rule(world, &json!({ "Name": name, "EventPattern": events.to_string() }), &[(queue(name), None)]).await
}

/// What the schedule sends to the retention function.
pub(super) fn scheduled_run() -> Value {
    json!({ "action": "run" })
}

fn rate(every: SignedDuration) -> String {
    match every.as_mins() {
        1 => "rate(1 minute)".to_owned(),
        minutes => format!("rate({minutes} minutes)"),
    }
}

/// A rule and its targets: ARN and input.
async fn rule(world: &World, rule: &Value, targets: &[(String, Option<Value>)]) -> Result<(), Failure> {
    ask(world, "events", "AWSEvents.PutRule", rule).await?;
    let targets: Vec<Value> = targets
        .iter()
        .enumerate()
        .map(|(number, (arn, input))| {
            let mut target = json!({ "Id": number.to_string(), "Arn": arn });
            if let Some(input) = input {
                target["Input"] = json!(input.to_string());
            }
            target
        })
        .collect();
    ask(world, "events", "AWSEvents.PutTargets", &json!({ "Rule": rule["Name"], "Targets": targets })).await
}

/// Asks a service that speaks JSON, in the source Region.
async fn ask(world: &World, service: &str, target: &str, body: &Value) -> Result<(), Failure> {
    send(world, service, "/", Some(target), body).await
}

async fn send(
    world: &World,
    service: &str,
    path: &str,
    target: Option<&str>,
    body: &Value,
) -> Result<(), Failure> {
    let scope = format!("AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/{SOURCE}/{service}/aws4_request");
    let mut request = http::Request::post(format!("https://embedded{path}")).header("authorization", scope);
    if let Some(target) = target {
        request = request.header("x-amz-target", target);
    }
    let answer = world.handle(request.body(Bytes::from(body.to_string()))?).await?;
    if answer.status().is_success() {
        Ok(())
    } else {
        let said = String::from_utf8_lossy(answer.body()).into_owned();
        Err(format!("{service} refuses {}: {said}", target.unwrap_or(path)).into())
    }
}

/// A table of ours: `pk` and `sk`, indexes as (name, partition key, sort key, type of the sort key), and tags as
/// templates write them.
async fn table(
    client: &aws_sdk_dynamodb::Client,
    name: &str,
    indexes: &[(&str, &str, &str, ScalarAttributeType)],
    tags: &Value,
) -> Result<(), Failure> {
    let attribute = |name: &str, kind: &ScalarAttributeType| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(kind.clone()).build()
    };
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    let text = ScalarAttributeType::S;
    let mut create = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .deletion_protection_enabled(true)
        .key_schema(key("pk", KeyType::Hash)?)
        .key_schema(key("sk", KeyType::Range)?)
        .attribute_definitions(attribute("pk", &text)?)
        .attribute_definitions(attribute("sk", &text)?);
    for (index, hash, range, range_type) in indexes {
        create = create.attribute_definitions(attribute(hash, &text)?).global_secondary_indexes(
            GlobalSecondaryIndex::builder()
                .index_name(*index)
                .key_schema(key(hash, KeyType::Hash)?)
                .key_schema(key(range, KeyType::Range)?)
                .projection(Projection::builder().projection_type(ProjectionType::All).build())
                .build()?,
        );
        if *range != "pk" {
            create = create.attribute_definitions(attribute(range, range_type)?);
        }
    }
    for tag in tags.as_array().into_iter().flatten() {
        let (key, value) = (tag["Key"].as_str(), tag["Value"].as_str());
        let tag = Tag::builder().set_key(key.map(str::to_owned)).set_value(value.map(str::to_owned));
        create = create.tags(tag.build()?);
    }
    create.send().await?;
    recoverable(client, name).await
}

/// Switches point-in-time recovery on, which DynamoDB takes a moment after a table is made.
async fn recoverable(client: &aws_sdk_dynamodb::Client, name: &str) -> Result<(), Failure> {
    const TRIES: u32 = 30;
    let on = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).build()?;
    let update = client.update_continuous_backups().table_name(name).point_in_time_recovery_specification(on);
    for _ in 1..TRIES {
        match update.clone().send().await {
            Err(error) if error.code() == Some("ContinuousBackupsUnavailableException") => {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            other => return Ok(other.map(drop)?),
        }
    }
    Ok(update.send().await.map(drop)?)
}
