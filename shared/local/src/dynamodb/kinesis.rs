//! Kinesis streams that a table's changes go to. No record is ever sent.

use serde_json::{Value, json};

use super::{
    Durations, Store,
    features::Destination,
    requests::{Answer, invalid, required},
};
use crate::{
    api::{ApiError, Scope},
    wire::text,
};

impl Store {
    pub(super) fn kinesis_destinations(
        &mut self,
        scope: &Scope,
        body: &Value,
        durations: &Durations,
    ) -> Answer {
        let table = required(body, "TableName")?;
        let told = |(arn, destination): (&String, &Destination)| {
            json!({
                "StreamArn": arn,
                "DestinationStatus": destination.status(scope.now, durations),
                "ApproximateCreationDateTimePrecision": destination.precision,
            })
        };
        let destinations: Vec<Value> = self.settings(table)?.kinesis.iter().map(told).collect();
        Ok(json!({ "TableName": table, "KinesisDataStreamDestinations": destinations }))
    }

    pub(super) fn enable_kinesis(&mut self, scope: &Scope, body: &Value, durations: &Durations) -> Answer {
        let (table, arn) = (required(body, "TableName")?, required(body, "StreamArn")?);
        let wanted = &body["EnableKinesisStreamingConfiguration"];
        let precision = precision(wanted)?.unwrap_or("MILLISECOND");
        let settings = self.settings(table)?;
        settings.life.require_made(table, scope.now)?;
        let had = settings.kinesis.get(arn).map(|had| had.status(scope.now, durations));
        if had.is_some_and(|status| status != "DISABLED") {
            return Err(not_valid("enable", arn).into());
        }
        let made =
            Destination { precision: precision.to_owned(), is_on: true, switched: scope.now, updated: None };
        settings.kinesis.insert(arn.to_owned(), made);
        let mut answer = json!({ "TableName": table, "StreamArn": arn, "DestinationStatus": "ENABLING" });
        if !wanted.is_null() {
            answer["EnableKinesisStreamingConfiguration"] = wanted.clone();
        }
        Ok(answer)
    }

    pub(super) fn disable_kinesis(&mut self, scope: &Scope, body: &Value, durations: &Durations) -> Answer {
        let (table, arn) = (required(body, "TableName")?, required(body, "StreamArn")?);
        let destination = self.active(scope, table, arn, durations, "disable")?;
        destination.is_on = false;
        destination.switched = scope.now;
        Ok(json!({ "TableName": table, "StreamArn": arn, "DestinationStatus": "DISABLING" }))
    }

    pub(super) fn update_kinesis(&mut self, scope: &Scope, body: &Value, durations: &Durations) -> Answer {
        let (table, arn) = (required(body, "TableName")?, required(body, "StreamArn")?);
        let wanted = &body["UpdateKinesisStreamingConfiguration"];
        let precision = precision(wanted)?
            .ok_or_else(|| invalid("Streaming destination cannot be updated with given parameters"))?;
        let destination = self.active(scope, table, arn, durations, "update")?;
        if destination.precision == precision {
            let message = format!(
                "Invalid Request: Precision is already set to the desired value of {precision} for tableName: \
                 {table}, kdsArn: {arn}"
            );
            return Err(invalid(message).into());
        }
        precision.clone_into(&mut destination.precision);
        destination.updated = Some(scope.now);
        Ok(json!({
            "TableName": table,
            "StreamArn": arn,
            "DestinationStatus": "UPDATING",
            "UpdateKinesisStreamingConfiguration": wanted,
        }))
    }

    fn active(
        &mut self,
        scope: &Scope,
        table: &str,
        arn: &str,
        durations: &Durations,
        what: &str,
    ) -> Result<&mut Destination, ApiError> {
        self.settings(table)?
            .kinesis
            .get_mut(arn)
            .filter(|destination| destination.status(scope.now, durations) == "ACTIVE")
            .ok_or_else(|| not_valid(what, arn))
    }
}

fn precision(configuration: &Value) -> Result<Option<&str>, ApiError> {
    match text(configuration, "ApproximateCreationDateTimePrecision") {
        None => Ok(None),
        Some(precision @ ("MILLISECOND" | "MICROSECOND")) => Ok(Some(precision)),
        Some(other) => Err(invalid(format!(
            "1 validation error detected: Value '{other}' at 'approximateCreationDateTimePrecision' failed to \
             satisfy constraint: Member must satisfy enum value set: [MICROSECOND, MILLISECOND]"
        ))),
    }
}

fn not_valid(what: &str, arn: &str) -> ApiError {
    invalid(format!("Table is not in a valid state to {what} Kinesis Streaming Destination: {arn}"))
}
