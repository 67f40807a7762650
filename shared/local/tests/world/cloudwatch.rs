//! Alarms, told and changed through the real client.

use aws_sdk_cloudwatch::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::put_metric_alarm::builders::PutMetricAlarmFluentBuilder,
    types::{
        ComparisonOperator, Dimension, EvaluationWindow, Metric, MetricDataQuery, MetricStat, StandardUnit,
        StateValue, Statistic, Tag, WallClockWindow, WarmUpConfiguration,
    },
};
use bytes::Bytes;
use std::{fmt::Debug, time::Duration};

use super::{ACCOUNT, FRANKFURT, IRELAND, world};
use backup_chain_local::World;

fn client(world: &World, region: &str) -> Client {
    Client::new(&world.sdk_config(ACCOUNT, region, "tester"))
}

fn dimension(value: &str) -> Dimension {
    Dimension::builder().name("TableName").value(value).build()
}

/// An alarm on the throttled requests of a table, ready to be sent.
fn throttles(client: &Client, name: &str) -> PutMetricAlarmFluentBuilder {
    client
        .put_metric_alarm()
        .alarm_name(name)
        .namespace("AWS/DynamoDB")
        .metric_name("ThrottledRequests")
        .dimensions(dimension("orders"))
        .statistic(Statistic::Sum)
        .period(60)
        .evaluation_periods(5)
        .threshold(2.5)
        .comparison_operator(ComparisonOperator::GreaterThanThreshold)
}

fn refused<T: Debug, E: ProvideErrorMetadata + Debug>(answer: Result<T, SdkError<E>>) -> String {
    answer.unwrap_err().code().unwrap_or_default().to_owned()
}

/// PutMetricAlarm: "When you use a wall clock window, the alarm's period must be 1 minute, 5 minutes, 1 hour, 1 day, or 1
/// week"; the zone is of IANA or an offset "aligned to a multiple of 5 minutes".
#[tokio::test(start_paused = true)]
async fn a_wall_clock_window_takes_some_periods_and_a_time_zone() {
    let world = world();
    let client = client(&world, FRANKFURT);
    let window =
        |zone: &str| EvaluationWindow::WallClockWindow(WallClockWindow::builder().timezone(zone).build());
    let warm_up = WarmUpConfiguration::builder().warm_up_period_duration_in_minutes(15).build();
    let put = |name: &str, zone: &str| throttles(&client, name).evaluation_window(window(zone));
    for zone in ["Europe/Berlin", "+05:30", "UTC-03:00"] {
        put(zone.trim_start_matches('+'), zone).warm_up_configuration(warm_up.clone()).send().await.unwrap();
    }
    for zone in ["Europe/Atlantis", "+05:31", "+5:30"] {
        assert_eq!(refused(put("odd", zone).send().await), "ValidationError", "{zone}");
    }
    let odd = put("odd", "UTC").period(120).evaluation_periods(1).send().await;
    assert_eq!(refused(odd), "ValidationError");
    let told = client.describe_alarms().alarm_names("Europe/Berlin").send().await.unwrap();
    let [alarm] = told.metric_alarms() else { panic!("one alarm") };
    assert_eq!(alarm.evaluation_window(), Some(&window("Europe/Berlin")));
    assert_eq!(alarm.warm_up_configuration(), Some(&warm_up));
}

