//! Sealed metadata as the tags of a recovery point.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use crate::hold::Hold;
use crate::ids::PointId;
use crate::settings::Digest;

/// Every tag key of ours begins with this; a table's own such tags are refused.
pub const PREFIX: &str = "backup-chain/";
/// The tag that names the restore point, in clear.
pub const ID: &str = "backup-chain/id";
/// The tag whose presence holds the restore point.
pub const HOLD: &str = "backup-chain/hold";
/// The tag that binds the metadata to its recovery point: see `docs/metadata-format.md`.
pub const BOUND: &str = "backup-chain/bound";
/// The value of the hold tag: the reason, and when the hold ends if it does, in what AWS takes for a value.
pub fn hold_value(hold: &Hold) -> String {
    let until = hold.until.map(|until| format!(" until {until}")).unwrap_or_default();
    let taken = |c: char| if c.is_alphanumeric() || " _.:/=+-@".contains(c) { c } else { '_' };
    let room = MAX_VALUE_CHARS - until.len();
    hold.reason.chars().map(taken).take(room).chain(until.chars()).collect()
}

/// The keys of the parts begin with this; the number of the part follows.
pub const PART: &str = "backup-chain/v1/";

/// The most characters that AWS takes in the value of a tag.
pub const MAX_VALUE_CHARS: usize = 256;
/// The most tags of ours on a recovery point: AWS Backup takes ten with a job.
pub const RESERVED_TAGS: usize = 10;
/// Of our tags, those beside the parts: the id, the binding, and a hold.
pub const FIXED_TAGS: usize = 3;
/// The most parts.
pub const MAX_PARTS: usize = RESERVED_TAGS - FIXED_TAGS;
/// The longest sealed message that fits: three bytes in four characters, less the number of parts.
pub const MAX_SEALED_BYTES: usize = (MAX_PARTS * MAX_VALUE_CHARS - 1) / 4 * 3;

/// What the tags of a recovery point of ours hold.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The id told in clear; what the message says decides.
    pub id: PointId,
    /// The sealed message.
    pub bytes: Vec<u8>,
    /// Whether the hold tag is there, whatever its value.
    pub held: bool,
}

impl Sealed {
    /// The digest of the message, by which the catalog pins it.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, bytes, held } = self;
        write!(f, "Sealed({id}, {} bytes, held: {held})", bytes.len())
    }
}

/// A sealed message that no allowed number of tags holds.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{length} bytes of sealed metadata do not fit into {MAX_PARTS} tags, which hold {MAX_SEALED_BYTES}")]
pub struct TooLarge {
    length: usize,
}

/// Tags that are ours and cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TagError {
    /// A tag is not there.
    #[error("tag {0} is missing: the metadata is cut")]
    Missing(String),
    /// A part is longer than AWS takes a tag's value.
    #[error(
        "tag {0} is longer than the {MAX_VALUE_CHARS} bytes of a part: it was not written as a part of the metadata"
    )]
    TooLong(String),
    /// The tags are of another version of the format.
    #[error(
        "the metadata is in tags of another format version, this version reads {PART}0: update Backup Chain"
    )]
    Version,
    /// The first part does not begin with a number of parts.
    #[error("tag {PART}0 does not begin with a number of parts from 1 to {MAX_PARTS}")]
    Count,
    /// The parts together are no base64 text.
    #[error("tags {PART}0 and on are no base64 text: a part is cut, changed or in the wrong place")]
    Base64,
    /// The id is no restore point id.
    #[error("tag {ID} is no restore point id")]
    Id,
}

/// How many tag values a sealed message of `length` bytes takes.
pub fn parts(length: usize) -> usize {
    (length.div_ceil(3) * 4 + 1).div_ceil(MAX_VALUE_CHARS)
}

