use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// The fixture of a typical table, as its captured settings.
pub(crate) const TYPICAL: &str = include_str!("../../../../tests/fixtures/typical.json");
/// The fixture of a table that never fits into tags.
pub(crate) const HUGE: &str = include_str!("../../../../tests/fixtures/huge.json");

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(".{0,8}", inner, 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// A document: AWS's are objects.
fn object() -> impl Strategy<Value = Json> {
    btree_map("[A-Za-z]{1,8}", json_value(), 0..4)
        .prop_map(|fields| Json(Value::Object(fields.into_iter().collect())))
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9_.\\-]{1,12}"
}

fn part<T: fmt::Debug>(known: impl Strategy<Value = T>) -> impl Strategy<Value = Part<T>> {
    let reasons = [Unknown::NotCaptured, Unknown::AccessDenied, Unknown::Throttled, Unknown::Failed];
    prop_oneof![3 => known.prop_map(Part::Known), 1 => prop::sample::select(reasons.to_vec()).prop_map(Part::Unknown)]
}

fn keys() -> impl Strategy<Value = KeySchema> {
    (vec(".{1,10}", 1..3), vec(".{1,10}", 0..3)).prop_map(|(hash, range)| KeySchema { hash, range })
}

fn projection() -> impl Strategy<Value = Projection> {
    prop_oneof![
        Just(Projection::All),
        Just(Projection::KeysOnly),
        btree_set(".{1,8}", 0..4).prop_map(Projection::Include)
    ]
}

fn throughput() -> impl Strategy<Value = Option<Throughput>> {
    option::of(any::<(u64, u64)>().prop_map(Throughput::from))
}

fn max() -> impl Strategy<Value = MaxThroughput> {
    any::<(Option<u64>, Option<u64>)>().prop_map(MaxThroughput::from)
}

fn global() -> impl Strategy<Value = GlobalIndex> {
    (keys(), projection(), throughput(), max(), throughput()).prop_map(
        |(keys, projection, throughput, on_demand_max, warm)| GlobalIndex {
            keys,
            projection,
            throughput,
            on_demand_max,
            warm,
        },
    )
}

fn target() -> impl Strategy<Value = ScalingTarget> {
    let suspended = prop::sample::select(vec![Suspended::ScaleIn, Suspended::ScaleOut, Suspended::Scheduled]);
    let policy = (prop_oneof![Just("TargetTrackingScaling".to_owned()), name()], object())
        .prop_map(|(kind, configuration)| ScalingPolicy { kind, configuration });
    let moment =
        || option::of((0..4_000_000_000i64).prop_map(|second| jiff::Timestamp::from_second(second).unwrap()));
    let action = (".{0,20}", option::of(name()), moment(), moment(), any::<(Option<u32>, Option<u32>)>())
        .prop_map(|(schedule, time_zone, start, end, (min, max))| ScheduledAction {
            schedule,
            time_zone,
            start,
            end,
            min,
            max,
        });
    (
        any::<(u32, u32)>(),
        option::of(".{0,20}"),
        btree_set(suspended, 0..3),
        btree_map(".{0,12}", policy, 0..3),
        btree_map(".{0,12}", action, 0..3),
    )
        .prop_map(|((min, max), role, suspended, policies, scheduled)| ScalingTarget {
            min,
            max,
            role,
            suspended,
            policies,
            scheduled,
        })
}

fn dimension() -> impl Strategy<Value = Dimension> {
    (any::<bool>(), option::of(name())).prop_map(|(write, index)| Dimension { write, index })
}

fn replicas() -> impl Strategy<Value = Replicas> {
    let consistency = prop::sample::select(vec![Consistency::Eventual, Consistency::Strong]);
    (
        consistency,
        btree_map(name(), object(), 0..3),
        btree_set(name(), 0..2),
        option::of(name()),
        option::of(name()),
        any::<bool>(),
    )
        .prop_map(
            |(consistency, regions, witnesses, version, settings_mode, disassociation_protection)| Replicas {
                consistency,
                regions,
                witnesses,
                version,
                settings_mode,
                disassociation_protection,
            },
        )
}

fn insights() -> impl Strategy<Value = Insights> {
    let mode =
        || prop::sample::select(vec![InsightsMode::AccessedAndThrottledKeys, InsightsMode::ThrottledKeys]);
    (option::of(mode()), btree_map(name(), mode(), 0..3))
        .prop_map(|(table, indexes)| Insights { table, indexes })
}

