//! Tables made as captured settings describe them.

use aws_sdk_dynamodb::types as aws;
use backup_chain_core::ids::TableName;
use backup_chain_core::settings::{
    BillingMode, Dimension, KeySchema, MaxThroughput, Part, Projection, ScalingTarget, StreamView, Suspended,
    TableClass, TableSettings, Throughput,
};
use backup_chain_deployed::stack::{ACCOUNT, Failure, SOURCE};
use backup_chain_local::World;
use serde_json::{Value, json};

use crate::dynamodb;

/// Makes a key of the account, and tells its ARN.
///
/// # Errors
/// When the embedded AWS refuses it.
pub async fn key(world: &World) -> Result<String, Failure> {
    let kms = aws_sdk_kms::Client::new(&world.sdk_config(ACCOUNT, SOURCE, "operator"));
    let made = kms.create_key().send().await?;
    Ok(made.key_metadata.and_then(|key| key.arn).ok_or("the key has no ARN")?)
}

/// These settings, with a key that is there if they name one.
///
/// # Errors
/// When the embedded AWS refuses it.
pub async fn keyed(world: &World, mut settings: TableSettings) -> Result<TableSettings, Failure> {
    if let Some(encryption) = settings.encryption.as_mut().filter(|encryption| encryption.key.is_some()) {
        encryption.key = Some(key(world).await?);
    }
    Ok(settings)
}

/// Makes a table with these settings, as far as CreateTable, time to live, point-in-time recovery and tags go,
/// and tells its name: it has been there for a while. What else the settings hold, such as auto scaling, is for other
/// services.
///
/// # Errors
/// When the embedded AWS refuses it, or the settings are those of a global table.
pub async fn create(world: &World, name: &str, settings: &TableSettings) -> Result<TableName, Failure> {
    let TableSettings { local_indexes, global_indexes, vector_indexes, replicas, .. } = settings;
    if replicas.is_some() || !vector_indexes.is_empty() {
        return Err("global tables and vector indexes are not made here".into());
    }
    let (client, _scene) = (dynamodb(world), world.scene());
    let mut create = client
        .create_table()
        .table_name(name)
        .set_key_schema(Some(keys(&settings.keys)?))
        .billing_mode(match settings.billing {
            BillingMode::PayPerRequest => aws::BillingMode::PayPerRequest,
            BillingMode::Provisioned => aws::BillingMode::Provisioned,
        })
        .set_provisioned_throughput(settings.throughput.map(provisioned).transpose()?)
        .set_on_demand_throughput(on_demand(settings.on_demand_max)?)
        .set_warm_throughput(settings.warm.map(warm).transpose()?)
        .deletion_protection_enabled(settings.deletion_protection);
    for (attribute, kind) in &settings.attributes {
        let kind = aws::ScalarAttributeType::from(format!("{kind:?}").as_str());
        let attribute = aws::AttributeDefinition::builder().attribute_name(attribute).attribute_type(kind);
        create = create.attribute_definitions(attribute.build()?);
    }
    for (name, index) in local_indexes {
        create = create.local_secondary_indexes(
            aws::LocalSecondaryIndex::builder()
                .index_name(name)
                .set_key_schema(Some(keys(&index.keys)?))
                .projection(projection(&index.projection))
                .build()?,
        );
    }
    for (name, index) in global_indexes {
        create = create.global_secondary_indexes(
            aws::GlobalSecondaryIndex::builder()
                .index_name(name)
                .set_key_schema(Some(keys(&index.keys)?))
                .projection(projection(&index.projection))
                .set_provisioned_throughput(index.throughput.map(provisioned).transpose()?)
                .set_on_demand_throughput(on_demand(index.on_demand_max)?)
                .set_warm_throughput(index.warm.map(warm).transpose()?)
                .build()?,
        );
    }
    if settings.class == TableClass::StandardInfrequentAccess {
        create = create.table_class(aws::TableClass::StandardInfrequentAccess);
    }
    if let Some(encryption) = &settings.encryption {
        let with = aws::SseSpecification::builder().enabled(true).sse_type(aws::SseType::Kms);
        create = create.sse_specification(with.set_kms_master_key_id(encryption.key.clone()).build());
    }
    if let Some(view) = settings.stream {
        let view = match view {
            StreamView::KeysOnly => aws::StreamViewType::KeysOnly,
            StreamView::NewImage => aws::StreamViewType::NewImage,
            StreamView::OldImage => aws::StreamViewType::OldImage,
            StreamView::NewAndOldImages => aws::StreamViewType::NewAndOldImages,
        };
        let stream = aws::StreamSpecification::builder().stream_enabled(true).stream_view_type(view);
        create = create.stream_specification(stream.build()?);
    }
    for (key, value) in settings.tags.known().into_iter().flatten() {
        create = create.tags(aws::Tag::builder().key(key).value(value).build()?);
    }
    create.send().await?;
    if let Part::Known(Some(ttl)) = &settings.ttl {
        let wanted = aws::TimeToLiveSpecification::builder().enabled(true).attribute_name(&ttl.attribute);
        client
            .update_time_to_live()
            .table_name(name)
            .time_to_live_specification(wanted.build()?)
            .send()
            .await?;
    }
    if let Part::Known(Some(pitr)) = &settings.pitr {
        let wanted = aws::PointInTimeRecoverySpecification::builder()
            .point_in_time_recovery_enabled(true)
            .recovery_period_in_days(pitr.days.try_into()?);
        let update = client.update_continuous_backups().table_name(name);
        update.point_in_time_recovery_specification(wanted.build()?).send().await?;
    }
    Ok(name.parse()?)
}

