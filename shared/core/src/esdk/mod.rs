//! The AWS Encryption SDK message format, version 2, in the one suite that metadata uses: 0x0478, AES-256-GCM
//! with HKDF-SHA512 and key commitment, without a signature.
//!
//! Written over `aws-lc-rs`, synchronous and pure: no key service, no clock, no randomness. The caller
//! gets the data key from KMS, [`seal`] uses it for one message and drops it. The other way, [`Message::parse`]
//! tells the wrapped data keys and the encryption context, the caller checks the context and has KMS unwrap a
//! key, and [`Message::open`] gives the plaintext, authenticated as a whole or not at all.
//!
//! Every length is checked against what is there, so that any bytes may be read.

mod crypto;
mod message;
mod read;

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;
use zeroize::Zeroize;

pub use message::Message;

/// The encryption context: authenticated, in clear, and logged by KMS.
pub type Context = BTreeMap<String, String>;

/// The length of a data key in bytes.
pub const DATA_KEY: usize = 32;
/// The length of a message id in bytes.
pub const MESSAGE_ID: usize = 32;
/// The plaintext that goes into one frame; AWS's own default.
pub const FRAME: usize = 4096;

/// A data key in clear. It cannot be cloned or shown, seals one message, and is wiped when it is dropped.
pub struct DataKey([u8; DATA_KEY]);

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

/// Why a message cannot be made, read or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EsdkError {
    /// The data key has another length.
    #[error("a data key has {DATA_KEY} bytes")]
    DataKey,
    /// A text or a count does not fit its length field.
    #[error("the {0} is longer than an encryption message can hold")]
    TooLong(&'static str),
    /// The message ends before its end.
    #[error("the encrypted message is cut at byte {0}")]
    Cut(usize),
    /// There are bytes behind its end.
    #[error("the encrypted message goes on behind its end at byte {0}")]
    Trailing(usize),
    /// The message is of another version or suite.
    #[error("the encrypted message has {what} {found:#x}, metadata has {expected:#x}")]
    Unsupported {
        /// What differs.
        what: &'static str,
        /// What is there.
        found: u32,
        /// What must be there.
        expected: u32,
    },
    /// A field holds what the format forbids.
    #[error("the encrypted message has a malformed {what} at byte {at}")]
    Malformed {
        /// Which field.
        what: &'static str,
        /// Where its end is.
        at: usize,
    },
    /// The data key is not the one to which the message is committed.
    #[error("the data key is not the one that the message commits to: it was made with another key")]
    Commitment,
    /// The header or the body does not authenticate.
    #[error("the {0} of the encrypted message does not authenticate: it was changed")]
    Authentication(&'static str),
    /// The cryptographic library refused.
    #[error("the cryptographic library failed to {0}")]
    Library(&'static str),
}

/// Seals `plaintext` under `context` with `data_key`, which `wrapped` lets its owner find again.
///
/// `message_id` must be random: it is the salt from which the message's own keys are derived.
///
/// # Errors
/// When the context or the wrapped key does not fit its length fields.
#[expect(clippy::needless_pass_by_value, reason = "a data key seals one message and is gone")]
pub fn seal(
    plaintext: &[u8],
    context: &Context,
    data_key: DataKey,
    wrapped: &WrappedKey,
    message_id: [u8; MESSAGE_ID],
) -> Result<Vec<u8>, EsdkError> {
    message::seal(plaintext, context, &data_key, wrapped, message_id)
}

/// The length of the message that [`seal`] makes of `plaintext` bytes, known beforehand so that one data key
/// is enough: the tags that a message takes are counted before it is sealed.
pub fn sealed_len(plaintext: usize, context: &Context, wrapped: &WrappedKey) -> usize {
    message::sealed_len(plaintext, context, wrapped)
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