/// What DescribeTable returns, with every other part left at none.
fn described() -> impl Strategy<Value = TableSettings> {
    let attribute = prop::sample::select(vec![AttributeType::S, AttributeType::N, AttributeType::B]);
    let billing = prop::sample::select(vec![BillingMode::PayPerRequest, BillingMode::Provisioned]);
    let class = prop::sample::select(vec![TableClass::Standard, TableClass::StandardInfrequentAccess]);
    let kind = prop::sample::select(vec![EncryptionType::Kms, EncryptionType::Aes256]);
    let encryption = (kind, option::of(".{0,30}")).prop_map(|(kind, key)| Encryption { kind, key });
    let stream = prop::sample::select(vec![
        StreamView::KeysOnly,
        StreamView::NewImage,
        StreamView::OldImage,
        StreamView::NewAndOldImages,
    ]);
    let local = (keys(), projection()).prop_map(|(keys, projection)| LocalIndex { keys, projection });
    (
        (
            btree_map(".{1,10}", attribute, 0..5),
            keys(),
            btree_map(name(), local, 0..3),
            btree_map(name(), global(), 0..3),
        ),
        (billing, throughput(), max(), throughput(), class, option::of(encryption), option::of(stream)),
        (btree_map(name(), object(), 0..2), any::<bool>(), option::of(replicas())),
    )
        .prop_map(|(shape, capacity, rest)| TableSettings {
            attributes: shape.0,
            keys: shape.1,
            local_indexes: shape.2,
            global_indexes: shape.3,
            billing: capacity.0,
            throughput: capacity.1,
            on_demand_max: capacity.2,
            warm: capacity.3,
            class: capacity.4,
            encryption: capacity.5,
            stream: capacity.6,
            vector_indexes: rest.0,
            deletion_protection: rest.1,
            replicas: rest.2,
            ..TableSettings::default()
        })
}

