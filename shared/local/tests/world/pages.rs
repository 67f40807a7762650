//! Lists in pages that are short, or empty while more follows.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::Tag;
use backup_chain_local::{Fault, FaultRule, World};
use serde_json::{Value, json};

use super::{
    ACCOUNT, FRANKFURT, dynamo, new_table, put,
    raw::{ask, ask_at},
    world,
};

const TABLE: &str = "arn:aws:dynamodb:eu-central-1:111122223333:table/one";

/// A list: who is asked for it and how, its entries, and its tokens as they are asked with and told.
struct List {
    service: &'static str,
    operation: &'static str,
    path: Option<String>,
    request: Value,
    entries: &'static str,
    tokens: (&'static str, &'static str),
}

impl List {
    /// All its entries, and the sizes of its pages.
    async fn read(&self, world: &World) -> (Vec<String>, Vec<usize>) {
        let (mut found, mut sizes) = (Vec::new(), Vec::new());
        let mut request = self.request.clone();
        for _ in 0..100 {
            let answer = ask_at(world, self.service, self.operation, self.path.as_deref(), &request).await;
            assert_eq!(answer.status, 200, "{}: {answer:?}", self.operation);
            let page = entries(&answer.document, self.entries);
            sizes.push(page.len());
            found.extend(page);
            let next = token(&answer.document, self.tokens.1);
            if next.is_null() || next == "" {
                return (found, sizes);
            }
            request[self.tokens.0] = next;
        }
        panic!("{} has no end: {sizes:?}", self.operation);
    }
}

/// The entries of an answer, in JSON or in XML.
fn entries(document: &Value, member: &str) -> Vec<String> {
    match (&document[member], document.as_str()) {
        (_, Some(xml)) => {
            xml.split("<member><EvalActionName>").skip(1).map(|part| part[..20].to_owned()).collect()
        }
        (Value::Object(map), _) => map.iter().map(|entry| format!("{entry:?}")).collect(),
        (list, _) => list.as_array().into_iter().flatten().map(Value::to_string).collect(),
    }
}

fn token(document: &Value, member: &str) -> Value {
    match document.as_str() {
        Some(xml) => {
            let marker = xml.split_once("<Marker>").and_then(|(_, rest)| rest.split_once("</Marker>"));
            marker.map_or(Value::Null, |(marker, _)| json!(marker))
        }
        None => document[member].clone(),
    }
}

