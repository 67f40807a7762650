//! Ciphertext blobs: AES-256-GCM, opaque, of AWS's size: a wrapped 32-byte key takes 184 bytes.
//!
//! `header(5) | key id(36) | noise(95, its last 12 bytes are the nonce) | ciphertext | tag(16)`.

use std::collections::BTreeMap;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::api::ApiError;

const HEADER: [u8; 5] = [0x01, 0x02, 0x02, 0x00, 0x78];
const KEY_ID: usize = 36;
const NOISE: usize = 95;
const NONCE: usize = 12;
const TAG: usize = 16;
const PREFIX: usize = HEADER.len() + KEY_ID + NOISE;

// AWS's own blob of a 32-byte data key is this long; sizes in the tags depend on it.
const _: () = assert!(PREFIX + 32 + TAG == 184);

/// Seals `plaintext` under `key` and the encryption context; all of the blob is authenticated.
pub(super) fn seal(
    key_id: &str,
    key: &[u8; 32],
    noise: [u8; NOISE],
    context: &BTreeMap<String, String>,
    plaintext: &[u8],
) -> Result<Vec<u8>, ApiError> {
    let mut blob = Vec::with_capacity(PREFIX + plaintext.len() + TAG);
    blob.extend_from_slice(&HEADER);
    blob.extend_from_slice(key_id.as_bytes());
    blob.extend_from_slice(&noise);
    let mut body = plaintext.to_vec();
    let nonce = Nonce::try_assume_unique_for_key(&noise[NOISE - NONCE..]).map_err(|_| internal())?;
    cipher(key)?
        .seal_in_place_append_tag(nonce, Aad::from(authenticated(&blob, context)), &mut body)
        .map_err(|_| internal())?;
    blob.extend_from_slice(&body);
    Ok(blob)
}

/// Opens a blob.
///
/// # Errors
/// `InvalidCiphertextException` when anything in it, or the encryption context, was changed.
pub(super) fn open(
    key: &[u8; 32],
    context: &BTreeMap<String, String>,
    blob: &[u8],
) -> Result<Vec<u8>, ApiError> {
    let (prefix, body) = blob.split_at_checked(PREFIX).ok_or_else(invalid)?;
    let nonce = Nonce::try_assume_unique_for_key(&prefix[PREFIX - NONCE..]).map_err(|_| internal())?;
    let mut body = body.to_vec();
    let plaintext = cipher(key)?
        .open_in_place(nonce, Aad::from(authenticated(prefix, context)), &mut body)
        .map_err(|_| invalid())?;
    Ok(plaintext.to_vec())
}

/// The id of the key that a blob names.
pub(super) fn key_id(blob: &[u8]) -> Option<&str> {
    let rest = blob.strip_prefix(&HEADER)?;
    std::str::from_utf8(rest.get(..KEY_ID)?).ok()
}

pub(super) fn invalid() -> ApiError {
    ApiError::client("InvalidCiphertextException", "The ciphertext is corrupt, or its context is another.")
}

fn internal() -> ApiError {
    ApiError { status: 500, code: "KMSInternalException".to_owned(), message: "sealing failed".to_owned() }
}

fn cipher(key: &[u8; 32]) -> Result<LessSafeKey, ApiError> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| internal())
}

/// What is authenticated beside the plaintext: the blob's prefix and the context, in one order, each part
/// behind its length.
fn authenticated(prefix: &[u8], context: &BTreeMap<String, String>) -> Vec<u8> {
    let mut data = prefix.to_vec();
    for part in context.iter().flat_map(|(name, value)| [name, value]) {
        data.extend_from_slice(&(part.len() as u64).to_be_bytes());
        data.extend_from_slice(part.as_bytes());
    }
    data
}
