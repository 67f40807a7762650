use serde_json::{Value, json};

use super::*;
use crate::restore::rewrite::any_stream;
use crate::settings::{Json, ResourcePolicies};

fn renamed_policy(policy: Value) -> Value {
    let then = TableSettings {
        policies: Part::Known(ResourcePolicies { table: Some(Json(policy)), stream: None }),
        ..TableSettings::default()
    };
    let table = expected(&then, &Choices::default(), &target("orders-restored"));
    table.policies.known().unwrap().table.clone().unwrap().0
}

#[test]
fn policies_name_the_new_table_and_no_other() {
    let (old, new) = (arn("orders"), arn("orders-restored"));
    let policy = json!({ "Statement": [{
        "Resource": [old, format!("{old}/index/by-status"), format!("{old}/*")],
        "NotResource": [arn("orders-archive"), format!("{}/index/x", arn("orders-archive")), format!("{old}*")],
        "Condition": { "ArnLike": { "aws:SourceArn": old } },
        "Sid": "orders",
    }] });
    let expected = json!({ "Statement": [{
        "Resource": [new, format!("{new}/index/by-status"), format!("{new}/*")],
        "NotResource": [arn("orders-archive"), format!("{}/index/x", arn("orders-archive")), format!("{old}*")],
        "Condition": { "ArnLike": { "aws:SourceArn": new } },
        "Sid": "orders",
    }] });
    assert_eq!(renamed_policy(policy), expected);
}

#[test]
fn a_stream_policy_names_the_new_stream_whatever_the_label() {
    let (old, new, other) = (arn("orders"), arn("orders-restored"), arn("orders-archive"));
    let policy = |texts: [String; 5]| Json(json!({ "Resource": texts }));
    let stream = format!("{new}/stream/2026-06-01T00:00:00.000");
    let before = policy([
        format!("{old}/stream/2026-01-01T00:00:00.000"),
        format!("{old}/stream/*"),
        format!("{old}/index/by-status"),
        old.to_string(),
        format!("{other}/stream/2026-01-01T00:00:00.000"),
    ]);
    let after = policy([
        stream.clone(),
        stream.clone(),
        format!("{new}/index/by-status"),
        new.to_string(),
        format!("{other}/stream/2026-01-01T00:00:00.000"),
    ]);
    assert!(stream_policy(&before, &old, &stream) == after);
    let target = target("orders-restored");
    assert!(any_stream(&before, &target) == any_stream(&after, &target));
    let own = self::target("orders");
    assert!(
        any_stream(&before, &own)
            == any_stream(&stream_policy(&before, &old, &format!("{old}/stream/x")), &own)
    );
}

#[test]
fn alarms_watch_the_new_table_under_names_of_their_own() {
    let watch = |table: &str| {
        let dimensions = json!([
            { "Name": "TableName", "Value": table },
            { "Name": "GlobalSecondaryIndexName", "Value": "orders" },
        ]);
        let other = json!([{ "Name": "TableName", "Value": "orders-archive" }]);
        Json(json!({ "Dimensions": dimensions, "Metrics": [
            { "MetricStat": { "Metric": { "Dimensions": dimensions } } },
            { "MetricStat": { "Metric": { "Dimensions": other } } },
        ] }))
    };
    let (long, longer) = ("a".repeat(250), "a".repeat(251));
    let alarms = ["late", &long, &longer].map(|name| (name.to_owned(), watch("orders")));
    let then = TableSettings { alarms: Part::Known(alarms.into()), ..TableSettings::default() };
    let choices = Choices { with: [Feature::Alarms].into(), ..Choices::default() };
    let now = expected(&then, &choices, &target("orders-restored"));
    let alarms = now.alarms.known().unwrap();
    assert_eq!(alarms.len(), 3, "long names stay apart");
    assert!(alarms.keys().all(|name| name.len() <= 255));
    assert!(alarms["late (orders-restored)"] == watch("orders-restored"));
    // In another Region the alarms of the live table keep their names too.
    let mut elsewhere = target("orders");
    elsewhere.table.region = "eu-west-1".parse().unwrap();
    let there = expected(&then, &choices, &elsewhere);
    assert!(there.alarms.known().unwrap().contains_key("late (orders)"));
    // Under its own name nothing changes.
    assert!(expected(&then, &choices, &target("orders")).alarms == then.alarms);
}

#[test]
fn a_metric_of_ones_own_that_scaling_follows_is_that_of_the_new_table() {
    let scaling = |table: &str| {
        let metric = json!({ "Dimensions": [{ "Name": "TableName", "Value": table }] });
        let policy = json!({ "configuration": { "CustomizedMetricSpecification": metric } });
        serde_json::from_value(json!({ "read": { "min": 1, "max": 2, "policies": { "own": policy } } }))
            .unwrap()
    };
    let then = TableSettings { scaling: Part::Known(scaling("orders")), ..TableSettings::default() };
    let now = expected(&then, &Choices::default(), &target("orders-restored"));
    assert!(now.scaling == Part::Known(scaling("orders-restored")));
}
