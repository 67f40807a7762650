//! A restore on an AWS that hesitates: nothing is believed too soon, nothing given up too soon, and nothing waits for
//! ever.

use aws_sdk_backup::types::RestoreJobsListMember;
use backup_chain_core::ids::TableName;
use backup_chain_core::invoke::{Ask, SessionRequest, Wanted};
use backup_chain_core::restore::{Choices, Key, MAX_CONCURRENT_RESTORES, Restore, Stage, StepState};
use backup_chain_core::settings::{EncryptionType, TableSettings};
use backup_chain_deployed::stack::{ACCOUNT, RESTORE, SOURCE, Stack, TARGET};
use backup_chain_local::{Fault, FaultRule, Lag, World};
use backup_chain_tests::command::cli;
use backup_chain_tests::restores::{
    COPIED, ask, back_up, changes, differences, everything, home, items, newest, quick, quick_with, restored,
};
use backup_chain_tests::{apply, backup, dynamodb, table, tables};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

/// The table with everything is dropped, and its restore has begun.
async fn begun(world: &World, stack: &mut Stack) -> (TableName, TableSettings, Restore) {
    let (orders, settings) = everything(world, stack).await;
    tables::drop(world, &orders, &settings).await.unwrap();
    let mut told = stack.restore(ask([newest(&orders)])).await.unwrap();
    (orders, settings, told.remove(0).restore)
}

fn for_so_long(world: &World, from: SignedDuration, minutes: i64) -> (Timestamp, Timestamp) {
    let from = world.now() + from;
    (from, from + SignedDuration::from_mins(minutes))
}

#[tokio::test(start_paused = true)]
async fn a_right_that_hangs_on_a_fresh_tag_comes_later() {
    let (world, mut stack) = quick().await;
    let (orders, settings, begun) = begun(&world, &mut stack).await;
    // The table is there after a minute; for two more nothing that hangs on its tag is granted.
    let (from, until) = for_so_long(&world, SignedDuration::ZERO, 3);
    for operation in ["UpdateTable", "UpdateContinuousBackups", "UpdateContributorInsights"] {
        world.inject(FaultRule::new("dynamodb", operation, Fault::Deny).caller(RESTORE).between(from, until));
    }
    stack.live(SignedDuration::from_mins(15)).await;
    let restore = restored(&stack, &begun.id).await;
    assert_eq!(restore.stage, Stage::Succeeded, "{restore:#?}");
    assert_eq!(differences(&restore), [""; 0]);
    let now = stack.app().aws.region(&home()).capture_anew(&orders).await.unwrap();
    assert_eq!(changes(&now.settings, &settings), [""; 0]);
    assert_eq!(now.warnings, [""; 0], "the restore's tag is off");
}

#[tokio::test(start_paused = true)]
async fn a_table_with_everything_comes_back_where_all_of_it_is_seen_a_minute_later() {
    let (world, mut stack) = quick().await;
    let (orders, settings) = everything(&world, &mut stack).await;
    tables::drop(&world, &orders, &settings).await.unwrap();
    for lag in [Lag::TableTags, Lag::JudgedTags, Lag::Policies, Lag::NewTables, Lag::TableSettings] {
        world.stretch(lag, SignedDuration::from_secs(60));
    }
    let told = stack.restore(ask([newest(&orders)])).await.unwrap();
    stack.live(SignedDuration::from_mins(45)).await;
    let restore = restored(&stack, &told[0].restore.id).await;
    assert_eq!(restore.stage, Stage::Succeeded, "{restore:#?}");
    assert_eq!(differences(&restore), [""; 0]);
    world.consistent();
    stack.live(SignedDuration::from_mins(5)).await;
    let now = stack.app().aws.region(&home()).capture_anew(&orders).await.unwrap();
    assert_eq!(changes(&now.settings, &settings), [""; 0]);
    assert_eq!(now.warnings, [""; 0], "the restore's tag is off");
}