/// Any settings at all.
pub(crate) fn any_settings() -> impl Strategy<Value = TableSettings> {
    let policies = (option::of(object()), option::of(object()));
    let precision = prop::sample::select(vec![Precision::Millisecond, Precision::Microsecond]);
    (
        described(),
        part(option::of(".{1,20}".prop_map(|attribute| Ttl { attribute }))),
        part(option::of((1..=40u32).prop_map(|days| Pitr { days }))),
        part(btree_map(".{1,20}", ".{0,30}", 0..5)),
        part(policies.prop_map(|(table, stream)| ResourcePolicies { table, stream })),
        part(btree_map(".{1,20}", precision, 0..3)),
        part(insights()),
        part(btree_map(dimension(), target(), 0..3)),
        part(btree_map(".{1,12}", object(), 0..3)),
    )
        .prop_map(|(described, ttl, pitr, tags, policies, kinesis, insights, scaling, alarms)| {
            TableSettings { ttl, pitr, tags, policies, kinesis, insights, scaling, alarms, ..described }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn settings_survive_their_normal_form(settings in any_settings()) {
        let bytes = settings.to_bytes();
        let read = TableSettings::from_bytes(&bytes).unwrap();
        prop_assert!(read == settings, "{}", String::from_utf8_lossy(&bytes));
        prop_assert_eq!(read.to_bytes(), bytes);
        prop_assert!(TableSettings::unpack(&settings.pack()).unwrap() == settings);
        prop_assert!(settings.changes(&read).is_empty());
    }

    #[test]
    fn numbers_of_free_documents_are_exact(number in any::<f64>().prop_filter("finite", |n| n.is_finite())) {
        let json = Json(json!({ "TargetValue": number }));
        let text = serde_json::to_string(&json).unwrap();
        prop_assert!(serde_json::from_str::<Json>(&text).unwrap() == json, "{}", text);
    }
}

#[test]
fn the_least_table_has_the_least_form() {
    let settings = TableSettings {
        attributes: [("pk".to_owned(), AttributeType::S)].into(),
        keys: KeySchema { hash: vec!["pk".to_owned()], range: Vec::new() },
        ttl: Part::none(),
        pitr: Part::Known(Some(Pitr { days: 35 })),
        tags: Part::Unknown(Unknown::AccessDenied),
        ..TableSettings::default()
    };
    insta::assert_snapshot!(String::from_utf8(settings.to_bytes()).unwrap(), @r#"{"attributes":{"pk":"S"},"keys":{"hash":["pk"]},"pitr":{},"tags":"access-denied","policies":"not-captured","kinesis":"not-captured","insights":"not-captured","scaling":"not-captured","alarms":"not-captured"}"#);
    assert!(TableSettings::default().alarms.known().is_none(), "unknown until captured");
}

#[test]
fn the_normal_form_does_not_depend_on_the_order_of_what_was_read() {
    let one = TableSettings::from_bytes(br#"{"attributes":{"b":"S","a":"N"},"keys":{"hash":["a"]},
        "alarms":{"z":{"Period":60,"MetricName":"m"},"y":{}},"pitr":{"days":35},"billing":"PAY_PER_REQUEST"}"#);
    let other = TableSettings::from_bytes(
        br#"{"keys":{"hash":["a"]},"attributes":{"a":"N","b":"S"},"pitr":{},
        "alarms":{"y":{},"z":{"MetricName":"m","Period":60}}}"#,
    );
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.to_bytes(), other.to_bytes());
    assert_eq!(one.digest(), other.digest());
}

#[test]
fn the_typical_fixture_is_in_normal_form_but_for_spaces() {
    let settings = TableSettings::from_bytes(TYPICAL.as_bytes()).unwrap();
    assert_eq!(settings.global_indexes.len(), 3);
    assert_eq!(settings.tags.known().unwrap().len(), 10);
    assert_eq!(settings.scaling.known().unwrap().len(), 4);
    assert!(settings.ttl.known().unwrap().is_some() && settings.pitr.known().unwrap().is_some());
    assert_eq!(settings.stream, Some(StreamView::NewAndOldImages));
    let text: Value = serde_json::from_str(TYPICAL).unwrap();
    assert_eq!(serde_json::to_value(&settings).unwrap(), text);
    insta::assert_snapshot!(settings.digest(), @"f9aa7b5f0005a8affdd720de27fc607aeeea9cc6d439438acd98ea67f53d7851");
}

#[test]
fn changes_are_told_by_name_alone() {
    let typical = TableSettings::from_bytes(TYPICAL.as_bytes()).unwrap();
    let mut other = typical.clone();
    other.stream = None;
    other.tags = Part::Unknown(Unknown::Throttled);
    other.on_demand_max.write = Some(5);
    // What could not be read then or now is not known to have changed.
    assert_eq!(typical.changes(&other), ["max", "stream"]);
    assert_eq!(other.changes(&typical), ["max", "stream"]);
    other.tags = Part::none();
    assert_eq!(typical.changes(&other), ["max", "stream", "tags"]);
    assert_ne!(typical.digest(), other.digest());
}

/// A table in which every text is the canary.
fn canary() -> Value {
    let free = json!({ "canary": ["canary", { "canary": "canary" }] });
    let key = json!({ "hash": ["canary"], "range": ["canary"] });
    json!({
        "attributes": { "canary": "S" }, "keys": key,
        "local": { "canary": { "keys": key, "projection": { "INCLUDE": ["canary"] } } },
        "global": { "canary": { "keys": key, "projection": { "INCLUDE": ["canary"] } } },
        "vector": { "canary": free }, "sse": { "key": "canary" },
        "replicas": { "regions": { "canary": free }, "witnesses": ["canary"] },
        "ttl": { "attribute": "canary" }, "tags": { "canary": "canary" },
        "policies": { "table": free, "stream": free }, "kinesis": { "canary": "MILLISECOND" },
        "insights": { "indexes": { "canary": "THROTTLED_KEYS" } },
        "scaling": { "read/canary": { "min": 1, "max": 2, "role": "canary",
            "policies": { "canary": { "type": "canary", "configuration": free } },
            "scheduled": { "canary": { "schedule": "canary", "time_zone": "canary" } } } },
        "alarms": { "canary": free },
    })
}

#[test]
fn nothing_captured_shows_in_debug_or_errors() {
    let settings: TableSettings = serde_json::from_value(canary()).unwrap();
    let mut shown =
        vec![format!("{settings:?}{:?}{:?}{:?}", settings.ttl, settings.keys, settings.encryption)];
    shown.push(format!(
        "{:?}{:?}",
        settings.global_indexes["canary"],
        settings.alarms.known().unwrap()["canary"]
    ));
    let scaled = settings.scaling.known().unwrap();
    shown.push(format!("{scaled:?}{:?}", scaled.first_key_value().unwrap().1.policies["canary"]));
    // Wherever a text stands in place of another kind, or the other way round, the error does not quote it.
    for field in canary().as_object().unwrap().keys() {
        for wrong in
            [json!("canary"), json!(["canary"]), json!({ "canary": "canary" }), json!({ "canary": 1 })]
        {
            let mut settings = canary();
            settings[field] = wrong;
            if let Err(error) = TableSettings::from_bytes(settings.to_string().as_bytes()) {
                shown.push(format!("{error} {error:?}"));
            }
        }
    }
    assert!(shown.len() > 20);
    assert!(shown.iter().all(|text| !text.contains("canary")), "{shown:#?}");
}

#[test]
fn a_field_that_version_1_does_not_name_is_refused() {
    let error =
        TableSettings::from_bytes(br#"{"attributes":{},"keys":{"hash":[]},"novelty":1}"#).unwrap_err();
    insta::assert_snapshot!(error, @"the settings cannot be read: a field is missing, unknown or has another form at byte 45");
    let error = TableSettings::from_bytes(br#"{"v":2,"attributes":{},"keys":{"hash":[]}}"#).unwrap_err();
    insta::assert_snapshot!(error, @"the metadata has format version 2, this version reads up to 1: update Backup Chain");
}

#[test]
fn digests_are_read_as_they_are_written() {
    let digest = Digest::of(b"");
    insta::assert_snapshot!(digest, @"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(digest.to_string().parse(), Ok(digest));
    for text in ["", "e3b0", &"g".repeat(64), &"E".repeat(64), &"0".repeat(65)] {
        assert_eq!(text.parse::<Digest>(), Err(InvalidDigest));
    }
}
