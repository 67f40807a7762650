use super::*;
use crate::settings::{Dimension, ScalingTarget};

fn around(patch: impl FnOnce(&mut NameBound)) -> NameBound {
    let then = everything();
    let mut around = NameBound { scaling: then.scaling, alarms: then.alarms };
    patch(&mut around);
    around
}

fn known<T>(part: &mut Part<T>) -> &mut T {
    let Part::Known(known) = part else { panic!("the part is known") };
    known
}

fn removed(around: &NameBound, then: &TableSettings, table: &str) -> Vec<String> {
    let plan = plan(then, &Choices::default(), &target(table), around, &around.keys(&arn(table).name));
    let removals = plan.steps.iter().filter(|step| matches!(step, Step::Remove(_)));
    removals.map(Step::title).collect()
}

fn told(around: &NameBound, then: &TableSettings) -> String {
    let told = around.views(&expected(then, &Choices::default(), &target("orders")), &arn("orders").name);
    told.iter().map(|it| format!("{}: {}", it.title, it.becomes)).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_left_as_it_was_stays() {
    let around = around(|_| {});
    assert_eq!(removed(&around, &everything(), "orders"), [""; 0]);
    insta::assert_snapshot!(told(&around, &everything()), @r#"
    auto scaling of read capacity of the table: it is as it was, and stays
    scaling policy "follow" of read capacity of the table: it is as it was, and stays
    scheduled action "morning" of read capacity of the table: it is as it was, and stays
    auto scaling of write capacity of index by-status: it is as it was, and stays
    alarm "orders throttled": it is as it was, and stays
    "#);
}

#[test]
fn what_is_left_otherwise_gives_way() {
    let around = around(|around| {
        let scaling = known(&mut around.scaling);
        let read = scaling.values_mut().next().unwrap();
        read.max = 7;
        read.policies.insert("another".to_owned(), read.policies["follow"].clone());
        read.scheduled.get_mut("morning").unwrap().min = Some(300);
        scaling.insert(Dimension { write: true, index: None }, ScalingTarget::default());
        let alarms = known(&mut around.alarms);
        let of = |table: &str| json!([{ "Name": "TableName", "Value": table }]);
        let own = json!({ "MetricName": "ThrottledRequests", "Dimensions": of("orders"), "Threshold": 7.0 });
        let stat = |table: &str| json!({ "MetricStat": { "Metric": { "Dimensions": of(table) } } });
        let all = json!({ "Metrics": [stat("orders"), stat("carts"), { "Expression": "a + b" }] });
        alarms.insert("orders throttled".to_owned(), own.clone().into());
        alarms.insert("orders slow".to_owned(), own.into());
        alarms.insert("all tables".to_owned(), all.into());
    });
    insta::assert_snapshot!(told(&around, &everything()), @r#"
    auto scaling of read capacity of the table: brought to what it was
    scaling policy "another" of read capacity of the table: removed, before it acts on the new table
    scaling policy "follow" of read capacity of the table: it is as it was, and stays
    scheduled action "morning" of read capacity of the table: brought to what it was
    auto scaling of write capacity of the table: removed, before it acts on the new table
    auto scaling of write capacity of index by-status: it is as it was, and stays
    alarm "all tables": it watches more than this table, and stays
    alarm "orders slow": removed, before it acts on the new table
    alarm "orders throttled": brought to what it was
    "#);
    assert_eq!(
        removed(&around, &everything(), "orders"),
        [
            "without the scaling policy \"another\" of read capacity of the table that was left behind",
            "without the scheduled action \"morning\" of read capacity of the table that was left behind",
            "without the auto scaling of write capacity of the table that was left behind",
            "without the alarm \"orders slow\" that was left behind",
            "without the alarm \"orders throttled\" that was left behind",
        ]
    );
    // What was not there before the table is no one's leftover.
    let none = plan(&everything(), &Choices::default(), &target("orders"), &around, &BTreeSet::new());
    assert!(!none.steps.iter().any(|step| matches!(step, Step::Remove(_))));
    // What there was is not known: it stays, and is reported.
    let mut then = everything();
    (then.scaling, then.alarms) = (Part::default(), Part::default());
    assert_eq!(removed(&around, &then, "orders"), [""; 0]);
    assert!(told(&around, &then).lines().all(|line| line.contains("is not known: it stays")));
}

#[test]
fn what_is_over_is_no_difference() {
    let mut scaling = everything().scaling;
    let morning = "2026-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(expire(&mut scaling, morning), [""; 0]);
    let action = |scaling: &Part<crate::settings::Scaling>| {
        scaling.known().unwrap().values().next().unwrap().scheduled.get("morning").cloned()
    };
    assert!(action(&scaling).unwrap().start.is_none(), "a start that is past is none any more");
    known(&mut scaling).values_mut().next().unwrap().scheduled.get_mut("morning").unwrap().end =
        Some(morning);
    assert_eq!(expire(&mut scaling, morning), ["morning"]);
    assert!(action(&scaling).is_none());
}
