//! One key and its states.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    api::{ApiError, Outage, Scope},
    wire::seconds,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Status {
    Enabled,
    Disabled,
    PendingDeletion {
        at: Timestamp,
    },
    /// A multi-Region primary key waits for its replicas to go first.
    PendingReplicaDeletion {
        days: i64,
    },
}

impl Status {
    fn name(&self) -> &'static str {
        match self {
            Self::Enabled => "Enabled",
            Self::Disabled => "Disabled",
            Self::PendingDeletion { .. } => "PendingDeletion",
            Self::PendingReplicaDeletion { .. } => "PendingReplicaDeletion",
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) arn: String,
    pub(super) id: String,
    pub(super) material: [u8; 32],
    pub(super) material_id: String,
    pub(super) created: Timestamp,
    pub(super) description: String,
    pub(super) status: Status,
    pub(super) rotates: bool,
    /// The key policy; `None` is the default one.
    pub(super) policy: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    /// The Region of the primary key, for multi-Region keys.
    pub(super) primary_region: Option<String>,
    /// The service that AWS manages it for; `None` is the customer's own.
    pub(super) managed_for: Option<&'static str>,
    /// When it could not be used, in order.
    pub(super) outages: Vec<Outage>,
}

pub(super) fn arn(scope: &Scope, region: &str, id: &str) -> String {
    format!("arn:aws:kms:{region}:{}:key/{id}", scope.account)
}

impl Key {
    /// # Errors
    /// As KMS refuses a cryptographic operation of a key that is not enabled.
    pub(super) fn usable(&self) -> Result<(), ApiError> {
        match self.status {
            Status::Enabled => Ok(()),
            Status::Disabled => Err(ApiError {
                status: 409,
                ..ApiError::client("DisabledException", format!("{} is disabled.", self.arn))
            }),
            Status::PendingDeletion { .. } | Status::PendingReplicaDeletion { .. } => Err(self.bad_state()),
        }
    }

    pub(super) fn enable(&mut self, now: Timestamp, enabled: bool) -> Result<Value, ApiError> {
        self.not_pending()?;
        self.turn(now, if enabled { Status::Enabled } else { Status::Disabled });
        Ok(Value::Null)
    }

    /// Takes on a status, and notes since when the key cannot be used, or that it can again.
    fn turn(&mut self, now: Timestamp, status: Status) {
        let open = self.outages.last_mut().filter(|outage| outage.until.is_none());
        match (open, status == Status::Enabled) {
            (Some(outage), true) => outage.until = Some(now),
            (None, false) => self.outages.push(Outage { from: now, until: None }),
            _ => {}
        }
        self.status = status;
    }

    pub(super) fn rotate(&mut self, rotates: bool) -> Result<Value, ApiError> {
        self.usable()?;
        self.rotates = rotates;
        Ok(Value::Null)
    }

    pub(super) fn schedule_deletion(
        &mut self,
        now: Timestamp,
        days: i64,
        has_replicas: bool,
    ) -> Result<Value, ApiError> {
        self.not_pending()?;
        let is_primary = self.primary_region.as_deref() == self.arn.split(':').nth(3);
        let status = if is_primary && has_replicas {
            Status::PendingReplicaDeletion { days }
        } else {
            Status::PendingDeletion { at: after_days(now, days) }
        };
        self.turn(now, status);
        let mut answer =
            json!({ "KeyId": self.arn, "KeyState": self.status.name(), "PendingWindowInDays": days });
        if let Some(at) = self.deletion_at() {
            answer["DeletionDate"] = seconds(at);
        }
        Ok(answer)
    }

    pub(super) fn cancel_deletion(&mut self) -> Result<Value, ApiError> {
        match self.status {
            Status::PendingDeletion { .. } | Status::PendingReplicaDeletion { .. } => {
                self.status = Status::Disabled;
                Ok(json!({ "KeyId": self.arn }))
            }
            Status::Enabled | Status::Disabled => Err(self.invalid_state("not pending deletion")),
        }
    }

    /// Begins the wait of a primary key whose replicas are gone.
    pub(super) fn start_wait(&mut self, now: Timestamp) {
        if let Status::PendingReplicaDeletion { days } = self.status {
            self.status = Status::PendingDeletion { at: after_days(now, days) };
        }
    }

    pub(super) fn deletion_at(&self) -> Option<Timestamp> {
        match self.status {
            Status::PendingDeletion { at } => Some(at),
            _ => None,
        }
    }

    /// As DescribeKey returns it; `regions` are those that hold a key of this id.
    pub(super) fn metadata(&self, account: &str, regions: &[String]) -> Value {
        let mut metadata = json!({
            "AWSAccountId": account,
            "KeyId": self.id,
            "Arn": self.arn,
            "CreationDate": seconds(self.created),
            "CurrentKeyMaterialId": self.material_id,
            "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
            "Description": self.description,
            "Enabled": self.status == Status::Enabled,
            "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
            "KeyManager": if self.managed_for.is_some() { "AWS" } else { "CUSTOMER" },
            "KeySpec": "SYMMETRIC_DEFAULT",
            "KeyState": self.status.name(),
            "KeyUsage": "ENCRYPT_DECRYPT",
            "MultiRegion": self.primary_region.is_some(),
            "Origin": "AWS_KMS",
        });
        if let Some(at) = self.deletion_at() {
            metadata["DeletionDate"] = seconds(at);
        }
        if let Some(primary) = &self.primary_region {
            let key_in = |region: &String| {
                json!({
                    "Arn": format!("arn:aws:kms:{region}:{account}:key/{}", self.id),
                    "Region": region,
                })
            };
            let is_primary = self.arn.split(':').nth(3) == Some(primary.as_str());
            let replicas: Vec<Value> =
                regions.iter().filter(|region| *region != primary).map(key_in).collect();
            metadata["MultiRegionConfiguration"] = json!({
                "MultiRegionKeyType": if is_primary { "PRIMARY" } else { "REPLICA" },
                "PrimaryKey": key_in(primary),
                "ReplicaKeys": replicas,
            });
        }
        metadata
    }

    fn not_pending(&self) -> Result<(), ApiError> {
        match self.status {
            Status::Enabled | Status::Disabled => Ok(()),
            Status::PendingDeletion { .. } | Status::PendingReplicaDeletion { .. } => Err(self.bad_state()),
        }
    }

    fn bad_state(&self) -> ApiError {
        let how = if self.deletion_at().is_some() { "pending deletion" } else { "pending replica deletion" };
        self.invalid_state(how)
    }

    fn invalid_state(&self, how: &str) -> ApiError {
        let message = format!("{} is {how}.", self.arn);
        ApiError { status: 409, ..ApiError::client("KMSInvalidStateException", message) }
    }
}

fn after_days(now: Timestamp, days: i64) -> Timestamp {
    now.checked_add(SignedDuration::from_hours(24 * days)).unwrap_or(Timestamp::MAX)
}
