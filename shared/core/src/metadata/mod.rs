//! The metadata of a restore point: one document, small enough for the tags of its recovery point.
//!
//! Here are the document and its normal form ([`Document`]), its compression ([`pack`]), the way in and out
//! of tags ([`tags`]), and where the captured settings go ([`place()`]). Sealing lies between packing and
//! tags, and is not done here. `docs/metadata-format.md` describes the format to the byte.

mod document;
pub mod pack;
mod place;
pub mod tags;
mod v1;
mod versions;

use thiserror::Error;

pub use document::{Document, DocumentKind, SettingsLocation, encryption_context};
pub use place::{MAX_TAGS, MetadataPlacement, place};
pub use tags::Sealed;
pub use versions::VERSION;

/// Why metadata or settings cannot be read. No variant quotes what was found: it may be secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MetadataError {
    /// The bytes are no raw deflate stream over dictionary v1, or continue after its end.
    #[error("the metadata does not decompress: not a raw deflate stream over dictionary v1")]
    Deflate,
    /// The bytes decompress to more than the format allows.
    #[error("the metadata decompresses to more than {most} bytes, which no writer makes")]
    TooLong {
        /// The most that the format allows.
        most: usize,
    },
    /// The document, or settings, have a version that this reader does not know.
    #[error(
        "the metadata has format version {found}, this version reads up to {VERSION}: update Backup Chain"
    )]
    Version {
        /// The version found.
        found: u64,
    },
    /// The document has neither the settings nor their digest, or both.
    #[error("the document must have the table's settings or their digest, and not both")]
    Settings,
    /// The text is no document, or no settings, of its version.
    #[error("the {what} cannot be read: {problem} at byte {column}")]
    Malformed {
        /// `document` or `settings`.
        what: &'static str,
        /// What kind of problem.
        problem: &'static str,
        /// Where in the decompressed text, from 1.
        column: usize,
    },
}

impl MetadataError {
    pub(crate) fn malformed(what: &'static str, error: &serde_json::Error) -> Self {
        use serde_json::error::Category;
        let problem = match error.classify() {
            Category::Io | Category::Syntax => "no JSON",
            Category::Data => "a field is missing, unknown or has another form",
            Category::Eof => "it ends early",
        };
        Self::Malformed { what, problem, column: error.column() }
    }
}
