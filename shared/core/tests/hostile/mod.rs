//! What hostile input is given to, and what must hold whatever it is: it is refused, or what was read and written
//! again reads the same. The fuzz targets and the tests share these functions.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Display};
use std::str::FromStr;

use backup_chain_core::calendar::{Days, MonthDay, TimeOfDay, Zone};
use backup_chain_core::due::{self, PolicyState};
use backup_chain_core::esdk::{self, DataKey, Message, WrappedKey};
use backup_chain_core::forecast::{Facts, warnings};
use backup_chain_core::ids::{
    AccountId, PointId, PolicyName, RecoveryPointArn, Region, TableArn, TableId, TableName, VaultArn,
    VaultName,
};
use backup_chain_core::invoke::{self, CopyRequest, RestoreRequest, RetentionRequest, SessionRequest};
use backup_chain_core::job_events::{self, Incoming};
use backup_chain_core::metadata::{Document, SettingsLocation, tags};
use backup_chain_core::policy::{Home, Policy, changes};
use backup_chain_core::restore::{self, Choices, NameBound, Target};
use backup_chain_core::settings::{Digest, TableSettings};
use backup_chain_core::span::Span;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A function that takes any bytes, and panics where something does not hold.
pub type Take = fn(&[u8]);

/// Every target by its name.
pub const ALL: [(&str, Take); 8] = [
    ("policy", policy),
    ("names", names),
    ("tags", tag_values),
    ("message", message),
    ("document", document),
    ("settings", settings),
    ("request", request),
    ("event", event),
];

/// The most characters of a refusal: what an operator reads, and Lambda takes as an error.
const REFUSAL: usize = 128 << 10;

fn home() -> Home {
    Home {
        partition: "aws".to_owned(),
        account: "111122223333".parse().unwrap(),
        region: "eu-central-1".parse().unwrap(),
    }
}

fn now() -> Timestamp {
    "2026-03-28T12:00:00Z".parse().unwrap()
}

/// Its text must say something, in a length that can be read.
fn refused(error: &impl Display) {
    let text = error.to_string();
    assert!(!text.trim().is_empty());
    assert!(text.len() <= REFUSAL, "a refusal of {} bytes: {:.200}", text.len(), text);
}

/// A policy: what is accepted is printed in its canonical form, which reads back equal, and can be asked everything.
pub fn policy(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let policy = match Policy::parse(text, &home()) {
        Ok(policy) => policy,
        Err(errors) => {
            assert!(!errors.0.is_empty());
            return refused(&errors);
        }
    };
    let printed = serde_json::to_string(&policy).unwrap();
    let again = Policy::parse(&printed, &home()).unwrap_or_else(|errors| panic!("{errors}\n{printed}"));
    assert_eq!(again, policy);
    assert_eq!(changes(&policy, &again), Vec::<String>::new());
    let _ = warnings(&policy, &Facts::default());
    for name in ["orders", "app-orders", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"] {
        let _ = policy.selects(&name.parse().unwrap(), &BTreeMap::new());
    }
    let state = PolicyState::starting(&policy, now());
    let next = due::next_slot(&policy, now());
    if let Some((slot, tiers)) = next {
        assert!(slot > now() && !tiers.is_empty());
        let due = due::due(&policy, &state, slot);
        assert_eq!(due.is_some(), policy.enabled);
    }
}

/// Names and the small texts of the language, each on a line: what is read is written as what reads back equal.
pub fn names(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for line in text.lines().take(8) {
        round::<AccountId>(line);
        round::<Region>(line);
        round::<TableName>(line);
        round::<TableId>(line);
        round::<VaultName>(line);
        round::<PolicyName>(line);
        round::<RecoveryPointArn>(line);
        round::<PointId>(line);
        round::<TableArn>(line);
        round::<VaultArn>(line);
        round::<Span>(line);
        round::<Zone>(line);
        round::<TimeOfDay>(line);
        round::<Digest>(line);
        round_by(line, MonthDay::parse);
        round_by(line, Days::parse_year);
        if let Ok(id) = line.parse::<PointId>() {
            let _ = id.created_at();
        }
        if let Ok(span) = line.parse::<Span>() {
            let zone = Zone::UTC;
            for from in [Timestamp::MIN, now(), Timestamp::MAX] {
                assert!(span.after(from, zone.time_zone()) >= from);
            }
        }
    }
}

fn round<T: FromStr<Err: Display> + Display + PartialEq + Debug>(text: &str) {
    round_by(text, str::parse::<T>);
}

fn round_by<T: Display + PartialEq + Debug, E: Display>(text: &str, read: impl Fn(&str) -> Result<T, E>) {
    match read(text) {
        Ok(value) => {
            let again = read(&value.to_string()).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(again, value);
        }
        Err(error) => refused(&error),
    }
}

/// The tags of a recovery point, a line each with `=` between key and value: what joins is encoded as tags that join
/// to the same.
pub fn tag_values(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let pair = |line: &str| {
        let (key, value) = line.split_once('=')?;
        Some((key.to_owned(), value.to_owned()))
    };
    let tags: BTreeMap<String, String> = text.lines().filter_map(pair).collect();
    match tags::decode(&tags) {
        Ok(None) => {}
        Ok(Some(sealed)) => {
            assert!(sealed.bytes.len() <= tags::MAX_SEALED_BYTES);
            let again = tags::encode(&sealed.id, &sealed.bytes).unwrap();
            let read = tags::decode(&again).unwrap().unwrap();
            assert_eq!((&read.id, &read.bytes), (&sealed.id, &sealed.bytes));
            let _ = Message::parse(&sealed.bytes);
        }
        Err(error) => refused(&error),
    }
}