/// A world that has two entries or more of everything that is listed.
async fn full() -> World {
    let world = world();
    // All pages are read at one moment, more of them than AWS allows in a second.
    world.with_dynamodb(|dynamo| dynamo.rates = false);
    let tables = dynamo(&world, ACCOUNT, FRANKFURT);
    for name in ["one", "two", "three"] {
        let tags: Vec<Tag> = (0..12)
            .map(|number| Tag::builder().key(format!("key-{number}")).value("x").build().unwrap())
            .collect();
        new_table(&tables, name).set_tags(Some(tags)).send().await.unwrap();
        let insights = aws_sdk_dynamodb::types::ContributorInsightsAction::Enable;
        tables
            .update_contributor_insights()
            .table_name(name)
            .contributor_insights_action(insights)
            .send()
            .await
            .unwrap();
    }
    for sk in ["1", "2", "3"] {
        put(&tables, "one", "a", sk).await;
    }
    tables
        .update_table()
        .table_name("two")
        .billing_mode(aws_sdk_dynamodb::types::BillingMode::Provisioned)
        .provisioned_throughput(
            aws_sdk_dynamodb::types::ProvisionedThroughput::builder()
                .read_capacity_units(5)
                .write_capacity_units(5)
                .build()
                .unwrap(),
        )
        .send()
        .await
        .unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    for dimension in ["Read", "Write"] {
        let dimension = format!("dynamodb:table:{dimension}CapacityUnits");
        let target = json!({
            "ServiceNamespace": "dynamodb", "ResourceId": "table/two", "ScalableDimension": dimension,
        });
        let with = |more: Value| {
            let mut all = target.clone();
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            all
        };
        let metric = if dimension.contains("Read") { "Read" } else { "Write" };
        for (operation, more) in [
            ("RegisterScalableTarget", json!({ "MinCapacity": 1, "MaxCapacity": 9 })),
            (
                "PutScalingPolicy",
                json!({
                    "PolicyName": "p",
                    "PolicyType": "TargetTrackingScaling",
                    "TargetTrackingScalingPolicyConfiguration": {
                        "TargetValue": 70.0,
                        "PredefinedMetricSpecification":
                            { "PredefinedMetricType": format!("DynamoDB{metric}CapacityUtilization") },
                    },
                }),
            ),
            (
                "PutScheduledAction",
                json!({
                    "ScheduledActionName": "s",
                    "Schedule": "rate(1 day)",
                    "ScalableTargetAction": { "MinCapacity": 1 },
                }),
            ),
        ] {
            let answer = ask(&world, "application-autoscaling", operation, &with(more)).await;
            assert_eq!(answer.status, 200, "{operation}: {answer:?}");
        }
    }
    world.put_service_role(ACCOUNT, "backup").unwrap();
    let vault = json!({ "BackupVaultTags": { "a": "1", "b": "2", "c": "3" } });
    for name in ["source", "there"] {
        let path = format!("/backup-vaults/{name}");
        let made = ask_at(&world, "backup", "CreateBackupVault", Some(&path), &vault).await;
        assert_eq!(made.status, 200, "{made:?}");
    }
    let role = format!("arn:aws:iam::{ACCOUNT}:role/backup");
    let mut points = Vec::new();
    for name in ["one", "three"] {
        let arn = format!("arn:aws:dynamodb:{FRANKFURT}:{ACCOUNT}:table/{name}");
        let start = json!({ "BackupVaultName": "source", "ResourceArn": arn, "IamRoleArn": role });
        let started = ask(&world, "backup", "StartBackupJob", &start).await;
        points.push(started.document["RecoveryPointArn"].as_str().unwrap().to_owned());
    }
    tokio::time::sleep(std::time::Duration::from_hours(1)).await;
    for (number, point) in points.iter().enumerate() {
        let copy = json!({
            "RecoveryPointArn": point,
            "SourceBackupVaultName": "source",
            "DestinationBackupVaultArn": format!("arn:aws:backup:{FRANKFURT}:{ACCOUNT}:backup-vault:there"),
            "IamRoleArn": role,
        });
        assert_eq!(ask(&world, "backup", "StartCopyJob", &copy).await.status, 200);
        let restore = json!({
            "RecoveryPointArn": point,
            "IamRoleArn": role,
            "Metadata": { "targetTableName": format!("again-{number}"), "encryptionType": "Default" },
        });
        assert_eq!(ask(&world, "backup", "StartRestoreJob", &restore).await.status, 200);
    }
    tokio::time::sleep(std::time::Duration::from_hours(1)).await;
    ask(&world, "events", "PutRule", &json!({ "Name": "r", "ScheduleExpression": "rate(1 day)" })).await;
    let target = |id: &str| json!({ "Id": id, "Arn": format!("arn:aws:sqs:{FRANKFURT}:{ACCOUNT}:{id}") });
    ask(&world, "events", "PutTargets", &json!({ "Rule": "r", "Targets": [target("a"), target("b")] })).await;
    world
}

