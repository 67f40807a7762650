//! Scalable targets, their policies, the alarms of these, and scheduled actions.

use aws_sdk_applicationautoscaling::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::{
        put_scaling_policy::builders::PutScalingPolicyFluentBuilder,
        register_scalable_target::builders::RegisterScalableTargetFluentBuilder,
    },
    types::{
        MetricType, PolicyType, PredefinedMetricSpecification, ScalableDimension, ScalableTargetAction,
        ScalingActivityStatusCode, ServiceNamespace, StepScalingPolicyConfiguration, SuspendedState,
        TargetTrackingScalingPolicyConfiguration,
    },
};
use aws_sdk_cloudwatch::types::MetricAlarm;
use aws_sdk_dynamodb::types::{BillingMode, ProvisionedThroughput};
use backup_chain_local::World;
use std::fmt::Debug;

use super::{ACCOUNT, FRANKFURT, dynamo, new_table, world};

const ORDERS: &str = "table/orders";
const READS: ScalableDimension = ScalableDimension::DynamoDbTableReadCapacityUnits;

fn client(world: &World) -> Client {
    Client::new(&world.sdk_config(ACCOUNT, FRANKFURT, "tester"))
}

/// A table of 5 read and 5 write units.
async fn provisioned(world: &World) {
    let units =
        ProvisionedThroughput::builder().read_capacity_units(5).write_capacity_units(5).build().unwrap();
    let tables = dynamo(world, ACCOUNT, FRANKFURT);
    let table = new_table(&tables, "orders").billing_mode(BillingMode::Provisioned);
    table.provisioned_throughput(units).send().await.unwrap();
}

fn register(client: &Client) -> RegisterScalableTargetFluentBuilder {
    client
        .register_scalable_target()
        .service_namespace(ServiceNamespace::Dynamodb)
        .resource_id(ORDERS)
        .scalable_dimension(READS)
}

fn track(client: &Client, name: &str, percent: f64) -> PutScalingPolicyFluentBuilder {
    let metric = MetricType::DynamoDbReadCapacityUtilization;
    let metric = PredefinedMetricSpecification::builder().predefined_metric_type(metric).build().unwrap();
    let configuration = TargetTrackingScalingPolicyConfiguration::builder()
        .target_value(percent)
        .predefined_metric_specification(metric)
        .scale_in_cooldown(60)
        .build()
        .unwrap();
    client
        .put_scaling_policy()
        .policy_name(name)
        .service_namespace(ServiceNamespace::Dynamodb)
        .resource_id(ORDERS)
        .scalable_dimension(READS)
        .policy_type(PolicyType::TargetTrackingScaling)
        .target_tracking_scaling_policy_configuration(configuration)
}

async fn alarms(world: &World) -> Vec<MetricAlarm> {
    let client = aws_sdk_cloudwatch::Client::new(&world.sdk_config(ACCOUNT, FRANKFURT, "tester"));
    client.describe_alarms().send().await.unwrap().metric_alarms.unwrap_or_default()
}

