//! Answers and errors in the protocols' shapes.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{as_moment, cbor, query};
use crate::api::ApiError;

/// What the query protocol's bodies say of their request: the header says it better.
const REQUEST_ID: &str = "see-the-header";

/// How a service frames its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// `application/x-amz-json-1.0`: the error type in the body.
    Json10,
    /// `application/x-amz-json-1.1`: the error type in the body.
    Json11,
    /// REST with JSON bodies: the error type in a header.
    Rest,
    /// Forms in, XML of this namespace out: the error type in the body.
    Query(&'static str),
    /// `application/cbor`: the error type in the body.
    Cbor,
}

/// An answer, before it becomes HTTP.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// The error code, or what stands for one, for the record.
    pub(crate) error: Option<String>,
    /// Whether the error code is reported in a header too.
    tells_code: bool,
    content_type: &'static str,
    headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn new(
        protocol: Protocol,
        status: u16,
        error: Option<String>,
        body: impl Into<Bytes>,
    ) -> Self {
        let content_type = match protocol {
            Protocol::Json10 => "application/x-amz-json-1.0",
            Protocol::Json11 => "application/x-amz-json-1.1",
            Protocol::Rest => "application/json",
            Protocol::Query(_) => "text/xml",
            Protocol::Cbor => "application/cbor",
        };
        let headers = if protocol == Protocol::Cbor {
            vec![("smithy-protocol", "rpc-v2-cbor".to_owned())]
        } else {
            Vec::new()
        };
        Self { status, error, tells_code: true, content_type, headers, body: body.into() }
    }

    /// The same with a header of the service's own.
    pub(crate) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same with another status.
    pub(crate) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// An answer that no service gave, but something before it: without an error code, and with this body in HTML.
    pub(crate) fn foreign(status: u16, html: &'static str) -> Self {
        Self {
            status,
            error: Some(format!("HTTP {status}")),
            tells_code: false,
            content_type: "text/html",
            headers: Vec::new(),
            body: Bytes::from_static(html.as_bytes()),
        }
    }

    /// The same with its document changed, where it is a success in JSON.
    pub(crate) fn edited(self, edit: impl FnOnce(Value) -> Value) -> Self {
        match serde_json::from_slice(&self.body) {
            Ok(document) if self.error.is_none() => Self { body: edit(document).to_string().into(), ..self },
            _ => self,
        }
    }

    /// The answer of an operation; `null` is an empty body where the protocol has one.
    pub(crate) fn answer(protocol: Protocol, operation: &str, answer: &Value) -> Self {
        let body = match protocol {
            Protocol::Query(namespace) => query::answer(namespace, operation, answer, REQUEST_ID).into(),
            Protocol::Cbor => cbor::encode(answer),
            _ if answer.is_null() => Vec::new(),
            _ => plain(answer).to_string().into(),
        };
        Self::new(protocol, 200, None, body)
    }

    /// A refusal.
    pub(crate) fn refusal(protocol: Protocol, error: &ApiError) -> Self {
        let ApiError { status, code, message } = error;
        let body = match protocol {
            Protocol::Json10 | Protocol::Json11 => {
                json!({ "__type": code, "message": message }).to_string().into()
            }
            Protocol::Rest => json!({ "Code": code, "Message": message }).to_string().into(),
            Protocol::Query(namespace) => query::refusal(namespace, code, message, REQUEST_ID).into(),
            Protocol::Cbor => cbor::encode(&json!({ "__type": code, "message": message })),
        };
        Self::new(protocol, *status, Some(code.clone()), body)
    }

    /// The HTTP response, with its id and the world's time.
    pub(crate) fn into_http(self, request_id: &str, now: Timestamp) -> http::Response<Bytes> {
        let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let mut response = http::Response::new(self.body);
        *response.status_mut() =
            http::StatusCode::from_u16(self.status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        for (name, value) in self.headers {
            if let Ok(value) = http::HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(self.content_type));
        for (name, value) in [
            ("date", Some(date.as_str())),
            ("x-amzn-requestid", Some(request_id)),
            ("x-amzn-errortype", self.error.as_deref().filter(|_| self.tells_code)),
        ] {
            if let Some(value) = value.and_then(|value| http::HeaderValue::from_str(value).ok()) {
                headers.insert(name, value);
            }
        }
        response
    }
}

/// A document whose moments are numbers, as the JSON protocols write them.
fn plain(document: &Value) -> Value {
    if let Some(seconds) = as_moment(document) {
        return json!(seconds);
    }
    match document {
        Value::Array(list) => list.iter().map(plain).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), plain(value))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}
