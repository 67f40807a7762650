//! What connects a table to others: resource policies, Kinesis streams, Contributor Insights.

use serde_json::{Value, json};

use super::{Answer, Store, invalid, required, settings::Policy};
use crate::{
    api::{ApiError, Scope},
    rng::Rng,
    wire::text,
};

const LARGEST_POLICY: usize = 20 * 1024;

impl Store {
    pub(super) fn resource_policy(&mut self, scope: &Scope, body: &Value) -> Answer {
        let arn = required(body, "ResourceArn")?;
        let policy = self.by_arn(scope, arn)?.policies.get(arn).ok_or_else(|| no_policy(arn))?;
        Ok(json!({ "Policy": policy.document, "RevisionId": policy.revision }))
    }

    pub(super) fn put_resource_policy(&mut self, scope: &Scope, body: &Value, rng: &mut Rng) -> Answer {
        let arn = required(body, "ResourceArn")?;
        let document = required(body, "Policy")?.to_owned();
        if document.len() > LARGEST_POLICY || serde_json::from_str::<Value>(&document).is_err() {
            return Err(invalid("a resource policy is a JSON document of 20 KB at most").into());
        }
        let settings = self.by_arn(scope, arn)?;
        expect_revision(settings.policies.get(arn), body, arn)?;
        let revision = rng.uuid();
        let answer = json!({ "RevisionId": revision });
        settings.policies.insert(arn.to_owned(), Policy { document, revision });
        Ok(answer)
    }

    pub(super) fn delete_resource_policy(&mut self, scope: &Scope, body: &Value) -> Answer {
        let arn = required(body, "ResourceArn")?;
        let settings = self.by_arn(scope, arn)?;
        expect_revision(settings.policies.get(arn), body, arn)?;
        let removed = settings.policies.remove(arn);
        Ok(json!({ "RevisionId": removed.map(|policy| policy.revision) }))
    }

    pub(super) fn kinesis_destinations(&mut self, body: &Value) -> Answer {
        let table = required(body, "TableName")?;
        let streams: Vec<Value> = self
            .settings(table)?
            .kinesis
            .iter()
            .map(|(arn, precision)| {
                json!({
                    "StreamArn": arn,
                    "DestinationStatus": "ACTIVE",
                    "ApproximateCreationDateTimePrecision": precision,
                })
            })
            .collect();
        Ok(json!({ "TableName": table, "KinesisDataStreamDestinations": streams }))
    }

    pub(super) fn enable_kinesis(&mut self, body: &Value) -> Answer {
        let (table, arn) = (required(body, "TableName")?, required(body, "StreamArn")?);
        let wanted = &body["EnableKinesisStreamingConfiguration"];
        let precision = text(wanted, "ApproximateCreationDateTimePrecision").unwrap_or("MILLISECOND");
        let streams = &mut self.settings(table)?.kinesis;
        if streams.contains_key(arn) {
            let message =
                format!("Table is not in a valid state to enable Kinesis Streaming Destination: {arn}");
            return Err(invalid(message).into());
        }
        streams.insert(arn.to_owned(), precision.to_owned());
        Ok(json!({ "TableName": table, "StreamArn": arn, "DestinationStatus": "ENABLING" }))
    }

    pub(super) fn disable_kinesis(&mut self, body: &Value) -> Answer {
        let (table, arn) = (required(body, "TableName")?, required(body, "StreamArn")?);
        self.settings(table)?.kinesis.remove(arn).ok_or_else(|| {
            invalid(format!("Table is not in a valid state to disable Kinesis Streaming Destination: {arn}"))
        })?;
        Ok(json!({ "TableName": table, "StreamArn": arn, "DestinationStatus": "DISABLING" }))
    }

    pub(super) fn contributor_insights(&mut self, body: &Value) -> Answer {
        let (table, index) = (required(body, "TableName")?, text(body, "IndexName").unwrap_or_default());
        let settings = self.settings(table)?;
        if !index.is_empty() && !settings.indexes.contains_key(index) {
            return Err(no_insights(table, index).into());
        }
        let mode = settings.insights.get(index);
        let mut answer = json!({
            "TableName": table,
            "ContributorInsightsStatus": if mode.is_some() { "ENABLED" } else { "DISABLED" },
        });
        if let Some(mode) = mode {
            answer["ContributorInsightsMode"] = json!(mode);
        }
        if !index.is_empty() {
            answer["IndexName"] = json!(index);
        }
        Ok(answer)
    }

    pub(super) fn update_contributor_insights(&mut self, body: &Value) -> Answer {
        let (table, index) = (required(body, "TableName")?, text(body, "IndexName").unwrap_or_default());
        let settings = self.settings(table)?;
        if !index.is_empty() && !settings.indexes.contains_key(index) {
            return Err(no_insights(table, index).into());
        }
        match required(body, "ContributorInsightsAction")? {
            "ENABLE" => {
                let mode = text(body, "ContributorInsightsMode").unwrap_or("ACCESSED_AND_THROTTLED_KEYS");
                settings.insights.insert(index.to_owned(), mode.to_owned());
            }
            "DISABLE" => {
                settings.insights.remove(index);
            }
            other => return Err(invalid(format!("no Contributor Insights action {other}")).into()),
        }
        self.contributor_insights(body)
    }
}

/// A change may name the revision that it expects: `NO_POLICY` for none.
fn expect_revision(policy: Option<&Policy>, body: &Value, arn: &str) -> Result<(), ApiError> {
    match text(body, "ExpectedRevisionId") {
        Some(expected) if expected != policy.map_or("NO_POLICY", |policy| &policy.revision) => {
            Err(no_policy(arn))
        }
        _ => Ok(()),
    }
}

fn no_policy(arn: &str) -> ApiError {
    ApiError::client(
        "PolicyNotFoundException",
        format!("Resource-based policy not found for the provided ResourceArn: {arn}"),
    )
}

fn no_insights(table: &str, index: &str) -> ApiError {
    ApiError::client(
        "ResourceNotFoundException",
        format!("Requested resource not found: table {table} has no global index {index}"),
    )
}
