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
mod error;
mod format;
mod keys;
mod message;
mod read;

pub use error::EsdkError;
pub use format::{Context, DATA_KEY, FRAME, MESSAGE_ID};
pub use keys::{DataKey, WrappedKey};
pub use message::{Message, seal, sealed_len};

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
