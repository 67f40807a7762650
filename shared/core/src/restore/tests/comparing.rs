use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::settings::tests::any_settings;
use crate::settings::{
    AttributeType, BillingMode, Consistency, Dimension, Encryption, EncryptionType, MaxThroughput, Pitr,
    StreamView, TableClass, Ttl,
};

fn compared(then: &TableSettings, now: &TableSettings, choices: &Choices, table: &str) -> Vec<Property> {
    compare(then, now, choices, &target(table), &BTreeMap::new())
}

/// The properties that are not as they were, with what became of them.
fn differing(properties: &[Property]) -> Vec<(&str, Outcome)> {
    let those = properties.iter().filter(|property| property.outcome != Outcome::Restored);
    those.map(|property| (property.name.as_str(), property.outcome)).collect()
}

fn property<'a>(properties: &'a [Property], name: &str) -> &'a Property {
    properties.iter().find(|property| property.name == name).unwrap()
}

/// What became of a step.
fn record(state: StepState) -> StepRecord {
    StepRecord { state, refusals: 0, since: None, again_at: None, at: None, why: None }
}

/// An alarm on a table.
fn watching(table: &str) -> crate::settings::Json {
    json!({ "MetricName": "ThrottledRequests", "Dimensions": [{ "Name": "TableName", "Value": table }] })
        .into()
}

/// Something that is otherwise now.
type Change = fn(&mut TableSettings);

/// Changes what is known of a part.
fn edit<T>(part: &mut Part<T>, change: impl FnOnce(&mut T)) {
    let Part::Known(known) = part else { panic!("the part is known") };
    change(known);
}

#[test]
fn a_table_that_is_as_it_was_is_restored_in_every_property() {
    let then = everything();
    let properties = compared(&then, &then, &Choices::default(), "orders");
    assert_eq!(differing(&properties), []);
    let names: Vec<_> = properties.iter().map(|property| property.name.as_str()).collect();
    assert_eq!(names, PROPERTIES);
    assert!(properties.iter().all(|property| property.why.is_none()));
    // What a table without replicas and vector indexes never had is not listed.
    let plain = TableSettings::default();
    assert_eq!(compared(&plain, &plain, &Choices::default(), "orders").len(), PROPERTIES.len() - 2);
}

#[test]
fn each_difference_is_noticed_as_one() {
    let cases: [(&str, Change); 32] = [
        ("keys and attributes", |now| now.attributes.extend([("status".into(), AttributeType::N)])),
        ("keys and attributes", |now| now.keys.range.clear()),
        ("local indexes", |now| now.local_indexes.clear()),
        ("global indexes", |now| now.global_indexes.clear()),
        ("global indexes", |now| now.global_indexes.values_mut().for_each(|it| it.keys.hash = vec![])),
        ("vector indexes", |now| now.vector_indexes.clear()),
        ("billing mode", |now| now.billing = BillingMode::PayPerRequest),
        ("throughput", |now| now.throughput = Some(Throughput { read: 401, write: 40 })),
        ("throughput", |now| now.global_indexes.values_mut().for_each(|it| it.throughput = None)),
        ("maximum throughput", |now| now.on_demand_max = MaxThroughput::default()),
        ("warm throughput", |now| now.warm = Some(Throughput { read: 19_999, write: 4_000 })),
        ("warm throughput", |now| now.warm = None),
        ("table class", |now| now.class = TableClass::Standard),
        ("encryption", |now| now.encryption = None),
        ("encryption", |now| now.encryption.as_mut().unwrap().key = Some("another".into())),
        ("deletion protection", |now| now.deletion_protection = false),
        ("point-in-time recovery", |now| now.pitr = Part::Known(Some(Pitr { days: 15 }))),
        ("tags", |now| edit(&mut now.tags, |tags| drop(tags.insert("more".into(), String::new())))),
        ("resource policy", |now| edit(&mut now.policies, |all| all.table = None)),
        ("stream", |now| now.stream = Some(StreamView::NewImage)),
        ("stream policy", |now| edit(&mut now.policies, |all| all.stream = Some(json!({}).into()))),
        ("Kinesis destinations", |now| now.kinesis = Part::none()),
        ("Contributor Insights", |now| edit(&mut now.insights, |all| all.indexes.clear())),
        ("Contributor Insights", |now| {
            edit(&mut now.insights, |all| all.indexes.extend([("more".into(), all.table.unwrap())]));
        }),
        ("auto scaling", |now| {
            let dimension = Dimension { write: true, index: None };
            edit(&mut now.scaling, |all| drop(all.insert(dimension, Default::default())));
        }),
        ("alarms", |now| edit(&mut now.alarms, |all| drop(all.insert("another".into(), watching("orders"))))),
        ("auto scaling", |now| edit(&mut now.scaling, |all| drop(all.pop_first()))),
        ("auto scaling", |now| {
            edit(&mut now.scaling, |all| all.values_mut().for_each(|it| it.policies.clear()));
        }),
        ("auto scaling", |now| edit(&mut now.scaling, |all| all.values_mut().for_each(|it| it.max = 7))),
        ("alarms", |now| edit(&mut now.alarms, |all| all.values_mut().for_each(|it| *it = json!({}).into()))),
        ("time to live", |now| now.ttl = Part::Known(Some(Ttl { attribute: "other".into() }))),
        ("replicas", |now| now.replicas = None),
    ];
    for (name, change) in cases {
        let mut now = everything();
        change(&mut now);
        let properties = compared(&everything(), &now, &Choices::default(), "orders");
        let outcome = if name == "replicas" { Outcome::Impossible } else { Outcome::Failed };
        assert_eq!(differing(&properties), [(name, outcome)]);
        assert!(property(&properties, name).why.is_some());
        let later = ["time to live", "replicas", "resource policy", "stream policy"];
        assert_eq!(is_verified(&properties), later.contains(&name));
    }
    let covered: BTreeSet<_> = cases.iter().map(|(name, _)| *name).collect();
    assert_eq!(covered, PROPERTIES.into());
}

