//! Putting back what surrounds a table: auto scaling and alarms, from the documents in which they were captured.

use aws_sdk_applicationautoscaling::types as scaling;
use aws_sdk_cloudwatch::types as cloudwatch;
use aws_smithy_types::DateTime;
use backup_chain_core::ids::TableName;
use backup_chain_core::restore::Leftover;
use backup_chain_core::settings::{
    Dimension, Json, ScalingPolicy, ScalingTarget, ScheduledAction, Suspended,
};
use jiff::Timestamp;
use serde_json::Value;

use crate::account::{self, Account};
use crate::error::{AwsError, Meaning, failed};

/// A document that the service would not take.
fn unusable(operation: &'static str, resource: &str, why: &str) -> AwsError {
    AwsError::not_sent(operation, resource, why)
}

/// The resource and the scalable dimension that auto scaling knows a dimension by.
fn scaled(table: &TableName, dimension: &Dimension) -> (String, scaling::ScalableDimension) {
    use scaling::ScalableDimension as Of;
    match (&dimension.index, dimension.write) {
        (None, false) => (format!("table/{table}"), Of::DynamoDbTableReadCapacityUnits),
        (None, true) => (format!("table/{table}"), Of::DynamoDbTableWriteCapacityUnits),
        (Some(index), false) => (format!("table/{table}/index/{index}"), Of::DynamoDbIndexReadCapacityUnits),
        (Some(index), true) => (format!("table/{table}/index/{index}"), Of::DynamoDbIndexWriteCapacityUnits),
    }
}

fn capacity(units: u32) -> i32 {
    i32::try_from(units).unwrap_or(i32::MAX)
}

impl Account {
    /// Registers a scalable target.
    pub async fn set_target(
        &self,
        table: &TableName,
        dimension: &Dimension,
        target: &ScalingTarget,
    ) -> Result<(), AwsError> {
        let (resource, scalable) = scaled(table, dimension);
        let is = |what| target.suspended.contains(&what);
        let suspended = scaling::SuspendedState::builder()
            .dynamic_scaling_in_suspended(is(Suspended::ScaleIn))
            .dynamic_scaling_out_suspended(is(Suspended::ScaleOut))
            .scheduled_scaling_suspended(is(Suspended::Scheduled))
            .build();
        self.scaling
            .register_scalable_target()
            .service_namespace(scaling::ServiceNamespace::Dynamodb)
            .resource_id(&resource)
            .scalable_dimension(scalable)
            .min_capacity(capacity(target.min))
            .max_capacity(capacity(target.max))
            .suspended_state(suspended)
            .send()
            .await
            .map_err(failed("application-autoscaling:RegisterScalableTarget", resource))?;
        Ok(())
    }

    /// Puts a scaling policy.
    pub async fn set_policy(
        &self,
        table: &TableName,
        dimension: &Dimension,
        name: &str,
        policy: &ScalingPolicy,
    ) -> Result<(), AwsError> {
        const OPERATION: &str = "application-autoscaling:PutScalingPolicy";
        let (resource, scalable) = scaled(table, dimension);
        let configuration = tracking(&policy.configuration.0)
            .ok_or_else(|| unusable(OPERATION, &resource, "the captured configuration is incomplete"))?;
        self.scaling
            .put_scaling_policy()
            .policy_name(name)
            .service_namespace(scaling::ServiceNamespace::Dynamodb)
            .resource_id(&resource)
            .scalable_dimension(scalable)
            .policy_type(scaling::PolicyType::from(policy.kind.as_str()))
            .target_tracking_scaling_policy_configuration(configuration)
            .send()
            .await
            .map_err(failed(OPERATION, resource))?;
        Ok(())
    }