#[tokio::test(start_paused = true)]
async fn an_alarm_comes_back_as_it_was_put() {
    let world = world();
    let client = client(&world, FRANKFURT);
    let topic = "arn:aws:sns:eu-central-1:111122223333:ops";
    throttles(&client, "throttled")
        .alarm_description("too slow")
        .datapoints_to_alarm(3)
        .unit(StandardUnit::Count)
        .treat_missing_data("notBreaching")
        .alarm_actions(topic)
        .send()
        .await
        .unwrap();
    let told = client.describe_alarms().send().await.unwrap();
    let [alarm] = told.metric_alarms() else { panic!("one alarm") };
    assert_eq!(alarm.alarm_arn(), Some("arn:aws:cloudwatch:eu-central-1:111122223333:alarm:throttled"));
    assert_eq!(alarm.alarm_description(), Some("too slow"));
    assert_eq!(alarm.threshold(), Some(2.5));
    assert_eq!(
        (alarm.period(), alarm.evaluation_periods(), alarm.datapoints_to_alarm()),
        (Some(60), Some(5), Some(3))
    );
    assert_eq!(alarm.statistic(), Some(&Statistic::Sum));
    assert_eq!(alarm.unit(), Some(&StandardUnit::Count));
    assert_eq!(alarm.treat_missing_data(), Some("notBreaching"));
    assert_eq!(alarm.dimensions(), [dimension("orders")]);
    assert_eq!(alarm.alarm_actions(), [topic]);
    assert!(alarm.ok_actions().is_empty());
    assert_eq!(alarm.actions_enabled(), Some(true));
    assert_eq!(alarm.state_value(), Some(&StateValue::InsufficientData));
    let at = |at: Option<&aws_sdk_cloudwatch::primitives::DateTime>| at.unwrap().secs();
    let made = world.now().as_second();
    assert_eq!(at(alarm.alarm_configuration_updated_timestamp()), made);
    assert_eq!(at(alarm.state_updated_timestamp()), made);
}

#[tokio::test(start_paused = true)]
async fn a_second_put_overwrites_the_settings_and_leaves_state_and_tags() {
    let world = world();
    let client = client(&world, FRANKFURT);
    let team = |value: &str| Tag::builder().key("team").value(value).build();
    throttles(&client, "throttled").alarm_description("old").tags(team("a")).send().await.unwrap();
    let set = client.set_alarm_state().alarm_name("throttled");
    set.state_value(StateValue::Alarm).state_reason("a drill").send().await.unwrap();
    tokio::time::advance(Duration::from_secs(60)).await;
    throttles(&client, "throttled").threshold(9.0).tags(team("b")).send().await.unwrap();

    let told = client.describe_alarms().alarm_names("throttled").send().await.unwrap();
    let [alarm] = told.metric_alarms() else { panic!("one alarm") };
    assert_eq!((alarm.threshold(), alarm.alarm_description()), (Some(9.0), None));
    assert_eq!(alarm.state_value(), Some(&StateValue::Alarm));
    assert_eq!(alarm.state_reason(), Some("a drill"));
    let changed = alarm.alarm_configuration_updated_timestamp().unwrap().secs();
    assert_eq!(changed - alarm.state_updated_timestamp().unwrap().secs(), 60);
    let tags = client.list_tags_for_resource().resource_arn(alarm.alarm_arn().unwrap()).send().await.unwrap();
    assert_eq!(tags.tags(), [team("a")]);
}

#[tokio::test(start_paused = true)]
async fn alarms_on_metric_math_keep_their_queries() {
    let world = world();
    let client = client(&world, FRANKFURT);
    let metric = Metric::builder().namespace("AWS/DynamoDB").metric_name("UserErrors").build();
    let stat = MetricStat::builder().metric(metric).period(300).stat("Sum").build();
    let errors = MetricDataQuery::builder().id("m1").metric_stat(stat).return_data(false).build();
    let rate = MetricDataQuery::builder().id("e1").expression("m1 / 300").label("rate").build();
    let put = || {
        let put = client.put_metric_alarm().alarm_name("rate").evaluation_periods(3).threshold(1.0);
        put.comparison_operator(ComparisonOperator::GreaterThanThreshold)
    };
    put().metrics(errors.clone()).metrics(rate.clone()).send().await.unwrap();
    let told = client.describe_alarms().alarm_name_prefix("ra").send().await.unwrap();
    let [alarm] = told.metric_alarms() else { panic!("one alarm") };
    let rate =
        MetricDataQuery::builder().id("e1").expression("m1 / 300").label("rate").return_data(true).build();
    assert_eq!(alarm.metrics(), [errors.clone(), rate.clone()]);
    assert_eq!(alarm.period(), None);

    let twice = put().metrics(rate.clone()).metrics(rate.clone()).send().await;
    assert_eq!(refused(twice), "ValidationError");
    assert_eq!(refused(put().metrics(errors).send().await), "ValidationError");
    assert_eq!(refused(put().metrics(rate).period(60).send().await), "ValidationError");
}

