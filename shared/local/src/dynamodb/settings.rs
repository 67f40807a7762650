//! The settings of a table that the engine does not keep.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::invalid;
use crate::{
    api::{ApiError, Scope},
    wire::text,
};

/// What is kept beside the engine's own table.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) id: String,
    pub(super) created: Timestamp,
    pub(super) on_demand: bool,
    /// When the table was last made on-demand.
    pub(super) on_demand_since: Option<Timestamp>,
    pub(super) throughput: Throughput,
    /// By index name.
    pub(super) indexes: BTreeMap<String, Throughput>,
    /// Class and when it was set; absent until somebody names one.
    pub(super) class: Option<(String, Timestamp)>,
    /// The key of the table, when it is not DynamoDB's own.
    pub(super) key_arn: Option<String>,
    pub(super) deletion_protection: bool,
    pub(super) stream_view: Option<String>,
    /// When the latest stream was made: its label.
    pub(super) stream_made: Option<Timestamp>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) ttl: Option<String>,
    pub(super) ttl_changed: Option<Timestamp>,
    pub(super) pitr: Option<Pitr>,
    /// The policies of the table and its stream, by ARN.
    pub(super) policies: BTreeMap<String, Policy>,
    /// Kinesis streams that the table's changes go to: ARN and precision.
    pub(super) kinesis: BTreeMap<String, String>,
    /// Where Contributor Insights are on, with their mode: by index name, empty for the table.
    pub(super) insights: BTreeMap<String, String>,
}

/// A resource-based policy.
#[derive(Debug, Clone)]
pub(super) struct Policy {
    pub(super) document: String,
    pub(super) revision: String,
}

/// Point-in-time recovery.
#[derive(Debug, Clone)]
pub(super) struct Pitr {
    pub(super) days: i64,
    pub(super) since: Timestamp,
}

/// The throughput of a table or a global index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Throughput {
    /// Read and write capacity units, when provisioned.
    pub(super) provisioned: Option<(u64, u64)>,
    /// Greatest read and write request units on demand.
    pub(super) max_read: Option<i64>,
    pub(super) max_write: Option<i64>,
    /// Warm read and write units per second, when asked for.
    pub(super) warm: Option<(i64, i64)>,
}

impl Throughput {
    /// Takes over what a CreateTable, an UpdateTable or an index's part of one says.
    pub(super) fn apply(&mut self, request: &Value, on_demand: bool) -> Result<(), ApiError> {
        if let Some(provisioned) = request.get("ProvisionedThroughput").filter(|value| !value.is_null()) {
            if on_demand {
                return Err(invalid(
                    "One or more parameter values were invalid: Neither ReadCapacityUnits nor \
                     WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
                ));
            }
            let units = |member: &str| {
                provisioned.get(member).and_then(Value::as_u64).filter(|units| *units > 0).ok_or_else(|| {
                    invalid(format!(
                        "1 validation error detected: Value at 'provisionedThroughput.{member}' failed to \
                         satisfy constraint: Member must have value greater than or equal to 1"
                    ))
                })
            };
            self.provisioned = Some((units("ReadCapacityUnits")?, units("WriteCapacityUnits")?));
        }
        if let Some(max) = request.get("OnDemandThroughput").filter(|value| !value.is_null()) {
            if !on_demand {
                return Err(invalid(
                    "One or more parameter values were invalid: OnDemandThroughput can only be specified when \
                     BillingMode is PAY_PER_REQUEST",
                ));
            }
            for (member, kept) in
                [("MaxReadRequestUnits", &mut self.max_read), ("MaxWriteRequestUnits", &mut self.max_write)]
            {
                match max.get(member).and_then(Value::as_i64) {
                    None => {}
                    Some(-1) => *kept = None,
                    Some(units) if units > 0 => *kept = Some(units),
                    Some(units) => {
                        return Err(invalid(format!("{member} is a positive number or -1, not {units}")));
                    }
                }
            }
        }
        if let Some(warm) = request.get("WarmThroughput").filter(|value| !value.is_null()) {
            let (read, write) = self.warm_units(on_demand);
            let units = |member: &str, now: i64| {
                let wanted = warm.get(member).and_then(Value::as_i64).unwrap_or(now);
                // Warm throughput can never be lowered.
                if wanted < now {
                    Err(invalid(format!(
                        "One or more parameter values were invalid: Requested {member} for WarmThroughput is \
                         lower than current WarmThroughput, decreasing WarmThroughput is not supported"
                    )))
                } else {
                    Ok(wanted)
                }
            };
            self.warm = Some((units("ReadUnitsPerSecond", read)?, units("WriteUnitsPerSecond", write)?));
        }
        Ok(())
    }

