//! What gets in the way of a restore: refused before anything is begun, waited for, or left to be finished by hand.

use backup_chain_core::ids::{PointId, TableName};
use backup_chain_core::invoke::{Ask, From, RestoreRequest, Wanted};
use backup_chain_core::point::State;
use backup_chain_core::restore::{Choices, Feature, Key, Outcome, Restore, RestoreView, Stage, StepState};
use backup_chain_deployed::stack::{ACCOUNT, RESTORE, SOURCE, Stack, TARGET};
use backup_chain_local::backup::Durations;
use backup_chain_local::{Fault, FaultRule, World};
use backup_chain_restore::Reply;
use backup_chain_tests::restores::{ask, back_up, everything, fill, home, items, newest, quick, restored};
use backup_chain_tests::settings::surrounded;
use backup_chain_tests::{backup, dynamodb, listen, points, table, tables};
use jiff::SignedDuration;
use serde_json::json;

async fn refused(stack: &Stack, ask: Ask) -> String {
    let before = stack.app().catalog.restores().await.unwrap().len();
    let error = stack.restore(ask).await.unwrap_err().to_string();
    assert_eq!(stack.app().catalog.restores().await.unwrap().len(), before, "nothing is begun");
    error
}

/// A table with one manual backup; and the id of that.
async fn simple(world: &World, stack: &mut Stack) -> (TableName, PointId) {
    let orders = table(world, "orders", &[("team", "shop")]).await.unwrap();
    back_up(stack, &[&orders]).await;
    let id = points(stack, &orders).await[0].id.clone();
    (orders, id)
}