#[tokio::test(start_paused = true)]
async fn what_aws_does_not_accept_is_refused() {
    let world = world();
    let client = client(&world, FRANKFURT);
    let put = || throttles(&client, "throttled");
    for wrong in [
        put().set_threshold(None),
        put().set_statistic(None),
        put().extended_statistic("p99"),
        put().set_metric_name(None),
        put().set_comparison_operator(None),
        put().set_evaluation_periods(None),
        put().period(61),
        put().period(86_400).evaluation_periods(8),
        put().datapoints_to_alarm(6),
        put().treat_missing_data("guess"),
        put().alarm_actions("the ops team"),
        put().alarm_name("x".repeat(256)),
        put().comparison_operator(ComparisonOperator::GreaterThanUpperThreshold),
    ] {
        assert_eq!(refused(wrong.send().await), "ValidationError");
    }
    assert_eq!(refused(client.describe_alarms().max_records(101).send().await), "ValidationError");
    assert_eq!(refused(client.describe_alarms().next_token("?").send().await), "InvalidNextToken");
    let both = client.describe_alarms().alarm_names("a").alarm_name_prefix("a").send().await;
    assert_eq!(refused(both), "ValidationError");
}

#[tokio::test(start_paused = true)]
async fn many_alarms_are_told_in_pages_and_by_filters() {
    let world = world();
    let client = client(&world, FRANKFURT);
    for number in 0..120 {
        throttles(&client, &format!("alarm-{number:03}")).send().await.unwrap();
    }
    client
        .set_alarm_state()
        .alarm_name("alarm-007")
        .state_value(StateValue::Ok)
        .state_reason("")
        .send()
        .await
        .unwrap();
    let first = client.describe_alarms().max_records(100).send().await.unwrap();
    assert_eq!(first.metric_alarms().len(), 100);
    let rest =
        client.describe_alarms().max_records(100).set_next_token(first.next_token).send().await.unwrap();
    assert_eq!((rest.metric_alarms().len(), rest.next_token()), (20, None));
    let pages =
        client.describe_alarms().into_paginator().send().collect::<Result<Vec<_>, _>>().await.unwrap();
    assert_eq!(pages.iter().map(|page| page.metric_alarms().len()).sum::<usize>(), 120);

    let ok = client.describe_alarms().state_value(StateValue::Ok).send().await.unwrap();
    assert_eq!(ok.metric_alarms()[0].alarm_name(), Some("alarm-007"));
    assert_eq!(ok.metric_alarms().len(), 1);
    let named = client.describe_alarms().alarm_names("alarm-001").alarm_names("none").send().await.unwrap();
    assert_eq!(named.metric_alarms().len(), 1);
    let on_metric =
        client.describe_alarms_for_metric().namespace("AWS/DynamoDB").metric_name("ThrottledRequests");
    assert_eq!(on_metric.clone().send().await.unwrap().metric_alarms().len(), 0);
    let on_table = on_metric.dimensions(dimension("orders")).send().await.unwrap();
    assert_eq!(on_table.metric_alarms().len(), 120);
}

