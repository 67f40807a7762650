//! What infrastructure code needs to adopt a restored table.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Target;
use super::aws_cli::{quoted, scalable, scaled, text};
use crate::settings::{Dimension, TableSettings};

/// Commands by which infrastructure code adopts a restored table and what surrounds it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adoption {
    /// For CloudFormation.
    pub cloudformation: Vec<String>,
    /// For Terraform.
    pub terraform: Vec<String>,
}

/// The commands hold names.
impl fmt::Debug for Adoption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Adoption(redacted)")
    }
}

/// How to adopt a table with the settings `now`.
pub fn adoption(now: &TableSettings, target: &Target) -> Adoption {
    Adoption { cloudformation: cloudformation(now, target), terraform: terraform(now, target) }
}

/// `STACK` and the file `TEMPLATE` stand for the operator's own; the template names each resource by the logical id
/// given here, with a DeletionPolicy.
fn cloudformation(now: &TableSettings, target: &Target) -> Vec<String> {
    let mut ids = BTreeSet::new();
    let mut resources = Vec::new();
    let mut add = |kind: &str, name: &str, identifier: Value| {
        let id = unique(&mut ids, &logical(kind.rsplit(':').next().unwrap_or(kind), name), "");
        resources.push(json!({
            "ResourceType": kind, "LogicalResourceId": id, "ResourceIdentifier": identifier,
        }));
    };
    add("AWS::DynamoDB::Table", target.name().as_str(), json!({ "TableName": target.name() }));
    for dimension in now.scaling.known().into_iter().flatten().map(|(dimension, _)| dimension) {
        let kind = "AWS::ApplicationAutoScaling::ScalableTarget";
        add(kind, &String::from(dimension.clone()), scaled(dimension, target.name()));
    }
    for name in now.alarms.known().into_iter().flatten().map(|(name, _)| name) {
        add("AWS::CloudWatch::Alarm", name, json!({ "AlarmName": name }));
    }
    let of = format!("--region {} --stack-name STACK --change-set-name adopt-restored", target.table.region);
    vec![
        format!(
            "aws cloudformation create-change-set {of} --change-set-type IMPORT --template-body file://TEMPLATE \
             --resources-to-import {}",
            quoted(&text(resources.into()))
        ),
        format!("aws cloudformation execute-change-set {of}"),
    ]
}

/// Scheduled actions are left out: Terraform cannot import them, and puts them again without harm.
fn terraform(now: &TableSettings, target: &Target) -> Vec<String> {
    let (table, arn) = (target.name(), target.table.to_string());
    let mut labels = BTreeSet::new();
    let mut commands = Vec::new();
    let mut add = |kind: &str, name: &str, id: String| {
        let address = unique(&mut labels, &format!("{kind}.{}", label(name)), "_");
        commands.push(format!("terraform import {address} {}", quoted(&id)));
    };
    add("aws_dynamodb_table", table.as_str(), table.to_string());
    for (dimension, target) in now.scaling.known().into_iter().flatten() {
        let (resource, scalable) = scalable(dimension, table);
        let name = String::from(Dimension::clone(dimension));
        let id = format!("dynamodb/{resource}/{scalable}");
        for policy in target.policies.keys() {
            add("aws_appautoscaling_policy", &format!("{name}_{policy}"), format!("{id}/{policy}"));
        }
        add("aws_appautoscaling_target", &name, id);
    }
    for name in now.alarms.known().into_iter().flatten().map(|(name, _)| name) {
        add("aws_cloudwatch_metric_alarm", name, name.clone());
    }
    for stream in now.kinesis.known().into_iter().flatten().map(|(stream, _)| stream) {
        let name = stream.rsplit('/').next().unwrap_or(stream);
        add("aws_dynamodb_kinesis_streaming_destination", name, format!("{table},{stream}"));
    }
    if let Some(insights) = now.insights.known() {
        let account = &target.table.account;
        let kind = "aws_dynamodb_contributor_insights";
        if insights.table.is_some() {
            add(kind, "table", format!("name:{table}/index:/{account}"));
        }
        for index in insights.indexes.keys() {
            add(kind, index, format!("name:{table}/index:{index}/{account}"));
        }
    }
    if now.policies.known().is_some_and(|policies| policies.table.is_some()) {
        add("aws_dynamodb_resource_policy", table.as_str(), arn);
    }
    commands
}

/// A logical id: letters and digits alone.
fn logical(kind: &str, name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    let name: String = words.map(capital).collect();
    format!("{kind}{}", name.chars().take(200).collect::<String>())
}

/// A name as Terraform takes it.
fn label(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    let label: String = name.chars().map(plain).collect();
    let is_fit = label.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if is_fit { label } else { format!("_{label}") }
}

/// The name, or with a number when it is taken.
fn unique(taken: &mut BTreeSet<String>, name: &str, between: &str) -> String {
    let (mut free, mut number) = (name.to_owned(), 2);
    while !taken.insert(free.clone()) {
        free = format!("{name}{between}{number}");
        number += 1;
    }
    free
}