async fn drop_it(world: &World, table: &TableName) {
    dynamodb(world).delete_table().table_name(table.as_str()).send().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_done_is_refused_before_anything_is_begun() {
    let (world, mut stack) = quick().await;
    let (orders, id) = simple(&world, &mut stack).await;
    let other: PointId = "01KE73DJG0C1V5K6TP3T2ZJ4ZD".parse().unwrap();
    let point = |id: &PointId| ask([Wanted { from: From::Point(id.clone()), ..newest(&orders) }]);
    let again = || Wanted { name: Some("orders-again".parse().unwrap()), ..newest(&orders) };

    assert_eq!(refused(&stack, ask([])).await, "no table is named: name at least one table to restore");
    assert_eq!(
        refused(&stack, point(&other)).await,
        "table orders has no restore point 01KE73DJG0C1V5K6TP3T2ZJ4ZD: see the list of its points"
    );
    assert_eq!(
        refused(&stack, ask([newest(&"nothing".parse().unwrap())])).await,
        "table nothing has no restore point: see the list of its points, or rebuild the catalog"
    );
    let early = ask([Wanted { from: From::At("2026-01-01T00:00:00Z".parse().unwrap()), ..again() }]);
    assert_eq!(
        refused(&stack, early).await,
        "table orders has no restore point at or before 2026-01-01T00:00:00Z in eu-central-1: its first one is of \
         2026-01-05T00:00:00.799Z"
    );
    assert_eq!(
        refused(&stack, point(&id)).await,
        "there is a table arn:aws:dynamodb:eu-central-1:111122223333:table/orders already: AWS restores into a new table \
         only; restore under another name, or delete that table first"
    );
    assert_eq!(
        refused(&stack, ask([again(), again()])).await,
        "two tables are to be restored as arn:aws:dynamodb:eu-central-1:111122223333:table/orders-again: give one of them \
         another name"
    );
    let elsewhere =
        Wanted { region: Some(TARGET.parse().unwrap()), from: From::Point(id.clone()), ..again() };
    let why = refused(&stack, ask([elsewhere])).await;
    assert!(why.contains("AWS restores only where the recovery point is"), "{why}");
    let with = |choices: Choices| Ask { choices, ..ask([again()]) };
    let key = "arn:aws:kms:eu-central-1:111122223333:key/none".to_owned();
    assert_eq!(
        refused(&stack, with(Choices { encryption: Some(Key::Arn(key)), ..Choices::default() })).await,
        "there is no key arn:aws:kms:eu-central-1:111122223333:key/none in eu-central-1: name one of that Region"
    );
    assert_eq!(
        refused(
            &stack,
            with(Choices { without_indexes: ["by-day".to_owned()].into(), ..Choices::default() })
        )
        .await,
        "the table had no index \"by-day\" that could be left out: a plan shows its settings"
    );
    let both = Choices { with: [Feature::Ttl].into(), without: [Feature::Ttl].into(), ..Choices::default() };
    assert_eq!(refused(&stack, with(both)).await, "ttl is to be switched on and left off: choose one");
    let tags = (0..49).map(|number| (format!("tag-{number}"), String::new())).collect();
    assert_eq!(
        refused(&stack, with(Choices { tags, ..Choices::default() })).await,
        "the table would have 50 tags, and 49 is the most beside the restore's own: leave some out"
    );
    // One of two that cannot be: neither is begun.
    let two = ask([again(), newest(&orders)]);
    assert!(refused(&stack, two).await.starts_with("there is a table"));

    // Under way: nobody else makes a table of that name.
    let told = stack.restore(ask([again()])).await.unwrap();
    let why = refused(&stack, ask([again()])).await;
    assert!(why.contains(told[0].restore.id.as_str()) && why.contains("wait for it"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_point_that_is_going_or_gone_is_refused() {
    let (world, mut stack) = quick().await;
    let (orders, id) = simple(&world, &mut stack).await;
    drop_it(&world, &orders).await;
    world.with_backup(|backup| {
        backup.set_durations(Durations { delete: SignedDuration::from_hours(1), ..Durations::default() });
    });
    let removal = json!({"action": "remove", "table": "orders", "which": {"point": id}});
    stack.retention(serde_json::from_value(removal).unwrap()).await.unwrap();
    let this = || ask([Wanted { from: From::Point(id.clone()), ..newest(&orders) }]);
    assert!(points(&stack, &orders).await.iter().all(|point| point.state() == State::Deleting));
    let why = refused(&stack, this()).await;
    assert!(why.contains("it is deleting") && why.contains("choose another point"), "{why}");
    // Known to be there by the catalog, and gone from the vault.
    let (world, mut stack) = quick().await;
    let (orders, id) = simple(&world, &mut stack).await;
    drop_it(&world, &orders).await;
    let arn = points(&stack, &orders).await[0].recovery_point().cloned().unwrap();
    let vault = backup(&world, SOURCE);
    vault
        .delete_recovery_point()
        .backup_vault_name("backup-chain")
        .recovery_point_arn(arn.as_str())
        .send()
        .await
        .unwrap();
    let this = || ask([Wanted { from: From::Point(id.clone()), ..newest(&orders) }]);
    let why = refused(&stack, this()).await;
    assert!(why.contains("it is being deleted; choose another point"), "{why}");
    stack.live(SignedDuration::from_mins(10)).await;
    let why = refused(&stack, this()).await;
    assert!(why.contains("not in the vault any more; choose another point"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn metadata_that_does_not_authenticate_restores_items_only_when_that_is_asked_for() {
    let (world, mut stack) = quick().await;
    let settings = surrounded("orders");
    let orders = tables::create(&world, "orders", &settings).await.unwrap();
    fill(&world, &orders, &settings).await;
    tables::surround(&world, &orders, &settings).await.unwrap();
    back_up(&mut stack, &[&orders]).await;
    let point = points(&stack, &orders).await.remove(0);
    let held = items(&world, &orders).await;
    let arn = point.recovery_point().cloned().unwrap();
    let tags = [("backup-chain/v1/0".to_owned(), "1AAAAnonsense".to_owned())].into();
    let vault = backup(&world, SOURCE);
    vault.tag_resource().resource_arn(arn.as_str()).set_tags(Some(tags)).send().await.unwrap();
    tables::drop(&world, &orders, &settings).await.unwrap();
    let this = || ask([Wanted { from: From::Point(point.id.clone()), ..newest(&orders) }]);
    let why = refused(&stack, this()).await;
    assert!(why.contains("is not believed") && why.contains("ask for items only"), "{why}");
    let items_only = || Ask { items_only: true, ..this() };
    let why = refused(&stack, items_only()).await;
    assert!(why.starts_with("which key the table was encrypted with is not known"), "{why}");
    let choices =
        Choices { encryption: Some(Key::AwsOwned), deletion_protection: Some(true), ..Choices::default() };
    let told = stack.restore(Ask { choices, ..items_only() }).await.unwrap();
    assert!(told[0].notes[0].contains("only items, keys and indexes are restored"), "{:?}", told[0].notes);
    stack.live(SignedDuration::from_mins(10)).await;
    let restore = restored(&stack, &told[0].restore.id).await;
    assert_eq!(restore.stage, Stage::Succeeded, "{restore:#?}");
    assert_eq!(items(&world, &orders).await, held);
    let of = |outcome| restore.report.iter().filter(|property| property.outcome == outcome).count();
    assert_eq!(
        (of(Outcome::Restored), of(Outcome::Failed)),
        (0, 0),
        "what it was is not known: {restore:#?}"
    );
    assert!(of(Outcome::Impossible) > 10);
    let now = stack.app().aws.region(&home()).capture_anew(&orders).await.unwrap().settings;
    assert!(now.deletion_protection, "what was asked for is done all the same");
}

#[tokio::test(start_paused = true)]
async fn a_role_that_lacks_a_right_is_told_by_its_name_before_the_job() {
    let (world, mut stack) = quick().await;
    let (orders, _) = simple(&world, &mut stack).await;
    drop_it(&world, &orders).await;
    let iam = json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "dynamodb:RestoreTableFromAwsBackup", "Resource": "*"}],
    });
    let client = aws_sdk_iam::Client::new(&world.sdk_config(ACCOUNT, SOURCE, "operator"));
    let put = client
        .put_role_policy()
        .role_name("backup-chain-AWSBackup-restore-eu-central-1")
        .policy_name("no")
        .policy_document(iam.to_string());
    put.send().await.unwrap();
    assert_eq!(
        refused(&stack, ask([newest(&orders)])).await,
        "the restore role arn:aws:iam::111122223333:role/backup-chain-AWSBackup-restore-eu-central-1 lacks the right to \
         dynamodb:RestoreTableFromAwsBackup on arn:aws:dynamodb:eu-central-1:111122223333:table/orders: the job would fail; \
         give it that right, as the stack's template does"
    );
    // Where the function may not ask, it says so, and AWS says the rest.
    world.inject(FaultRule::new("iam", "SimulatePrincipalPolicy", Fault::Deny).caller(RESTORE));
    let notices = listen(&world).await.unwrap();
    let told = stack.restore(ask([newest(&orders)])).await.unwrap();
    assert!(told[0].notes[0].contains("is not known"), "{:?}", told[0].notes);
    stack.live(SignedDuration::from_mins(10)).await;
    let restore = restored(&stack, &told[0].restore.id).await;
    assert_eq!(restore.stage, Stage::Failed);
    assert!(restore.problem.as_ref().unwrap().contains("dynamodb:RestoreTableFromAwsBackup"), "{restore:#?}");
    let notices = notices.told().await.unwrap();
    let (kind, detail) = notices.iter().find(|(kind, _)| kind == "Restore Ended").unwrap();
    assert_eq!((kind.as_str(), detail["status"].as_str()), ("Restore Ended", Some("failed")));
    assert_eq!(detail["problem"].as_str(), restore.problem.as_deref());
}

/// A restore of everything whose table is there, and whose settings are put back once the faults are cleared.
async fn about_to_apply(world: &World, stack: &mut Stack) -> (TableName, Restore) {
    let (orders, settings) = everything(world, stack).await;
    tables::drop(world, &orders, &settings).await.unwrap();
    world.inject(FaultRule::new("backup", "DescribeRestoreJob", Fault::Throttle));
    let told = stack.restore(ask([newest(&orders)])).await.unwrap();
    stack.live(SignedDuration::from_mins(5)).await;
    (orders, told[0].restore.clone())
}

/// Time to live of the table is switched on and, an hour later, off: it takes no other change for an hour.
async fn change_ttl(world: &World, stack: &mut Stack) {
    let client = dynamodb(world);
    for (enabled, wait) in [(true, SignedDuration::from_mins(61)), (false, SignedDuration::ZERO)] {
        let ttl = aws_sdk_dynamodb::types::TimeToLiveSpecification::builder()
            .enabled(enabled)
            .attribute_name("other");
        let update = client
            .update_time_to_live()
            .table_name("orders")
            .time_to_live_specification(ttl.build().unwrap());
        update.send().await.unwrap();
        stack.live(wait).await;
    }
}

async fn show(stack: &Stack, restore: &Restore) -> RestoreView {
    let request = RestoreRequest::Show { restore: restore.id.clone() };
    match stack.ask_restore(serde_json::to_value(request).unwrap()).await.unwrap() {
        Reply::Restore(told) => *told,
        other => panic!("{other:?}"),
    }
}

fn outcome(restore: &Restore, name: &str) -> (Outcome, String) {
    let property = restore.report.iter().find(|property| property.name == name).unwrap();
    (property.outcome, property.why.clone().unwrap_or_default())
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_changed_again_so_soon_is_waited_for() {
    let (world, mut stack) = quick().await;
    let (_, begun) = about_to_apply(&world, &mut stack).await;
    let client = dynamodb(&world);
    // Time to live was changed a moment ago: it takes one change an hour.
    change_ttl(&world, &mut stack).await;
    // The class was changed twice: it takes no third change for 30 days.
    for class in ["STANDARD_INFREQUENT_ACCESS", "STANDARD"] {
        client.update_table().table_name("orders").table_class(class.into()).send().await.unwrap();
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    }
    world.clear_faults();
    stack.live(SignedDuration::from_mins(30)).await;
    let restore = restored(&stack, &begun.id).await;
    assert_eq!((restore.stage, restore.steps["class"].state), (Stage::Applying, StepState::Waiting));
    assert!(restore.steps["tags"].state == StepState::Done, "the others do not wait for it: {restore:#?}");
    stack.live(SignedDuration::from_hours(4)).await;
    let restore = restored(&stack, &begun.id).await;
    assert_eq!(restore.stage, Stage::Warning, "{restore:#?}");
    let limit = "dynamodb:UpdateTable: LimitExceededException".to_owned();
    assert_eq!(outcome(&restore, "table class"), (Outcome::Failed, limit));
    assert_eq!(
        outcome(&restore, "time to live").0,
        Outcome::Failed,
        "held back, for the class is not as it was"
    );

    let (world, mut stack) = quick().await;
    let (_, begun) = about_to_apply(&world, &mut stack).await;
    change_ttl(&world, &mut stack).await;
    world.clear_faults();
    stack.live(SignedDuration::from_mins(50)).await;
    let restore = restored(&stack, &begun.id).await;
    assert_eq!(
        (restore.stage, restore.steps["ttl"].state),
        (Stage::Applying, StepState::Waiting),
        "{restore:#?}"
    );
    stack.live(SignedDuration::from_mins(40)).await;
    let restore = restored(&stack, &begun.id).await;
    assert_eq!(restore.stage, Stage::Succeeded, "{restore:#?}");
}

#[tokio::test(start_paused = true)]
async fn what_comes_to_nothing_is_told_with_the_command_that_finishes_it() {
    let (world, mut stack) = quick().await;
    let notices = listen(&world).await.unwrap();
    let (orders, begun) = about_to_apply(&world, &mut stack).await;
    world.clear_faults();
    world.inject(FaultRule::new("dynamodb", "PutResourcePolicy", Fault::Deny).caller(RESTORE));
    stack.live(SignedDuration::from_mins(15)).await;
    let restore = restored(&stack, &begun.id).await;
    assert_eq!(restore.stage, Stage::Warning);
    let denied = "dynamodb:PutResourcePolicy: AccessDeniedException".to_owned();
    for policy in ["resource policy", "stream policy"] {
        assert_eq!(outcome(&restore, policy), (Outcome::Failed, denied.clone()));
    }
    // Policies come after time to live, which does not wait for them.
    let others = restore.report.iter().filter(|property| property.outcome == Outcome::Restored).count();
    assert_eq!(others, restore.report.len() - 2, "{restore:#?}");
    let told = show(&stack, &restore).await;
    let failed: Vec<_> = told
        .steps
        .iter()
        .filter(|step| step.record.as_ref().is_some_and(|record| record.why.is_some()))
        .map(|step| (step.title.as_str(), step.commands.len()))
        .collect();
    assert_eq!(failed, [("resource policy of the stream", 1), ("resource policy", 1)]);
    assert!(told.adoption.unwrap().terraform[0].starts_with("terraform import aws_dynamodb_table.orders"));
    let told = notices.told().await.unwrap();
    let (_, detail) = told.iter().find(|(kind, _)| kind == "Restore Ended").unwrap();
    assert_eq!(
        (detail["status"].as_str(), detail["table"].as_str()),
        (Some("warning"), Some(orders.as_str()))
    );
}

#[tokio::test(start_paused = true)]
async fn a_table_that_is_not_the_restores_own_is_never_touched() {
    // Dropped and made anew by somebody, under the same name, before its settings were put back.
    let (world, mut stack) = quick().await;
    let (orders, begun) = about_to_apply(&world, &mut stack).await;
    drop_it(&world, &orders).await;
    table(&world, "orders", &[]).await.unwrap();
    world.clear_faults();
    world.clear_calls();
    stack.live(SignedDuration::from_mins(15)).await;
    let restore = restored(&stack, &begun.id).await;
    assert_eq!(restore.stage, Stage::Failed);
    assert!(restore.problem.as_ref().unwrap().contains("not the one that this restore made"), "{restore:#?}");
    let reads = ["Describe", "List", "Get", "Query", "Lease"];
    let writes =
        world.calls().into_iter().filter(|call| call.caller == RESTORE && call.resource.contains("orders"));
    let writes: Vec<_> =
        writes.filter(|call| !reads.iter().any(|read| call.operation.starts_with(read))).collect();
    assert!(writes.is_empty(), "{writes:#?}");

    // Its tag taken off while it was at work: nothing more is changed.
    let (world, mut stack) = quick().await;
    let (_, begun) = about_to_apply(&world, &mut stack).await;
    world.clear_faults();
    world.inject(FaultRule::new("dynamodb", "PutResourcePolicy", Fault::Throttle).caller(RESTORE));
    stack.live(SignedDuration::from_mins(5)).await;
    let arn = restored(&stack, &begun.id).await.target.to_string();
    let client = dynamodb(&world);
    client.untag_resource().resource_arn(arn).tag_keys("backup-chain/restore").send().await.unwrap();
    world.clear_faults();
    stack.live(SignedDuration::from_mins(30)).await;
    let restore = restored(&stack, &begun.id).await;
    assert_eq!(restore.stage, Stage::Warning);
    assert!(restore.problem.as_ref().unwrap().contains("tag of this restore was taken off"), "{restore:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_event_only_delays() {
    let (world, mut stack) = quick().await;
    let (orders, _) = simple(&world, &mut stack).await;
    drop_it(&world, &orders).await;
    world.with_backup(|backup| backup.event_faults_mut().lose_all = true);
    let told = stack.restore(ask([newest(&orders)])).await.unwrap();
    stack.live(SignedDuration::from_mins(5)).await;
    assert_eq!(restored(&stack, &told[0].restore.id).await.stage, Stage::Succeeded);
}
