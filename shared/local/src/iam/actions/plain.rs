//! SQS, Application Auto Scaling and tagging across services.

use serde_json::Value;

use super::request::{Request, tags_in, with_tag_keys, with_tags};
use crate::record::Required;

/// Batches need the right of the single operation.
pub(super) fn of_sqs(request: &Request<'_>) -> Option<Vec<Required>> {
    let (operation, body) = (request.operation, request.body);
    let single = operation.strip_suffix("Batch").unwrap_or(operation);
    let action = format!("sqs:{single}");
    Some(match operation {
        "ListQueues" => vec![Request::need(&action, "*")],
        "StartMessageMoveTask" | "ListMessageMoveTasks" => {
            vec![Request::need(&action, request.member("SourceArn").unwrap_or("*"))]
        }
        "CreateQueue"
        | "GetQueueUrl"
        | "DeleteQueue"
        | "GetQueueAttributes"
        | "SetQueueAttributes"
        | "SendMessage"
        | "SendMessageBatch"
        | "ReceiveMessage"
        | "DeleteMessage"
        | "DeleteMessageBatch"
        | "ChangeMessageVisibility"
        | "ChangeMessageVisibilityBatch"
        | "PurgeQueue"
        | "ListQueueTags"
        | "TagQueue"
        | "UntagQueue"
        | "AddPermission"
        | "RemovePermission"
        | "ListDeadLetterSourceQueues" => {
            let given = if operation == "CreateQueue" { "tags" } else { "Tags" };
            let need = Request::need(&action, queue(request));
            vec![with_tag_keys(with_tags(need, &tags_in(&body[given])), &body["TagKeys"])]
        }
        _ => return None,
    })
}

/// A queue by its name, or by the URL that ends with its account and name.
fn queue(request: &Request<'_>) -> String {
    let mut parts = request.member("QueueUrl").unwrap_or_default().rsplit('/');
    match (request.member("QueueName"), parts.next().filter(|name| !name.is_empty()), parts.next()) {
        (None, Some(name), Some(account)) if account.len() == 12 => {
            format!("arn:aws:sqs:{}:{account}:{name}", request.scope().region)
        }
        (Some(name), _, _) | (None, Some(name), _) => request.arn("sqs", name),
        (None, None, _) => request.arn("sqs", "*"),
    }
}

pub(super) fn of_scaling(request: &Request<'_>) -> Option<Vec<Required>> {
    let (operation, body) = (request.operation, request.body);
    let action = format!("application-autoscaling:{operation}");
    Some(match operation {
        "DescribeScalableTargets"
        | "DescribeScalingPolicies"
        | "DescribeScalingActivities"
        | "DescribeScheduledActions" => vec![Request::need(&action, "*")],
        // The ARN of a target ends with an id that AWS makes.
        "RegisterScalableTarget"
        | "DeregisterScalableTarget"
        | "PutScalingPolicy"
        | "DeleteScalingPolicy"
        | "PutScheduledAction"
        | "DeleteScheduledAction" => {
            let target = request.arn("application-autoscaling", "scalable-target/*");
            let mut need = with_tags(Request::need(&action, target), &tags_in(&body["Tags"]));
            for (key, member) in
                [("service-namespace", "ServiceNamespace"), ("scalable-dimension", "ScalableDimension")]
            {
                if let Some(value) = request.member(member) {
                    need.context.insert(format!("application-autoscaling:{key}"), vec![value.to_owned()]);
                }
            }
            vec![need]
        }
        "ListTagsForResource" | "TagResource" | "UntagResource" => {
            let need = Request::need(&action, request.member("ResourceARN").unwrap_or("*"));
            vec![with_tag_keys(with_tags(need, &tags_in(&body["Tags"])), &body["TagKeys"])]
        }
        _ => return None,
    })
}

/// Tagging through Resource Groups takes the right of the resource's own service too.
pub(super) fn of_tagging(request: &Request<'_>) -> Option<Vec<Required>> {
    let (operation, body) = (request.operation, request.body);
    let all = Request::need(&format!("tag:{operation}"), "*");
    let own = match operation {
        "GetResources" | "GetTagKeys" | "GetTagValues" => return Some(vec![all]),
        "TagResources" => "TagResource",
        "UntagResources" => "UntagResource",
        _ => return None,
    };
    let arns = body["ResourceARNList"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let each = arns.map(|arn| {
        let need = Request::need(&format!("{}:{own}", arn.split(':').nth(2).unwrap_or("tag")), arn);
        with_tag_keys(with_tags(need, &tags_in(&body["Tags"])), &body["TagKeys"])
    });
    Some(std::iter::once(all).chain(each).collect())
}
