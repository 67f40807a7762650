//! Small readings of what AWS's protocols put into values.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::entry::Call;

/// The text in a field, empty when there is none.
pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// The text in an attribute of an item.
pub(crate) fn attribute<'a>(item: &'a Value, name: &str) -> &'a str {
    item[name]["S"].as_str().unwrap_or_default()
}

/// The moment in an attribute of an item.
pub(crate) fn moment(item: &Value, name: &str) -> Option<Timestamp> {
    attribute(item, name).parse().ok()
}

/// A date in an answer: seconds since the epoch, to the millisecond.
pub(crate) fn date(value: &Value) -> Option<Timestamp> {
    let seconds = value.as_f64()?;
    Timestamp::UNIX_EPOCH
        .checked_add(SignedDuration::try_from_secs_f64(seconds).ok()?)
        .ok()?
        .round(jiff::Unit::Millisecond)
        .ok()
}

/// Bytes in base64.
pub(crate) fn bytes(value: &Value) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(value.as_str()?).ok()
}

/// The sealed message in an item of a settings table, or the sealed settings.
pub(crate) fn message(item: &Value) -> Option<Vec<u8>> {
    bytes(&item["sealed"]["B"]).filter(|_| attribute(item, "sk") != "binding")
}

/// The SHA-256 of bytes, in hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The ARN that a call acts on: in its path where there is one, else what the record says.
pub(crate) fn arn(call: &Call) -> String {
    let path = call.path.split('?').next().unwrap_or_default();
    let part = path.split('/').find(|part| part.starts_with("arn%3A") || part.starts_with("arn:"));
    part.map_or_else(|| call.resource.clone(), decoded)
}

/// `Region/vault` of a vault's ARN.
pub(crate) fn place(arn: &str) -> String {
    let mut parts = arn.splitn(7, ':');
    let region = parts.nth(3).unwrap_or_default();
    format!("{region}/{}", parts.nth(2).unwrap_or_default())
}

/// The Region in an ARN.
pub(crate) fn region(arn: &str) -> &str {
    arn.split(':').nth(3).unwrap_or_default()
}

/// The table in an ARN.
pub(crate) fn table(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}

fn decoded(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, left)) = rest.split_first() {
        let hex = left.get(..2).filter(|_| *first == b'%');
        let code = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &left[2..] } else { left };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
