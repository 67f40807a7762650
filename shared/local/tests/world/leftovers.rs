//! What a dropped table leaves behind, and what that does to the next table of its name. AWS documents (Developer
//! Guide, AutoScaling.HowTo.SDK): "When you manually remove a table or global table replica, you do not automatically
//! remove any associated scalable targets, scaling policies, or CloudWatch alarms."

use std::time::Duration;

use aws_sdk_dynamodb::types::{BillingMode, ProvisionedThroughput};
use backup_chain_local::World;
use serde_json::{Value, json};

use super::{ACCOUNT, FRANKFURT, dynamo, new_table, raw::ask, world};

async fn scaling(world: &World, operation: &str, more: Value) -> Value {
    let mut request = json!({
        "ServiceNamespace": "dynamodb",
        "ResourceId": "table/orders",
        "ResourceIds": ["table/orders"],
        "ScalableDimension": "dynamodb:table:WriteCapacityUnits",
    });
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = ask(world, "application-autoscaling", operation, &request).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.document
}

/// A table of five units.
async fn made(world: &World) {
    let tables = dynamo(world, ACCOUNT, FRANKFURT);
    let five = ProvisionedThroughput::builder().read_capacity_units(5).write_capacity_units(5).build();
    let table = new_table(&tables, "orders").billing_mode(BillingMode::Provisioned);
    table.provisioned_throughput(five.unwrap()).send().await.unwrap();
}

async fn dropped(world: &World) {
    dynamo(world, ACCOUNT, FRANKFURT).delete_table().table_name("orders").send().await.unwrap();
}

async fn writes(world: &World) -> i64 {
    let tables = dynamo(world, ACCOUNT, FRANKFURT);
    let told = tables.describe_table().table_name("orders").send().await.unwrap().table.unwrap();
    told.provisioned_throughput.unwrap().write_capacity_units.unwrap()
}

async fn hours(count: u64) {
    tokio::time::sleep(Duration::from_hours(count)).await;
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_action_sets_the_range_of_the_next_table_of_the_name() {
    let world = world();
    made(&world).await;
    scaling(&world, "RegisterScalableTarget", json!({ "MinCapacity": 1, "MaxCapacity": 10 })).await;
    // Eight in the morning in Berlin is seven in UTC in March.
    let morning = json!({
        "ScheduledActionName": "morning",
        "Schedule": "cron(0 8 * * ? *)",
        "Timezone": "Europe/Berlin",
        "ScalableTargetAction": { "MinCapacity": 20, "MaxCapacity": 40 },
    });
    scaling(&world, "PutScheduledAction", morning).await;
    dropped(&world).await;
    hours(1).await;
    made(&world).await;
    hours(5).await;
    assert_eq!(writes(&world).await, 5, "it is six");
    hours(2).await;
    assert_eq!(writes(&world).await, 20, "it is eight");
    let told = scaling(&world, "DescribeScalingActivities", json!({})).await;
    let activity = &told["ScalingActivities"][0];
    assert_eq!(activity["StatusCode"], "Successful");
    assert_eq!(activity["Cause"], "scheduled action name morning was triggered");
    let target = scaling(&world, "DescribeScalableTargets", json!({})).await;
    assert_eq!(
        (&target["ScalableTargets"][0]["MinCapacity"], &target["ScalableTargets"][0]["MaxCapacity"]),
        (&json!(20), &json!(40))
    );
}

#[tokio::test(start_paused = true)]
async fn schedules_end_can_be_suspended_and_act_once() {
    let world = world();
    made(&world).await;
    scaling(&world, "RegisterScalableTarget", json!({ "MinCapacity": 1, "MaxCapacity": 10 })).await;
    let action = |name: &str, schedule: &str, min: u64, more: Value| {
        let mut action = json!({
            "ScheduledActionName": name,
            "Schedule": schedule,
            "ScalableTargetAction": { "MinCapacity": min },
        });
        action.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        action
    };
    let ends = world.now().as_second() + 7200;
    let every = action("every", "rate(90 minutes)", 6, json!({ "EndTime": ends }));
    scaling(&world, "PutScheduledAction", every).await;
    scaling(&world, "PutScheduledAction", action("once", "at(2026-03-01T03:00:00)", 8, json!({}))).await;
    hours(2).await;
    assert_eq!(writes(&world).await, 6);
    hours(2).await;
    assert_eq!(writes(&world).await, 8);
    scaling(&world, "RegisterScalableTarget", json!({ "MinCapacity": 1 })).await;
    hours(48).await;
    let target = scaling(&world, "DescribeScalableTargets", json!({})).await;
    assert_eq!(target["ScalableTargets"][0]["MinCapacity"], 1, "one has ended, the other was once");

    let suspended = json!({ "SuspendedState": { "ScheduledScalingSuspended": true } });
    scaling(&world, "RegisterScalableTarget", suspended).await;
    scaling(&world, "PutScheduledAction", action("late", "rate(1 hour)", 9, json!({}))).await;
    hours(3).await;
    assert_eq!(writes(&world).await, 8);
}

/// That its alarms on the provisioned capacity bring it back into the range is an assumption.
#[tokio::test(start_paused = true)]
async fn a_target_with_a_policy_takes_hold_of_the_next_table_of_the_name() {
    let world = world();
    made(&world).await;
    scaling(&world, "RegisterScalableTarget", json!({ "MinCapacity": 1, "MaxCapacity": 10 })).await;
    let policy = json!({
        "PolicyName": "keep",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 70.0,
            "PredefinedMetricSpecification": { "PredefinedMetricType": "DynamoDBWriteCapacityUtilization" },
        },
    });
    scaling(&world, "PutScalingPolicy", policy).await;
    dropped(&world).await;
    let alarms = ask(&world, "monitoring", "DescribeAlarms", &json!({})).await;
    assert_eq!(alarms.document["MetricAlarms"].as_array().unwrap().len(), 4, "they outlive the table");
    // A target can be registered anew without a table of its own only while there is one.
    made(&world).await;
    scaling(&world, "RegisterScalableTarget", json!({ "MinCapacity": 1, "MaxCapacity": 5 })).await;
    dropped(&world).await;

    let tables = dynamo(&world, ACCOUNT, FRANKFURT);
    let thirty = ProvisionedThroughput::builder().read_capacity_units(5).write_capacity_units(30).build();
    let table = new_table(&tables, "orders").billing_mode(BillingMode::Provisioned);
    table.provisioned_throughput(thirty.unwrap()).send().await.unwrap();
    tokio::time::sleep(Duration::from_mins(14)).await;
    assert_eq!(writes(&world).await, 30);
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert_eq!(writes(&world).await, 5);
}

/// RegisterScalableTarget: "If the service supports service-linked roles, Application Auto Scaling uses a
/// service-linked role": for DynamoDB it does, whatever role is named.
#[tokio::test(start_paused = true)]
async fn a_role_of_ones_own_is_ignored() {
    let world = world();
    made(&world).await;
    let own = format!("arn:aws:iam::{ACCOUNT}:role/own");
    let register = json!({ "MinCapacity": 1, "MaxCapacity": 10, "RoleARN": own });
    scaling(&world, "RegisterScalableTarget", register).await;
    let told = scaling(&world, "DescribeScalableTargets", json!({})).await;
    let role = told["ScalableTargets"][0]["RoleARN"].as_str().unwrap();
    assert!(role.ends_with("/AWSServiceRoleForApplicationAutoScaling_DynamoDBTable"), "{role}");
}
