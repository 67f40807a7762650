mod comparing;
mod leftovers;
mod rewriting;
mod turns;

use serde_json::json;

use std::collections::BTreeSet;

use super::*;
use crate::settings::{Part, TableSettings, Throughput, Unknown};

/// The table `orders`, as another one or as itself.
fn target(table: &str) -> Target {
    Target { original: arn("orders"), table: arn(table) }
}

fn arn(table: &str) -> TableArn {
    format!("arn:aws:dynamodb:eu-central-1:111122223333:table/{table}").parse().unwrap()
}

/// A table with everything that a table can have.
fn everything() -> TableSettings {
    let orders = arn("orders").to_string();
    serde_json::from_value(json!({
        "attributes": { "pk": "S", "sk": "S", "status": "S" },
        "keys": { "hash": ["pk"], "range": ["sk"] },
        "local": { "by-local": { "keys": { "hash": ["pk"], "range": ["status"] } } },
        "global": { "by-status": {
            "keys": { "hash": ["status"] }, "throughput": [20, 10], "max": [200, null], "warm": [20, 10],
        } },
        "vector": { "by-likeness": { "Dimensions": 8 } },
        "billing": "PROVISIONED", "throughput": [100, 40], "max": [null, 5000], "warm": [20000, 4000],
        "class": "STANDARD_INFREQUENT_ACCESS",
        "sse": { "key": "arn:aws:kms:eu-central-1:111122223333:key/1" },
        "stream": "KEYS_ONLY", "protected": true,
        "replicas": { "consistency": "STRONG", "regions": { "eu-west-1": {} }, "witnesses": ["eu-west-3"] },
        "ttl": { "attribute": "expires" }, "pitr": { "days": 14 },
        "tags": { "team": "it's ours" },
        "policies": {
            "table": { "Statement": [{ "Effect": "Deny", "Resource": orders }] },
            "stream": { "Statement": [{ "Resource": format!("{orders}/stream/2026-01-01T00:00:00.000") }] },
        },
        "kinesis": { "arn:aws:kinesis:eu-central-1:111122223333:stream/changes": "MICROSECOND" },
        "insights": { "table": "THROTTLED_KEYS", "indexes": { "by-status": "ACCESSED_AND_THROTTLED_KEYS" } },
        "scaling": {
            "read": { "min": 100, "max": 400, "suspended": ["scale_in"],
                "policies": { "follow": { "configuration": { "TargetValue": 70.0 } } },
                "scheduled": { "morning": {
                    "schedule": "cron(0 6 * * ? *)", "time_zone": "Europe/Berlin", "min": 200,
                    "start": "2026-01-01T00:00:00Z",
                } } },
            "write/by-status": { "min": 10, "max": 50, "role": "arn:aws:iam::111122223333:role/scaling" },
        },
        "alarms": { "orders throttled": {
            "MetricName": "ThrottledRequests", "Dimensions": [{ "Name": "TableName", "Value": "orders" }],
        } },
    }))
    .unwrap()
}

/// A plan where nothing was left behind.
fn planned(then: &TableSettings, choices: &Choices, target: &Target) -> Plan {
    plan(then, choices, target, &NameBound::default(), &BTreeSet::new())
}

fn shown(plan: &Plan) -> String {
    let steps = plan.steps.iter().map(|step| format!("{}: {}", step.key(), step.title()));
    let asked = |left: &LeftOut| if left.asked { "asked" } else { "left" };
    let left = plan.left.iter().map(|it| format!("{} {}: {}", asked(it), it.property, it.why));
    steps.chain(left).collect::<Vec<_>>().join("\n")
}

