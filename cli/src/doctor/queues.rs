//! The queues: how much waits, and what no try could take.

use std::collections::HashMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use backup_chain_aws::AwsError;
use backup_chain_aws::error::failed;
use backup_chain_core::functions::feeds;
use serde_json::Value;

use super::context::CheckContext;
use super::finding::{Check, Finding, is_missing};
use crate::console::count;

/// So many events are taken in a few minutes.
const MAX_HEALTHY_MESSAGES: usize = 500;

pub(super) async fn check(look: &CheckContext<'_>) -> Vec<Finding> {
    let client = Client::new(&look.config(look.source()));
    let mut findings = Vec::new();
    for (queue, function) in feeds() {
        let (name, failed) = (look.named(queue), look.named(&format!("{queue}-failed")));
        findings.extend(waiting(look, &client, &name, &failed, function).await);
        findings.push(set_aside(look, &client, &name, &failed).await);
    }
    findings
}

type Attributes = HashMap<Attribute, String>;

async fn attributes(client: &Client, name: &str) -> Result<Attributes, AwsError> {
    let url = client.get_queue_url().queue_name(name).send().await;
    let url = url.map_err(failed("sqs:GetQueueUrl", name))?.queue_url.unwrap_or_default();
    let asked = client.get_queue_attributes().queue_url(url).attribute_names(Attribute::All).send().await;
    Ok(asked.map_err(failed("sqs:GetQueueAttributes", name))?.attributes.unwrap_or_default())
}

fn number(attributes: &Attributes, name: &Attribute) -> usize {
    attributes.get(name).and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn not_readable(place: &str, name: &str, error: &AwsError) -> Finding {
    if is_missing(error) {
        Finding::wrong(Check::Queues, place, format!("there is no queue {name}"))
            .fix("deploy the stack again")
    } else {
        Finding::unknown(Check::Queues, place, error)
    }
}

async fn waiting(
    look: &CheckContext<'_>,
    client: &Client,
    name: &str,
    failed: &str,
    function: &str,
) -> Vec<Finding> {
    let place = look.here(name);
    let found = match attributes(client, name).await {
        Ok(found) => found,
        Err(error) => return vec![not_readable(&place, name, &error)],
    };
    let mut findings = Vec::new();
    let redrive = found.get(&Attribute::RedrivePolicy).map(String::as_str).unwrap_or_default();
    let redrive: Value = serde_json::from_str(redrive).unwrap_or_default();
    if redrive["deadLetterTargetArn"].as_str() != Some(look.arn("sqs", failed).as_str()) {
        let what = format!("what no try can take is not set aside in {failed}: it comes again for days");
        findings.push(Finding::wrong(Check::Queues, &place, what).fix("deploy the stack again"));
    }
    let waiting = number(&found, &Attribute::ApproximateNumberOfMessages);
    if waiting > MAX_HEALTHY_MESSAGES {
        let what = format!("{} wait: the {function} function takes fewer than come", count(waiting, "event"));
        let fix = format!("see the log of {}; the tick follows the jobs meanwhile", look.named(function));
        findings.push(Finding::warning(Check::Queues, &place, what).fix(fix));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(Check::Queues, place, format!("{} waiting", count(waiting, "event"))));
    }
    findings
}

async fn set_aside(look: &CheckContext<'_>, client: &Client, name: &str, failed: &str) -> Finding {
    let place = look.here(failed);
    let found = match attributes(client, failed).await {
        Ok(found) => found,
        Err(error) => return not_readable(&place, failed, &error),
    };
    let kept = number(&found, &Attribute::ApproximateNumberOfMessages)
        + number(&found, &Attribute::ApproximateNumberOfMessagesNotVisible);
    if kept == 0 {
        return Finding::ok(Check::Queues, place, "empty");
    }
    let what = format!("{} that no try could take", count(kept, "event"));
    Finding::wrong(Check::Queues, place, what)
        .fix("see why in the function's log, then have them tried again; the tick has followed their jobs")
        .command(format!(
            "aws sqs start-message-move-task --region {} --source-arn {} --destination-arn {}",
            look.source(),
            look.arn("sqs", failed),
            look.arn("sqs", name)
        ))
}
