//! Point-in-time recovery and time to live.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    Durations, Store,
    features::{Pitr, Ttl},
    options::later,
    requests::{Answer, invalid, no_backups_of, required},
};
use crate::{
    api::{ApiError, Scope},
    lags::{Lag, Lags},
    wire::{seconds, text},
};

impl Store {
    pub(super) fn describe_continuous_backups(&mut self, scope: &Scope, body: &Value) -> Answer {
        let table = required(body, "TableName")?;
        let pitr = &self.tables.get(table).ok_or_else(|| no_backups_of(table))?.pitr;
        Ok(continuous_backups(pitr.seen(Lag::TableSettings, scope.now).as_ref(), scope.now))
    }

    pub(super) fn update_continuous_backups(
        &mut self,
        scope: &Scope,
        body: &Value,
        durations: &Durations,
        lags: &mut Lags,
    ) -> Answer {
        let table = required(body, "TableName")?;
        let settings = self.tables.get_mut(table).ok_or_else(|| no_backups_of(table))?;
        let ready = settings.life.ready.map(|ready| later(ready, durations.continuous_backups));
        if ready.is_none_or(|ready| scope.now < ready) {
            return Err(ApiError::client(
                "ContinuousBackupsUnavailableException",
                format!("Backups are being enabled for the table: {table}. Please retry later"),
            )
            .into());
        }
        let wanted = &body["PointInTimeRecoverySpecification"];
        let enabled = wanted["PointInTimeRecoveryEnabled"].as_bool().ok_or_else(|| {
            invalid("1 validation error detected: PointInTimeRecoveryEnabled must not be null")
        })?;
        let days = wanted["RecoveryPeriodInDays"].as_i64();
        if days.is_some_and(|days| !(1..=35).contains(&days)) {
            return Err(invalid("RecoveryPeriodInDays must be between 1 and 35").into());
        }
        let pitr = enabled.then(|| match settings.pitr.as_ref() {
            Some(pitr) => Pitr { days: days.unwrap_or(pitr.days), since: pitr.since },
            None => Pitr { days: days.unwrap_or(35), since: scope.now },
        });
        let answer = continuous_backups(pitr.as_ref(), scope.now);
        settings.pitr.set(pitr, lags.draw(&[Lag::TableSettings], scope.now));
        Ok(answer)
    }

    pub(super) fn describe_ttl(&mut self, scope: &Scope, body: &Value, durations: &Durations) -> Answer {
        let settings = self.settings(required(body, "TableName")?)?;
        let ttl = settings.ttl.seen(Lag::TableSettings, scope.now);
        let told = match ttl {
            None => json!({ "TimeToLiveStatus": "DISABLED" }),
            Some(ttl) => {
                let settled = later(ttl.changed, durations.switch) <= scope.now;
                match (ttl.enabled, settled) {
                    (true, true) => json!({ "TimeToLiveStatus": "ENABLED", "AttributeName": ttl.attribute }),
                    (true, false) => {
                        json!({ "TimeToLiveStatus": "ENABLING", "AttributeName": ttl.attribute })
                    }
                    (false, false) => {
                        json!({ "TimeToLiveStatus": "DISABLING", "AttributeName": ttl.attribute })
                    }
                    (false, true) => json!({ "TimeToLiveStatus": "DISABLED" }),
                }
            }
        };
        Ok(json!({ "TimeToLiveDescription": told }))
    }

    pub(super) fn update_ttl(&mut self, scope: &Scope, body: &Value, lags: &mut Lags) -> Answer {
        let table = required(body, "TableName")?;
        let settings = self.settings(table)?;
        settings.life.require_made(table, scope.now)?;
        let wanted = &body["TimeToLiveSpecification"];
        let attribute = required(wanted, "AttributeName")?;
        if !(1..=255).contains(&attribute.len()) {
            return Err(invalid(
                "1 validation error detected: Value at 'timeToLiveSpecification.attributeName' failed to satisfy \
                 constraint: Member must have length between 1 and 255",
            )
            .into());
        }
        let enabled = wanted["Enabled"].as_bool().unwrap_or_default();
        // AWS documents one change per table in the hour that each may take.
        let last = settings.ttl.as_ref().map(|ttl| scope.now.duration_since(ttl.changed));
        if last.is_some_and(|since| since < SignedDuration::from_hours(1)) {
            return Err(
                invalid("Time to live has been modified multiple times within a fixed interval").into()
            );
        }
        let current = settings.ttl.as_ref().filter(|ttl| ttl.enabled).map(|ttl| ttl.attribute.as_str());
        match (enabled, current) {
            (true, Some(current)) if current == attribute => {
                return Err(invalid("TimeToLive is already enabled").into());
            }
            (false, None) => return Err(invalid("TimeToLive is already disabled").into()),
            (_, Some(current)) if current != attribute => {
                let message = format!(
                    "TimeToLive is active on a different AttributeName: current AttributeName is {current}"
                );
                return Err(invalid(message).into());
            }
            _ => {}
        }
        let ttl = Ttl { attribute: attribute.to_owned(), enabled, changed: scope.now };
        settings.ttl.set(Some(ttl), lags.draw(&[Lag::TableSettings], scope.now));
        let spec = json!({ "AttributeName": text(wanted, "AttributeName"), "Enabled": enabled });
        Ok(json!({ "TimeToLiveSpecification": spec }))
    }
}

/// Continuous backups are always on; what users switch is point-in-time recovery.
fn continuous_backups(pitr: Option<&Pitr>, now: Timestamp) -> Value {
    let recovery = match pitr {
        None => json!({ "PointInTimeRecoveryStatus": "DISABLED" }),
        Some(Pitr { days, since }) => {
            let window = now.checked_sub(SignedDuration::from_hours(24 * days)).unwrap_or(*since);
            json!({
                "PointInTimeRecoveryStatus": "ENABLED",
                "RecoveryPeriodInDays": days,
                "EarliestRestorableDateTime": seconds((*since).max(window)),
                "LatestRestorableDateTime": seconds(now),
            })
        }
    };
    json!({ "ContinuousBackupsDescription": {
        "ContinuousBackupsStatus": "ENABLED",
        "PointInTimeRecoveryDescription": recovery,
    } })
}
