//! Requests taken apart and answers put together, in REST-JSON as AWS Backup speaks it.

use jiff::{Timestamp, Unit};
use serde_json::{Map, Value};

use super::place::AccountRegion;
use crate::{
    api::{ApiError, Scope},
    page,
};

pub(super) struct Request<'a> {
    pub(super) scope: &'a Scope,
    pub(super) place: AccountRegion,
    pub(super) path: &'a [String],
    pub(super) query: &'a [(String, String)],
    pub(super) body: &'a Value,
}

impl Request<'_> {
    /// A segment of the path; routing has seen that it is there.
    pub(super) fn segment(&self, index: usize) -> &str {
        self.path.get(index).map_or("", String::as_str)
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn query_time(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        let Some(text) = self.query(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| invalid_parameter(format!("{name} is no timestamp: {text}")))
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name).and_then(Value::as_str)
    }

    pub(super) fn needed(&self, name: &str) -> Result<&str, ApiError> {
        self.text(name)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| ApiError::client("MissingParameterValueException", format!("{name} is required")))
    }

    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.body.get(name).and_then(Value::as_i64)
    }

    pub(super) fn now(&self) -> Timestamp {
        millis(self.scope.now)
    }
}

pub(super) fn invalid_parameter(message: impl Into<String>) -> ApiError {
    ApiError::client("InvalidParameterValueException", message)
}

pub(super) fn invalid_request(message: impl Into<String>) -> ApiError {
    ApiError::client("InvalidRequestException", message)
}

/// AWS Backup keeps time to the millisecond.
pub(super) fn millis(at: Timestamp) -> Timestamp {
    let past = at.subsec_nanosecond().rem_euclid(1_000_000);
    at - jiff::SignedDuration::from_nanos(i64::from(past))
}

/// A timestamp in an event: `2020-07-15T21:40:31.207Z`.
pub(super) fn written(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// A timestamp of an event's envelope: `2020-07-15T21:41:17Z`.
pub(super) fn written_seconds(at: Timestamp) -> String {
    let whole = at.round(Unit::Second).unwrap_or(at);
    format!("{whole:.0}")
}

/// An answer without the fields that are absent.
pub(super) fn answer<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let fields = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(fields.collect::<Map<_, _>>())
}

/// One page of what `entries` lists in order of its keys: the page and the token of the next.
///
/// AWS Backup promises no order; keys that are random make one that no one can lean on.
pub(super) fn page<'a, T>(
    request: &Request<'_>,
    longest: usize,
    entries: impl Iterator<Item = (&'a str, T)>,
) -> Result<(Vec<T>, Option<String>), ApiError> {
    let asked = match request.query("maxResults") {
        None => 1000,
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|count| (1..=1000).contains(count))
            .ok_or_else(|| invalid_parameter(format!("maxResults must be 1 to 1000, is {text}")))?,
    };
    let after = page::after(request.query("nextToken"), || invalid_parameter("Invalid pagination token"))?;
    Ok(page::page(entries, after.as_deref(), asked.min(longest)))
}