#[test]
fn what_moves_by_itself_is_no_difference() {
    let then = everything();
    let cases: [Change; 5] = [
        // An alarm that watches others comes and goes with those.
        |now| edit(&mut now.alarms, |all| drop(all.insert("another".into(), watching("carts")))),
        |now| now.throughput = Some(Throughput { read: 400, write: 40 }),
        |now| now.warm = Some(Throughput { read: 20_000, write: 9_000 }),
        // A scheduled action moved a bound.
        |now| edit(&mut now.scaling, |all| all.first_entry().unwrap().get_mut().min = 200),
        |now| {
            let stream = format!("{}/stream/2026-06-01T00:00:00.000", arn("orders"));
            edit(&mut now.policies, |all| {
                all.stream = all.stream.as_ref().map(|policy| stream_policy(policy, &arn("orders"), &stream));
            });
        },
    ];
    for change in cases {
        let mut now = then.clone();
        change(&mut now);
        assert!(now != then);
        assert_eq!(differing(&compared(&then, &now, &Choices::default(), "orders")), []);
    }
}

#[test]
fn the_key_that_aws_manages_has_no_name() {
    let with = |encryption: Option<Encryption>| TableSettings { encryption, ..everything() };
    let kms = |key: &str| Some(Encryption { kind: EncryptionType::Kms, key: Some(key.to_owned()) });
    let aes = Some(Encryption { kind: EncryptionType::Aes256, key: None });
    let outcome = |then, now, key| {
        let choices = Choices { encryption: key, ..Choices::default() };
        let properties = compared(&with(then), &with(now), &choices, "orders");
        property(&properties, "encryption").outcome
    };
    assert_eq!(outcome(aes, None, None), Outcome::Restored);
    assert_eq!(outcome(None, kms("theirs"), None), Outcome::Failed);
    let managed = || Some(Encryption { kind: EncryptionType::Kms, key: None });
    assert_eq!(outcome(managed(), managed(), None), Outcome::Restored);
    assert_eq!(outcome(managed(), kms("ours"), None), Outcome::Failed);
    assert_eq!(outcome(kms("ours"), managed(), Some(Key::AwsManaged)), Outcome::Changed);
    assert_eq!(outcome(kms("ours"), kms("ours"), Some(Key::AwsManaged)), Outcome::Failed);
    assert_eq!(outcome(kms("ours"), kms("ours"), Some(Key::AwsOwned)), Outcome::Failed);
    assert_eq!(outcome(kms("ours"), None, Some(Key::AwsOwned)), Outcome::Changed);
}

