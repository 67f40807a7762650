//! Seals documents as a writer of the format would.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA512, KeyType, Salt};
use flate2::{Compress, Compression, FlushCompress};

const DICTIONARY: &[u8] = include_bytes!("../../../../../shared/core/src/metadata/dictionary-v1.txt");

struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        32
    }
}

/// One message in one frame.
pub fn seal(text: &str, key: &[u8; 32], wrapped: &[u8], context: &[(&str, &str)]) -> Vec<u8> {
    let mut stream = Compress::new(Compression::best(), false);
    stream.set_dictionary(DICTIONARY).unwrap();
    let mut packed = Vec::with_capacity(text.len() + 100);
    stream.compress_vec(text.as_bytes(), &mut packed, FlushCompress::Finish).unwrap();

    let id = [7; 32];
    let secret = Salt::new(HKDF_SHA512, &id).extract(key);
    let derive = |label: &[&[u8]]| {
        let mut bytes = [0; 32];
        secret.expand(label, Length).unwrap().fill(&mut bytes).unwrap();
        bytes
    };
    let short = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let mut pairs = u16::try_from(context.len()).unwrap().to_be_bytes().to_vec();
    for (name, value) in context {
        pairs.extend(short(name.as_bytes()));
        pairs.extend(short(value.as_bytes()));
    }
    let mut head = vec![2, 0x04, 0x78];
    head.extend(id);
    head.extend(short(&pairs));
    head.extend([0, 1]);
    for part in [b"aws-kms".as_slice(), b"arn", wrapped] {
        head.extend(short(part));
    }
    head.push(2);
    head.extend(4096_u32.to_be_bytes());
    head.extend(derive(&[b"COMMITKEY"]));

    let key =
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &derive(&[&[0x04, 0x78], b"DERIVEKEY"])).unwrap());
    let lock = |nonce: [u8; 12], aad: &[u8], mut bytes: Vec<u8>| {
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut bytes)
            .unwrap();
        bytes
    };
    let sequence = 1_u32.to_be_bytes();
    let nonce = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let length = u64::try_from(packed.len()).unwrap().to_be_bytes();
    let aad = [&id, b"AWSKMSEncryptionClient Final Frame".as_slice(), &sequence, &length].concat();
    let mut message = head.clone();
    message.extend(lock([0; 12], &head, Vec::new()));
    message.extend([0xff; 4]);
    message.extend(sequence);
    message.extend(nonce);
    message.extend(&length[4..]);
    message.extend(lock(nonce, &aad, packed));
    message
}
