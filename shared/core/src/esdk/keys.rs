//! Data keys, in clear and wrapped.

use std::fmt;

use zeroize::Zeroize;

use super::error::EsdkError;
use super::format::DATA_KEY;

/// A data key in clear. It cannot be cloned or shown, seals one message, and is wiped when it is dropped.
pub struct DataKey(pub(super) [u8; DATA_KEY]);

impl DataKey {
    /// Takes the 32 bytes that KMS gave.
    ///
    /// # Errors
    /// When there are not 32 of them.
    pub fn new(bytes: &[u8]) -> Result<Self, EsdkError> {
        bytes.try_into().map(Self).map_err(|_| EsdkError::DataKey)
    }
}

impl Drop for DataKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(redacted)")
    }
}

/// An encrypted data key: what wrapped it, and the wrapped bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// Who wrapped it; [`WrappedKey::AWS_KMS`] for KMS.
    pub provider: String,
    /// With which key: for KMS its ARN.
    pub key: String,
    /// The wrapped data key: for KMS the CiphertextBlob.
    pub wrapped: Vec<u8>,
}

impl WrappedKey {
    /// The provider of keys that KMS wrapped.
    pub const AWS_KMS: &str = "aws-kms";
}

impl fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrappedKey({} {})", self.provider, self.key)
    }
}
