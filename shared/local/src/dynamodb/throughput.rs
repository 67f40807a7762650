//! Throughput of tables and global indexes.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{limits::Decreases, requests::invalid};
use crate::{api::ApiError, wire::seconds};

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
    /// When what was asked for is warm.
    pub(super) warm_at: Option<Timestamp>,
    decreases: Decreases,
    increased: Option<Timestamp>,
}

impl Throughput {
    /// Takes over what a CreateTable, an UpdateTable or an index's part of one says.
    ///
    /// # Errors
    /// `ValidationException` for what the mode does not take, `LimitExceededException` for one decrease too many.
    pub(super) fn apply(&mut self, request: &Value, on_demand: bool, now: Timestamp) -> Result<(), ApiError> {
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
            let wanted = (units("ReadCapacityUnits")?, units("WriteCapacityUnits")?);
            if let Some(had) = self.provisioned {
                if wanted.0 < had.0 || wanted.1 < had.1 {
                    self.decreases.add(now)?;
                }
                if wanted.0 > had.0 || wanted.1 > had.1 {
                    self.increased = Some(now);
                }
            }
            self.provisioned = Some(wanted);
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
    pub(super) fn describe(&self, description: &mut Value, on_demand: bool, now: Timestamp) {
        let (read, write) = self.provisioned.filter(|_| !on_demand).unwrap_or_default();
        description["ProvisionedThroughput"] = json!({
            "NumberOfDecreasesToday": self.decreases.count(now),
            "ReadCapacityUnits": read,
            "WriteCapacityUnits": write,
        });
        for (member, at) in
            [("LastIncreaseDateTime", self.increased), ("LastDecreaseDateTime", self.decreases.last())]
        {
            if let Some(at) = at {
                description["ProvisionedThroughput"][member] = seconds(at);
            }
        }
        if on_demand && (self.max_read.is_some() || self.max_write.is_some()) {
            description["OnDemandThroughput"] = json!({
                "MaxReadRequestUnits": self.max_read.unwrap_or(-1),
                "MaxWriteRequestUnits": self.max_write.unwrap_or(-1),
            });
        }
        let (read, write) = self.warm_units(on_demand);
        let status = if self.warm_at.is_some_and(|at| now < at) { "UPDATING" } else { "ACTIVE" };
        description["WarmThroughput"] =
            json!({ "ReadUnitsPerSecond": read, "WriteUnitsPerSecond": write, "Status": status });
    }
}
