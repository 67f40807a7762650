//! Schedules, the rules of AWS Backup's events, and what brings queues to functions.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::operation::describe_rule::DescribeRuleOutput;
use aws_sdk_eventbridge::types::RuleState;
use backup_chain_aws::AwsError;
use backup_chain_aws::error::failed;
use backup_chain_core::functions::{FUNCTIONS, RETENTION, feeds};

use super::context::CheckContext;
use super::finding::{Check, Finding, Repair, is_missing};

/// What a rule without its purpose means.
fn means(rule: &str) -> &'static str {
    match rule {
        "tick" => "nothing is backed up, copied or followed",
        "retention" => "nothing outdated is removed",
        _ => "jobs that end are noticed by the tick only, minutes later",
    }
}

pub(super) async fn check(look: &CheckContext<'_>) -> Vec<Finding> {
    let client = Client::new(&look.config(look.source()));
    let function = |name: &str| look.arn("lambda", &format!("function:{}", look.named(name)));
    let queue = |name: &str| look.arn("sqs", &look.named(name));
    let ticked = FUNCTIONS.into_iter().filter(|function| function.has_tick);
    let rules = [
        ("tick", ticked.map(|ticked| function(ticked.name)).collect()),
        ("retention", vec![function(RETENTION.name)]),
        ("jobs", vec![queue("jobs")]),
        ("restores", vec![queue("restores")]),
    ];
    let mut findings = Vec::new();
    for (rule, targets) in rules {
        findings.extend(of_rule(look, &client, rule, &targets).await);
    }
    for (queue, function) in feeds() {
        findings.push(feed(look, queue, function).await);
    }
    findings
}

/// A rule as EventBridge describes it.
pub(super) async fn described(look: &CheckContext<'_>, rule: &str) -> Result<DescribeRuleOutput, AwsError> {
    let client = Client::new(&look.config(look.source()));
    describe(&client, &look.named(rule)).await
}

async fn describe(client: &Client, name: &str) -> Result<DescribeRuleOutput, AwsError> {
    client.describe_rule().name(name).send().await.map_err(failed("events:DescribeRule", name))
}

async fn of_rule(look: &CheckContext<'_>, client: &Client, rule: &str, targets: &[String]) -> Vec<Finding> {
    let name = look.named(rule);
    let (place, region) = (look.here(&name), look.source());
    let found = match describe(client, &name).await {
        Ok(found) => found,
        Err(error) if is_missing(&error) => {
            let what = format!("there is no rule {name}: {}", means(rule));
            return vec![Finding::wrong(Check::Rules, place, what).fix("deploy the stack again")];
        }
        Err(error) => return vec![Finding::unknown(Check::Rules, place, &error)],
    };
    let mut findings = Vec::new();
    if found.state() == Some(&RuleState::Disabled) {
        let what = format!("the rule is disabled: {}", means(rule));
        findings.push(
            Finding::wrong(Check::Rules, &place, what)
                .fix("enable it")
                .command(format!("aws events enable-rule --region {region} --name {name}"))
                .repair(Repair::Rule(name.clone())),
        );
    }
    let listed = client.list_targets_by_rule().rule(&name).send().await;
    match listed.map_err(failed("events:ListTargetsByRule", &name)) {
        Ok(listed) => {
            let has = |arn: &String| listed.targets().iter().any(|target| target.arn() == arn);
            for target in targets.iter().filter(|target| !has(target)) {
                let target = target.rsplit(':').next().unwrap_or(target);
                let what = format!("the rule does not reach {target}: {}", means(rule));
                findings.push(Finding::wrong(Check::Rules, &place, what).fix("deploy the stack again"));
            }
        }
        Err(error) => findings.push(Finding::unknown(Check::Rules, &place, &error)),
    }
    if findings.is_empty() {
        let when = found.schedule_expression().unwrap_or("on events of AWS Backup");
        findings.push(Finding::ok(Check::Rules, place, format!("enabled, {when}")));
    }
    findings
}

/// The mapping that brings a queue's messages to its function.
async fn feed(look: &CheckContext<'_>, queue: &str, function: &str) -> Finding {
    const OPERATION: &str = "lambda:ListEventSourceMappings";
    let (name, function) = (look.named(queue), look.named(function));
    let (place, region) = (look.here(&name), look.source());
    let client = aws_sdk_lambda::Client::new(&look.config(region));
    let queue = look.arn("sqs", &name);
    let listed =
        client.list_event_source_mappings().function_name(&function).event_source_arn(queue).send().await;
    let listed = match listed.map_err(failed(OPERATION, &function)) {
        Ok(listed) => listed,
        // Of a function that is not there the mappings are not there either.
        Err(error) if !is_missing(&error) => return Finding::unknown(Check::Feeds, place, &error),
        Err(_) => {
            let what = format!("there is no function {function} to bring its events to");
            return Finding::wrong(Check::Feeds, place, what).fix("deploy the stack again");
        }
    };
    let Some(mapping) = listed.event_source_mappings().first() else {
        let what = format!("nothing brings its events to {function}: {}", means("jobs"));
        return Finding::wrong(Check::Feeds, place, what).fix("deploy the stack again");
    };
    let state = mapping.state().unwrap_or("in no state");
    if !matches!(state, "Disabled" | "Disabling") {
        return Finding::ok(Check::Feeds, place, format!("brought to {function}: {state}"));
    }
    let what = format!("its events are not brought to {function}, the mapping is {state}: {}", means("jobs"));
    let finding = Finding::wrong(Check::Feeds, place, what).fix("enable it");
    match mapping.uuid() {
        None => finding,
        Some(id) => finding
            .command(format!(
                "aws lambda update-event-source-mapping --region {region} --uuid {id} --enabled"
            ))
            .repair(Repair::Feed(id.to_owned())),
    }
}
