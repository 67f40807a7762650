//! Events that functions are asked to take, and what becomes of those that fail.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::names::{Key, invalid};
use crate::{
    api::ApiError,
    wire::{text, timestamp},
};

/// An event that a function is asked to take.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(super) request_id: String,
    pub(super) function: Key,
    pub(super) payload: Bytes,
    pub(super) since: Timestamp,
    /// How often it has been tried.
    pub(super) tries: u32,
}

/// What becomes of events that fail. By default AWS tries twice more, within six hours.
#[derive(Debug, Clone)]
pub(super) struct Retries {
    pub(super) most: u32,
    pub(super) longest: SignedDuration,
    pub(super) on_failure: Option<String>,
}

impl Default for Retries {
    fn default() -> Self {
        Self { most: 2, longest: SignedDuration::from_hours(6), on_failure: None }
    }
}

impl Retries {
    /// What PutFunctionEventInvokeConfig asks for.
    ///
    /// # Errors
    /// As Lambda refuses it.
    pub(super) fn read(body: &Value) -> Result<Self, ApiError> {
        let default = Self::default();
        let within =
            |member: &str, bounds: std::ops::RangeInclusive<i64>, default: i64| match body[member].as_i64() {
                None => Ok(default),
                Some(number) if bounds.contains(&number) => Ok(number),
                Some(number) => {
                    Err(invalid(format!("{member} is {} to {}, not {number}", bounds.start(), bounds.end())))
                }
            };
        let most = within("MaximumRetryAttempts", 0..=2, i64::from(default.most))?;
        let longest = within("MaximumEventAgeInSeconds", 60..=21_600, default.longest.as_secs())?;
        Ok(Self {
            most: u32::try_from(most).unwrap_or_default(),
            longest: SignedDuration::from_secs(longest),
            on_failure: text(&body["DestinationConfig"]["OnFailure"], "Destination").map(str::to_owned),
        })
    }

    pub(super) fn view(&self, arn: &str, modified: Timestamp) -> Value {
        let destination = self.on_failure.as_ref().map_or(json!({}), |arn| json!({ "Destination": arn }));
        json!({
            "FunctionArn": format!("{arn}:$LATEST"),
            "LastModified": timestamp(modified),
            "MaximumRetryAttempts": self.most,
            "MaximumEventAgeInSeconds": self.longest.as_secs(),
            "DestinationConfig": { "OnSuccess": {}, "OnFailure": destination },
        })
    }
}
