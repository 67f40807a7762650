//! What keys do: data keys, encryption, decryption.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{
    Kms,
    requests::{Answer, binary, required},
    seal,
};
use crate::{
    api::{ApiError, Scope},
    wire::text,
};

impl Kms {
    pub(super) fn generate_data_key(&mut self, scope: &Scope, body: &Value, with_plaintext: bool) -> Answer {
        let count = match (text(body, "KeySpec"), body.get("NumberOfBytes").and_then(Value::as_u64)) {
            (Some("AES_256"), None) => 32,
            (Some("AES_128"), None) => 16,
            (None, Some(count @ 1..=1024)) => usize::try_from(count).unwrap_or(32),
            _ => {
                return Err(ApiError::client(
                    "ValidationException",
                    "Please specify either number of bytes (1 to 1024) or key spec.",
                ));
            }
        };
        let plaintext = self.rng.bytes(count);
        let mut answer = self.sealed(scope, body, &plaintext)?;
        if with_plaintext {
            answer["Plaintext"] = json!(BASE64_STANDARD.encode(plaintext));
        }
        Ok(answer)
    }

    pub(super) fn encrypt(&mut self, scope: &Scope, body: &Value) -> Answer {
        let plaintext = binary(body, "Plaintext")?;
        if plaintext.is_empty() || plaintext.len() > 4096 {
            return Err(ApiError::client(
                "ValidationException",
                "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: \
                 Member must have length between 1 and 4096",
            ));
        }
        let answer = self.sealed(scope, body, &plaintext)?;
        // AWS documents no KeyMaterialId here, other than for data keys.
        Ok(json!({
            "CiphertextBlob": answer["CiphertextBlob"],
            "KeyId": answer["KeyId"],
            "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        }))
    }

    fn sealed(&mut self, scope: &Scope, body: &Value, plaintext: &[u8]) -> Answer {
        let context = encryption_context(body)?;
        let noise = self.rng.array();
        let key = self.key(scope, required(body, "KeyId")?)?;
        key.usable()?;
        let sealed = seal::seal(&key.id, &key.material, noise, &context, plaintext)?;
        Ok(json!({
            "CiphertextBlob": BASE64_STANDARD.encode(sealed),
            "KeyId": key.arn,
            "KeyMaterialId": key.material_id,
        }))
    }

    pub(super) fn decrypt(&self, scope: &Scope, body: &Value) -> Answer {
        let context = encryption_context(body)?;
        let sealed = binary(body, "CiphertextBlob")?;
        let id = seal::key_id(&sealed).ok_or_else(seal::invalid)?;
        let key = match text(body, "KeyId") {
            Some(named) => {
                let key = self.key(scope, named)?;
                if key.id != id {
                    return Err(ApiError::client(
                        "IncorrectKeyException",
                        "The key ID in the request does not identify a CMK that can perform this operation.",
                    ));
                }
                key
            }
            None => self.key(scope, id).map_err(|_| {
                ApiError::client(
                    "AccessDeniedException",
                    "The ciphertext refers to a customer master key that does not exist, does not exist in \
                     this region, or you are not allowed to access.",
                )
            })?,
        };
        key.usable()?;
        let plaintext = seal::open(&key.material, &context, &sealed)?;
        Ok(json!({
            "Plaintext": BASE64_STANDARD.encode(plaintext),
            "KeyId": key.arn,
            "KeyMaterialId": key.material_id,
            "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        }))
    }
}

fn encryption_context(body: &Value) -> Result<BTreeMap<String, String>, ApiError> {
    match body.get("EncryptionContext") {
        None | Some(Value::Null) => Ok(BTreeMap::new()),
        Some(context) => serde_json::from_value(context.clone())
            .map_err(|_| ApiError::client("SerializationException", "EncryptionContext is a map of strings")),
    }
}
