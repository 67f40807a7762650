//! The wire: signed HTTP requests in, each service's own protocol out.

mod cbor;
mod incoming;
mod query;
mod reply;
mod service;

pub(crate) use incoming::{Incoming, credential_scope};
pub(crate) use reply::{Protocol, Reply};
pub(crate) use service::Service;

use jiff::Timestamp;
use serde_json::{Value, json};

/// A text member of a JSON object.
pub(crate) fn text<'a>(body: &'a Value, member: &str) -> Option<&'a str> {
    body.get(member).and_then(Value::as_str)
}

/// A moment in an answer as JSON writes it: seconds since the epoch, with milliseconds.
#[expect(clippy::cast_precision_loss, reason = "milliseconds since the epoch are far below 2^53")]
pub(crate) fn seconds(at: Timestamp) -> Value {
    json!(at.as_millisecond() as f64 / 1000.0)
}

/// A moment in an answer of a service that speaks several protocols: each writes it in its own way.
pub(crate) fn timestamp(at: Timestamp) -> Value {
    json!({ TIMESTAMP_MARKER: seconds(at) })
}

/// The one member of what [`timestamp`] makes.
const TIMESTAMP_MARKER: &str = "$moment";

/// The seconds since the epoch of what [`timestamp`] made.
fn as_moment(value: &Value) -> Option<f64> {
    let members = value.as_object().filter(|members| members.len() == 1)?;
    members.get(TIMESTAMP_MARKER)?.as_f64()
}