/// Puts around a table what its settings hold beyond the table itself: resource policies, Kinesis destinations,
/// Contributor Insights, auto scaling and alarms.
///
/// # Errors
/// When the embedded AWS refuses it.
pub async fn surround(world: &World, name: &TableName, settings: &TableSettings) -> Result<(), Failure> {
    let _scene = world.scene();
    let dynamodb = async |operation: &str, body: Value| {
        ask(world, "dynamodb", &format!("DynamoDB_20120810.{operation}"), &body).await
    };
    let arn = format!("arn:aws:dynamodb:{SOURCE}:{ACCOUNT}:table/{name}");
    if let Some(policies) = settings.policies.known() {
        let described = dynamodb("DescribeTable", json!({ "TableName": name })).await?;
        let stream = described["Table"]["LatestStreamArn"].clone();
        for (resource, policy) in [(json!(arn), &policies.table), (stream, &policies.stream)] {
            if let Some(policy) = policy {
                let body = json!({ "ResourceArn": resource, "Policy": policy.0.to_string() });
                dynamodb("PutResourcePolicy", body).await?;
            }
        }
    }
    for (stream, precision) in settings.kinesis.known().into_iter().flatten() {
        let with = json!({ "ApproximateCreationDateTimePrecision": precision });
        let body =
            json!({ "TableName": name, "StreamArn": stream, "EnableKinesisStreamingConfiguration": with });
        dynamodb("EnableKinesisStreamingDestination", body).await?;
    }
    if let Some(insights) = settings.insights.known() {
        let table = insights.table.iter().map(|mode| (None, mode));
        let indexes = insights.indexes.iter().map(|(index, mode)| (Some(index), mode));
        for (index, mode) in table.chain(indexes) {
            let mut body = json!({ "TableName": name, "ContributorInsightsAction": "ENABLE", "ContributorInsightsMode": mode });
            if let Some(index) = index {
                body["IndexName"] = json!(index);
            }
            dynamodb("UpdateContributorInsights", body).await?;
        }
    }
    for (dimension, target) in settings.scaling.known().into_iter().flatten() {
        scale(world, name, dimension, target).await?;
    }
    for (alarm, settings) in settings.alarms.known().into_iter().flatten() {
        let mut body = settings.0.clone();
        body["AlarmName"] = json!(alarm);
        ask(world, "monitoring", "GraniteServiceVersion20100801.PutMetricAlarm", &body).await?;
    }
    Ok(())
}

/// Drops a table and what surrounds it, so that nothing of it is left but its backups.
///
/// # Errors
/// When the embedded AWS refuses it.
pub async fn drop(world: &World, name: &TableName, settings: &TableSettings) -> Result<(), Failure> {
    drop_alone(world, name, settings).await?;
    for dimension in settings.scaling.known().into_iter().flatten().map(|(dimension, _)| dimension) {
        let body = scaled(name, dimension);
        ask(world, "application-autoscaling", "AnyScaleFrontendService.DeregisterScalableTarget", &body)
            .await?;
    }
    let alarms: Vec<&String> =
        settings.alarms.known().into_iter().flatten().map(|(alarm, _)| alarm).collect();
    let body = json!({ "AlarmNames": alarms });
    ask(world, "monitoring", "GraniteServiceVersion20100801.DeleteAlarms", &body).await?;
    Ok(())
}

/// Drops a table, as most are dropped: what depends on its name alone stays.
///
/// # Errors
/// When the embedded AWS refuses it.
pub async fn drop_alone(world: &World, name: &TableName, settings: &TableSettings) -> Result<(), Failure> {
    let client = dynamodb(world);
    if settings.deletion_protection {
        client.update_table().table_name(name.as_str()).deletion_protection_enabled(false).send().await?;
        // The change takes a while, and a table that is changing is not deleted.
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    }
    client.delete_table().table_name(name.as_str()).send().await?;
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    Ok(())
}

