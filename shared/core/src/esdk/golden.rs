//! Committed messages under a fixed data key, ours and those of the official library for Python, which
//! `tests/python/golden.py` makes and checks from its side.

use crate::metadata::{Document, SettingsLocation, tags};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::tests::{context, data_key, message_id, wrapped};
use super::*;

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../../../tests/fixtures/", $name)).trim_end()
    };
}

fn open(message: &str) -> Vec<u8> {
    let bytes = STANDARD.decode(message).unwrap();
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.context(), &context());
    assert_eq!(message.wrapped_keys(), [wrapped()]);
    message.open(&data_key()).unwrap()
}

fn long() -> Vec<u8> {
    (0..1000).flat_map(|number| format!("line {number}\n").into_bytes()).collect()
}

#[test]
fn we_open_what_the_official_library_sealed() {
    let document = Document::unpack(&open(fixture!("message-python.b64"))).unwrap();
    assert_eq!(document.to_bytes(), fixture!("document-v1.json").as_bytes());
    assert!(matches!(document.settings, SettingsLocation::Inline(_)));
    assert_eq!(open(fixture!("message-python-frames.b64")), long());
}

#[test]
fn we_seal_as_we_always_have() {
    let packed = STANDARD.decode(fixture!("document-v1.b64")).unwrap();
    let sealed = seal(&packed, &context(), data_key(), &wrapped(), message_id()).unwrap();
    assert_eq!(sealed.len(), packed.len() + 529, "what docs/metadata-format.md tells of the overhead");
    assert_eq!(tags::parts(sealed.len()), 6, "a typical table");
    assert_eq!(STANDARD.encode(sealed), fixture!("message-ours.b64"));
    let sealed = seal(&long(), &context(), data_key(), &wrapped(), message_id()).unwrap();
    assert_eq!(STANDARD.encode(sealed), fixture!("message-ours-frames.b64"));
    assert_eq!(open(fixture!("message-ours-frames.b64")), long());
}