#[tokio::test(start_paused = true)]
async fn where_tag_conditions_are_off_the_restore_ends_and_tells_the_way_out() {
    let (world, mut stack) = quick().await;
    world.with_dynamodb(|dynamo| dynamo.set_tag_conditions(ACCOUNT, SOURCE, false));
    let (orders, _, begun) = begun(&world, &mut stack).await;
    stack.live(SignedDuration::from_mins(15)).await;
    let restore = restored(&stack, &begun.id).await;
    assert_eq!(restore.stage, Stage::Warning, "{restore:#?}");
    let problem = restore.problem.clone().unwrap();
    assert!(problem.contains("attribute-based access control is off in eu-central-1"), "{problem}");
    assert!(!restore.report.is_empty() && restore.steps.values().all(|it| it.state == StepState::Failed));
    let shown = cli(&world, &format!("restore show {}", begun.id)).await.done();
    assert!(shown.contains("to finish by hand:") && shown.contains("in docs/restore.md"), "{shown}");
    assert_eq!(items(&world, &orders).await.len(), 5, "the items are there");
}

#[tokio::test(start_paused = true)]
async fn a_resource_policy_that_shuts_everybody_out_comes_last_and_all_else_is_there() {
    let (world, mut stack) = quick().await;
    let (orders, mut settings) = everything(&world, &mut stack).await;
    let client = dynamodb(&world);
    let arn = format!("arn:aws:dynamodb:{SOURCE}:{ACCOUNT}:table/orders");
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": ["dynamodb:PutResourcePolicy", "dynamodb:DeleteItem"],
        "Resource": arn,
    }]});
    let put = client.put_resource_policy().resource_arn(&arn).policy(policy.to_string());
    put.confirm_remove_self_resource_access(true).send().await.unwrap();
    settings.policies =
        stack.app().aws.region(&home()).capture_anew(&orders).await.unwrap().settings.policies;
    back_up(&mut stack, &[&orders]).await;
    tables::drop(&world, &orders, &settings).await.unwrap();
    world.clear_calls();
    let told = stack.restore(ask([newest(&orders)])).await.unwrap();
    stack.live(SignedDuration::from_mins(30)).await;
    let restore = restored(&stack, &told[0].restore.id).await;
    assert_eq!(restore.stage, Stage::Succeeded, "{restore:#?}");
    let writes: Vec<_> = world
        .calls()
        .into_iter()
        .filter(|call| {
            call.caller == RESTORE && call.service == "dynamodb" && call.resource.contains("orders")
        })
        .filter(|call| {
            ["Update", "Put", "Tag", "Untag", "Enable"].iter().any(|verb| call.operation.starts_with(verb))
        })
        .map(|call| call.operation)
        .collect();
    let last: Vec<&str> = writes.iter().rev().take(4).map(String::as_str).collect();
    assert_eq!(last, ["UntagResource", "PutResourcePolicy", "PutResourcePolicy", "UpdateTimeToLive"]);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_one_key_by_whatever_name_it_is_asked_for() {
    let (world, mut stack) = quick().await;
    let orders = table(&world, "orders", &[]).await.unwrap();
    back_up(&mut stack, &[&orders]).await;
    let kms = aws_sdk_kms::Client::new(&world.sdk_config(ACCOUNT, SOURCE, "operator"));
    let key = kms.create_key().send().await.unwrap().key_metadata.unwrap();
    kms.create_alias().alias_name("alias/tables").target_key_id(key.key_id()).send().await.unwrap();
    let arn = key.arn.clone().unwrap();
    for (number, name) in ["alias/tables", key.key_id(), arn.as_str()].into_iter().enumerate() {
        let line = format!("restore start orders=orders-{number} --key {name} --yes");
        let (ran, ()) = tokio::join!(cli(&world, &line), stack.live(SignedDuration::from_mins(30)));
        let told = ran.done();
        assert!(told.contains("status   succeeded\n"), "{name}: {told}");
        let table = format!("orders-{number}").parse().unwrap();
        let now = stack.app().aws.region(&home()).capture_anew(&table).await.unwrap().settings;
        assert_eq!(now.encryption.unwrap().key.as_ref(), Some(&arn), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_table_under_the_key_that_aws_manages_comes_back_under_it() {
    let (world, mut stack) = quick().await;
    let managed = json!({
        "attributes": {"pk": "S"}, "keys": {"hash": ["pk"]}, "warm": [12000, 4000], "sse": {},
    });
    let managed = TableSettings::from_bytes(managed.to_string().as_bytes()).unwrap();
    let orders = tables::create(&world, "orders", &managed).await.unwrap();
    let captured = stack.app().aws.region(&home()).capture_anew(&orders).await.unwrap().settings;
    assert_eq!(
        captured.changes(&managed),
        [""; 0],
        "that key has no name: it has another one in each Region"
    );
    apply(&stack, COPIED).await.unwrap();
    stack.session(SessionRequest::run("copied".parse().unwrap())).await.unwrap();
    stack.live(SignedDuration::from_mins(20)).await;
    tables::drop(&world, &orders, &managed).await.unwrap();
    for (vault, region) in [(None, SOURCE), (Some("eu-west-1/backup-chain-copies".to_owned()), TARGET)] {
        let told = stack.restore(ask([Wanted { vault, ..newest(&orders) }])).await.unwrap();
        assert_eq!(told[0].key, Some(Key::AwsManaged), "{region}");
        stack.live(SignedDuration::from_mins(15)).await;
        let restore = restored(&stack, &told[0].restore.id).await;
        assert_eq!((restore.stage, differences(&restore)), (Stage::Succeeded, vec![]), "{restore:#?}");
        let now =
            stack.app().aws.region(&region.parse().unwrap()).capture_anew(&orders).await.unwrap().settings;
        assert!(
            now.encryption.is_some_and(|it| it.kind == EncryptionType::Kms && it.key.is_none()),
            "{region}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_of_an_aws_that_is_away_ends_some_time() {
    // No table yet: the job is not to be looked at.
    let (world, mut stack) = quick().await;
    let (_, _, restore) = begun(&world, &mut stack).await;
    world.inject(FaultRule::new("backup", "DescribeRestoreJob", Fault::ServerError));
    stack.live(SignedDuration::from_hours(23)).await;
    let held_up = restored(&stack, &restore.id).await;
    assert_eq!(held_up.stage, Stage::Running);
    let hitch = held_up.hitch.unwrap();
    assert!(hitch.why.starts_with("backup:DescribeRestoreJob: "), "{hitch:?}");
    let shown = cli(&world, "restore list").await.done();
    assert!(shown.contains("running"), "{shown}");
    stack.live(SignedDuration::from_hours(2)).await;
    let over = restored(&stack, &restore.id).await;
    assert_eq!(over.stage, Stage::Failed);
    let problem = over.problem.unwrap();
    assert!(problem.contains("for 24 hours") && problem.contains("look for it"), "{problem}");

    // The table is there: one part of it always answers 500.
    let (world, mut stack) = quick().await;
    let (_, _, restore) = begun(&world, &mut stack).await;
    world.inject(FaultRule::new("dynamodb", "ListTagsOfResource", Fault::ServerError).caller(RESTORE));
    stack.live(SignedDuration::from_hours(2)).await;
    assert_eq!(restored(&stack, &restore.id).await.stage, Stage::Applying);
    stack.live(SignedDuration::from_hours(2)).await;
    let over = restored(&stack, &restore.id).await;
    assert_eq!(over.stage, Stage::Warning);
    assert!(over.problem.unwrap().starts_with("dynamodb:ListTagsOfResource: "));
}

/// So many small tables, backed up and dropped.
async fn many(world: &World, stack: &mut Stack, count: usize) -> Vec<TableName> {
    let mut names = Vec::new();
    for number in 0..count {
        names.push(table(world, &format!("app-{number:02}"), &[("team", "shop")]).await.unwrap());
    }
    back_up(stack, &names.iter().collect::<Vec<_>>()).await;
    for name in &names {
        dynamodb(world).delete_table().table_name(name.as_str()).send().await.unwrap();
    }
    stack.live(SignedDuration::from_mins(5)).await;
    names
}

#[tokio::test(start_paused = true)]
async fn fifty_six_tables_of_one_command_all_come_back() {
    let (world, mut stack) = quick().await;
    world.with_backup(|backup| {
        let mut durations = backup.options().durations.clone();
        durations.restore = SignedDuration::from_mins(20);
        backup.set_durations(durations);
    });
    let names = many(&world, &mut stack, 56).await;
    let line = names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let line = format!("restore start {line} --yes --json");
    let (ran, ()) = tokio::join!(cli(&world, &line), stack.live(SignedDuration::from_hours(3)));
    assert!(ran.err.contains("app-55: waiting for its turn\n"), "{}", ran.err);
    let told = ran.json();
    assert_eq!(told.as_array().unwrap().len(), 56);
    for (told, name) in told.as_array().unwrap().iter().zip(&names) {
        assert_eq!(told["restore"]["stage"], json!("succeeded"), "{name}");
        assert_eq!(items(&world, name).await.len(), 3, "{name}");
    }
    // At no moment did more of them run than AWS is asked to run at a time.
    let jobs = backup(&world, SOURCE).list_restore_jobs().max_results(100).send().await.unwrap();
    let span = |job: &RestoreJobsListMember| {
        (job.creation_date().unwrap().secs(), job.completion_date().unwrap().secs())
    };
    let spans: Vec<_> = jobs.restore_jobs().iter().map(span).collect();
    assert_eq!(spans.len(), 56, "none of them failed for want of room");
    let running = |at: i64| spans.iter().filter(|(from, until)| *from <= at && at < *until).count();
    assert_eq!(spans.iter().map(|(from, _)| running(*from)).max(), Some(MAX_CONCURRENT_RESTORES));
}

#[tokio::test(start_paused = true)]
async fn what_aws_has_no_room_for_waits_for_another_turn() {
    let (world, mut stack) = quick().await;
    world.with_backup(|backup| backup.options_mut().running_restores = 2);
    let names = many(&world, &mut stack, 5).await;
    let told = stack.restore(ask(names.iter().map(newest))).await.unwrap();
    stack.live(SignedDuration::from_mins(2)).await;
    let turned = restored(&stack, &told[4].restore.id).await;
    assert!(turned.stage == Stage::Waiting && turned.attempt >= 2, "{turned:#?}");
    let shown = cli(&world, &format!("restore show {}", turned.id)).await.done();
    assert!(
        shown.contains("status   waiting for another turn: FAILED: Subscriber limit exceeded"),
        "{shown}"
    );
    stack.live(SignedDuration::from_hours(1)).await;
    for (told, name) in told.iter().zip(&names) {
        let restore = restored(&stack, &told.restore.id).await;
        assert_eq!(
            (restore.stage, differences(&restore)),
            (Stage::Succeeded, vec![]),
            "{name}: {restore:#?}"
        );
        assert_eq!(items(&world, name).await.len(), 3, "{name}");
    }
    // A limit of somebody else's making that stays: it ends, and says so.
    let (world, mut stack) = quick_with(SignedDuration::from_mins(15)).await;
    world.with_backup(|backup| backup.options_mut().running_restores = 0);
    let names = many(&world, &mut stack, 1).await;
    let told = stack.restore(ask(names.iter().map(newest))).await.unwrap();
    stack.live(SignedDuration::from_hours(71)).await;
    assert!(restored(&stack, &told[0].restore.id).await.stage.is_open());
    stack.live(SignedDuration::from_hours(2)).await;
    let over = restored(&stack, &told[0].restore.id).await;
    assert_eq!(over.stage, Stage::Failed);
    assert!(over.problem.unwrap().starts_with("it has waited for its turn for 3 days: "));
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_request_for_many_fits_what_lambda_carries() {
    let (world, mut stack) = quick().await;
    let names = many(&world, &mut stack, 1).await;
    let orders = table(&world, "orders", &[]).await.unwrap();
    let filler = "x".repeat(18_000);
    let arn = format!("arn:aws:dynamodb:{SOURCE}:{ACCOUNT}:table/orders");
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Sid": filler, "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:role/reader")},
        "Action": "dynamodb:GetItem", "Resource": arn,
    }]});
    dynamodb(&world)
        .put_resource_policy()
        .resource_arn(&arn)
        .policy(policy.to_string())
        .send()
        .await
        .unwrap();
    back_up(&mut stack, &[&orders]).await;
    let line: Vec<String> = (0..200).map(|number| format!("orders=orders-{number}")).collect();
    let planned = cli(&world, &format!("restore start {} --dry-run", line.join(" "))).await.done();
    assert_eq!(planned.matches("its settings are shown in a request of at most 20 tables").count(), 200);
    drop(names);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_recorded_together_is_not_begun() {
    let (world, mut stack) = quick().await;
    let names = many(&world, &mut stack, 52).await;
    // The second transaction of two is refused, again and again.
    world.inject(
        FaultRule::new("dynamodb", "TransactWriteItems", Fault::Deny).caller(RESTORE).skip(1).times(1),
    );
    stack.restore(ask(names.iter().map(newest))).await.unwrap_err();
    stack.live(SignedDuration::from_mins(10)).await;
    let restores = stack.app().catalog.restores().await.unwrap();
    assert_eq!(restores.len(), 50);
    assert!(restores.iter().all(|restore| restore.stage == Stage::Failed), "none of them goes on");
    let started = world.calls().iter().filter(|call| call.operation == "StartRestoreJob").count();
    assert_eq!(started, 0);
    // Asked for again, all of them come.
    let told = stack.restore(ask(names.iter().map(newest))).await.unwrap();
    stack.live(SignedDuration::from_mins(30)).await;
    for told in &told {
        assert_eq!(restored(&stack, &told.restore.id).await.stage, Stage::Succeeded);
    }
}

/// A vector index comes back with its table, is left out where that is asked, and is made where it is not there.
#[tokio::test(start_paused = true)]
async fn vector_indexes_come_back() {
    let (world, mut stack) = quick().await;
    let orders = table(&world, "orders", &[]).await.unwrap();
    let index = |name: &str| {
        json!({
            "IndexName": name, "IndexStatus": "ACTIVE", "VectorAttribute": {"AttributeName": "meaning"},
            "Dimensions": 8, "DistanceFunction": "COSINE", "Projection": {"ProjectionType": "KEYS_ONLY"},
        })
    };
    let planted = json!({"VectorIndexes": [index("by-meaning"), index("by-look")]});
    world.with_dynamodb(|dynamo| dynamo.plant(ACCOUNT, SOURCE, "orders", &planted)).unwrap();
    let then = stack.app().aws.region(&home()).capture_anew(&orders).await.unwrap().settings;
    assert_eq!(then.vector_indexes.len(), 2);
    back_up(&mut stack, &[&orders]).await;
    let named = |name: &str| Wanted { name: Some(name.parse().unwrap()), ..newest(&orders) };
    let without = Choices { without_indexes: ["by-look".to_owned()].into(), ..Choices::default() };
    for (name, choices) in [("orders-all", Choices::default()), ("orders-some", without)] {
        let told = stack.restore(Ask { choices, ..ask([named(name)]) }).await.unwrap();
        stack.live(SignedDuration::from_mins(15)).await;
        let restore = restored(&stack, &told[0].restore.id).await;
        assert_eq!(restore.stage, Stage::Succeeded, "{name}: {restore:#?}");
        let now = stack.app().aws.region(&home()).capture_anew(&restore.target.name).await.unwrap().settings;
        let wanted = if name == "orders-all" { 2 } else { 1 };
        assert_eq!(now.vector_indexes.len(), wanted, "{name}");
        assert!(now.vector_indexes.iter().all(|(name, index)| then.vector_indexes[name] == *index));
    }
}