#[test]
fn under_another_name_what_is_left_off_is_told() {
    let (then, target) = (everything(), target("orders-restored"));
    let now = expected(&then, &Choices::default(), &target);
    let properties = compare(&then, &now, &Choices::default(), &target, &BTreeMap::new());
    let told = |property: &Property| {
        format!("{}: {:?} {}", property.name, property.outcome, property.why.as_deref().unwrap_or_default())
    };
    let told: Vec<_> = properties.iter().filter(|property| property.why.is_some()).map(told).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    warm throughput: Changed left off: it costs at once, and the table has another name; --with warm-throughput switches it on
    stream: Changed left off: it faces outward, and the table has another name; --with stream switches it on
    stream policy: Changed left off: it faces outward, and the table has another name; --with stream switches it on
    Kinesis destinations: Changed left off: they face outward, and the table has another name; --with kinesis switches them on
    auto scaling: Changed left off: its scheduled actions face outward, and the table has another name; --with scheduled-scaling switches them on
    alarms: Changed left off: they face outward, and the table has another name; --with alarms switches them on
    time to live: Changed left off: it starts deleting, and the table has another name; --with ttl switches it on
    replicas: Impossible they are not rebuilt: add them with UpdateTable after the restore
    "#);
    // Switched on, alarms are there under names of their own.
    let choices = Choices { with: Feature::ALL.into(), ..Choices::default() };
    let now = expected(&then, &choices, &target);
    let properties = compare(&then, &now, &choices, &target, &BTreeMap::new());
    assert_eq!(differing(&properties), [("replicas", Outcome::Impossible)]);
    assert_eq!(property(&properties, "alarms").why.as_deref(), Some("under names of their own"));
}

#[test]
fn a_step_that_failed_tells_why_unless_it_came_right_in_the_end() {
    let (then, choices, target) = (everything(), Choices::default(), target("orders"));
    let mut now = then.clone();
    now.alarms = Part::none();
    now.billing = BillingMode::PayPerRequest;
    let steps = planned(&then, &choices, &target).steps;
    let failed = |step: &Step| {
        let why = Some(format!("{}: AccessDenied", step.property()));
        (step.key(), StepRecord { why, ..record(StepState::Failed) })
    };
    let failed = steps.iter().map(failed).collect();
    let properties = compare(&then, &now, &choices, &target, &failed);
    assert_eq!(differing(&properties), [("billing mode", Outcome::Failed), ("alarms", Outcome::Failed)]);
    assert_eq!(property(&properties, "alarms").why.as_deref(), Some("alarms: AccessDenied"));
    assert_eq!(property(&properties, "billing mode").why.as_deref(), Some("throughput: AccessDenied"));
}

#[test]
fn what_is_not_known_is_never_called_restored() {
    let denied = Unknown::AccessDenied;
    let then = TableSettings { tags: Part::Unknown(denied), ..everything() };
    let properties = compared(&then, &everything(), &Choices::default(), "orders");
    let why = property(&properties, "tags").why.clone().unwrap();
    assert_eq!(differing(&properties), [("tags", Outcome::Impossible)]);
    insta::assert_snapshot!(why, @"what it was is not known: access denied when the backup was made");
    // The other way round it may or may not be there.
    let properties = compared(&everything(), &then, &Choices::default(), "orders");
    let why = property(&properties, "tags").why.clone().unwrap();
    assert_eq!(differing(&properties), [("tags", Outcome::Failed)]);
    insta::assert_snapshot!(why, @"it could not be looked at: access denied");
    // Unless there was none.
    let then = TableSettings { tags: Part::none(), ..everything() };
    let now = TableSettings { tags: Part::Unknown(denied), ..everything() };
    assert_eq!(differing(&compared(&then, &now, &Choices::default(), "orders")), []);
    // Asked for, it is as asked; left off because of the name, it stays unknown.
    let pitr = Choices { pitr: Some(PitrChoice::Off), ..Choices::default() };
    let then = TableSettings { pitr: Part::Unknown(denied), ..everything() };
    let now = TableSettings { pitr: Part::none(), ..everything() };
    assert_eq!(
        differing(&compared(&then, &now, &pitr, "orders")),
        [("point-in-time recovery", Outcome::Changed)]
    );
    let then = TableSettings { ttl: Part::Unknown(denied), ..everything() };
    let now = expected(&then, &Choices::default(), &target("other"));
    let properties = compared(&then, &now, &Choices::default(), "other");
    assert_eq!(property(&properties, "time to live").outcome, Outcome::Impossible);
}

