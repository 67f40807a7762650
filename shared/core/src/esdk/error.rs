//! What can be wrong with a message.

use thiserror::Error;

use super::format::DATA_KEY;

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