/// The tags for a sealed message: its parts and its id.
///
/// # Errors
/// When it takes more than [`MAX_PARTS`] values.
pub fn encode(id: &PointId, sealed: &[u8]) -> Result<BTreeMap<String, String>, TooLarge> {
    let count = parts(sealed.len());
    if count > MAX_PARTS {
        return Err(TooLarge { length: sealed.len() });
    }
    let text = format!("{count}{}", STANDARD.encode(sealed));
    let mut tags = BTreeMap::from([(ID.to_owned(), id.to_string())]);
    for part in 0..count {
        let value = &text[part * MAX_VALUE_CHARS..text.len().min((part + 1) * MAX_VALUE_CHARS)];
        tags.insert(format!("{PART}{part}"), value.to_owned());
    }
    Ok(tags)
}

/// Reads the tags of a recovery point; other tags are ignored. `None` when the point is foreign: it has
/// neither an id nor a part of ours.
///
/// # Errors
/// When some of ours are there but do not make a message: such a point is suspect.
pub fn decode(tags: &BTreeMap<String, String>) -> Result<Option<Sealed>, TagError> {
    let ours = |key: &&String| {
        key.as_str() == ID || key.strip_prefix(PREFIX).is_some_and(|rest| rest.starts_with('v'))
    };
    let mut keys = tags.keys().filter(ours).peekable();
    if keys.peek().is_none() {
        return Ok(None);
    }
    let get = |key: &str| match tags.get(key) {
        None => Err(TagError::Missing(key.to_owned())),
        Some(value) if value.len() > MAX_VALUE_CHARS => Err(TagError::TooLong(key.to_owned())),
        Some(value) => Ok(value),
    };
    let first = match get(&format!("{PART}0")) {
        Err(_) if keys.any(|key| key != ID && !key.starts_with(PART)) => return Err(TagError::Version),
        first => first?,
    };
    let count = first.chars().next().and_then(|digit| digit.to_digit(10)).ok_or(TagError::Count)?;
    if !(1..=MAX_PARTS).contains(&(count as usize)) {
        return Err(TagError::Count);
    }
    let mut text = first[1..].to_owned();
    for part in 1..count {
        text.push_str(get(&format!("{PART}{part}"))?);
    }
    let id = get(ID)?.parse().map_err(|_| TagError::Id)?;
    let bytes = STANDARD.decode(text).map_err(|_| TagError::Base64)?;
    Ok(Some(Sealed { id, bytes, held: tags.contains_key(HOLD) }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id() -> PointId {
        "01KAQ6T2ZC5Q3V0W8RJ4NHX9YB".parse().unwrap()
    }

    fn tags(length: usize) -> BTreeMap<String, String> {
        encode(&id(), &vec![7; length]).unwrap()
    }

    #[test]
    fn the_first_part_begins_with_the_number_of_parts() {
        let found = tags(400);
        let shape = found.iter().map(|(key, value)| format!("{key} = {}... ({})", &value[..6], value.len()));
        insta::assert_snapshot!(shape.collect::<Vec<_>>().join("\n"), @r#"
        backup-chain/id = 01KAQ6... (26)
        backup-chain/v1/0 = 3BwcHB... (256)
        backup-chain/v1/1 = HBwcHB... (256)
        backup-chain/v1/2 = HBwcHB... (25)
        "#);
    }

    #[test]
    fn ten_tags_of_ours_are_never_passed() {
        // The parts and the id; the binding and a hold come later.
        assert_eq!(tags(MAX_SEALED_BYTES).len(), RESERVED_TAGS - 2);
        assert_eq!(parts(MAX_SEALED_BYTES), MAX_PARTS);
        let error = encode(&id(), &vec![0; MAX_SEALED_BYTES + 1]).unwrap_err();
        insta::assert_snapshot!(error, @"1342 bytes of sealed metadata do not fit into 7 tags, which hold 1341");
    }

    #[test]
    fn a_hold_is_told_in_what_aws_takes() {
        let hold = Hold {
            reason: "audit (2026), \"all\" of it".to_owned(),
            author: None,
            since: None,
            until: Some("2026-07-01T00:00:00Z".parse().unwrap()),
        };
        assert_eq!(hold_value(&hold), "audit _2026__ _all_ of it until 2026-07-01T00:00:00Z");
        assert_eq!(hold_value(&Hold { reason: "é".repeat(300), ..hold }).chars().count(), MAX_VALUE_CHARS);
    }

    #[test]
    fn tags_of_others_make_a_point_foreign() {
        let others = [("team", "a"), ("backup-chain/hold", "audit"), ("backup-chains/v1/0", "1")];
        let others = others.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(decode(&others.into()), Ok(None));
    }

    #[test]
    fn parts_beyond_the_number_are_ignored() {
        let mut found = tags(100);
        found.insert(format!("{PART}1"), "left over".to_owned());
        found.insert(HOLD.to_owned(), String::new());
        found.insert("team".to_owned(), "a".to_owned());
        assert_eq!(decode(&found), Ok(Some(Sealed { id: id(), bytes: vec![7; 100], held: true })));
    }

    #[test]
    fn tags_that_were_tampered_with_are_errors() {
        let cases: [(&str, Option<&str>); 9] = [
            (ID, None),
            (ID, Some("not an id")),
            ("backup-chain/v1/0", None),
            ("backup-chain/v1/1", None),
            ("backup-chain/v1/1", Some("????")),
            ("backup-chain/v1/1", Some("YQ")),
            ("backup-chain/v1/0", Some("")),
            ("backup-chain/v1/0", Some("0YWJj")),
            ("backup-chain/v1/0", Some("9YWJj")),
        ];
        let mut errors = Vec::new();
        for (key, value) in cases {
            let mut found = tags(400);
            match value {
                Some(value) => found.insert(key.to_owned(), value.to_owned()),
                None => found.remove(key),
            };
            errors.push(decode(&found).unwrap_err().to_string());
        }
        let newer = BTreeMap::from([("backup-chain/v2/0".to_owned(), "1".to_owned())]);
        errors.push(decode(&newer).unwrap_err().to_string());
        insta::assert_snapshot!(errors.join("\n"), @r#"
        tag backup-chain/id is missing: the metadata is cut
        tag backup-chain/id is no restore point id
        tag backup-chain/v1/0 is missing: the metadata is cut
        tag backup-chain/v1/1 is missing: the metadata is cut
        tags backup-chain/v1/0 and on are no base64 text: a part is cut, changed or in the wrong place
        tags backup-chain/v1/0 and on are no base64 text: a part is cut, changed or in the wrong place
        tag backup-chain/v1/0 does not begin with a number of parts from 1 to 7
        tag backup-chain/v1/0 does not begin with a number of parts from 1 to 7
        tag backup-chain/v1/0 does not begin with a number of parts from 1 to 7
        the metadata is in tags of another format version, this version reads backup-chain/v1/0: update Backup Chain
        "#);
    }

    #[test]
    fn a_part_that_aws_would_not_take_is_refused_before_it_is_joined() {
        let mut found = tags(400);
        found.insert(format!("{PART}1"), "A".repeat(MAX_VALUE_CHARS + 4));
        insta::assert_snapshot!(decode(&found).unwrap_err(), @"tag backup-chain/v1/1 is longer than the 256 bytes of a part: it was not written as a part of the metadata");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_encoded_decodes(bytes in prop::collection::vec(any::<u8>(), 0..=MAX_SEALED_BYTES)) {
            let found = encode(&id(), &bytes).unwrap();
            prop_assert!(found.values().all(|value| value.len() <= MAX_VALUE_CHARS));
            prop_assert_eq!(found.len(), parts(bytes.len()) + 1);
            prop_assert_eq!(decode(&found).unwrap().unwrap().bytes, bytes);
        }

        #[test]
        fn any_text_is_taken_without_panic(values in prop::collection::vec(".{0,40}", 1..4)) {
            let mut found = BTreeMap::from([(ID.to_owned(), id().to_string())]);
            for (part, value) in values.into_iter().enumerate() {
                found.insert(format!("{PART}{part}"), value);
            }
            let _ = decode(&found);
        }
    }
}