    /// Puts a scheduled action.
    pub async fn set_action(
        &self,
        table: &TableName,
        dimension: &Dimension,
        name: &str,
        action: &ScheduledAction,
    ) -> Result<(), AwsError> {
        let (resource, scalable) = scaled(table, dimension);
        let bounds = scaling::ScalableTargetAction::builder()
            .set_min_capacity(action.min.map(capacity))
            .set_max_capacity(action.max.map(capacity))
            .build();
        let date = |moment: Timestamp| DateTime::from_millis(moment.as_millisecond());
        self.scaling
            .put_scheduled_action()
            .scheduled_action_name(name)
            .service_namespace(scaling::ServiceNamespace::Dynamodb)
            .resource_id(&resource)
            .scalable_dimension(scalable)
            .schedule(&action.schedule)
            .set_timezone(action.time_zone.clone())
            .set_start_time(action.start.map(date))
            .set_end_time(action.end.map(date))
            .scalable_target_action(bounds)
            .send()
            .await
            .map_err(failed("application-autoscaling:PutScheduledAction", resource))?;
        Ok(())
    }

    /// Removes what a dropped table has left under its name. What is gone already is no error.
    pub async fn remove(&self, table: &TableName, leftover: &Leftover) -> Result<(), AwsError> {
        let namespace = scaling::ServiceNamespace::Dynamodb;
        let done = match leftover {
            Leftover::ScalingTarget(dimension) => {
                let (resource, scalable) = scaled(table, dimension);
                let request = self.scaling.deregister_scalable_target().service_namespace(namespace);
                let request = request.resource_id(&resource).scalable_dimension(scalable);
                let done = request.send().await.map(drop);
                done.map_err(failed("application-autoscaling:DeregisterScalableTarget", resource))
            }
            Leftover::ScalingPolicy(dimension, name) => {
                let (resource, scalable) = scaled(table, dimension);
                let request = self.scaling.delete_scaling_policy().service_namespace(namespace);
                let request = request.resource_id(&resource).scalable_dimension(scalable);
                let done = request.policy_name(name).send().await.map(drop);
                done.map_err(failed("application-autoscaling:DeleteScalingPolicy", resource))
            }
            Leftover::ScheduledAction(dimension, name) => {
                let (resource, scalable) = scaled(table, dimension);
                let request = self.scaling.delete_scheduled_action().service_namespace(namespace);
                let request = request.resource_id(&resource).scalable_dimension(scalable);
                let done = request.scheduled_action_name(name).send().await.map(drop);
                done.map_err(failed("application-autoscaling:DeleteScheduledAction", resource))
            }
            Leftover::Alarm(name) => {
                let done = self.cloudwatch.delete_alarms().alarm_names(name).send().await.map(drop);
                done.map_err(failed("cloudwatch:DeleteAlarms", name))
            }
        };
        match done {
            Err(error) if error.meaning == Meaning::NotFound => Ok(()),
            done => done,
        }
    }

