//! The RPC v2 protocol's bodies: CBOR.

use serde_json::Value;

/// A document from CBOR.
///
/// # Errors
/// What is wrong with it.
pub(super) fn decode(_bytes: &[u8]) -> Result<Value, String> {
    Err("CBOR is not read yet".to_owned())
}

/// A document as CBOR.
pub(super) fn encode(_document: &Value) -> Vec<u8> {
    Vec::new()
}
