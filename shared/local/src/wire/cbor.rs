//! The RPC v2 protocol's bodies: CBOR.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ciborium::Value as Cbor;
use serde_json::{Map, Number, Value};

use super::as_moment;

/// The tag of a moment: seconds since the epoch. The protocol uses no other.
const EPOCH_SECONDS: u64 = 1;

/// A document from CBOR: moments become numbers, bytes base64, as the JSON protocols write them.
///
/// # Errors
/// What is wrong with it.
pub(super) fn decode(bytes: &[u8]) -> Result<Value, String> {
    let mut rest = bytes;
    let value: Cbor = ciborium::from_reader(&mut rest).map_err(|error| error.to_string())?;
    if !rest.is_empty() {
        return Err(format!("{} bytes follow the document", rest.len()));
    }
    document(value)
}

fn document(value: Cbor) -> Result<Value, String> {
    Ok(match value {
        Cbor::Null => Value::Null,
        Cbor::Bool(truth) => Value::from(truth),
        Cbor::Integer(number) => {
            let number = i128::from(number);
            Number::from_i128(number).map(Value::Number).ok_or_else(|| format!("{number} is out of range"))?
        }
        // JSON has no numbers for these: its protocols write them as text.
        Cbor::Float(number) => Number::from_f64(number).map_or_else(
            || {
                let infinity = if number > 0.0 { "Infinity" } else { "-Infinity" };
                Value::from(if number.is_nan() { "NaN" } else { infinity })
            },
            Value::Number,
        ),
        Cbor::Text(text) => Value::from(text),
        Cbor::Bytes(bytes) => Value::from(BASE64_STANDARD.encode(bytes)),
        Cbor::Array(list) => Value::Array(list.into_iter().map(document).collect::<Result<_, _>>()?),
        Cbor::Map(members) => Value::Object(
            members
                .into_iter()
                .map(|(name, value)| match name {
                    Cbor::Text(name) => Ok((name, document(value)?)),
                    other => Err(format!("the name of a member is text, not {other:?}")),
                })
                .collect::<Result<Map<_, _>, _>>()?,
        ),
        Cbor::Tag(EPOCH_SECONDS, moment) if matches!(*moment, Cbor::Integer(_) | Cbor::Float(_)) => {
            document(*moment)?
        }
        other => return Err(format!("not of the protocol: {other:?}")),
    })
}

/// A document as CBOR; `null` is an empty body, as of an operation that answers nothing.
pub(super) fn encode(document: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    if !document.is_null() {
        #[expect(clippy::expect_used, reason = "a vector takes all bytes, and plain values have a form")]
        ciborium::into_writer(&item(document), &mut bytes).expect("values are written to memory");
    }
    bytes
}

fn item(value: &Value) -> Cbor {
    if let Some(seconds) = as_moment(value) {
        return Cbor::Tag(EPOCH_SECONDS, Box::new(Cbor::Float(seconds)));
    }
    match value {
        Value::Null => Cbor::Null,
        Value::Bool(truth) => Cbor::Bool(*truth),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), _, _) => Cbor::Integer(number.into()),
            (_, Some(number), _) => Cbor::Integer(number.into()),
            (_, _, number) => Cbor::Float(number.unwrap_or(f64::NAN)),
        },
        Value::String(text) => Cbor::Text(text.clone()),
        Value::Array(list) => Cbor::Array(list.iter().map(item).collect()),
        Value::Object(members) => {
            Cbor::Map(members.iter().map(|(name, value)| (Cbor::Text(name.clone()), item(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::wire::timestamp;

    fn documents() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_filter("JSON has no others", |number| number.is_finite()).prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                prop::collection::btree_map("[A-Za-z]{0,8}", inner, 0..6)
                    .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(document in documents()) {
            prop_assume!(!document.is_null());
            prop_assert_eq!(decode(&encode(&document)), Ok(document));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn indefinite_lengths_and_short_floats_are_read() {
        // {_ "a": [_ 1, 1.5 (half)], "b": (_ "x", "y"), "c": 1.5 (single), "d": (_ h'01', h'02')}
        let bytes = b"\xbf\x61a\x9f\x01\xf9\x3e\x00\xff\x61b\x7f\x61x\x61y\xff\x61c\xfa\x3f\xc0\x00\x00\
            \x61d\x5f\x41\x01\x41\x02\xff\xff";
        assert_eq!(decode(bytes), Ok(json!({ "a": [1, 1.5], "b": "xy", "c": 1.5, "d": "AQI=" })));
    }

    #[test]
    fn a_moment_is_tagged_and_reads_as_a_number() {
        let at = "2026-03-01T00:00:00.5Z".parse().unwrap();
        let bytes = encode(&json!({ "At": timestamp(at) }));
        assert_eq!(bytes[4], 0xc1);
        assert_eq!(decode(&bytes), Ok(json!({ "At": 1_772_323_200.5 })));
    }

    #[test]
    fn numbers_that_json_lacks_become_text() {
        assert_eq!(decode(b"\xf9\x7e\x00"), Ok(json!("NaN")));
        assert_eq!(decode(b"\xf9\xfc\x00"), Ok(json!("-Infinity")));
    }

    #[test]
    fn what_is_no_document_is_refused() {
        let refused: [&[u8]; 6] = [
            b"",
            // Cut off, followed by more, a name that is no text, a foreign tag, endless nesting.
            b"\xa1\x61a",
            b"\x01\x01",
            b"\xa1\x01\x01",
            b"\xc0\x61a",
            &[0x81; 4096],
        ];
        for bytes in refused {
            assert!(decode(bytes).is_err(), "{bytes:x?}");
        }
    }
}