    /// Puts an alarm. One of that name that is otherwise is not overwritten: it may be the live table's.
    pub async fn set_alarm(&self, name: &str, wanted: &Json) -> Result<(), AwsError> {
        const OPERATION: &str = "cloudwatch:PutMetricAlarm";
        let found = self.cloudwatch.describe_alarms().alarm_names(name).send().await;
        let found = found.map_err(failed("cloudwatch:DescribeAlarms", name))?;
        if let Some(there) = found.metric_alarms().first() {
            return if account::alarm(there) == wanted.0 {
                Ok(())
            } else {
                Err(unusable(OPERATION, name, "an alarm of this name is there and is otherwise"))
            };
        }
        let is_incomplete = || unusable(OPERATION, name, "the captured alarm is incomplete");
        let alarm = &wanted.0;
        let text = |field: &str| alarm[field].as_str().map(str::to_owned);
        let texts = |field: &str| strings(&alarm[field]);
        let whole = |field: &str| alarm[field].as_i64().and_then(|number| i32::try_from(number).ok());
        let queries = list(&alarm["Metrics"]).map(query).collect::<Option<Vec<_>>>();
        self.cloudwatch
            .put_metric_alarm()
            .alarm_name(name)
            .set_alarm_description(text("AlarmDescription"))
            .set_actions_enabled(alarm["ActionsEnabled"].as_bool())
            .set_ok_actions(texts("OKActions"))
            .set_alarm_actions(texts("AlarmActions"))
            .set_insufficient_data_actions(texts("InsufficientDataActions"))
            .set_metric_name(text("MetricName"))
            .set_namespace(text("Namespace"))
            .set_statistic(alarm["Statistic"].as_str().map(cloudwatch::Statistic::from))
            .set_extended_statistic(text("ExtendedStatistic"))
            .set_dimensions(dimensions(&alarm["Dimensions"]))
            .set_period(whole("Period"))
            .set_unit(alarm["Unit"].as_str().map(cloudwatch::StandardUnit::from))
            .set_evaluation_periods(whole("EvaluationPeriods"))
            .set_datapoints_to_alarm(whole("DatapointsToAlarm"))
            .set_threshold(alarm["Threshold"].as_f64())
            .set_comparison_operator(
                alarm["ComparisonOperator"].as_str().map(cloudwatch::ComparisonOperator::from),
            )
            .set_treat_missing_data(text("TreatMissingData"))
            .set_evaluate_low_sample_count_percentile(text("EvaluateLowSampleCountPercentile"))
            .set_metrics(Some(queries.ok_or_else(is_incomplete)?).filter(|queries| !queries.is_empty()))
            .set_threshold_metric_id(text("ThresholdMetricId"))
            .set_evaluation_interval(whole("EvaluationInterval"))
            .set_evaluation_window(evaluation_window(&alarm["EvaluationWindow"]))
            .set_warm_up_configuration(warm_up(&alarm["WarmUpConfiguration"]))
            .send()
            .await
            .map_err(failed(OPERATION, name))?;
        Ok(())
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn strings(value: &Value) -> Option<Vec<String>> {
    let texts: Vec<String> = list(value).filter_map(Value::as_str).map(str::to_owned).collect();
    (!texts.is_empty()).then_some(texts)
}

fn evaluation_window(document: &Value) -> Option<cloudwatch::EvaluationWindow> {
    if document.get("SlidingWindow").is_some() {
        let sliding = cloudwatch::SlidingWindow::builder().build();
        return Some(cloudwatch::EvaluationWindow::SlidingWindow(sliding));
    }
    let timezone = document.get("WallClockWindow")?["Timezone"].as_str().map(str::to_owned);
    let clock = cloudwatch::WallClockWindow::builder().set_timezone(timezone).build();
    Some(cloudwatch::EvaluationWindow::WallClockWindow(clock))
}

fn warm_up(document: &Value) -> Option<cloudwatch::WarmUpConfiguration> {
    let minutes = document["WarmUpPeriodDurationInMinutes"].as_i64()?;
    let waits = document["OnlyStartEvaluatingAfterWarmUpPeriodEnds"].as_bool();
    let warm_up = cloudwatch::WarmUpConfiguration::builder()
        .set_warm_up_period_duration_in_minutes(i32::try_from(minutes).ok())
        .set_only_start_evaluating_after_warm_up_period_ends(waits);
    Some(warm_up.build())
}

fn tracking(document: &Value) -> Option<scaling::TargetTrackingScalingPolicyConfiguration> {
    let whole = |field: &str| document[field].as_i64().and_then(|number| i32::try_from(number).ok());
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let predefined = match &document["PredefinedMetricSpecification"] {
        Value::Null => None,
        metric => Some(
            scaling::PredefinedMetricSpecification::builder()
                .predefined_metric_type(scaling::MetricType::from(metric["PredefinedMetricType"].as_str()?))
                .set_resource_label(text(&metric["ResourceLabel"]))
                .build()
                .ok()?,
        ),
    };
    let customized = match &document["CustomizedMetricSpecification"] {
        Value::Null => None,
        metric => {
            let pair = |pair: &Value| {
                let built = scaling::MetricDimension::builder().name(pair["Name"].as_str()?);
                built.value(pair["Value"].as_str()?).build().ok()
            };
            let pairs = list(&metric["Dimensions"]).map(pair).collect::<Option<Vec<_>>>()?;
            let queries = list(&metric["Metrics"]).map(tracking_query).collect::<Option<Vec<_>>>()?;
            Some(
                scaling::CustomizedMetricSpecification::builder()
                    .set_metric_name(text(&metric["MetricName"]))
                    .set_namespace(text(&metric["Namespace"]))
                    .set_dimensions(Some(pairs).filter(|pairs| !pairs.is_empty()))
                    .set_statistic(metric["Statistic"].as_str().map(scaling::MetricStatistic::from))
                    .set_unit(text(&metric["Unit"]))
                    .set_metrics(Some(queries).filter(|queries| !queries.is_empty()))
                    .build(),
            )
        }
    };
    scaling::TargetTrackingScalingPolicyConfiguration::builder()
        .target_value(document["TargetValue"].as_f64()?)
        .set_predefined_metric_specification(predefined)
        .set_customized_metric_specification(customized)
        .set_scale_out_cooldown(whole("ScaleOutCooldown"))
        .set_scale_in_cooldown(whole("ScaleInCooldown"))
        .set_disable_scale_in(document["DisableScaleIn"].as_bool())
        .build()
        .ok()
}

fn tracking_query(query: &Value) -> Option<scaling::TargetTrackingMetricDataQuery> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let stat = match &query["MetricStat"] {
        Value::Null => None,
        stat => {
            let metric = &stat["Metric"];
            let pair = |pair: &Value| {
                let built = scaling::TargetTrackingMetricDimension::builder().name(pair["Name"].as_str()?);
                built.value(pair["Value"].as_str()?).build().ok()
            };
            let pairs = list(&metric["Dimensions"]).map(pair).collect::<Option<Vec<_>>>()?;
            let metric = scaling::TargetTrackingMetric::builder()
                .set_namespace(text(&metric["Namespace"]))
                .set_metric_name(text(&metric["MetricName"]))
                .set_dimensions(Some(pairs).filter(|pairs| !pairs.is_empty()))
                .build();
            let built = scaling::TargetTrackingMetricStat::builder().metric(metric);
            Some(built.stat(stat["Stat"].as_str()?).set_unit(text(&stat["Unit"])).build().ok()?)
        }
    };
    scaling::TargetTrackingMetricDataQuery::builder()
        .id(query["Id"].as_str()?)
        .set_expression(text(&query["Expression"]))
        .set_label(text(&query["Label"]))
        .set_metric_stat(stat)
        .set_return_data(query["ReturnData"].as_bool())
        .build()
        .ok()
}

fn dimensions(value: &Value) -> Option<Vec<cloudwatch::Dimension>> {
    let pair = |pair: &Value| {
        let built = cloudwatch::Dimension::builder().set_name(pair["Name"].as_str().map(str::to_owned));
        built.set_value(pair["Value"].as_str().map(str::to_owned)).build()
    };
    let pairs: Vec<_> = list(value).map(pair).collect();
    (!pairs.is_empty()).then_some(pairs)
}

fn query(query: &Value) -> Option<cloudwatch::MetricDataQuery> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let whole = |value: &Value| value.as_i64().and_then(|number| i32::try_from(number).ok());
    let stat = match &query["MetricStat"] {
        Value::Null => None,
        stat => {
            let metric = cloudwatch::Metric::builder()
                .set_namespace(text(&stat["Metric"]["Namespace"]))
                .set_metric_name(text(&stat["Metric"]["MetricName"]))
                .set_dimensions(dimensions(&stat["Metric"]["Dimensions"]))
                .build();
            Some(
                cloudwatch::MetricStat::builder()
                    .metric(metric)
                    .period(whole(&stat["Period"])?)
                    .stat(stat["Stat"].as_str()?)
                    .set_unit(stat["Unit"].as_str().map(cloudwatch::StandardUnit::from))
                    .build(),
            )
        }
    };
    Some(
        cloudwatch::MetricDataQuery::builder()
            .id(query["Id"].as_str()?)
            .set_metric_stat(stat)
            .set_expression(text(&query["Expression"]))
            .set_label(text(&query["Label"]))
            .set_return_data(query["ReturnData"].as_bool())
            .set_period(whole(&query["Period"]))
            .set_account_id(text(&query["AccountId"]))
            .build(),
    )
}
