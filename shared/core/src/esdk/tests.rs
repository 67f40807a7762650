use proptest::prelude::*;

use super::*;

pub(super) fn context() -> Context {
    let pairs = [
        ("account", "111122223333"),
        ("application", "backup-chain"),
        ("region", "eu-central-1"),
        ("table-id", "0d1c5a70-6f0e-4b5c-9a3d-2f7e8b1c4d6e"),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

pub(super) fn wrapped() -> WrappedKey {
    WrappedKey {
        provider: WrappedKey::AWS_KMS.to_owned(),
        key: "arn:aws:kms:eu-central-1:111122223333:key/mrk-0123456789abcdef0123456789abcdef".to_owned(),
        wrapped: (0..184).collect(),
    }
}

pub(super) fn data_key() -> DataKey {
    DataKey::new(&(1..=32).collect::<Vec<u8>>()).unwrap()
}

pub(super) fn message_id() -> [u8; 32] {
    std::array::from_fn(|at| 255 - at as u8)
}

fn sealed(text: &[u8]) -> Vec<u8> {
    seal(text, &context(), data_key(), &wrapped(), message_id()).unwrap()
}

#[test]
fn what_is_sealed_opens_and_has_the_length_foretold() {
    for length in [0, 1, 500, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME, 3 * FRAME + 17] {
        let text: Vec<u8> = (0..length).map(|at| at as u8).collect();
        let bytes = sealed(&text);
        assert_eq!(bytes.len(), sealed_len(length, &context(), &wrapped()), "{length}");
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.context(), &context());
        assert_eq!(message.wrapped_keys(), [wrapped()]);
        assert_eq!(message.open(&data_key()).unwrap(), text, "{length}");
    }
}

#[test]
fn an_empty_context_is_no_context() {
    let bytes = seal(b"text", &Context::new(), data_key(), &wrapped(), message_id()).unwrap();
    assert_eq!(bytes.len(), sealed_len(4, &Context::new(), &wrapped()));
    let message = Message::parse(&bytes).unwrap();
    assert!(message.context().is_empty());
    assert_eq!(message.open(&data_key()).unwrap(), b"text");
}

#[test]
fn another_data_key_breaks_the_commitment() {
    let bytes = sealed(b"text");
    let other = DataKey::new(&[9; 32]).unwrap();
    assert_eq!(Message::parse(&bytes).unwrap().open(&other), Err(EsdkError::Commitment));
    assert_eq!(DataKey::new(&[9; 31]).unwrap_err(), EsdkError::DataKey);
}

#[test]
fn every_cut_and_every_flipped_bit_is_refused() {
    let open = |bytes: &[u8]| Message::parse(bytes).and_then(|message| message.open(&data_key()));
    let bytes = sealed(&[5; 60]);
    for end in 0..bytes.len() {
        assert!(open(&bytes[..end]).is_err(), "cut to {end}");
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(open(&flipped).is_err(), "bit {bit}");
    }
    assert_eq!(open(&[&bytes[..], &[0]].concat()), Err(EsdkError::Trailing(bytes.len())));
}

#[test]
fn frames_cannot_be_dropped_swapped_or_made_the_last() {
    let open = |bytes: &[u8]| Message::parse(bytes).and_then(|message| message.open(&data_key()));
    let text = [1; 2 * FRAME + 9];
    let bytes = sealed(&text);
    let body = bytes.len() - (2 * (4 + 12 + FRAME + 16) + 4 + 4 + 12 + 4 + 9 + 16);
    let frame = 4 + 12 + FRAME + 16;
    let (header, frames) = bytes.split_at(body);
    let (first, rest) = frames.split_at(frame);
    let (second, last) = rest.split_at(frame);
    assert_eq!(open(&[header, first, second, last].concat()).unwrap(), text);
    for wrong in [
        [header, second, first, last].concat(),
        [header, first, last].concat(),
        [header, first, second].concat(),
    ] {
        assert!(open(&wrong).is_err());
    }
    let renumbered = [header, &1u32.to_be_bytes()[..], &second[4..], last].concat();
    assert!(open(&renumbered).is_err());
}

#[test]
fn errors_say_what_was_found() {
    let bytes = sealed(b"text");
    let mut cases = vec![("no message", b"not a message".to_vec()), ("empty", Vec::new())];
    let changed = |at: usize, value: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = value;
        bytes
    };
    cases.push(("version 1", changed(0, 1)));
    cases.push(("signing suite", changed(1, 5)));
    cases.push(("last tag", changed(bytes.len() - 1, !bytes[bytes.len() - 1])));
    cases.push(("message id", changed(3, 0)));
    let lines: Vec<_> = cases
        .iter()
        .map(|(name, bytes)| {
            let error = Message::parse(bytes).and_then(|message| message.open(&data_key())).unwrap_err();
            format!("{name}: {error}")
        })
        .collect();
    assert_eq!(
        lines,
        [
            "no message: the encrypted message has version 0x6e, metadata has 0x2",
            "empty: the encrypted message is cut at byte 0",
            "version 1: the encrypted message has version 0x1, metadata has 0x2",
            "signing suite: the encrypted message has suite 0x578, metadata has 0x478",
            "last tag: the body of the encrypted message does not authenticate: it was changed",
            "message id: the data key is not the one that the message commits to: it was made with another key",
        ]
    );
}

#[test]
fn keys_are_not_shown() {
    assert_eq!(format!("{:?}", data_key()), "DataKey(redacted)");
    let bytes = sealed(b"text");
    let shown = format!("{:?}", Message::parse(&bytes).unwrap());
    assert!(!shown.contains("text") && shown.contains("1 frames"), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_text_under_any_context_opens(
        text in prop::collection::vec(any::<u8>(), 0..9000),
        context in prop::collection::btree_map(".{0,12}", ".{0,40}", 0..5),
    ) {
        let bytes = seal(&text, &context, data_key(), &wrapped(), message_id()).unwrap();
        prop_assert_eq!(bytes.len(), sealed_len(text.len(), &context, &wrapped()));
        let message = Message::parse(&bytes).unwrap();
        prop_assert_eq!(message.context(), &context);
        prop_assert_eq!(message.open(&data_key()).unwrap(), text);
    }

    #[test]
    fn any_bytes_are_taken_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Message::parse(&bytes);
        let _ = Message::parse(&[&[2, 4, 0x78], &bytes[..]].concat());
    }

    #[test]
    fn a_spliced_message_is_refused(at in 0..540usize, with in prop::collection::vec(any::<u8>(), 1..40)) {
        let bytes = sealed(b"some text");
        let at = at.min(bytes.len());
        let mut spliced = bytes.clone();
        spliced.splice(at..bytes.len().min(at + with.len()), with);
        prop_assume!(spliced != bytes);
        prop_assert!(Message::parse(&spliced).and_then(|message| message.open(&data_key())).is_err());
    }
}
