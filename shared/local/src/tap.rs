//! The tap: every exchange with the world as a line of JSON, for others to judge.

use std::{
    collections::BTreeMap,
    fmt,
    io::Write,
    sync::{Mutex, PoisonError},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use serde_json::{Map, Value, json};

use crate::{Lost, wire};

/// Headers that would tell credentials: the tap leaves them out.
const SECRET: [&str; 2] = ["authorization", "x-amz-security-token"];

/// Where the exchanges go.
pub(crate) struct Tap {
    writer: Mutex<Box<dyn Write + Send>>,
}

impl Tap {
    pub(crate) fn new(writer: impl Write + Send + 'static) -> Self {
        Self { writer: Mutex::new(Box::new(writer)) }
    }

    /// Writes an exchange. What asked is kept from before the request was consumed.
    pub(crate) fn write(&self, asked: Value, answered: Result<&Response<Bytes>, &Lost>) {
        let mut line = asked;
        line["response"] = match answered {
            Ok(response) => {
                let mut told = message(response.headers(), response.body());
                told.insert("status".to_owned(), response.status().as_u16().into());
                told.into()
            }
            Err(_) => Value::Null,
        };
        let line = format!("{line}\n");
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        // Whole lines at once: a recording that is cut off ends with a line.
        if let Err(error) = writer.write_all(line.as_bytes()).and_then(|()| writer.flush()) {
            tracing::error!(%error, "an exchange could not be recorded");
        }
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap").finish_non_exhaustive()
    }
}

/// The first half of a line: the service's signing name, the Region, and the request as it came.
pub(crate) fn asked(request: &Request<Bytes>) -> Value {
    let authorization = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    let [_, region, service] = authorization.and_then(wire::credential_scope).unwrap_or_default();
    let mut told = message(request.headers(), request.body());
    told.insert("method".to_owned(), request.method().as_str().into());
    told.insert("path".to_owned(), request.uri().path().into());
    told.insert("query".to_owned(), request.uri().query().unwrap_or_default().into());
    json!({ "service": service, "region": region, "request": told })
}

/// The headers in lower case, and the body: as text where it is text, else in base64.
fn message(headers: &HeaderMap, body: &Bytes) -> Map<String, Value> {
    let headers: BTreeMap<&str, String> = headers
        .iter()
        .filter(|(name, _)| !SECRET.contains(&name.as_str()))
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let mut told = Map::new();
    told.insert("headers".to_owned(), json!(headers));
    match std::str::from_utf8(body) {
        Ok(text) => told.insert("body".to_owned(), text.into()),
        Err(_) => told.insert("body_base64".to_owned(), BASE64_STANDARD.encode(body).into()),
    };
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_told_with_its_service_and_without_its_credentials() {
        let request = Request::builder()
            .method("PUT")
            .uri("/backup-jobs/?a=b")
            .header(
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=1/20260101/eu-west-1/backup/aws4_request, x",
            )
            .header("X-Amz-Security-Token", "secret")
            .header("Content-Type", "application/json")
            .body(Bytes::from_static(b"{}"))
            .unwrap();
        let told = asked(&request);
        assert_eq!(
            told,
            json!({ "service": "backup", "region": "eu-west-1", "request": {
                "method": "PUT", "path": "/backup-jobs/", "query": "a=b", "body": "{}",
                "headers": { "content-type": "application/json" },
            }})
        );
    }

    #[test]
    fn a_body_that_is_no_text_is_told_in_base64() {
        let told = message(&HeaderMap::new(), &Bytes::from_static(&[0xff, 0x00]));
        assert_eq!(told["body_base64"], "/wA=");
    }
}
