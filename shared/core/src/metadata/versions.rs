//! The versions of the document: one is written, and every one up to it is read.

use serde::Deserialize;

use super::{Document, MetadataError, pack, v1};

/// Reads one version of the form.
type Reader = fn(&[u8]) -> Result<Document, MetadataError>;

/// The readers of all versions, that of version 1 first. What one of them reads never changes: a new version comes with
/// a reader of its own.
const READERS: [Reader; 1] = [v1::read];

/// The format version that is written, and the newest that is read.
pub const VERSION: u64 = READERS.len() as u64;

impl Document {
    /// The normal form: compact JSON.
    pub fn to_bytes(&self) -> Vec<u8> {
        v1::write(self)
    }

    /// Reads the normal form, of whatever version up to ours. Each is closed: a field that it does not name is refused,
    /// never dropped.
    ///
    /// # Errors
    /// When the bytes are no document, or one of a newer version. The error tells where, never what.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MetadataError> {
        read_with(&READERS, bytes)
    }

    /// The normal form, compressed with the preset dictionary: what is sealed.
    pub fn pack(&self) -> Vec<u8> {
        pack::deflate(&self.to_bytes())
    }

    /// Reads what [`pack`](Self::pack) wrote.
    ///
    /// # Errors
    /// When the bytes do not decompress, or hold no document of a version that is known.
    pub fn unpack(bytes: &[u8]) -> Result<Self, MetadataError> {
        Self::from_bytes(&pack::inflate(bytes)?)
    }
}

fn read_with(readers: &[Reader], bytes: &[u8]) -> Result<Document, MetadataError> {
    #[derive(Deserialize)]
    struct Version {
        v: u64,
    }
    let Version { v: found } =
        serde_json::from_slice(bytes).map_err(|error| MetadataError::malformed("document", &error))?;
    let reader = found.checked_sub(1).and_then(|at| readers.get(usize::try_from(at).ok()?));
    reader.ok_or(MetadataError::Version { found })?(bytes)
}

#[cfg(test)]
#[path = "versions_tests.rs"]
mod tests;
