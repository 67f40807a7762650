//! What surrounds tables in an account: auto scaling, alarms, Contributor Insights. Read in pages, for all tables of a
//! Region at once: a few calls, however many tables are captured.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_applicationautoscaling::types as scaling;
use aws_sdk_cloudwatch::types as cloudwatch;
use aws_sdk_dynamodb::types::{ContributorInsightsMode, ContributorInsightsStatus};
use backup_chain_core::ids::TableName;
use backup_chain_core::settings::{
    Dimension, Insights, InsightsMode, Json, Scaling, ScalingPolicy, ScalingTarget, ScheduledAction,
    Suspended,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::capture::object;
use crate::clock::{Clock, timestamp};
use crate::error::{AwsError, failed};

/// What is younger is taken as it was read: all tables of a session are captured from a few readings.
const CACHE_TTL: SignedDuration = SignedDuration::from_secs(60);

/// The same where a part failed for a reason that may pass: not every table asks again.
const FAILURE_CACHE_TTL: SignedDuration = SignedDuration::from_secs(15);

/// The services that know it, in one Region.
#[derive(Debug)]
pub(crate) struct Account {
    pub scaling: aws_sdk_applicationautoscaling::Client,
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    clock: Clock,
    read: Mutex<Option<(Timestamp, Arc<Surroundings>)>>,
}

/// What was read. Each part is there or failed by itself.
#[derive(Debug)]
pub(crate) struct Surroundings {
    scaling: Result<AllScaling, AwsError>,
    alarms: Result<Vec<cloudwatch::MetricAlarm>, AwsError>,
    insights: Result<BTreeMap<String, Insights>, AwsError>,
}

#[derive(Debug, Default)]
struct AllScaling {
    by_table: BTreeMap<String, Scaling>,
    /// The alarms that scaling policies own.
    alarms: BTreeSet<String>,
}

impl Account {
    pub fn new(
        scaling: aws_sdk_applicationautoscaling::Client,
        cloudwatch: aws_sdk_cloudwatch::Client,
        dynamodb: aws_sdk_dynamodb::Client,
        clock: Clock,
    ) -> Self {
        Self { scaling, cloudwatch, dynamodb, clock, read: Mutex::new(None) }
    }

    /// Forgets what was read: something was changed since.
    pub async fn invalidate(&self) {
        *self.read.lock().await = None;
    }

    /// What surrounds the tables now, or did a moment ago. A reading that failed for lack of an answer is kept for
    /// less long.
    pub async fn surroundings(&self) -> Arc<Surroundings> {
        let mut read = self.read.lock().await;
        if let Some((at, known)) = read.as_ref()
            && self.clock.now().duration_since(*at).abs()
                < if known.is_final() { CACHE_TTL } else { FAILURE_CACHE_TTL }
        {
            return Arc::clone(known);
        }
        let now = Arc::new(Surroundings {
            scaling: self.all_scaling().await,
            alarms: self.all_alarms().await,
            insights: self.all_insights().await,
        });
        *read = Some((self.clock.now(), Arc::clone(&now)));
        now
    }

    async fn all_scaling(&self) -> Result<AllScaling, AwsError> {
        const ALL: &str = "dynamodb";
        let namespace = scaling::ServiceNamespace::Dynamodb;
        let mut all = AllScaling::default();
        let targets = self.scaling.describe_scalable_targets().service_namespace(namespace.clone());
        let mut pages = targets.into_paginator().items().send();
        while let Some(target) = pages.next().await {
            let target = target.map_err(failed("application-autoscaling:DescribeScalableTargets", ALL))?;
            if let Some((table, dimension)) = scaled(target.resource_id(), Some(target.scalable_dimension()))
            {
                let found = ScalingTarget {
                    min: units(target.min_capacity()),
                    max: units(target.max_capacity()),
                    role: Some(target.role_arn().to_owned()).filter(|role| !role.contains(SERVICE_LINKED)),
                    suspended: suspended(target.suspended_state()),
                    ..ScalingTarget::default()
                };
                all.by_table.entry(table).or_default().insert(dimension, found);
            }
        }
        let policies = self.scaling.describe_scaling_policies().service_namespace(namespace.clone());
        let mut pages = policies.into_paginator().items().send();
        while let Some(policy) = pages.next().await {
            let policy = policy.map_err(failed("application-autoscaling:DescribeScalingPolicies", ALL))?;
            all.alarms.extend(policy.alarms().iter().map(|alarm| alarm.alarm_name().to_owned()));
            if let Some((table, dimension)) = scaled(policy.resource_id(), Some(policy.scalable_dimension()))
            {
                let target = all.by_table.entry(table).or_default().entry(dimension).or_default();
                let kind = policy.policy_type().as_str().to_owned();
                let configuration = policy.target_tracking_scaling_policy_configuration().map(tracking);
                let found = ScalingPolicy { kind, configuration: Json(configuration.unwrap_or_default()) };
                target.policies.insert(policy.policy_name().to_owned(), found);
            }
        }
        let actions = self.scaling.describe_scheduled_actions().service_namespace(namespace);
        let mut pages = actions.into_paginator().items().send();
        while let Some(action) = pages.next().await {
            let action = action.map_err(failed("application-autoscaling:DescribeScheduledActions", ALL))?;
            if let Some((table, dimension)) = scaled(action.resource_id(), action.scalable_dimension()) {
                let target = all.by_table.entry(table).or_default().entry(dimension).or_default();
                let bounds = action.scalable_target_action();
                let found = ScheduledAction {
                    schedule: action.schedule().to_owned(),
                    time_zone: action.timezone().map(str::to_owned),
                    start: timestamp(action.start_time()),
                    end: timestamp(action.end_time()),
                    min: bounds.and_then(|bounds| bounds.min_capacity()).map(units),
                    max: bounds.and_then(|bounds| bounds.max_capacity()).map(units),
                };
                target.scheduled.insert(action.scheduled_action_name().to_owned(), found);
            }
        }
        Ok(all)
    }

    async fn all_alarms(&self) -> Result<Vec<cloudwatch::MetricAlarm>, AwsError> {
        let request = self.cloudwatch.describe_alarms().alarm_types(cloudwatch::AlarmType::MetricAlarm);
        let mut pages = request.into_paginator().send();
        let mut alarms = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(failed("cloudwatch:DescribeAlarms", "alarms"))?;
            alarms.extend(page.metric_alarms.unwrap_or_default());
        }
        Ok(alarms)
    }

    async fn all_insights(&self) -> Result<BTreeMap<String, Insights>, AwsError> {
        let mut pages = self.dynamodb.list_contributor_insights().into_paginator().send();
        let mut all: BTreeMap<String, Insights> = BTreeMap::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(failed("dynamodb:ListContributorInsights", "tables"))?;
            for summary in page.contributor_insights_summaries() {
                use ContributorInsightsStatus::{Enabled, Enabling};
                let (Some(table), Some(Enabled | Enabling)) =
                    (summary.table_name(), summary.contributor_insights_status())
                else {
                    continue;
                };
                let mode = match summary.contributor_insights_mode() {
                    Some(ContributorInsightsMode::ThrottledKeys) => InsightsMode::ThrottledKeys,
                    _ => InsightsMode::AccessedAndThrottledKeys,
                };
                // Some answers name the table by its ARN.
                let table = table.rsplit('/').next().unwrap_or(table).to_owned();
                let insights = all.entry(table).or_default();
                match summary.index_name() {
                    None => insights.table = Some(mode),
                    Some(index) => {
                        insights.indexes.insert(index.to_owned(), mode);
                    }
                }
            }
        }
        Ok(all)
    }
}