/// What Application Auto Scaling knows a dimension by.
pub fn scaled(name: &TableName, dimension: &Dimension) -> Value {
    let units = if dimension.write { "WriteCapacityUnits" } else { "ReadCapacityUnits" };
    let (resource, of) = match &dimension.index {
        None => (format!("table/{name}"), "table"),
        Some(index) => (format!("table/{name}/index/{index}"), "index"),
    };
    json!({
        "ServiceNamespace": "dynamodb",
        "ResourceId": resource,
        "ScalableDimension": format!("dynamodb:{of}:{units}"),
    })
}

async fn scale(
    world: &World,
    name: &TableName,
    dimension: &Dimension,
    target: &ScalingTarget,
) -> Result<(), Failure> {
    let put = async |operation: &str, more: Value| {
        let mut body = scaled(name, dimension);
        for (field, value) in more.as_object().into_iter().flatten() {
            body[field] = value.clone();
        }
        ask(world, "application-autoscaling", &format!("AnyScaleFrontendService.{operation}"), &body).await
    };
    let is = |what| target.suspended.contains(&what);
    let suspended = json!({
        "DynamicScalingInSuspended": is(Suspended::ScaleIn),
        "DynamicScalingOutSuspended": is(Suspended::ScaleOut),
        "ScheduledScalingSuspended": is(Suspended::Scheduled),
    });
    let bounds = json!({ "MinCapacity": target.min, "MaxCapacity": target.max, "SuspendedState": suspended });
    put("RegisterScalableTarget", bounds).await?;
    for (policy, rules) in &target.policies {
        let body = json!({
            "PolicyName": policy,
            "PolicyType": rules.kind,
            "TargetTrackingScalingPolicyConfiguration": rules.configuration.0,
        });
        put("PutScalingPolicy", body).await?;
    }
    for (action, rules) in &target.scheduled {
        let mut body = json!({ "ScheduledActionName": action, "Schedule": rules.schedule });
        if let Some(zone) = &rules.time_zone {
            body["Timezone"] = json!(zone);
        }
        let bounds = [("MinCapacity", rules.min), ("MaxCapacity", rules.max)];
        for (field, units) in bounds {
            if let Some(units) = units {
                body["ScalableTargetAction"][field] = json!(units);
            }
        }
        put("PutScheduledAction", body).await?;
    }
    Ok(())
}

/// Asks a service of the source Region that speaks JSON.
///
/// # Errors
/// When it refuses.
pub async fn ask(world: &World, service: &str, target: &str, body: &Value) -> Result<Value, Failure> {
    let scope = format!("AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/{SOURCE}/{service}/aws4_request");
    let request = http::Request::post("https://embedded/")
        .header("authorization", scope)
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", target);
    let answer = world.handle(request.body(bytes::Bytes::from(body.to_string()))?).await?;
    if answer.status().is_success() {
        return Ok(serde_json::from_slice(answer.body()).unwrap_or_default());
    }
    Err(format!("{service} refuses {target}: {}", String::from_utf8_lossy(answer.body())).into())
}

fn keys(schema: &KeySchema) -> Result<Vec<aws::KeySchemaElement>, Failure> {
    let hash = schema.hash.iter().map(|name| (name, aws::KeyType::Hash));
    let range = schema.range.iter().map(|name| (name, aws::KeyType::Range));
    hash.chain(range)
        .map(|(name, kind)| {
            Ok(aws::KeySchemaElement::builder().attribute_name(name).key_type(kind).build()?)
        })
        .collect()
}

fn projection(projection: &Projection) -> aws::Projection {
    let (kind, also) = match projection {
        Projection::All => (aws::ProjectionType::All, None),
        Projection::KeysOnly => (aws::ProjectionType::KeysOnly, None),
        Projection::Include(also) => (aws::ProjectionType::Include, Some(also.iter().cloned().collect())),
    };
    aws::Projection::builder().projection_type(kind).set_non_key_attributes(also).build()
}

fn provisioned(units: Throughput) -> Result<aws::ProvisionedThroughput, Failure> {
    let (read, write) = (units.read.try_into()?, units.write.try_into()?);
    Ok(aws::ProvisionedThroughput::builder().read_capacity_units(read).write_capacity_units(write).build()?)
}

fn on_demand(most: MaxThroughput) -> Result<Option<aws::OnDemandThroughput>, Failure> {
    if most == MaxThroughput::default() {
        return Ok(None);
    }
    let bound = |units: Option<u64>| units.map(i64::try_from).transpose();
    let (read, write) = (bound(most.read)?, bound(most.write)?);
    let most = aws::OnDemandThroughput::builder().set_max_read_request_units(read);
    Ok(Some(most.set_max_write_request_units(write).build()))
}

fn warm(units: Throughput) -> Result<aws::WarmThroughput, Failure> {
    let (read, write) = (units.read.try_into()?, units.write.try_into()?);
    Ok(aws::WarmThroughput::builder().read_units_per_second(read).write_units_per_second(write).build())
}
