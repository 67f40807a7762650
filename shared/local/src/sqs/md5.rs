//! The MD5 digests with which SQS's clients check what arrived.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use md5::{Digest as _, Md5};
use serde_json::{Map, Value};

use crate::{rng::hex, wire::text};

/// The digest of a body.
pub(super) fn of_body(body: &str) -> String {
    hex(&Md5::digest(body))
}

/// The digest of message attributes, `None` when there are none. AWS documents it: by name, each name,
/// type and value with its length before it, and before the value 1 for text or 2 for bytes.
pub(super) fn of_attributes(attributes: &Map<String, Value>) -> Option<String> {
    if attributes.is_empty() {
        return None;
    }
    let mut names: Vec<&String> = attributes.keys().collect();
    names.sort_unstable();
    let mut digest = Md5::new();
    let part = |digest: &mut Md5, bytes: &[u8]| {
        digest.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        digest.update(bytes);
    };
    for name in names {
        let attribute = &attributes[name];
        part(&mut digest, name.as_bytes());
        part(&mut digest, text(attribute, "DataType").unwrap_or_default().as_bytes());
        if let Some(value) = text(attribute, "StringValue") {
            digest.update([1]);
            part(&mut digest, value.as_bytes());
        } else {
            digest.update([2]);
            part(&mut digest, &bytes_of(attribute));
        }
    }
    Some(hex(&digest.finalize()))
}

/// The bytes of a binary attribute.
pub(super) fn bytes_of(attribute: &Value) -> Vec<u8> {
    text(attribute, "BinaryValue").and_then(|value| STANDARD.decode(value).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn digests_are_those_that_clients_compute() {
        assert_eq!(of_body("This is a test message"), "fafb00f5732ab283681e124bf8747ed1");
        let attributes = json!({ "timestamp": { "DataType": "Number", "StringValue": "1493147359900" } });
        assert_eq!(
            of_attributes(attributes.as_object().unwrap()).as_deref(),
            Some("235c5c510d26fb653d073faed50ae77c")
        );
        assert_eq!(of_attributes(&Map::new()), None);
    }
}
