//! Answers and errors in the protocols' shapes.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::ApiError;

/// How a service frames its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// `application/x-amz-json-1.0`: the error type in the body.
    Json10,
    /// `application/x-amz-json-1.1`: the error type in the body.
    Json11,
    /// REST with JSON bodies: the error type in a header.
    Rest,
    /// XML.
    Query,
}

/// An answer, before it becomes HTTP.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// The error code, for the record.
    pub(crate) error: Option<String>,
    content_type: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    body: Bytes,
}

impl Reply {
    pub(crate) fn new(protocol: Protocol, status: u16, error: Option<String>, body: String) -> Self {
        let content_type = match protocol {
            Protocol::Json10 => "application/x-amz-json-1.0",
            Protocol::Json11 => "application/x-amz-json-1.1",
            Protocol::Rest => "application/json",
            Protocol::Query => "text/xml",
        };
        Self { status, error, content_type, headers: Vec::new(), body: body.into() }
    }

    /// The same with a header of the service's own.
    pub(crate) fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// A JSON answer; `null` is an empty body.
    pub(crate) fn json(protocol: Protocol, answer: &Value) -> Self {
        let body = if answer.is_null() { String::new() } else { answer.to_string() };
        Self::new(protocol, 200, None, body)
    }

    /// A refusal.
    pub(crate) fn refusal(protocol: Protocol, error: &ApiError) -> Self {
        let body = match protocol {
            Protocol::Json10 | Protocol::Json11 => {
                json!({ "__type": error.code, "message": error.message }).to_string()
            }
            Protocol::Rest => json!({ "Code": error.code, "Message": error.message }).to_string(),
            Protocol::Query => format!(
                "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
                 <Code>{}</Code><Message>{}</Message></Error></ErrorResponse>",
                escaped(&error.code),
                escaped(&error.message),
            ),
        };
        Self::new(protocol, error.status, Some(error.code.clone()), body)
    }

    /// The HTTP response, with its id and the world's time.
    pub(crate) fn into_http(self, request_id: &str, now: Timestamp) -> http::Response<Bytes> {
        let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let mut response = http::Response::new(self.body);
        *response.status_mut() =
            http::StatusCode::from_u16(self.status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        for (name, value) in self.headers {
            headers.insert(name, http::HeaderValue::from_static(value));
        }
        headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(self.content_type));
        for (name, value) in [
            ("date", Some(date.as_str())),
            ("x-amzn-requestid", Some(request_id)),
            ("x-amzn-errortype", self.error.as_deref()),
        ] {
            if let Some(value) = value.and_then(|value| http::HeaderValue::from_str(value).ok()) {
                headers.insert(name, value);
            }
        }
        response
    }
}

/// Text for an XML element.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
