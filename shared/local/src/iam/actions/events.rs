//! EventBridge and CloudWatch.

use serde_json::Value;

use super::request::{Request, tags_in, with_tag_keys, with_tags};
use crate::{record::Required, wire::text};

pub(super) fn required(request: &Request<'_>) -> Option<Vec<Required>> {
    let (operation, body) = (request.operation, request.body);
    let action = format!("events:{operation}");
    let bus_arn = |name: &str| {
        if name.starts_with("arn:") {
            name.to_owned()
        } else {
            request.arn("events", &format!("event-bus/{name}"))
        }
    };
    // A rule of another bus than the account's own carries the bus in its ARN.
    let rule = |member: &str| {
        let name = request.member(member).unwrap_or("*");
        let bus = request.member("EventBusName").unwrap_or("default");
        let bus = bus.rsplit('/').next().unwrap_or(bus);
        let name = if bus == "default" { name.to_owned() } else { format!("{bus}/{name}") };
        request.arn("events", &format!("rule/{name}"))
    };
    let resource = || request.member("ResourceARN").unwrap_or("*");
    Some(match operation {
        "ListRules" | "ListEventBuses" | "ListRuleNamesByTarget" | "TestEventPattern" => {
            vec![Request::need(&action, "*")]
        }
        "PutRule" => {
            let put = with_tags(Request::need(&action, rule("Name")), &tags_in(&body["Tags"]));
            std::iter::once(put).chain(request.pass_role("RoleArn", "events.amazonaws.com")).collect()
        }
        "DescribeRule" | "DeleteRule" | "EnableRule" | "DisableRule" => {
            vec![Request::need(&action, rule("Name"))]
        }
        "PutTargets" => {
            let mut put = Request::need(&action, rule("Rule"));
            let targets: Vec<&Value> = body["Targets"].as_array().into_iter().flatten().collect();
            let arns = targets.iter().filter_map(|target| text(target, "Arn")).map(str::to_owned).collect();
            put.context.insert("events:TargetArn".to_owned(), arns);
            let passed = targets.iter().filter_map(|target| {
                let mut need = Request::need("iam:PassRole", text(target, "RoleArn")?);
                let service = vec!["events.amazonaws.com".to_owned()];
                need.context.insert("iam:PassedToService".to_owned(), service);
                Some(need)
            });
            std::iter::once(put).chain(passed).collect()
        }
        "RemoveTargets" | "ListTargetsByRule" => vec![Request::need(&action, rule("Rule"))],
        "PutEvents" => {
            let mut buses: Vec<String> = body["Entries"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|entry| bus_arn(text(entry, "EventBusName").unwrap_or("default")))
                .collect();
            buses.sort_unstable();
            buses.dedup();
            buses.into_iter().map(|bus| Request::need(&action, bus)).collect()
        }
        "CreateEventBus" | "DescribeEventBus" | "DeleteEventBus" | "UpdateEventBus" => {
            let bus = bus_arn(request.member("Name").unwrap_or("default"));
            vec![with_tags(Request::need(&action, bus), &tags_in(&body["Tags"]))]
        }
        "PutPermission" | "RemovePermission" => {
            vec![Request::need(&action, bus_arn(request.member("EventBusName").unwrap_or("default")))]
        }
        "ListTagsForResource" => vec![Request::need(&action, resource())],
        "TagResource" => vec![with_tags(Request::need(&action, resource()), &tags_in(&body["Tags"]))],
        "UntagResource" => vec![with_tag_keys(Request::need(&action, resource()), &body["TagKeys"])],
        _ => return None,
    })
}

pub(super) fn of_cloudwatch(request: &Request<'_>) -> Option<Vec<Required>> {
    let (operation, body) = (request.operation, request.body);
    let action = format!("cloudwatch:{operation}");
    let alarm = |name: &str| Request::need(&action, request.arn("cloudwatch", &format!("alarm:{name}")));
    // CloudWatch's dashboards belong to no Region.
    let dashboard = |name: &str| {
        Request::need(&action, format!("arn:aws:cloudwatch::{}:dashboard/{name}", request.scope().account))
    };
    let resource = || request.member("ResourceARN").unwrap_or("*");
    let names = |member: &str| body[member].as_array().into_iter().flatten().filter_map(Value::as_str);
    Some(match operation {
        "PutMetricAlarm" | "PutCompositeAlarm" => {
            vec![with_tags(alarm(request.member("AlarmName").unwrap_or("*")), &tags_in(&body["Tags"]))]
        }
        "SetAlarmState" | "DescribeAlarmHistory" => vec![alarm(request.member("AlarmName").unwrap_or("*"))],
        "DeleteAlarms" | "EnableAlarmActions" | "DisableAlarmActions" => {
            names("AlarmNames").map(alarm).collect()
        }
        "DescribeAlarms" if names("AlarmNames").next().is_some() => names("AlarmNames").map(alarm).collect(),
        "DescribeAlarms" => vec![alarm("*")],
        "PutMetricData" => {
            let mut need = Request::need(&action, "*");
            let namespace = request.member("Namespace").unwrap_or_default();
            need.context.insert("cloudwatch:namespace".to_owned(), vec![namespace.to_owned()]);
            vec![need]
        }
        "GetMetricData" | "GetMetricStatistics" | "ListMetrics" | "DescribeAlarmsForMetric" => {
            vec![Request::need(&action, "*")]
        }
        "PutDashboard" | "GetDashboard" => vec![dashboard(request.member("DashboardName").unwrap_or("*"))],
        "DeleteDashboards" => names("DashboardNames").map(dashboard).collect(),
        "ListDashboards" => vec![dashboard("*")],
        "ListTagsForResource" => vec![Request::need(&action, resource())],
        "TagResource" => vec![with_tags(Request::need(&action, resource()), &tags_in(&body["Tags"]))],
        "UntagResource" => vec![with_tag_keys(Request::need(&action, resource()), &body["TagKeys"])],
        _ => return None,
    })
}
