//! What a dropped table leaves behind takes hold of the next table of its name: a restore sees it, and brings it to
//! what was captured.

use backup_chain_core::ids::TableName;
use backup_chain_core::invoke::{Ask, Wanted};
use backup_chain_core::restore::Stage;
use backup_chain_core::settings::TableSettings;
use backup_chain_deployed::stack::RESTORE;
use backup_chain_tests::command::cli;
use backup_chain_tests::leftovers::{alarm, change_what_surrounds, watching};
use backup_chain_tests::restores::{ask, changes, differences, everything, home, newest, quick, restored};
use backup_chain_tests::{table, tables};
use jiff::SignedDuration;
use serde_json::json;

async fn look(stack: &backup_chain_deployed::stack::Stack, table: &TableName) -> TableSettings {
    stack.app().aws.region(&home()).capture_anew(table).await.unwrap().settings
}

#[tokio::test(start_paused = true)]
async fn what_a_dropped_table_left_is_named_and_gives_way_to_what_was_captured() {
    let (world, mut stack) = quick().await;
    let (orders, settings) = everything(&world, &mut stack).await;
    table(&world, "carts", &[]).await.unwrap();
    change_what_surrounds(&world, &orders).await;
    tables::drop_alone(&world, &orders, &settings).await.unwrap();
    let planned = cli(&world, "restore start orders --dry-run").await.done();
    let (_, told) = planned.split_once("what a dropped table of that name has left behind").unwrap();
    let (told, _) = told.split_once("\nthe steps that").unwrap();
    insta::assert_snapshot!(told.lines().skip(1).collect::<Vec<_>>().join("\n"), @r#"
     WHAT                                                    BECOMES
     auto scaling of read capacity of the table              brought to what it was
     scaling policy "reads" of read capacity of the table    brought to what it was
     scheduled action "night" of read capacity of the table  brought to what it was
     scheduled action "noon" of read capacity of the table   removed, before it acts on the new table
     auto scaling of write capacity of the table             removed, before it acts on the new table
     scaling policy "writes" of write capacity of the table  removed, before it acts on the new table
     auto scaling of write capacity of index by-status       it is as it was, and stays
     alarm "all"                                             it watches more than this table, and stays
     alarm "orders index throttled"                          it is as it was, and stays
     alarm "orders slow"                                     removed, before it acts on the new table
     alarm "orders throttled"                                brought to what it was
    "#);
    world.clear_calls();
    let told = stack.restore(ask([newest(&orders)])).await.unwrap();
    stack.live(SignedDuration::from_mins(30)).await;
    let restore = restored(&stack, &told[0].restore.id).await;
    assert_eq!(restore.stage, Stage::Succeeded, "{restore:#?}");
    assert_eq!(differences(&restore), [""; 0]);
    let why = |name: &str| {
        restore.report.iter().find(|property| property.name == name).unwrap().why.clone().unwrap_or_default()
    };
    assert_eq!(why("auto scaling"), "what had been left under its name was removed: 4 things");
    assert_eq!(why("alarms"), "what had been left under its name was removed: 2 things");
    // The alarm that watches carts, too, is as it was.
    let mut now = serde_json::to_value(look(&stack, &orders).await).unwrap();
    assert!(now["alarms"].as_object_mut().unwrap().remove("all").is_some());
    let now = TableSettings::from_bytes(now.to_string().as_bytes()).unwrap();
    assert_eq!(changes(&now, &settings), [""; 0]);
    let gone: Vec<_> = world
        .calls()
        .into_iter()
        .filter(|call| call.caller == RESTORE)
        .filter(|call| call.operation.starts_with("Delete") || call.operation.starts_with("Deregister"))
        .map(|call| call.operation)
        .collect();
    assert_eq!(gone.len(), 6, "{gone:?}");
}

#[tokio::test(start_paused = true)]
async fn under_another_name_nothing_of_the_live_table_is_touched() {
    let (world, mut stack) = quick().await;
    let (orders, _) = everything(&world, &mut stack).await;
    table(&world, "carts", &[]).await.unwrap();
    change_what_surrounds(&world, &orders).await;
    let before = look(&stack, &orders).await;
    // A table that was called so left an alarm behind.
    alarm(
        &world,
        json!({
            "AlarmName": "check slow", "MetricName": "ThrottledRequests", "Namespace": "AWS/DynamoDB",
            "Statistic": "Sum", "Period": 60, "Dimensions": watching("orders-check"),
        }),
    )
    .await;
    let wanted = Wanted { name: Some("orders-check".parse().unwrap()), ..newest(&orders) };
    let plan = stack.restore(Ask { dry_run: true, ..ask([wanted.clone()]) }).await.unwrap();
    let left: Vec<_> = plan[0].leftovers.iter().map(|it| (it.title.as_str(), it.becomes.as_str())).collect();
    assert_eq!(left, [("alarm \"check slow\"", "removed, before it acts on the new table")]);
    let told = stack.restore(ask([wanted])).await.unwrap();
    stack.live(SignedDuration::from_mins(30)).await;
    let restore = restored(&stack, &told[0].restore.id).await;
    assert_eq!(restore.stage, Stage::Succeeded, "{restore:#?}");
    assert_eq!(look(&stack, &orders).await.changes(&before), [""; 0], "the live table is as it was");
    assert!(look(&stack, &restore.target.name).await.alarms.is_none());
}