#[tokio::test(start_paused = true)]
async fn alarms_are_switched_tagged_and_deleted_where_they_are() {
    let world = world();
    let (here, there) = (client(&world, FRANKFURT), client(&world, IRELAND));
    throttles(&here, "throttled").send().await.unwrap();
    assert!(there.describe_alarms().send().await.unwrap().metric_alarms().is_empty());
    here.disable_alarm_actions().alarm_names("throttled").alarm_names("none").send().await.unwrap();
    let told = here.describe_alarms().send().await.unwrap();
    assert_eq!(told.metric_alarms()[0].actions_enabled(), Some(false));
    here.enable_alarm_actions().alarm_names("throttled").send().await.unwrap();

    let arn = told.metric_alarms()[0].alarm_arn().unwrap();
    let tag = Tag::builder().key("team").value("a").build();
    here.tag_resource().resource_arn(arn).tags(tag.clone()).send().await.unwrap();
    let listed =
        || async { here.list_tags_for_resource().resource_arn(arn).send().await.unwrap().tags.unwrap() };
    assert_eq!(listed().await, [tag]);
    here.untag_resource().resource_arn(arn).tag_keys("team").send().await.unwrap();
    assert!(listed().await.is_empty());

    // Correct names go even when another is wrong.
    let deleted = here.delete_alarms().alarm_names("throttled").alarm_names("none").send().await;
    let error = deleted.unwrap_err().into_service_error();
    assert!(error.is_resource_not_found(), "{error:?}");
    assert!(here.describe_alarms().send().await.unwrap().metric_alarms().is_empty());
    let gone = here.list_tags_for_resource().resource_arn(arn).send().await;
    assert_eq!(refused(gone), "ResourceNotFoundException");
}

/// What a client of another protocol hears.
async fn raw(world: &World, headers: &[(&str, &str)], body: &'static str) -> (u16, String, String) {
    let mut request = http::Request::post("https://monitoring.eu-central-1.amazonaws.com/").header(
        "authorization",
        "AWS4-HMAC-SHA256 Credential=111122223333/20260301/eu-central-1/monitoring/aws4_request, Signature=x",
    );
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = world.handle(request.body(Bytes::from_static(body.as_bytes())).unwrap()).await.unwrap();
    let code = response.headers().get("x-amzn-query-error").map(|code| code.to_str().unwrap().to_owned());
    let text = String::from_utf8(response.body().to_vec()).unwrap();
    (response.status().as_u16(), code.unwrap_or_default(), text)
}

#[tokio::test(start_paused = true)]
async fn clients_of_the_older_protocols_see_the_same_alarms() {
    let world = world();
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let put = "Action=PutMetricAlarm&Version=2010-08-01&AlarmName=a%26b&Namespace=n&MetricName=m&Statistic=Sum\
               &Period=60&EvaluationPeriods=1&Threshold=5&ComparisonOperator=GreaterThanThreshold\
               &Dimensions.member.1.Name=x&Dimensions.member.1.Value=y&ActionsEnabled=false";
    assert_eq!(raw(&world, &form, put).await.0, 200);
    let (_, _, xml) = raw(&world, &form, "Action=DescribeAlarms&Version=2010-08-01&MaxRecords=5").await;
    for part in [
        "<AlarmName>a&amp;b</AlarmName>",
        "<Threshold>5.0</Threshold>",
        "<ActionsEnabled>false</ActionsEnabled>",
        "<StateUpdatedTimestamp>2026-03-01T00:00:00.000Z</StateUpdatedTimestamp>",
    ] {
        assert!(xml.contains(part), "{part} in {xml}");
    }
    let wrong = "Action=PutMetricAlarm&Version=2010-08-01&AlarmName=a";
    let (status, _, xml) = raw(&world, &form, wrong).await;
    assert!(status == 400 && xml.contains("<Code>ValidationError</Code>"), "{xml}");

    let target = |operation| [("x-amz-target", operation), ("content-type", "application/x-amz-json-1.0")];
    let (_, _, json) = raw(&world, &target("GraniteServiceVersion20100801.DescribeAlarms"), "{}").await;
    assert!(json.contains("\"StateUpdatedTimestamp\":1772323200.0"), "{json}");
    let (_, code, json) =
        raw(&world, &target("GraniteServiceVersion20100801.PutMetricAlarm"), "{\"AlarmName\":\"a\"}").await;
    assert_eq!(code, "ValidationError;Sender");
    assert!(json.contains("\"__type\":\"ValidationException\""), "{json}");
}