#[test]
fn under_its_own_name_everything_is_put_back() {
    let plan = planned(&everything(), &Choices::default(), &target("orders"));
    insta::assert_snapshot!(shown(&plan), @r#"
    deletion-protection: deletion protection
    pitr: point-in-time recovery
    class: table class
    vector-index#b558441699a7: vector index by-likeness
    capacity: billing mode and throughput
    on-demand-max: maximum throughput
    warm: warm throughput
    tags: tags
    scaling-target#3316348dbadf: auto scaling of read capacity of the table
    scaling-policy#e0ecbb08aa8d: scaling policy "follow" of read capacity of the table
    scheduled-action#f5fe90988d43: scheduled action "morning" of read capacity of the table
    scaling-target#932d7bd12125: auto scaling of write capacity of index by-status
    insights: Contributor Insights of the table
    insights#80d88d5e9548: Contributor Insights of index by-status
    alarm#b42bd2b4a4bb: alarm "orders throttled"
    stream: stream
    kinesis#9e67c40459a9: Kinesis destination arn:aws:kinesis:eu-central-1:111122223333:stream/changes
    ttl: time to live on expires
    stream-policy: resource policy of the stream
    table-policy: resource policy
    left replicas: 1 replica and 1 witness Region are not rebuilt, and strong consistency can never be re-created on a table with items: add replicas that agree eventually with UpdateTable after the restore
    "#);
}

#[test]
fn under_another_name_nothing_that_faces_outward_is_switched_on() {
    let plan = planned(&everything(), &Choices::default(), &target("orders-restored"));
    insta::assert_snapshot!(shown(&plan), @r#"
    deletion-protection: deletion protection
    pitr: point-in-time recovery
    class: table class
    vector-index#b558441699a7: vector index by-likeness
    capacity: billing mode and throughput
    on-demand-max: maximum throughput
    tags: tags
    scaling-target#3316348dbadf: auto scaling of read capacity of the table
    scaling-policy#e0ecbb08aa8d: scaling policy "follow" of read capacity of the table
    scaling-target#932d7bd12125: auto scaling of write capacity of index by-status
    insights: Contributor Insights of the table
    insights#80d88d5e9548: Contributor Insights of index by-status
    table-policy: resource policy
    left warm throughput: it costs at once: add --with warm-throughput to switch it on
    left stream: it faces outward: add --with stream to switch it on
    left stream policy: it faces outward: add --with stream to switch it on
    left Kinesis destinations: they face outward: add --with kinesis to switch them on
    left auto scaling: its scheduled actions face outward: add --with scheduled-scaling to switch them on
    left alarms: they face outward: add --with alarms to switch them on
    left time to live: it starts deleting: add --with ttl to switch it on
    left replicas: 1 replica and 1 witness Region are not rebuilt, and strong consistency can never be re-created on a table with items: add replicas that agree eventually with UpdateTable after the restore
    "#);
}

#[test]
fn what_is_asked_for_and_what_is_not_known_is_told() {
    let mut then = everything();
    then.tags = Part::Unknown(Unknown::AccessDenied);
    then.alarms = Part::Unknown(Unknown::Throttled);
    then.insights = Part::Unknown(Unknown::Failed);
    let choices = Choices {
        billing: Some(Billing::OnDemand),
        class: Some(crate::settings::TableClass::Standard),
        encryption: Some(Key::AwsOwned),
        deletion_protection: Some(false),
        pitr: Some(PitrChoice::Days(35)),
        without_indexes: ["by-status".to_owned()].into(),
        tags: [("restored".to_owned(), "yes".to_owned())].into(),
        with: [Feature::Stream].into(),
        without: [Feature::ResourcePolicy, Feature::ContributorInsights].into(),
        ..Choices::default()
    };
    let plan = planned(&then, &choices, &target("orders-restored"));
    insta::assert_snapshot!(shown(&plan), @r#"
    pitr: point-in-time recovery
    vector-index#b558441699a7: vector index by-likeness
    capacity: billing mode and throughput
    on-demand-max: maximum throughput
    tags: tags
    stream: stream
    asked global indexes: as asked
    asked billing mode: as asked
    asked throughput: as asked
    asked warm throughput: as asked
    asked table class: as asked
    asked encryption: as asked
    asked deletion protection: as asked
    asked point-in-time recovery: as asked
    left tags: what it was is not known: access denied when the backup was made
    asked resource policy: as asked
    asked stream policy: as asked
    left Kinesis destinations: they face outward: add --with kinesis to switch them on
    asked Contributor Insights: as asked
    asked auto scaling: as asked
    left alarms: what it was is not known: throttled when the backup was made
    left time to live: it starts deleting: add --with ttl to switch it on
    left replicas: 1 replica and 1 witness Region are not rebuilt, and strong consistency can never be re-created on a table with items: add replicas that agree eventually with UpdateTable after the restore
    "#);
}

#[test]
fn indexes_that_are_left_out_take_what_is_theirs_along() {
    let without = ["by-status".to_owned(), "by-local".to_owned()];
    let choices = Choices { without_indexes: without.into(), ..Choices::default() };
    let expected = expected(&everything(), &choices, &target("orders"));
    assert!(expected.local_indexes.is_empty() && expected.global_indexes.is_empty());
    assert_eq!(expected.attributes.keys().collect::<Vec<_>>(), ["pk", "sk"]);
    assert!(expected.insights.known().unwrap().indexes.is_empty());
    assert_eq!(expected.scaling.known().unwrap().len(), 1);
    assert_eq!(expected.alarms.known().unwrap().len(), 1);
    // The other index still needs the attribute.
    let choices = Choices { without_indexes: ["by-status".to_owned()].into(), ..Choices::default() };
    assert!(super::expected(&everything(), &choices, &target("orders")).attributes.contains_key("status"));
}

#[test]
fn provisioned_throughput_as_asked_is_that_of_table_and_indexes() {
    let choices = Choices { billing: Some(Billing::Provisioned { read: 7, write: 3 }), ..Choices::default() };
    let mut then = everything();
    let units = Some(Throughput { read: 7, write: 3 });
    let asked = expected(&then, &choices, &target("orders"));
    assert!(asked.throughput == units && asked.global_indexes["by-status"].throughput == units);
    assert!(asked.on_demand_max == Default::default() && asked.warm.is_none());
    assert!(asked.scaling == then.scaling, "auto scaling goes on");
    then.billing = crate::settings::BillingMode::PayPerRequest;
    assert!(expected(&then, &choices, &target("orders")).scaling.is_none());
}

#[test]
fn steps_are_met_by_what_they_make() {
    let then = everything();
    let steps = planned(&then, &Choices::default(), &target("orders")).steps;
    let keys = |met: bool, now: &TableSettings| {
        let those = steps.iter().filter(|step| step.is_done(now) == met);
        those.map(|step| step.key().split('#').next().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    insta::assert_snapshot!(keys(true, &then), @"deletion-protection pitr class vector-index capacity on-demand-max warm tags stream ttl");
    // As a restore leaves it, with the units and bounds that it had.
    let made = TableSettings {
        attributes: then.attributes.clone(),
        keys: then.keys.clone(),
        global_indexes: then.global_indexes.clone(),
        billing: then.billing,
        throughput: then.throughput,
        on_demand_max: then.on_demand_max,
        warm: Some(Throughput { read: 30_000, write: 3_999 }),
        ..TableSettings::default()
    };
    insta::assert_snapshot!(keys(true, &made), @"capacity on-demand-max");
}

#[test]
fn commands_finish_each_step_by_hand() {
    let target = target("orders-restored");
    let choices = Choices { with: Feature::ALL.into(), ..Choices::default() };
    let mut steps = planned(&everything(), &choices, &target).steps;
    steps.extend(
        planned(&everything(), &Choices { billing: Some(Billing::OnDemand), ..choices }, &target).steps,
    );
    let mut commands: Vec<_> = steps.iter().flat_map(|step| step.commands(&target)).collect();
    let mut seen = BTreeSet::new();
    commands.retain(|command| seen.insert(command.clone()));
    insta::assert_snapshot!(commands.join("\n"), @r#"
    aws dynamodb update-table --region eu-central-1 --cli-input-json '{"DeletionProtectionEnabled":true,"TableName":"orders-restored"}'
    aws dynamodb update-continuous-backups --region eu-central-1 --cli-input-json '{"PointInTimeRecoverySpecification":{"PointInTimeRecoveryEnabled":true,"RecoveryPeriodInDays":14},"TableName":"orders-restored"}'
    aws dynamodb update-table --region eu-central-1 --cli-input-json '{"TableClass":"STANDARD_INFREQUENT_ACCESS","TableName":"orders-restored"}'
    aws dynamodb update-table --region eu-central-1 --cli-input-json '{"TableName":"orders-restored","VectorIndexUpdates":[{"Create":{"Dimensions":8,"IndexName":"by-likeness"}}]}'
    aws dynamodb update-table --region eu-central-1 --cli-input-json '{"BillingMode":"PROVISIONED","GlobalSecondaryIndexUpdates":[{"Update":{"IndexName":"by-status","ProvisionedThroughput":{"ReadCapacityUnits":20,"WriteCapacityUnits":10}}}],"ProvisionedThroughput":{"ReadCapacityUnits":100,"WriteCapacityUnits":40},"TableName":"orders-restored"}'
    aws dynamodb update-table --region eu-central-1 --cli-input-json '{"GlobalSecondaryIndexUpdates":[{"Update":{"IndexName":"by-status","OnDemandThroughput":{"MaxReadRequestUnits":200,"MaxWriteRequestUnits":-1}}}],"OnDemandThroughput":{"MaxReadRequestUnits":-1,"MaxWriteRequestUnits":5000},"TableName":"orders-restored"}'
    aws dynamodb update-table --region eu-central-1 --cli-input-json '{"TableName":"orders-restored","WarmThroughput":{"ReadUnitsPerSecond":20000,"WriteUnitsPerSecond":4000}}'
    aws dynamodb tag-resource --region eu-central-1 --cli-input-json '{"ResourceArn":"arn:aws:dynamodb:eu-central-1:111122223333:table/orders-restored","Tags":[{"Key":"team","Value":"it'\''s ours"}]}'
    aws application-autoscaling register-scalable-target --region eu-central-1 --cli-input-json '{"MaxCapacity":400,"MinCapacity":100,"ResourceId":"table/orders-restored","ScalableDimension":"dynamodb:table:ReadCapacityUnits","ServiceNamespace":"dynamodb","SuspendedState":{"DynamicScalingInSuspended":true,"DynamicScalingOutSuspended":false,"ScheduledScalingSuspended":false}}'
    aws application-autoscaling put-scaling-policy --region eu-central-1 --cli-input-json '{"PolicyName":"follow","PolicyType":"TargetTrackingScaling","ResourceId":"table/orders-restored","ScalableDimension":"dynamodb:table:ReadCapacityUnits","ServiceNamespace":"dynamodb","TargetTrackingScalingPolicyConfiguration":{"TargetValue":70.0}}'
    aws application-autoscaling put-scheduled-action --region eu-central-1 --cli-input-json '{"ResourceId":"table/orders-restored","ScalableDimension":"dynamodb:table:ReadCapacityUnits","ScalableTargetAction":{"MinCapacity":200},"Schedule":"cron(0 6 * * ? *)","ScheduledActionName":"morning","ServiceNamespace":"dynamodb","StartTime":"2026-01-01T00:00:00Z","Timezone":"Europe/Berlin"}'
    aws application-autoscaling register-scalable-target --region eu-central-1 --cli-input-json '{"MaxCapacity":50,"MinCapacity":10,"ResourceId":"table/orders-restored/index/by-status","ScalableDimension":"dynamodb:index:WriteCapacityUnits","ServiceNamespace":"dynamodb","SuspendedState":{"DynamicScalingInSuspended":false,"DynamicScalingOutSuspended":false,"ScheduledScalingSuspended":false}}'
    aws dynamodb update-contributor-insights --region eu-central-1 --cli-input-json '{"ContributorInsightsAction":"ENABLE","ContributorInsightsMode":"THROTTLED_KEYS","TableName":"orders-restored"}'
    aws dynamodb update-contributor-insights --region eu-central-1 --cli-input-json '{"ContributorInsightsAction":"ENABLE","ContributorInsightsMode":"ACCESSED_AND_THROTTLED_KEYS","IndexName":"by-status","TableName":"orders-restored"}'
    aws cloudwatch put-metric-alarm --region eu-central-1 --cli-input-json '{"AlarmName":"orders throttled (orders-restored)","Dimensions":[{"Name":"TableName","Value":"orders-restored"}],"MetricName":"ThrottledRequests"}'
    aws dynamodb update-table --region eu-central-1 --cli-input-json '{"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"KEYS_ONLY"},"TableName":"orders-restored"}'
    aws dynamodb enable-kinesis-streaming-destination --region eu-central-1 --cli-input-json '{"EnableKinesisStreamingConfiguration":{"ApproximateCreationDateTimePrecision":"MICROSECOND"},"StreamArn":"arn:aws:kinesis:eu-central-1:111122223333:stream/changes","TableName":"orders-restored"}'
    aws dynamodb update-time-to-live --region eu-central-1 --cli-input-json '{"TableName":"orders-restored","TimeToLiveSpecification":{"AttributeName":"expires","Enabled":true}}'
    stream="$(aws dynamodb describe-table --region eu-central-1 --table-name=orders-restored --query Table.LatestStreamArn --output text)" && aws dynamodb put-resource-policy --region eu-central-1 --resource-arn "$stream" --confirm-remove-self-resource-access --policy '{"Statement":[{"Resource":"'"$stream"'"}]}'
    aws dynamodb put-resource-policy --region eu-central-1 --cli-input-json '{"ConfirmRemoveSelfResourceAccess":true,"Policy":"{\"Statement\":[{\"Effect\":\"Deny\",\"Resource\":\"arn:aws:dynamodb:eu-central-1:111122223333:table/orders-restored\"}]}","ResourceArn":"arn:aws:dynamodb:eu-central-1:111122223333:table/orders-restored"}'
    aws dynamodb update-table --region eu-central-1 --cli-input-json '{"BillingMode":"PAY_PER_REQUEST","TableName":"orders-restored"}'
    "#);
}

#[test]
fn infrastructure_code_adopts_the_table_and_what_surrounds_it() {
    let mut now = everything();
    if let Part::Known(alarms) = &mut now.alarms {
        alarms.insert("orders-throttled".to_owned(), json!({}).into());
        alarms.insert("9 o'clock".to_owned(), json!({}).into());
    }
    let Adoption { cloudformation, terraform } = adoption(&now, &target("orders-restored"));
    insta::assert_snapshot!(cloudformation.join("\n"), @r#"
    aws cloudformation create-change-set --region eu-central-1 --stack-name STACK --change-set-name adopt-restored --change-set-type IMPORT --template-body file://TEMPLATE --resources-to-import '[{"LogicalResourceId":"TableOrdersRestored","ResourceIdentifier":{"TableName":"orders-restored"},"ResourceType":"AWS::DynamoDB::Table"},{"LogicalResourceId":"ScalableTargetRead","ResourceIdentifier":{"ResourceId":"table/orders-restored","ScalableDimension":"dynamodb:table:ReadCapacityUnits","ServiceNamespace":"dynamodb"},"ResourceType":"AWS::ApplicationAutoScaling::ScalableTarget"},{"LogicalResourceId":"ScalableTargetWriteByStatus","ResourceIdentifier":{"ResourceId":"table/orders-restored/index/by-status","ScalableDimension":"dynamodb:index:WriteCapacityUnits","ServiceNamespace":"dynamodb"},"ResourceType":"AWS::ApplicationAutoScaling::ScalableTarget"},{"LogicalResourceId":"Alarm9OClock","ResourceIdentifier":{"AlarmName":"9 o'\''clock"},"ResourceType":"AWS::CloudWatch::Alarm"},{"LogicalResourceId":"AlarmOrdersThrottled","ResourceIdentifier":{"AlarmName":"orders throttled"},"ResourceType":"AWS::CloudWatch::Alarm"},{"LogicalResourceId":"AlarmOrdersThrottled2","ResourceIdentifier":{"AlarmName":"orders-throttled"},"ResourceType":"AWS::CloudWatch::Alarm"}]'
    aws cloudformation execute-change-set --region eu-central-1 --stack-name STACK --change-set-name adopt-restored
    "#);
    insta::assert_snapshot!(terraform.join("\n"), @r#"
    terraform import aws_dynamodb_table.orders-restored orders-restored
    terraform import aws_appautoscaling_policy.read_follow dynamodb/table/orders-restored/dynamodb:table:ReadCapacityUnits/follow
    terraform import aws_appautoscaling_target.read dynamodb/table/orders-restored/dynamodb:table:ReadCapacityUnits
    terraform import aws_appautoscaling_target.write_by-status dynamodb/table/orders-restored/index/by-status/dynamodb:index:WriteCapacityUnits
    terraform import aws_cloudwatch_metric_alarm._9_o_clock '9 o'\''clock'
    terraform import aws_cloudwatch_metric_alarm.orders_throttled 'orders throttled'
    terraform import aws_cloudwatch_metric_alarm.orders-throttled orders-throttled
    terraform import aws_dynamodb_kinesis_streaming_destination.changes orders-restored,arn:aws:kinesis:eu-central-1:111122223333:stream/changes
    terraform import aws_dynamodb_contributor_insights.table name:orders-restored/index:/111122223333
    terraform import aws_dynamodb_contributor_insights.by-status name:orders-restored/index:by-status/111122223333
    terraform import aws_dynamodb_resource_policy.orders-restored arn:aws:dynamodb:eu-central-1:111122223333:table/orders-restored
    "#);
}

#[test]
fn debug_shows_no_name_and_no_value() {
    let plan = planned(&everything(), &Choices::default(), &target("orders"));
    let shown = format!("{plan:?}{:?}", adoption(&everything(), &target("orders")));
    for secret in ["orders", "by-status", "team", "ours", "expires", "changes", "morning", "follow", "20000"]
    {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}