impl Surroundings {
    fn is_final(&self) -> bool {
        let transient = |error: Option<&AwsError>| error.is_some_and(AwsError::is_transient);
        ![self.scaling.as_ref().err(), self.alarms.as_ref().err(), self.insights.as_ref().err()]
            .into_iter()
            .any(transient)
    }

    /// The auto scaling of a table and its indexes.
    pub fn scaling(&self, table: &TableName) -> Result<Scaling, AwsError> {
        let all = self.scaling.as_ref().map_err(AwsError::clone)?;
        Ok(all.by_table.get(table.as_str()).cloned().unwrap_or_default())
    }

    /// Contributor Insights of a table and its indexes.
    pub fn insights(&self, table: &TableName) -> Result<Insights, AwsError> {
        let all = self.insights.as_ref().map_err(AwsError::clone)?;
        Ok(all.get(table.as_str()).cloned().unwrap_or_default())
    }

    /// The alarms on a table and its indexes, but for those that auto scaling owns, and the names of those of which
    /// something is not captured.
    pub fn alarms(&self, table: &TableName) -> Result<(BTreeMap<String, Json>, Vec<String>), AwsError> {
        let all = self.alarms.as_ref().map_err(AwsError::clone)?;
        let owned = self.scaling.as_ref().ok().map(|all| &all.alarms);
        // Auto scaling names its own so; that alone tells them where its policies cannot be read.
        let is_owned = |name: &str| {
            owned.is_some_and(|owned| owned.contains(name)) || name.starts_with("TargetTracking-table/")
        };
        let (mut alarms, mut partly) = (BTreeMap::new(), Vec::new());
        for found in all.iter().filter(|alarm| is_about(alarm, table)) {
            let Some(name) = found.alarm_name().filter(|name| !is_owned(name)) else { continue };
            // Tags that an alarm sends along are those of the alarm, which are not captured.
            let sends_tags = found.action_configuration.is_some();
            let is_of_a_newer_kind = found.evaluation_window().is_some_and(|window| window.is_unknown());
            if sends_tags || is_of_a_newer_kind || found.evaluation_criteria.is_some() {
                partly.push(name.to_owned());
            }
            alarms.insert(name.to_owned(), Json(alarm(found)));
        }
        Ok((alarms, partly))
    }
}