fn refused<T: Debug, E: ProvideErrorMetadata + Debug>(answer: Result<T, SdkError<E>>) -> (String, String) {
    let error = answer.unwrap_err();
    (error.code().unwrap_or_default().to_owned(), error.message().unwrap_or_default().to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_target_is_registered_changed_and_told() {
    let world = world();
    provisioned(&world).await;
    let client = client(&world);
    let (code, message) = refused(register(&client).min_capacity(5).send().await);
    assert_eq!(code, "ValidationException", "{message}");
    let made = register(&client).min_capacity(5).max_capacity(40).tags("team", "a").send().await.unwrap();
    let arn = made.scalable_target_arn.unwrap();
    let id = arn.strip_prefix("arn:aws:application-autoscaling:eu-central-1:111122223333:scalable-target/");
    assert_eq!(id.unwrap().len(), 36);
    let suspended = SuspendedState::builder().dynamic_scaling_in_suspended(true).build();
    let again = register(&client).max_capacity(80).suspended_state(suspended).send().await.unwrap();
    assert_eq!(again.scalable_target_arn, Some(arn.clone()));

    let told = client.describe_scalable_targets().service_namespace(ServiceNamespace::Dynamodb);
    let told = told.resource_ids(ORDERS).send().await.unwrap();
    let [target] = told.scalable_targets() else { panic!("one target") };
    assert_eq!((target.min_capacity, target.max_capacity), (5, 80));
    assert_eq!(
        target.role_arn(),
        "arn:aws:iam::111122223333:role/aws-service-role/dynamodb.application-autoscaling.amazonaws.com/\
             AWSServiceRoleForApplicationAutoScaling_DynamoDBTable"
    );
    let suspended = target.suspended_state().unwrap();
    assert_eq!(suspended.dynamic_scaling_in_suspended(), Some(true));
    assert_eq!(suspended.scheduled_scaling_suspended(), Some(false));
    assert_eq!(target.creation_time().secs(), world.now().as_second());

    let tags =
        || async { client.list_tags_for_resource().resource_arn(&arn).send().await.unwrap().tags.unwrap() };
    assert_eq!(tags().await["team"], "a");
    client.tag_resource().resource_arn(&arn).tags("stage", "prod").send().await.unwrap();
    client.untag_resource().resource_arn(&arn).tag_keys("team").send().await.unwrap();
    assert_eq!(tags().await, [("stage".to_owned(), "prod".to_owned())].into());
}

#[tokio::test(start_paused = true)]
async fn a_registration_brings_the_capacity_into_its_range() {
    let world = world();
    provisioned(&world).await;
    let client = client(&world);
    register(&client).min_capacity(10).max_capacity(20).send().await.unwrap();
    let table =
        dynamo(&world, ACCOUNT, FRANKFURT).describe_table().table_name("orders").send().await.unwrap();
    let units = table.table.unwrap().provisioned_throughput.unwrap();
    assert_eq!((units.read_capacity_units, units.write_capacity_units), (Some(10), Some(5)));
    let activities = client.describe_scaling_activities().service_namespace(ServiceNamespace::Dynamodb);
    let activities = activities.resource_id(ORDERS).send().await.unwrap();
    let [activity] = activities.scaling_activities() else { panic!("one activity") };
    assert_eq!(activity.status_code(), &ScalingActivityStatusCode::Successful);
    assert_eq!(activity.description(), "Setting read capacity units to 10.");
}

#[tokio::test(start_paused = true)]
async fn a_policy_owns_the_alarms_that_follow_its_table() {
    let world = world();
    provisioned(&world).await;
    let client = client(&world);
    register(&client).min_capacity(5).max_capacity(40).send().await.unwrap();
    let made = track(&client, "keep", 70.0).send().await.unwrap();
    let arn = made.policy_arn;
    assert!(arn.starts_with("arn:aws:autoscaling:eu-central-1:111122223333:scalingPolicy:"), "{arn}");
    assert!(arn.ends_with(":resource/dynamodb/table/orders:policyName/keep"), "{arn}");
    let named: Vec<String> = made.alarms.unwrap().into_iter().map(|alarm| alarm.alarm_name).collect();
    let told = alarms(&world).await;
    let summary: Vec<_> = told
        .iter()
        .map(|alarm| {
            let name = alarm.alarm_name().unwrap();
            assert!(named.contains(&name.to_owned()));
            assert!(alarm.alarm_actions()[0].starts_with(&format!("{arn}:createdBy/")));
            let kind = name.strip_prefix("TargetTracking-table/orders-").unwrap().split('-').next().unwrap();
            let metric = alarm.metric_name().unwrap();
            (
                kind,
                metric,
                alarm.period().unwrap(),
                alarm.evaluation_periods().unwrap(),
                alarm.threshold().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        summary,
        [
            ("AlarmHigh", "ConsumedReadCapacityUnits", 60, 2, 210.0),
            ("AlarmLow", "ConsumedReadCapacityUnits", 60, 15, 150.0),
            ("ProvisionedCapacityHigh", "ProvisionedReadCapacityUnits", 300, 3, 5.0),
            ("ProvisionedCapacityLow", "ProvisionedReadCapacityUnits", 300, 3, 5.0),
        ]
    );

    // A changed policy keeps its ARN and its alarms.
    let again = track(&client, "keep", 50.0).send().await.unwrap();
    assert_eq!(again.policy_arn, arn);
    let changed = alarms(&world).await;
    assert_eq!(changed[0].threshold(), Some(150.0));
    assert_eq!(changed.len(), 4);
    let policies = client.describe_scaling_policies().service_namespace(ServiceNamespace::Dynamodb);
    let policies = policies.policy_names("keep").send().await.unwrap();
    let [policy] = policies.scaling_policies() else { panic!("one policy") };
    let configuration = policy.target_tracking_scaling_policy_configuration().unwrap();
    assert_eq!((configuration.target_value, configuration.scale_in_cooldown), (50.0, Some(60)));
    assert_eq!(policy.alarms().len(), 4);

    // The table's end leaves all of it.
    dynamo(&world, ACCOUNT, FRANKFURT).delete_table().table_name("orders").send().await.unwrap();
    assert_eq!(alarms(&world).await.len(), 4);
    let deleted =
        client.delete_scaling_policy().policy_name("keep").resource_id(ORDERS).scalable_dimension(READS);
    deleted.service_namespace(ServiceNamespace::Dynamodb).send().await.unwrap();
    assert!(alarms(&world).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_target_has_goes_with_it() {
    let world = world();
    provisioned(&world).await;
    let client = client(&world);
    register(&client).min_capacity(5).max_capacity(40).send().await.unwrap();
    track(&client, "keep", 70.0).send().await.unwrap();
    let range = ScalableTargetAction::builder().min_capacity(10).build();
    let put = || {
        let put = client.put_scheduled_action().scheduled_action_name("morning").resource_id(ORDERS);
        put.service_namespace(ServiceNamespace::Dynamodb).scalable_dimension(READS)
    };
    let (code, _) = refused(put().schedule("cron(0 8 * * ? *)").send().await);
    assert_eq!(code, "ValidationException");
    let new = put().schedule("cron(0 8 * * ? *)").timezone("Europe/Berlin").scalable_target_action(range);
    new.send().await.unwrap();
    put().schedule("rate(1 day)").send().await.unwrap();
    let actions = || client.describe_scheduled_actions().service_namespace(ServiceNamespace::Dynamodb).send();
    let told = actions().await.unwrap();
    let [action] = told.scheduled_actions() else { panic!("one action") };
    assert_eq!((action.schedule(), action.timezone()), ("rate(1 day)", Some("Europe/Berlin")));
    assert_eq!(action.scalable_target_action().unwrap().min_capacity(), Some(10));

    let deregister = || {
        let gone = client.deregister_scalable_target().resource_id(ORDERS).scalable_dimension(READS);
        gone.service_namespace(ServiceNamespace::Dynamodb).send()
    };
    deregister().await.unwrap();
    assert!(actions().await.unwrap().scheduled_actions().is_empty());
    assert!(alarms(&world).await.is_empty());
    assert_eq!(refused(deregister().await).0, "ObjectNotFoundException");
    let (code, message) = refused(track(&client, "keep", 70.0).send().await);
    assert_eq!(code, "ObjectNotFoundException");
    assert_eq!(
        message,
        "No scalable target registered for service namespace: dynamodb, resource ID: table/orders, scalable \
         dimension: dynamodb:table:ReadCapacityUnits"
    );
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_a_table_is_refused() {
    let world = world();
    let client = client(&world);
    let (code, message) = refused(register(&client).min_capacity(5).max_capacity(9).send().await);
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("ValidationException", "DynamoDB table does not exist: table/orders")
    );
    provisioned(&world).await;
    for wrong in [
        register(&client).min_capacity(0).max_capacity(9),
        register(&client).min_capacity(9).max_capacity(5),
        register(&client).resource_id("orders").min_capacity(5).max_capacity(9),
        register(&client).resource_id("table/orders/index/none").min_capacity(5).max_capacity(9),
        register(&client).service_namespace(ServiceNamespace::Ecs).min_capacity(5).max_capacity(9),
    ] {
        assert_eq!(refused(wrong.send().await).0, "ValidationException");
    }
    register(&client).min_capacity(5).max_capacity(9).send().await.unwrap();
    track(&client, "keep", 70.0).send().await.unwrap();
    let step = StepScalingPolicyConfiguration::builder().cooldown(60).build();
    for wrong in [
        track(&client, "another", 50.0),
        track(&client, "keep", 95.0),
        track(&client, "step", 70.0)
            .policy_type(PolicyType::StepScaling)
            .step_scaling_policy_configuration(step),
    ] {
        assert_eq!(refused(wrong.send().await).0, "ValidationException");
    }
    let described = client.describe_scalable_targets().service_namespace(ServiceNamespace::Dynamodb);
    assert_eq!(refused(described.clone().max_results(51).send().await).0, "ValidationException");
    assert_eq!(refused(described.scalable_dimension(READS).send().await).0, "ValidationException");
}

#[tokio::test(start_paused = true)]
async fn policies_are_told_ten_a_page() {
    let world = world();
    let client = client(&world);
    let tables = dynamo(&world, ACCOUNT, FRANKFURT);
    for number in 0..12 {
        let name = format!("table-{number:02}");
        new_table(&tables, &name).send().await.unwrap();
        let resource = format!("table/{name}");
        register(&client).resource_id(&resource).min_capacity(5).max_capacity(9).send().await.unwrap();
        track(&client, "keep", 70.0).resource_id(&resource).send().await.unwrap();
    }
    let policies = client.describe_scaling_policies().service_namespace(ServiceNamespace::Dynamodb);
    let pages = policies.into_paginator().send().collect::<Result<Vec<_>, _>>().await.unwrap();
    assert_eq!(pages.iter().map(|page| page.scaling_policies().len()).collect::<Vec<_>>(), [10, 2]);
}
