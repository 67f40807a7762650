//! Reading a message: every length is checked against what is there.

use super::error::EsdkError;

/// Bytes and how far they have been read.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes have been read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The bytes that have been read.
    pub(super) fn seen(&self) -> &'a [u8] {
        &self.bytes[..self.at]
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], EsdkError> {
        let taken = self.bytes[self.at..].get(..length).ok_or(EsdkError::Cut(self.bytes.len()))?;
        self.at += length;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], EsdkError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(super) fn byte(&mut self) -> Result<u8, EsdkError> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn short(&mut self) -> Result<u16, EsdkError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn int(&mut self) -> Result<u32, EsdkError> {
        self.array().map(u32::from_be_bytes)
    }

    /// Bytes behind their length in two bytes.
    pub(super) fn prefixed(&mut self) -> Result<&'a [u8], EsdkError> {
        let length = self.short()?;
        self.take(length.into())
    }

    /// The same, as text.
    pub(super) fn text(&mut self, what: &'static str) -> Result<String, EsdkError> {
        let bytes = self.prefixed()?;
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| self.malformed(what))
    }

    /// The end of everything.
    pub(super) fn end(&self) -> Result<(), EsdkError> {
        if self.at == self.bytes.len() { Ok(()) } else { Err(EsdkError::Trailing(self.at)) }
    }

    pub(super) fn malformed(&self, what: &'static str) -> EsdkError {
        EsdkError::Malformed { what, at: self.at }
    }
}
