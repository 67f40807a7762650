//! Point-in-time recovery and time to live.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{Answer, Store, describe::seconds, invalid, required, settings::Pitr};
use crate::{api::Scope, wire::text};

impl Store {
    pub(super) fn describe_continuous_backups(&mut self, scope: &Scope, body: &Value) -> Answer {
        let pitr = self.settings(required(body, "TableName")?)?.pitr.clone();
        let recovery = match pitr {
            None => json!({ "PointInTimeRecoveryStatus": "DISABLED" }),
            Some(Pitr { days, since }) => {
                let window = scope.now.checked_sub(SignedDuration::from_hours(24 * days)).unwrap_or(since);
                json!({
                    "PointInTimeRecoveryStatus": "ENABLED",
                    "RecoveryPeriodInDays": days,
                    "EarliestRestorableDateTime": seconds(since.max(window)),
                    "LatestRestorableDateTime": seconds(scope.now),
                })
            }
        };
        // Continuous backups are always on; what users switch is point-in-time recovery.
        Ok(json!({ "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": recovery,
        } }))
    }

    pub(super) fn update_continuous_backups(&mut self, scope: &Scope, body: &Value) -> Answer {
        let settings = self.settings(required(body, "TableName")?)?;
        let wanted = &body["PointInTimeRecoverySpecification"];
        let enabled = wanted["PointInTimeRecoveryEnabled"].as_bool().ok_or_else(|| {
            invalid("1 validation error detected: PointInTimeRecoveryEnabled must not be null")
        })?;
        let days = wanted["RecoveryPeriodInDays"].as_i64();
        if days.is_some_and(|days| !(1..=35).contains(&days)) {
            return Err(invalid("RecoveryPeriodInDays must be between 1 and 35").into());
        }
        settings.pitr = enabled.then(|| match settings.pitr.take() {
            Some(pitr) => Pitr { days: days.unwrap_or(pitr.days), ..pitr },
            None => Pitr { days: days.unwrap_or(35), since: scope.now },
        });
        self.describe_continuous_backups(scope, body)
    }

    pub(super) fn describe_ttl(&mut self, body: &Value) -> Answer {
        let ttl = &self.settings(required(body, "TableName")?)?.ttl;
        Ok(json!({ "TimeToLiveDescription": match ttl {
            Some(attribute) => json!({ "TimeToLiveStatus": "ENABLED", "AttributeName": attribute }),
            None => json!({ "TimeToLiveStatus": "DISABLED" }),
        } }))
    }

    pub(super) fn update_ttl(&mut self, scope: &Scope, body: &Value) -> Answer {
        let settings = self.settings(required(body, "TableName")?)?;
        let wanted = &body["TimeToLiveSpecification"];
        let attribute = required(wanted, "AttributeName")?;
        let enabled = wanted["Enabled"].as_bool().unwrap_or_default();
        // One change per table per hour.
        let last = settings.ttl_changed.map(|changed| scope.now.duration_since(changed));
        if last.is_some_and(|since| since < SignedDuration::from_hours(1)) {
            return Err(
                invalid("Time to live has been modified multiple times within a fixed interval").into()
            );
        }
        match (enabled, settings.ttl.as_deref()) {
            (true, Some(current)) if current == attribute => {
                return Err(invalid("TimeToLive is already enabled").into());
            }
            (true, Some(_)) => {
                return Err(invalid("TimeToLive is active on a different AttributeName").into());
            }
            (false, None) => return Err(invalid("TimeToLive is already disabled").into()),
            (false, Some(current)) if current != attribute => {
                return Err(invalid("TimeToLive is active on a different AttributeName").into());
            }
            _ => {}
        }
        settings.ttl = enabled.then(|| attribute.to_owned());
        settings.ttl_changed = Some(scope.now);
        let spec = json!({ "AttributeName": text(wanted, "AttributeName"), "Enabled": enabled });
        Ok(json!({ "TimeToLiveSpecification": spec }))
    }
}
