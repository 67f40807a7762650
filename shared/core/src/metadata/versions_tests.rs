use jiff::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::ids::{PointId, PolicyRef, SessionId, Table};
use crate::metadata::tags::{self, parts};
use crate::metadata::{DocumentKind, MetadataPlacement, SettingsLocation, place};
use crate::settings::tests::{HUGE, TYPICAL, any_settings};
use crate::settings::{Digest, TableSettings};
use crate::span::{Span, Unit};
use crate::tier::{CopyFlags, Flag, Tier};

/// What sealing adds: the message with a wrapped key of 184 bytes, the ARN of a multi-Region key and the
/// context of a table.
const SEALING: usize = 529;

fn flag(tier: Tier, slot: &str, span: &str, lapses: &str) -> Flag {
    Flag { tier, slot: slot.parse().unwrap(), span: span.parse().unwrap(), lapses: lapses.parse().unwrap() }
}

fn document(settings: &str) -> Document {
    let slot = "2026-11-30T06:00:00Z";
    Document {
        id: "01KBA3Q8TZ4M1N6C9X0W2V5R7S".parse().unwrap(),
        table: Table {
            arn: "arn:aws:dynamodb:eu-central-1:111122223333:table/orders".parse().unwrap(),
            id: "0d1c5a70-6f0e-4b5c-9a3d-2f7e8b1c4d6e".parse().unwrap(),
        },
        policy: Some(PolicyRef { name: "webshop".parse().unwrap(), revision: 7 }),
        session: "01KBA3Q7HE8YB3D5F0J6K1P4GT".parse().unwrap(),
        slot: slot.parse().unwrap(),
        requested_at: "2026-11-30T06:00:12Z".parse().unwrap(),
        time_zone: "Europe/Berlin".to_owned(),
        kind: DocumentKind::Chain,
        flags: vec![
            flag(Tier::Daily, slot, "3 days", "2026-12-03T06:00:00Z"),
            flag(Tier::Weekly, "2026-11-29T06:00:00Z", "4 weeks", "2026-12-28T06:00:00Z"),
            flag(Tier::Monthly, slot, "6 months", "2027-05-30T05:00:00Z"),
        ],
        copies: vec![CopyFlags {
            vault: "arn:aws:backup:eu-west-1:111122223333:backup-vault:copies".parse().unwrap(),
            flags: vec![
                flag(Tier::Daily, slot, "14 days", "2026-12-14T06:00:00Z"),
                flag(Tier::Weekly, "2026-11-29T06:00:00Z", "8 weeks", "2027-01-25T06:00:00Z"),
            ],
        }],
        settings: SettingsLocation::Inline(Box::new(TableSettings::from_bytes(settings.as_bytes()).unwrap())),
    }
}

const LEAST: &str = r#"{"attributes":{"pk":"S"},"keys":{"hash":["pk"]}}"#;

