//! The settings of a table that the engine does not keep.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::{
    features::{Destination, Insights, Pitr, Policy, Ttl},
    life::Life,
    limits::History,
    requests::invalid,
    throughput::Throughput,
};
use crate::{
    api::{ApiError, Scope},
    lags::Lagging,
    wire::text,
};

/// What is kept beside the engine's own table.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// New for each table made, even of a name that was there before.
    pub(super) id: String,
    pub(super) created: Timestamp,
    /// Whether it is seen by those who describe it.
    pub(super) there: Lagging<bool>,
    pub(super) life: Life,
    /// The moments of changes that AWS counts.
    pub(super) history: History,
    pub(super) on_demand: bool,
    /// When the table was last made on-demand.
    pub(super) on_demand_since: Option<Timestamp>,
    pub(super) throughput: Throughput,
    /// By index name.
    pub(super) indexes: BTreeMap<String, Throughput>,
    /// Class and when it was set; absent until somebody names one.
    pub(super) class: Option<(String, Timestamp)>,
    /// The key of the table, when it is not DynamoDB's own. Since when is in [`Life::keyed`].
    pub(super) key_arn: Option<String>,
    pub(super) deletion_protection: bool,
    pub(super) stream_view: Option<String>,
    /// When the latest stream was made: its label.
    pub(super) stream_made: Option<Timestamp>,
    pub(super) tags: Lagging<BTreeMap<String, String>>,
    pub(super) ttl: Lagging<Option<Ttl>>,
    pub(super) pitr: Lagging<Option<Pitr>>,
    /// The policies of the table and its streams, by ARN.
    pub(super) policies: BTreeMap<String, Lagging<Option<Policy>>>,
    /// Kinesis streams that the table's changes go to or went to, by ARN.
    pub(super) kinesis: BTreeMap<String, Destination>,
    /// Where Contributor Insights are or were on: by index name, empty for the table.
    pub(super) insights: BTreeMap<String, Insights>,
    /// What the table was made of, when it was restored.
    pub(super) restored: Option<Restored>,
    /// Members of the description that a test has planted.
    pub(super) planted: BTreeMap<String, Value>,
}

/// What a restored table was made of.
#[derive(Debug, Clone)]
pub(super) struct Restored {
    /// The ARN of the backup, where it is reported.
    pub(super) backup: Option<String>,
    pub(super) table: String,
    /// The moment of the backup's contents.
    pub(super) at: Timestamp,
}

impl Settings {
    /// A table that nothing has been said of.
    pub(super) fn new(id: String, now: Timestamp, life: Life) -> Self {
        Self {
            id,
            created: now,
            there: Lagging::known(true),
            life,
            history: History::default(),
            on_demand: false,
            on_demand_since: None,
            throughput: Throughput::default(),
            indexes: BTreeMap::new(),
            class: None,
            key_arn: None,
            deletion_protection: false,
            stream_view: None,
            stream_made: None,
            tags: Lagging::default(),
            ttl: Lagging::default(),
            pitr: Lagging::default(),
            policies: BTreeMap::new(),
            kinesis: BTreeMap::new(),
            insights: BTreeMap::new(),
            restored: None,
            planted: BTreeMap::new(),
        }
    }

    /// The label of the latest stream: the moment at which it was made.
    pub(super) fn stream_label(&self) -> Option<String> {
        self.stream_made.map(|made| made.strftime("%Y-%m-%dT%H:%M:%S%.3f").to_string())
    }

    /// Changes the billing mode: what only the old mode knows is forgotten and must be given again.
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

    /// Takes over class, encryption, protection and stream of a CreateTable or an UpdateTable. What a table is
    /// created with is no change that counts.
    ///
    /// # Errors
    /// `ValidationException` for a value that there is not, `LimitExceededException` for one change too many.
    pub(super) fn apply(&mut self, scope: &Scope, request: &Value, is_new: bool) -> Result<(), ApiError> {
        if let Some(class) = text(request, "TableClass") {
            if !["STANDARD", "STANDARD_INFREQUENT_ACCESS"].contains(&class) {
                return Err(invalid(format!(
                    "1 validation error detected: Value '{class}' at 'tableClass' failed to satisfy \
                     constraint: Member must satisfy enum value set: [STANDARD, STANDARD_INFREQUENT_ACCESS]"
                )));
            }
            if class != self.class.as_ref().map_or("STANDARD", |(class, _)| class) && !is_new {
                self.history.class(scope.now)?;
            }
            self.class = Some((class.to_owned(), scope.now));
        }
        if let Some(encryption) = request.get("SSESpecification").filter(|value| !value.is_null()) {
            let key = key_of(encryption)?;
            if key != self.key_arn && !is_new {
                self.history.encryption(scope.now)?;
            }
            self.life.keyed(scope.now);
            self.key_arn = key;
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
            // AWS documents both as validation errors.
            (true, true) => {
                Err(invalid("Table already has an enabled stream: disable it first to change its view type"))
            }
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

/// The key that an `SSESpecification` names; `None` is DynamoDB's own. The door has put the key's ARN in the place of
/// what names it.
///
/// # Errors
/// `ValidationException`.
pub(super) fn key_of(encryption: &Value) -> Result<Option<String>, ApiError> {
    if let Some(kind) = text(encryption, "SSEType").filter(|kind| *kind != "KMS") {
        return Err(invalid(format!(
            "One or more parameter values were invalid: SSEType {kind} is not supported"
        )));
    }
    let named = text(encryption, "KMSMasterKeyId");
    match (encryption.get("Enabled").and_then(Value::as_bool).unwrap_or_default(), named) {
        (true, Some(arn)) => Ok(Some(arn.to_owned())),
        (true, None) => Err(invalid("the key of the table has not been resolved")),
        (false, Some(_)) => Err(invalid(
            "One or more parameter values were invalid: KMSMasterKeyId can only be specified with Enabled",
        )),
        (false, None) => Ok(None),
    }
}
