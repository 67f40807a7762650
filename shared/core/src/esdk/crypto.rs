//! Keys and authentication of one message.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA512, KeyType, Salt};
use zeroize::Zeroizing;

use super::error::EsdkError;
use super::format::{MESSAGE_ID, SUITE};
use super::keys::DataKey;

/// The length of an initialisation vector.
pub(super) const IV: usize = 12;
/// The length of an authentication tag.
pub(super) const TAG: usize = 16;
/// The length of the commitment to the data key.
pub(super) const COMMITMENT: usize = 32;

/// What is derived from a data key for one message.
pub(super) struct MessageKey {
    key: LessSafeKey,
    message_id: [u8; MESSAGE_ID],
    pub(super) commitment: [u8; COMMITMENT],
}

#[derive(Clone, Copy)]
struct Bytes32;

impl KeyType for Bytes32 {
    fn len(&self) -> usize {
        32
    }
}

impl MessageKey {
    /// HKDF-SHA512 with the message id as salt: one key to encrypt, one value to commit to the data key.
    pub(super) fn derive(data_key: &DataKey, message_id: [u8; MESSAGE_ID]) -> Result<Self, EsdkError> {
        let failed = |_| EsdkError::Library("derive the message key");
        let secret = Salt::new(HKDF_SHA512, &message_id).extract(&data_key.0);
        let mut encryption = Zeroizing::new([0; 32]);
        let info: [&[u8]; 2] = [&SUITE.to_be_bytes(), b"DERIVEKEY"];
        secret.expand(&info, Bytes32).and_then(|key| key.fill(&mut encryption[..])).map_err(failed)?;
        let mut commitment = [0; COMMITMENT];
        secret.expand(&[b"COMMITKEY"], Bytes32).and_then(|key| key.fill(&mut commitment)).map_err(failed)?;
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &encryption[..]).map_err(failed)?);
        Ok(Self { key, message_id, commitment })
    }

    /// The tag over the header: an empty text under an IV of zeros, which no frame has.
    pub(super) fn header_tag(&self, header: &[u8]) -> Result<[u8; TAG], EsdkError> {
        self.seal([0; IV], header, &mut [])
    }

    /// Checks the tag over the header in constant time.
    pub(super) fn check_header(&self, header: &[u8], tag: &[u8; TAG]) -> Result<(), EsdkError> {
        self.open([0; IV], header, tag, &mut [], "header")
    }

    /// Encrypts the text of one frame in place; its IV is its number.
    pub(super) fn seal_frame(
        &self,
        number: u32,
        is_last: bool,
        text: &mut [u8],
    ) -> Result<[u8; TAG], EsdkError> {
        self.seal(frame_iv(number), &self.frame_aad(number, is_last, text.len()), text)
    }

    /// Decrypts the text of one frame in place.
    pub(super) fn open_frame(
        &self,
        number: u32,
        is_last: bool,
        iv: [u8; IV],
        tag: &[u8; TAG],
        text: &mut [u8],
    ) -> Result<(), EsdkError> {
        self.open(iv, &self.frame_aad(number, is_last, text.len()), tag, text, "body")
    }

    fn frame_aad(&self, number: u32, is_last: bool, length: usize) -> Vec<u8> {
        let what: &[u8] =
            if is_last { b"AWSKMSEncryptionClient Final Frame" } else { b"AWSKMSEncryptionClient Frame" };
        [&self.message_id, what, &number.to_be_bytes(), &(length as u64).to_be_bytes()].concat()
    }

    fn seal(&self, iv: [u8; IV], aad: &[u8], text: &mut [u8]) -> Result<[u8; TAG], EsdkError> {
        let failed = EsdkError::Library("encrypt");
        let tag = self
            .key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(iv), Aad::from(aad), text)
            .map_err(|_| failed)?;
        tag.as_ref().try_into().map_err(|_| failed)
    }

    fn open(
        &self,
        iv: [u8; IV],
        aad: &[u8],
        tag: &[u8; TAG],
        text: &mut [u8],
        what: &'static str,
    ) -> Result<(), EsdkError> {
        self.key
            .open_in_place_separate_tag(Nonce::assume_unique_for_key(iv), Aad::from(aad), tag, text)
            .map(|_| ())
            .map_err(|_| EsdkError::Authentication(what))
    }
}

/// The IV of a frame: its number, in twelve bytes.
pub(super) fn frame_iv(number: u32) -> [u8; IV] {
    let mut iv = [0; IV];
    iv[8..].copy_from_slice(&number.to_be_bytes());
    iv
}
