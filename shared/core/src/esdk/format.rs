//! What the format fixes: what a context is, lengths, and the suite.

use std::collections::BTreeMap;

/// The encryption context: authenticated, in clear, and logged by KMS.
pub type Context = BTreeMap<String, String>;

/// The length of a data key in bytes.
pub const DATA_KEY: usize = 32;
/// The length of a message id in bytes.
pub const MESSAGE_ID: usize = 32;
/// The plaintext that goes into one frame; AWS's own default.
pub const FRAME: usize = 4096;

/// AES-256-GCM, HKDF-SHA512, key commitment, no signature.
pub(super) const SUITE: u16 = 0x0478;