/// DynamoDB's service-linked role for auto scaling: what is taken when no role is named.
const SERVICE_LINKED: &str = "AWSServiceRoleForApplicationAutoScaling_DynamoDBTable";

fn units(capacity: i32) -> u32 {
    u32::try_from(capacity).unwrap_or(0)
}

/// The table and the dimension that `table/<name>` or `table/<name>/index/<index>` and a dimension stand for.
fn scaled(resource: &str, dimension: Option<&scaling::ScalableDimension>) -> Option<(String, Dimension)> {
    use scaling::ScalableDimension as Of;
    let mut parts = resource.strip_prefix("table/")?.splitn(3, '/');
    let table = parts.next()?.to_owned();
    let index = match (parts.next(), parts.next()) {
        (Some("index"), Some(index)) => Some(index.to_owned()),
        _ => None,
    };
    let write = match dimension? {
        Of::DynamoDbTableReadCapacityUnits | Of::DynamoDbIndexReadCapacityUnits => false,
        Of::DynamoDbTableWriteCapacityUnits | Of::DynamoDbIndexWriteCapacityUnits => true,
        _ => return None,
    };
    Some((table, Dimension { write, index }))
}

fn suspended(state: Option<&scaling::SuspendedState>) -> BTreeSet<Suspended> {
    let Some(state) = state else { return BTreeSet::new() };
    let all = [
        (state.dynamic_scaling_in_suspended(), Suspended::ScaleIn),
        (state.dynamic_scaling_out_suspended(), Suspended::ScaleOut),
        (state.scheduled_scaling_suspended(), Suspended::Scheduled),
    ];
    all.into_iter().filter(|(is, _)| *is == Some(true)).map(|(_, what)| what).collect()
}

fn texts(list: &[String]) -> Option<Value> {
    (!list.is_empty()).then(|| list.into())
}

fn tracking(found: &scaling::TargetTrackingScalingPolicyConfiguration) -> Value {
    let pairs = |dimensions: &[scaling::MetricDimension]| {
        let pair = |d: &scaling::MetricDimension| json!({"Name": d.name(), "Value": d.value()});
        (!dimensions.is_empty()).then(|| dimensions.iter().map(pair).collect::<Vec<_>>().into())
    };
    let predefined = found.predefined_metric_specification().map(|metric| {
        object([
            ("PredefinedMetricType", Some(metric.predefined_metric_type().as_str().into())),
            ("ResourceLabel", metric.resource_label().map(Value::from)),
        ])
    });
    let customized = found.customized_metric_specification().map(|metric| {
        let queries: Vec<Value> = metric.metrics().iter().map(tracking_query).collect();
        object([
            ("MetricName", metric.metric_name().map(Value::from)),
            ("Namespace", metric.namespace().map(Value::from)),
            ("Dimensions", pairs(metric.dimensions())),
            ("Statistic", metric.statistic().map(|statistic| statistic.as_str().into())),
            ("Unit", metric.unit().map(Value::from)),
            ("Metrics", (!queries.is_empty()).then(|| queries.into())),
        ])
    });
    object([
        ("TargetValue", Some(found.target_value().into())),
        ("PredefinedMetricSpecification", predefined),
        ("CustomizedMetricSpecification", customized),
        ("ScaleOutCooldown", found.scale_out_cooldown().map(Value::from)),
        ("ScaleInCooldown", found.scale_in_cooldown().map(Value::from)),
        ("DisableScaleIn", found.disable_scale_in().filter(|disabled| *disabled).map(Value::from)),
    ])
}

fn tracking_query(query: &scaling::TargetTrackingMetricDataQuery) -> Value {
    let stat = query.metric_stat().map(|stat| {
        let metric = stat.metric().map(|metric| {
            let pair =
                |d: &scaling::TargetTrackingMetricDimension| json!({"Name": d.name(), "Value": d.value()});
            let pairs: Vec<Value> = metric.dimensions().iter().map(pair).collect();
            object([
                ("Namespace", metric.namespace().map(Value::from)),
                ("MetricName", metric.metric_name().map(Value::from)),
                ("Dimensions", (!pairs.is_empty()).then(|| pairs.into())),
            ])
        });
        object([
            ("Metric", metric),
            ("Stat", Some(stat.stat().into())),
            ("Unit", stat.unit().map(Value::from)),
        ])
    });
    object([
        ("Id", Some(query.id().into())),
        ("Expression", query.expression().map(Value::from)),
        ("Label", query.label().map(Value::from)),
        ("MetricStat", stat),
        ("ReturnData", query.return_data().map(Value::from)),
    ])
}