fn data_key() -> DataKey {
    DataKey::new(&[7; 32]).unwrap()
}

fn wrapped() -> WrappedKey {
    WrappedKey {
        provider: WrappedKey::AWS_KMS.to_owned(),
        key: "arn:aws:kms:eu-central-1:111122223333:key/mrk-0123456789abcdef0123456789abcdef".to_owned(),
        wrapped: vec![9; 184],
    }
}

/// A sealed message: whoever does not know the data key makes none that opens; what opens holds what was sealed, and
/// any bytes can be sealed and opened.
pub fn message(bytes: &[u8]) {
    match Message::parse(bytes) {
        Err(error) => refused(&error),
        Ok(message) => {
            assert!(!message.wrapped_keys().is_empty());
            match message.open(&data_key()) {
                Err(error) => refused(&error),
                Ok(text) => assert!(text.len() <= bytes.len()),
            }
        }
    }
    let context = BTreeMap::from([("table-id".to_owned(), String::from_utf8_lossy(bytes).into_owned())]);
    let Ok(sealed) = esdk::seal(bytes, &context, data_key(), &wrapped(), [3; 32]) else {
        assert!(context["table-id"].len() > usize::from(u16::MAX) - 16);
        return;
    };
    assert_eq!(sealed.len(), esdk::sealed_len(bytes.len(), &context, &wrapped()));
    let message = Message::parse(&sealed).unwrap();
    assert_eq!((message.context(), message.wrapped_keys()), (&context, &[wrapped()][..]));
    assert_eq!(message.open(&data_key()).unwrap(), bytes);
}

/// A metadata document, as it is and as it is packed.
pub fn document(bytes: &[u8]) {
    for read in [Document::from_bytes(bytes), Document::unpack(bytes)] {
        match read {
            Err(error) => refused(&error),
            Ok(document) => {
                assert_eq!(Document::from_bytes(&document.to_bytes()).as_ref(), Ok(&document));
                assert_eq!(Document::unpack(&document.pack()).as_ref(), Ok(&document));
                let envelope = document.envelope();
                assert_eq!(Document::from_bytes(&envelope.to_bytes()), Ok(envelope));
                if let SettingsLocation::Inline(settings) = &document.settings {
                    use_settings(settings);
                }
            }
        }
    }
}

/// The settings of a table, as they are and as they are packed.
pub fn settings(bytes: &[u8]) {
    for read in [TableSettings::from_bytes(bytes), TableSettings::unpack(bytes)] {
        match read {
            Err(error) => refused(&error),
            Ok(settings) => use_settings(&settings),
        }
    }
}

/// What a restore does with settings: the plan can be made, and where nothing differs nothing is found to differ.
fn use_settings(settings: &TableSettings) {
    let written = settings.to_bytes();
    let again = TableSettings::from_bytes(&written).unwrap();
    assert_eq!((&again, again.to_bytes(), again.digest()), (settings, written, settings.digest()));
    assert_eq!(TableSettings::unpack(&settings.pack()).as_ref(), Ok(settings));
    assert_eq!(settings.changes(&again), Vec::<String>::new());
    let table = |name: &str| -> TableArn {
        format!("arn:aws:dynamodb:eu-central-1:111122223333:table/{name}").parse().unwrap()
    };
    for name in ["orders", "orders-check"] {
        let target = Target { original: table("orders"), table: table(name) };
        let choices = Choices::default();
        let plan = restore::plan(settings, &choices, &target, &NameBound::default(), &BTreeSet::new());
        for step in &plan.steps {
            assert!(!step.key().is_empty() && !step.title().is_empty());
            let _ = step.commands(&target);
            let _ = step.is_done(settings);
        }
        let wanted = restore::expected(settings, &choices, &target);
        let _ = restore::compare(settings, &wanted, &choices, &target, &BTreeMap::new());
        let _ = restore::adoption(&wanted, &target);
    }
}

/// The payload of an invocation by an operator.
pub fn request(bytes: &[u8]) {
    let Ok(payload) = serde_json::from_slice::<serde_json::Value>(bytes) else { return };
    requested::<SessionRequest>(&payload);
    requested::<RetentionRequest>(&payload);
    requested::<RestoreRequest>(&payload);
    requested::<CopyRequest>(&payload);
}

fn requested<T: DeserializeOwned + Serialize + PartialEq + Debug>(payload: &serde_json::Value) {
    match invoke::read::<T>(payload.clone()) {
        Err(error) => refused(&error),
        Ok(request) => {
            let written = serde_json::to_value(&request).unwrap();
            assert_eq!(invoke::read::<T>(written).unwrap(), request);
        }
    }
}

/// An event, or a batch of them.
pub fn event(bytes: &[u8]) {
    let Ok(payload) = serde_json::from_slice::<serde_json::Value>(bytes) else { return };
    match job_events::read::<CopyRequest>(payload) {
        Err(error) => refused(&error),
        Ok(Incoming::Request(_) | Incoming::Event(_)) => {}
        Ok(Incoming::Batch(records)) => {
            for record in records {
                if let Err(error) = record.event {
                    refused(&error);
                }
            }
        }
    }
}
