//! The wire: signed HTTP requests in, each service's own protocol out.

mod incoming;
mod reply;
mod service;

pub(crate) use incoming::Incoming;
pub(crate) use reply::{Protocol, Reply, escaped};
pub(crate) use service::Service;

use serde_json::Value;

/// A text member of a JSON object.
pub(crate) fn text<'a>(body: &'a Value, member: &str) -> Option<&'a str> {
    body.get(member).and_then(Value::as_str)
}