/// Whether an alarm watches a table or one of its indexes.
fn is_about(alarm: &cloudwatch::MetricAlarm, table: &TableName) -> bool {
    let names = |dimensions: &[cloudwatch::Dimension]| {
        dimensions.iter().any(|d| d.name() == Some("TableName") && d.value() == Some(table.as_str()))
    };
    let metrics = alarm.metrics().iter().filter_map(|query| query.metric_stat()?.metric());
    names(alarm.dimensions()) || metrics.map(cloudwatch::Metric::dimensions).any(names)
}

fn dimensions(found: &[cloudwatch::Dimension]) -> Option<Value> {
    let pair = |d: &cloudwatch::Dimension| json!({"Name": d.name(), "Value": d.value()});
    (!found.is_empty()).then(|| found.iter().map(pair).collect::<Vec<_>>().into())
}

/// An alarm as PutMetricAlarm takes it, but for its name.
pub(crate) fn alarm(found: &cloudwatch::MetricAlarm) -> Value {
    let queries: Vec<Value> = found.metrics().iter().map(query).collect();
    object([
        ("AlarmDescription", found.alarm_description().map(Value::from)),
        ("ActionsEnabled", found.actions_enabled().map(Value::from)),
        ("OKActions", texts(found.ok_actions())),
        ("AlarmActions", texts(found.alarm_actions())),
        ("InsufficientDataActions", texts(found.insufficient_data_actions())),
        ("MetricName", found.metric_name().map(Value::from)),
        ("Namespace", found.namespace().map(Value::from)),
        ("Statistic", found.statistic().map(|statistic| statistic.as_str().into())),
        ("ExtendedStatistic", found.extended_statistic().map(Value::from)),
        ("Dimensions", dimensions(found.dimensions())),
        ("Period", found.period().map(Value::from)),
        ("Unit", found.unit().map(|unit| unit.as_str().into())),
        ("EvaluationPeriods", found.evaluation_periods().map(Value::from)),
        ("DatapointsToAlarm", found.datapoints_to_alarm().map(Value::from)),
        ("Threshold", found.threshold().map(Value::from)),
        ("ComparisonOperator", found.comparison_operator().map(|operator| operator.as_str().into())),
        ("TreatMissingData", found.treat_missing_data().map(Value::from)),
        ("EvaluateLowSampleCountPercentile", found.evaluate_low_sample_count_percentile().map(Value::from)),
        ("Metrics", (!queries.is_empty()).then(|| queries.into())),
        ("ThresholdMetricId", found.threshold_metric_id().map(Value::from)),
        ("EvaluationInterval", found.evaluation_interval().map(Value::from)),
        ("EvaluationWindow", found.evaluation_window().and_then(evaluation_window)),
        ("WarmUpConfiguration", found.warm_up_configuration().map(warm_up)),
    ])
}

/// Which stretch of time an alarm looks at each time.
fn evaluation_window(window: &cloudwatch::EvaluationWindow) -> Option<Value> {
    match window {
        cloudwatch::EvaluationWindow::SlidingWindow(_) => Some(json!({"SlidingWindow": {}})),
        cloudwatch::EvaluationWindow::WallClockWindow(clock) => {
            Some(json!({"WallClockWindow": object([("Timezone", clock.timezone().map(Value::from))])}))
        }
        _ => None,
    }
}

fn warm_up(warm_up: &cloudwatch::WarmUpConfiguration) -> Value {
    let waits = warm_up.only_start_evaluating_after_warm_up_period_ends();
    object([
        ("WarmUpPeriodDurationInMinutes", warm_up.warm_up_period_duration_in_minutes().map(Value::from)),
        ("OnlyStartEvaluatingAfterWarmUpPeriodEnds", waits.map(Value::from)),
    ])
}

fn query(query: &cloudwatch::MetricDataQuery) -> Value {
    let stat = query.metric_stat().map(|stat| {
        let metric = stat.metric().map(|metric| {
            object([
                ("Namespace", metric.namespace().map(Value::from)),
                ("MetricName", metric.metric_name().map(Value::from)),
                ("Dimensions", dimensions(metric.dimensions())),
            ])
        });
        object([
            ("Metric", metric),
            ("Period", stat.period().map(Value::from)),
            ("Stat", stat.stat().map(Value::from)),
            ("Unit", stat.unit().map(|unit| unit.as_str().into())),
        ])
    });
    object([
        ("Id", query.id().map(Value::from)),
        ("MetricStat", stat),
        ("Expression", query.expression().map(Value::from)),
        ("Label", query.label().map(Value::from)),
        ("ReturnData", query.return_data().map(Value::from)),
        ("Period", query.period().map(Value::from)),
        ("AccountId", query.account_id().map(Value::from)),
    ])
}
