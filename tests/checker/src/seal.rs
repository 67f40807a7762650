//! Opens what the functions have sealed, as `docs/metadata-format.md` describes it. Data keys come from the recorded
//! answers of KMS.

use std::collections::BTreeMap;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA512, KeyType, Salt};
use flate2::{Decompress, FlushDecompress, Status};

/// The committed dictionary, which never changes.
const DICTIONARY: &[u8] = include_bytes!("../../../shared/core/src/metadata/dictionary-v1.txt");
/// AES-256-GCM, HKDF-SHA512, key commitment, no signature.
const SUITE: [u8; 2] = [0x04, 0x78];
/// What a reader unpacks at most.
const LONGEST: usize = 1 << 20;

/// What is in clear around a sealed text.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The encryption context.
    pub(crate) context: BTreeMap<String, String>,
    /// The text.
    pub(crate) text: Vec<u8>,
}

/// Opens a message of the AWS Encryption SDK and unpacks it: `None` when it is none, or not whole, or no key fits.
pub(crate) fn open(message: &[u8], keys: &BTreeMap<Vec<u8>, Vec<u8>>) -> Option<Opened> {
    let mut rest = message;
    let version = take(&mut rest, 1)?;
    let suite = take(&mut rest, 2)?;
    if version != [2] || suite != SUITE {
        return None;
    }
    let id = take(&mut rest, 32)?;
    let mut context = BTreeMap::new();
    if number(&mut rest, 2)? > 0 {
        for _ in 0..number(&mut rest, 2)? {
            let (key, value) = (field(&mut rest)?, field(&mut rest)?);
            context.insert(text(key)?, text(value)?);
        }
    }
    let mut wrapped = Vec::new();
    for _ in 0..number(&mut rest, 2)? {
        let (_provider, _info, key) = (field(&mut rest)?, field(&mut rest)?, field(&mut rest)?);
        wrapped.push(key);
    }
    let framed = take(&mut rest, 1)? == [2];
    let frame = number(&mut rest, 4)?;
    let committed = take(&mut rest, 32)?;
    let head = &message[..message.len() - rest.len()];
    let tag = take(&mut rest, 16)?;
    let data_key = wrapped.iter().find_map(|key| keys.get(*key))?;

    let secret = Salt::new(HKDF_SHA512, id).extract(data_key);
    let derive = |label: &[&[u8]]| {
        let mut bytes = [0; 32];
        secret.expand(label, Length).ok()?.fill(&mut bytes).ok()?;
        Some(bytes)
    };
    if !framed || derive(&[b"COMMITKEY"])? != committed {
        return None;
    }
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &derive(&[&SUITE, b"DERIVEKEY"])?).ok()?);
    let unlock = |nonce: &[u8], aad: &[u8], sealed: &[u8], tag: &[u8]| {
        let mut bytes = [sealed, tag].concat();
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let length = key.open_in_place(nonce, Aad::from(aad), &mut bytes).ok()?.len();
        bytes.truncate(length);
        Some(bytes)
    };
    unlock(&[0; 12], head, &[], tag)?;

    let mut packed = Vec::new();
    loop {
        let mut sequence = take(&mut rest, 4)?;
        let last = sequence == [0xff; 4];
        if last {
            sequence = take(&mut rest, 4)?;
        }
        let nonce = take(&mut rest, 12)?;
        let length = if last { number(&mut rest, 4)? } else { frame };
        let (sealed, tag) = (take(&mut rest, length)?, take(&mut rest, 16)?);
        let name: &[u8] =
            if last { b"AWSKMSEncryptionClient Final Frame" } else { b"AWSKMSEncryptionClient Frame" };
        let aad = [id, name, sequence, &u64::try_from(length).ok()?.to_be_bytes()].concat();
        packed.extend(unlock(nonce, &aad, sealed, tag)?);
        if last {
            break;
        }
    }
    Some(Opened { context, text: unpack(&packed).filter(|_| rest.is_empty())? })
}

fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let mut stream = Decompress::new(false);
    stream.set_dictionary(DICTIONARY).ok()?;
    let mut text = Vec::with_capacity(LONGEST);
    let status = stream.decompress_vec(packed, &mut text, FlushDecompress::Finish).ok()?;
    (status == Status::StreamEnd).then_some(text)
}

struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        32
    }
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}

fn number(rest: &mut &[u8], bytes: usize) -> Option<usize> {
    Some(take(rest, bytes)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
}

fn field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = number(rest, 2)?;
    take(rest, length)
}

fn text(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}