fn choices() -> impl Strategy<Value = Choices> {
    let billing = prop_oneof![
        Just(Billing::OnDemand),
        any::<(u64, u64)>().prop_map(|(read, write)| Billing::Provisioned { read, write })
    ];
    let class = prop::sample::select(vec![TableClass::Standard, TableClass::StandardInfrequentAccess]);
    let key = prop_oneof![Just(Key::AwsOwned), Just(Key::AwsManaged), ".{1,20}".prop_map(Key::Arn)];
    let pitr = prop_oneof![Just(PitrChoice::Off), (1..=35u32).prop_map(PitrChoice::Days)];
    let features = || prop::sample::subsequence(Feature::ALL.to_vec(), 0..=4);
    (
        proptest::option::of(billing),
        proptest::option::of(class),
        proptest::option::of(key),
        any::<Option<bool>>(),
        proptest::option::of(pitr),
        prop::collection::btree_map(".{1,8}", ".{0,8}", 0..2),
        (features(), features()),
    )
        .prop_map(|(billing, class, encryption, deletion_protection, pitr, tags, (with, without))| {
            Choices {
                billing,
                class,
                encryption,
                deletion_protection,
                pitr,
                tags,
                with: with.into_iter().collect(),
                without: without.into_iter().collect(),
                ..Choices::default()
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_table_as_expected_has_no_failure(
        then in any_settings(),
        mut choices in choices(),
        left_out in 0..3usize,
        own_name in any::<bool>(),
    ) {
        choices.without_indexes = then.global_indexes.keys().take(left_out).cloned().collect();
        choices.without_tags = then.tags.known().into_iter().flatten().map(|(key, _)| key.clone()).take(1).collect();
        let target = target(if own_name { "orders" } else { "other" });
        let now = expected(&then, &choices, &target);
        let properties = compare(&then, &now, &choices, &target, &BTreeMap::new());
        prop_assert!(properties.iter().all(|it| it.outcome != Outcome::Failed), "{properties:#?}");
        // What is not restored has a reason, and the plan told of it before.
        let plan = planned(&then, &choices, &target);
        for property in properties.iter().filter(|it| it.outcome != Outcome::Restored) {
            prop_assert!(property.why.is_some());
            let is_told = plan.left.iter().any(|left| left.property == property.name);
            prop_assert!(is_told || property.name == "warm throughput", "{}", property.name);
        }
        let keys: BTreeSet<_> = plan.steps.iter().map(Step::key).collect();
        prop_assert_eq!(keys.len(), plan.steps.len());
        for step in &plan.steps {
            prop_assert!(PROPERTIES.contains(&step.property()));
            prop_assert!(!step.title().is_empty() && !step.commands(&target).is_empty());
        }
        let adoption = adoption(&now, &target);
        prop_assert_eq!(adoption.cloudformation.len(), 2);
    }
}

#[test]
fn replicas_that_agree_strongly_are_told_to_be_lost() {
    let mut then = everything();
    let told = |then: &TableSettings| {
        let left = planned(then, &Choices::default(), &target("orders")).left;
        left.into_iter().find(|left| left.property == "replicas").unwrap().why
    };
    insta::assert_snapshot!(told(&then), @"1 replica and 1 witness Region are not rebuilt, and strong consistency can never be re-created on a table with items: add replicas that agree eventually with UpdateTable after the restore");
    let replicas = then.replicas.as_mut().unwrap();
    replicas.consistency = Consistency::Eventual;
    replicas.witnesses.clear();
    replicas.regions.insert("eu-west-3".to_owned(), json!({}).into());
    insta::assert_snapshot!(told(&then), @"2 replicas are not rebuilt: add replicas with UpdateTable after the restore");
}

#[test]
fn what_was_put_and_not_refused_may_be_seen_later() {
    let then = everything();
    let now = TableSettings { tags: Part::none(), ..everything() };
    let properties = compared(&then, &now, &Choices::default(), "orders");
    let steps = |key: &str, state| BTreeMap::from([(key.to_owned(), record(state))]);
    assert!(settles(&properties, &steps("tags", StepState::Done)));
    assert!(!settles(&properties, &steps("tags", StepState::Failed)));
    assert!(!settles(&properties, &steps("pitr", StepState::Done)), "it was not put at all");
    assert!(!settles(
        &compared(&then, &then, &Choices::default(), "orders"),
        &steps("tags", StepState::Done)
    ));
    // One of two policies refused is final.
    let now = TableSettings { scaling: Part::none(), ..everything() };
    let properties = compared(&then, &now, &Choices::default(), "orders");
    let mut both = steps("scaling-policy#1", StepState::Done);
    assert!(settles(&properties, &both));
    both.extend(steps("remove-scaling-target#2", StepState::Failed));
    assert!(!settles(&properties, &both));
}