#[test]
fn the_normal_form_leaves_out_what_goes_without_saying() {
    let mut manual = document(LEAST);
    manual.kind = DocumentKind::Manual;
    manual.policy = None;
    manual.time_zone = "UTC".to_owned();
    manual.flags.clear();
    manual.copies.clear();
    insta::assert_snapshot!(String::from_utf8(manual.to_bytes()).unwrap(), @r#"{"v":1,"id":"01KBA3Q8TZ4M1N6C9X0W2V5R7S","session":"01KBA3Q7HE8YB3D5F0J6K1P4GT","slot":"2026-11-30T06:00:00Z","requested":"2026-11-30T06:00:12Z","kind":"manual","table":"arn:aws:dynamodb:eu-central-1:111122223333:table/orders","table_id":"0d1c5a70-6f0e-4b5c-9a3d-2f7e8b1c4d6e","settings":{"attributes":{"pk":"S"},"keys":{"hash":["pk"]}}}"#);
    insta::assert_snapshot!(String::from_utf8(document(LEAST).envelope().to_bytes()).unwrap(), @r#"{"v":1,"id":"01KBA3Q8TZ4M1N6C9X0W2V5R7S","session":"01KBA3Q7HE8YB3D5F0J6K1P4GT","slot":"2026-11-30T06:00:00Z","requested":"2026-11-30T06:00:12Z","zone":"Europe/Berlin","policy":["webshop",7],"table":"arn:aws:dynamodb:eu-central-1:111122223333:table/orders","table_id":"0d1c5a70-6f0e-4b5c-9a3d-2f7e8b1c4d6e","flags":[["daily","3 days","2026-12-03T06:00:00Z"],["weekly","4 weeks","2026-12-28T06:00:00Z","2026-11-29T06:00:00Z"],["monthly","6 months","2027-05-30T05:00:00Z"]],"copies":[["arn:aws:backup:eu-west-1:111122223333:backup-vault:copies",[["daily","14 days","2026-12-14T06:00:00Z"],["weekly","8 weeks","2027-01-25T06:00:00Z","2026-11-29T06:00:00Z"]]]],"stored":"b837501a7aefb61dded8a1cac7769401333ef43e37b0b931771df13bc43450ad"}"#);
}

#[test]
fn a_typical_table_fits_into_six_tag_values() {
    let typical = document(TYPICAL);
    let (whole, envelope) = (typical.pack().len() + SEALING, typical.envelope().pack().len() + SEALING);
    insta::assert_snapshot!(
        format!("normal form {}, packed {}, tag values {}; envelope packed {}, tag values {}",
            typical.to_bytes().len(), whole - SEALING, parts(whole), envelope - SEALING, parts(envelope)),
        @"normal form 2869, packed 514, tag values 6; envelope packed 253, tag values 5"
    );
    assert!(parts(whole) <= 6);
    assert_eq!(
        place(whole, envelope, 10),
        MetadataPlacement { settings_stored: false, message_stored: false, id: true }
    );
}

#[test]
fn a_huge_table_steps_down_and_reads_back_the_same() {
    let huge = document(HUGE);
    let envelope = huge.envelope();
    let (whole, small) = (huge.pack().len() + SEALING, envelope.pack().len() + SEALING);
    assert!(whole > tags::MAX_SEALED_BYTES);
    assert_eq!(
        place(whole, small, 40),
        MetadataPlacement { settings_stored: true, message_stored: false, id: true }
    );
    let SettingsLocation::Inline(settings) = &huge.settings else { unreachable!("made inline") };
    assert_eq!(envelope.settings, SettingsLocation::Stored(settings.digest()));
    let read = TableSettings::unpack(&settings.pack()).unwrap();
    assert!(read == **settings && read.digest() == envelope.settings.digest());
    assert_eq!(Document::unpack(&envelope.pack()).unwrap(), envelope);
}

/// What was written once must be written and read for ever. Packed bytes may change with the compressor;
/// those of this file must continue being read.
#[test]
fn the_golden_document_is_still_written_and_read() {
    use base64::Engine as _;
    let text = include_str!("../../../../tests/fixtures/document-v1.json").trim_end();
    assert_eq!(String::from_utf8(document(TYPICAL).to_bytes()).unwrap(), text);
    let golden = include_str!("../../../../tests/fixtures/document-v1.b64").trim_end();
    let packed = base64::engine::general_purpose::STANDARD.decode(golden).unwrap();
    assert_eq!(Document::unpack(&packed).unwrap(), document(TYPICAL));
}

/// A version 2 as there may be one: it has one more field.
mod v2 {
    use super::*;

    pub fn write(document: &Document, note: &str) -> String {
        let v1 = String::from_utf8(document.to_bytes()).unwrap();
        v1.replacen(r#"{"v":1,"#, &format!(r#"{{"v":2,"note":"{note}","#), 1)
    }

    pub fn read(bytes: &[u8]) -> Result<Document, MetadataError> {
        let mut fields: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(bytes).unwrap();
        assert!(fields.remove("note").is_some(), "version 2 has a note");
        fields.insert("v".to_owned(), 1.into());
        v1::read(serde_json::to_string(&fields).unwrap().as_bytes())
    }
}

/// The way up: whoever reads version 2 reads both. The way back: to us a document of version 2 is of a version that we do
/// not know, and nothing else is wrong with it.
#[test]
fn a_newer_version_comes_beside_this_one() {
    let old = document(TYPICAL).to_bytes();
    let new = v2::write(&document(TYPICAL), "made by a newer one");
    let newer_readers: [Reader; 2] = [v1::read, v2::read];
    for bytes in [old.as_slice(), new.as_bytes()] {
        assert_eq!(read_with(&newer_readers, bytes).unwrap(), document(TYPICAL));
    }
    assert_eq!(Document::from_bytes(new.as_bytes()), Err(MetadataError::Version { found: 2 }));
    assert_eq!(Document::from_bytes(&old).unwrap(), document(TYPICAL));
    let none = String::from_utf8(old).unwrap().replacen(r#""v":1"#, r#""v":0"#, 1);
    assert_eq!(read_with(&newer_readers, none.as_bytes()), Err(MetadataError::Version { found: 0 }));
}

#[test]
fn what_cannot_be_read_is_told_without_quoting_it() {
    let good = String::from_utf8(document(LEAST).to_bytes()).unwrap();
    let digest = Digest::of(b"").to_string();
    let cases = [
        good.replace(r#""v":1"#, r#""v":2,"canary":[]"#),
        good.replace(r#""v":1,"#, ""),
        good.replace(r#""v":1"#, r#""v":1,"canary":1"#),
        good.replace(r#""3 days""#, r#""canary""#),
        good.replace(r#""pk":"S""#, r#""pk":"canary""#),
        good.replace(r#""settings":{"#, &format!(r#""stored":"{digest}","settings":{{"#)),
        good[..good.len() - 1].to_owned(),
        "canary".to_owned(),
    ];
    let errors = cases.map(|text| Document::from_bytes(text.as_bytes()).unwrap_err().to_string()).join("\n");
    assert!(!errors.contains("canary"));
    insta::assert_snapshot!(errors, @r#"
        the metadata has format version 2, this version reads up to 1: update Backup Chain
        the document cannot be read: a field is missing, unknown or has another form at byte 711
        the document cannot be read: a field is missing, unknown or has another form at byte 15
        the document cannot be read: a field is missing, unknown or has another form at byte 358
        the document cannot be read: a field is missing, unknown or has another form at byte 696
        the document must have the table's settings or their digest, and not both
        the document cannot be read: it ends early at byte 716
        the document cannot be read: no JSON at byte 1
        "#);
}

fn moment() -> impl Strategy<Value = Timestamp> {
    (0..4_000_000_000i64, prop_oneof![4 => Just(0), 1 => 0..1_000_000_000i32])
        .prop_map(|(second, nano)| Timestamp::new(second, nano).unwrap())
}

fn flags() -> impl Strategy<Value = Vec<Flag>> {
    let unit = prop::sample::select(vec![Unit::Day, Unit::Week, Unit::Month, Unit::Year]);
    let span = (1..=36_500u16, unit).prop_map(|(count, unit)| Span { count, unit });
    let flag = (prop::sample::select(Tier::ALL.to_vec()), moment(), span, moment())
        .prop_map(|(tier, slot, span, lapses)| Flag { tier, slot, span, lapses });
    vec(flag, 0..5)
}

fn any_document() -> impl Strategy<Value = Document> {
    let policy = ("[a-zA-Z0-9_.-]{1,20}", any::<u32>())
        .prop_map(|(name, revision)| PolicyRef { name: name.parse().unwrap(), revision });
    let table = ("[a-zA-Z0-9_.-]{3,40}", "[0-9a-f-]{36}").prop_map(|(name, id)| Table {
        arn: format!("arn:aws:dynamodb:eu-central-1:111122223333:table/{name}").parse().unwrap(),
        id: id.parse().unwrap(),
    });
    let copy = ("[a-zA-Z0-9_-]{2,20}", flags()).prop_map(|(vault, flags)| CopyFlags {
        vault: format!("arn:aws:backup:eu-west-1:111122223333:backup-vault:{vault}").parse().unwrap(),
        flags,
    });
    let settings = prop_oneof![
        3 => any_settings().prop_map(|settings| SettingsLocation::Inline(Box::new(settings))),
        1 => any::<[u8; 32]>().prop_map(|bytes| SettingsLocation::Stored(Digest(bytes))),
    ];
    let ids = (moment(), any::<(u128, u128)>());
    (
        (ids, table, option::of(policy), moment(), moment(), option::of(".{0,20}")),
        (any::<bool>(), flags(), vec(copy, 0..3), any::<bool>(), settings),
    )
        .prop_map(
            |((ids, table, policy, slot, requested_at, zone), (manual, mut flags, copies, due, settings))| {
                if due {
                    flags.iter_mut().for_each(|flag| flag.slot = slot);
                }
                Document {
                    id: PointId::new(ids.0, ids.1.0),
                    table,
                    policy,
                    session: SessionId::new(ids.0, ids.1.1),
                    slot,
                    requested_at,
                    time_zone: zone.unwrap_or_else(|| "UTC".to_owned()),
                    kind: if manual { DocumentKind::Manual } else { DocumentKind::Chain },
                    flags,
                    copies,
                    settings,
                }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn documents_survive_their_normal_form(document in any_document()) {
        let bytes = document.to_bytes();
        let read = Document::from_bytes(&bytes).unwrap();
        prop_assert!(read == document, "{}", String::from_utf8_lossy(&bytes));
        prop_assert_eq!(read.to_bytes(), bytes);
        prop_assert!(Document::unpack(&document.pack()).unwrap() == document);
    }

    #[test]
    fn any_bytes_are_taken_without_panic(bytes in vec(any::<u8>(), 0..300)) {
        let _ = Document::from_bytes(&bytes);
        let _ = Document::unpack(&bytes);
    }
}