fn lists() -> Vec<List> {
    let list = |service, operation, entries, tokens, request| List {
        service,
        operation,
        path: None,
        request,
        entries,
        tokens,
    };
    let backup = ("nextToken", "NextToken");
    let next = ("NextToken", "NextToken");
    let keys = ("ExclusiveStartKey", "LastEvaluatedKey");
    let names = ("ExclusiveStartTableName", "LastEvaluatedTableName");
    let scaling = |operation, entries| {
        list("application-autoscaling", operation, entries, next, json!({ "ServiceNamespace": "dynamodb" }))
    };
    let vault = format!("/tags/arn:aws:backup:{FRANKFURT}:{ACCOUNT}:backup-vault:source/");
    let query = json!({
        "TableName": "one",
        "KeyConditionExpression": "pk = :a",
        "ExpressionAttributeValues": { ":a": { "S": "a" } },
    });
    let simulated = json!({
        "PolicySourceArn": format!("arn:aws:iam::{ACCOUNT}:role/backup"),
        "ActionNames.member.1": "dynamodb:DescribeTable",
        "ActionNames.member.2": "dynamodb:StartAwsBackupJob",
    });
    vec![
        list("backup", "ListBackupJobs", "BackupJobs", backup, json!({})),
        list("backup", "ListCopyJobs", "CopyJobs", backup, json!({})),
        list("backup", "ListRecoveryPointsByBackupVault", "RecoveryPoints", backup, json!({})),
        list("backup", "ListRestoreJobs", "RestoreJobs", backup, json!({})),
        List { path: Some(vault), ..list("backup", "ListTags", "Tags", backup, json!({})) },
        list("monitoring", "DescribeAlarms", "MetricAlarms", next, json!({})),
        list("dynamodb", "ListContributorInsights", "ContributorInsightsSummaries", next, json!({})),
        list("dynamodb", "ListTables", "TableNames", names, json!({})),
        list("dynamodb", "ListTagsOfResource", "Tags", next, json!({ "ResourceArn": TABLE })),
        list("dynamodb", "Query", "Items", keys, query),
        list("dynamodb", "Scan", "Items", keys, json!({ "TableName": "one" })),
        list("events", "ListTargetsByRule", "Targets", next, json!({ "Rule": "r" })),
        list("iam", "SimulatePrincipalPolicy", "", ("Marker", ""), simulated),
        scaling("DescribeScalableTargets", "ScalableTargets"),
        scaling("DescribeScalingPolicies", "ScalingPolicies"),
        scaling("DescribeScheduledActions", "ScheduledActions"),
        list(
            "tagging",
            "GetResources",
            "ResourceTagMappingList",
            ("PaginationToken", "PaginationToken"),
            json!({}),
        ),
    ]
}

/// Each service says of its lists that a page may have fewer entries than there are, none among them, and that only
/// the token tells the end.
#[tokio::test(start_paused = true)]
async fn every_list_comes_in_short_and_empty_pages() {
    let world = full().await;
    for list in lists() {
        world.clear_faults();
        let (all, _) = list.read(&world).await;
        assert!(all.len() >= 2, "{} has {all:?}", list.operation);
        let whole: BTreeSet<&String> = all.iter().collect();
        assert_eq!(whole.len(), all.len(), "{}", list.operation);

        for (faults, expected) in [
            (&[Fault::ShortPage][..], all.iter().map(|_| 1).collect::<Vec<_>>()),
            (&[Fault::EmptyPage, Fault::ShortPage], all.iter().flat_map(|_| [0, 1]).collect()),
        ] {
            world.clear_faults();
            for fault in faults {
                world.inject(FaultRule::new("*", list.operation, fault.clone()));
            }
            let (found, mut sizes) = list.read(&world).await;
            assert_eq!(found, all, "{}: {sizes:?}", list.operation);
            // A page that is full by the last entry may tell of more, as DynamoDB documents; then nothing comes.
            while sizes.len() > expected.len() && sizes.last() == Some(&0) {
                sizes.pop();
            }
            assert_eq!(sizes, expected, "{}", list.operation);
        }
    }
}

/// A rule on all calls strikes lists alone, and counts those alone.
#[tokio::test(start_paused = true)]
async fn only_lists_have_pages() {
    let world = world();
    let client = dynamo(&world, ACCOUNT, FRANKFURT);
    world.inject(FaultRule::new("*", "*", Fault::EmptyPage).times(1));
    new_table(&client, "rows").send().await.unwrap();
    put(&client, "rows", "a", "1").await;
    let first = client.list_tables().send().await.unwrap();
    assert!(first.table_names().is_empty() && first.last_evaluated_table_name().is_some());
    assert_eq!(client.list_tables().send().await.unwrap().table_names(), ["rows"]);
}