    /// Warm read and write units: those asked for, at least what the mode gives by itself.
    fn warm_units(&self, on_demand: bool) -> (i64, i64) {
        let (read, write) = match self.provisioned {
            Some((read, write)) if !on_demand => {
                (i64::try_from(read).unwrap_or(i64::MAX), i64::try_from(write).unwrap_or(i64::MAX))
            }
            _ => (12_000, 4_000),
        };
        let (warm_read, warm_write) = self.warm.unwrap_or_default();
        (read.max(warm_read), write.max(warm_write))
    }

    /// Adds the throughput members of a table's or an index's description.
    pub(super) fn describe(&self, description: &mut Value, on_demand: bool) {
        let (read, write) = self.provisioned.filter(|_| !on_demand).unwrap_or_default();
        description["ProvisionedThroughput"] =
            json!({ "NumberOfDecreasesToday": 0, "ReadCapacityUnits": read, "WriteCapacityUnits": write });
        if on_demand && (self.max_read.is_some() || self.max_write.is_some()) {
            description["OnDemandThroughput"] = json!({
                "MaxReadRequestUnits": self.max_read.unwrap_or(-1),
                "MaxWriteRequestUnits": self.max_write.unwrap_or(-1),
            });
        }
        let (read, write) = self.warm_units(on_demand);
        description["WarmThroughput"] =
            json!({ "ReadUnitsPerSecond": read, "WriteUnitsPerSecond": write, "Status": "ACTIVE" });
    }
}

impl Settings {
    /// Changes the billing mode: what only the old mode knows is forgotten and must be given anew.
    pub(super) fn change_mode(&mut self, on_demand: bool, now: Timestamp) {
        self.on_demand = on_demand;
        if on_demand {
            self.on_demand_since = Some(now);
        }
        for throughput in self.indexes.values_mut().chain([&mut self.throughput]) {
            throughput.provisioned = None;
            throughput.max_read = None;
            throughput.max_write = None;
        }
    }

    /// Takes over class, encryption, protection and stream of a CreateTable or an UpdateTable.
    pub(super) fn apply(&mut self, scope: &Scope, request: &Value) -> Result<(), ApiError> {
        if let Some(class) = text(request, "TableClass") {
            if !["STANDARD", "STANDARD_INFREQUENT_ACCESS"].contains(&class) {
                return Err(invalid(format!(
                    "1 validation error detected: Value '{class}' at 'tableClass' failed to satisfy \
                     constraint: Member must satisfy enum value set: [STANDARD, STANDARD_INFREQUENT_ACCESS]"
                )));
            }
            self.class = Some((class.to_owned(), scope.now));
        }
        if let Some(encryption) = request.get("SSESpecification").filter(|value| !value.is_null()) {
            let enabled = encryption.get("Enabled").and_then(Value::as_bool).unwrap_or_default();
            self.key_arn = enabled.then(|| key_arn(scope, text(encryption, "KMSMasterKeyId")));
        }
        if let Some(protected) = request.get("DeletionProtectionEnabled").and_then(Value::as_bool) {
            self.deletion_protection = protected;
        }
        if let Some(stream) = request.get("StreamSpecification").filter(|value| !value.is_null()) {
            self.apply_stream(scope, stream)?;
        }
        Ok(())
    }

    fn apply_stream(&mut self, scope: &Scope, stream: &Value) -> Result<(), ApiError> {
        let enabled = stream.get("StreamEnabled").and_then(Value::as_bool).unwrap_or_default();
        match (enabled, self.stream_view.is_some()) {
            (true, true) => Err(ApiError::client(
                "ResourceInUseException",
                "Table already has an enabled stream: disable it first to change its view type",
            )),
            (true, false) => {
                let view = text(stream, "StreamViewType").ok_or_else(|| {
                    invalid(
                        "One or more parameter values were invalid: StreamViewType is required when \
                         StreamEnabled is true",
                    )
                })?;
                self.stream_view = Some(view.to_owned());
                self.stream_made = Some(scope.now);
                Ok(())
            }
            (false, true) => {
                self.stream_view = None;
                Ok(())
            }
            (false, false) => Err(invalid("Table is not stream-enabled: there is no stream to disable")),
        }
    }
}

/// The ARN of a table's key, named by ARN, id or alias; none is the AWS-managed key of DynamoDB.
fn key_arn(scope: &Scope, named: Option<&str>) -> String {
    match named {
        Some(arn) if arn.starts_with("arn:") => arn.to_owned(),
        Some(named) if named.starts_with("alias/") => {
            format!("arn:aws:kms:{}:{}:{named}", scope.region, scope.account)
        }
        Some(id) => format!("arn:aws:kms:{}:{}:key/{id}", scope.region, scope.account),
        None => format!("arn:aws:kms:{}:{}:alias/aws/dynamodb", scope.region, scope.account),
    }
}
