//! Reading a request: who sends it, where to, and what it asks.

use bytes::Bytes;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::{Protocol, cbor, query};
use crate::api::{ApiError, Scope};

/// A request, read as far as every service reads it.
#[derive(Debug, Clone)]
pub(crate) struct Incoming {
    pub(crate) scope: Scope,
    /// The name of the role's session; `session` when the token names none.
    pub(crate) session: String,
    /// The signing name of the service.
    pub(crate) service: String,
    pub(crate) method: String,
    /// As it was sent.
    pub(crate) uri: http::Uri,
    /// Percent-decoded segments: an ARN is one of them.
    pub(crate) path: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    /// The `X-Amz-Target` header of the JSON protocols.
    pub(crate) target: Option<String>,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Incoming {
    /// Reads a request that arrived at `now`. Account, Region and service come from the credential scope
    /// of the signature, never from the host; the signature itself is not checked.
    pub(crate) fn read(request: http::Request<Bytes>, now: Timestamp) -> Result<Self, ApiError> {
        let (head, body) = request.into_parts();
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        let [access_key, region, service] =
            header("authorization").and_then(credential_scope).ok_or_else(|| ApiError {
                status: 403,
                code: "MissingAuthenticationTokenException".to_owned(),
                message: "Missing Authentication Token".to_owned(),
            })?;
        let (caller, session) = token(header("x-amz-security-token").unwrap_or_default());
        let (session, service) = (session.to_owned(), service.to_owned());
        Ok(Self {
            scope: Scope {
                account: account(access_key).to_owned(),
                region: region.to_owned(),
                caller: caller.to_owned(),
                now,
            },
            session,
            service,
            method: head.method.to_string(),
            // Some clients end list paths with a slash, others do not.
            path: head.uri.path().split('/').filter(|part| !part.is_empty()).map(decoded).collect(),
            query: pairs(head.uri.query().unwrap_or_default()),
            target: header("x-amz-target").map(str::to_owned),
            uri: head.uri,
            headers: head.headers,
            body,
        })
    }

    /// A header, when it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The operation of the RPC v2 protocol: `/service/<name>/operation/<operation>`.
    pub(crate) fn rpc_operation(&self) -> Option<&str> {
        match self.path.as_slice() {
            [service, _, operation, name] if service == "service" && operation == "operation" => Some(name),
            _ => None,
        }
    }

    /// The body in the shape of a JSON document, whatever protocol it came in; `Null` when it is empty.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn document(&self, protocol: Protocol) -> Result<Value, String> {
        match protocol {
            Protocol::Query(_) => Ok(query::document(&self.form())),
            _ if self.body.is_empty() => Ok(Value::Null),
            Protocol::Cbor => cbor::decode(&self.body),
            _ => serde_json::from_slice(&self.body).map_err(|error| error.to_string()),
        }
    }

    /// The fields of a form body, as the query protocol sends it.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        pairs(&String::from_utf8_lossy(&self.body).replace('+', " "))
    }
}

/// The account of an access key: twelve digits, as they are or behind what AWS's own keys begin with.
fn account(access_key: &str) -> &str {
    let digits = ["AKIA", "ASIA"].iter().find_map(|kind| access_key.strip_prefix(kind)).unwrap_or(access_key);
    let is_account = digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_account { digits } else { "000000000000" }
}

/// The role and the session of a token: `ROLE/SESSION`, or the role alone.
fn token(token: &str) -> (&str, &str) {
    token.split_once('/').unwrap_or((token, "session"))
}

/// `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, ...` → key, Region, service.
pub(crate) fn credential_scope(authorization: &str) -> Option<[&str; 3]> {
    let (_, rest) = authorization.split_once("Credential=")?;
    let mut parts = rest.split([',', ' ']).next()?.split('/');
    let (key, _date, region, service) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    Some([key, region, service])
}

fn pairs(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
