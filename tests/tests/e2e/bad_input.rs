//! Bad input: each gets one clear line that names the place and the way out; nothing is half-done, and the rest
//! of the session goes on.

use backup_chain_copy::Reply;
use backup_chain_core::invoke::SessionRequest;
use backup_chain_core::point::{PointKind, State};
use backup_chain_core::replies::{Applied, SessionReply};
use backup_chain_core::session::{Session, Status};
use backup_chain_core::tier::Tier;
use backup_chain_deployed::stack::{SOURCE, Stack, VAULT};
use backup_chain_local::{Fault, FaultRule};
use backup_chain_tests::{
    all_points, apply, assert_agreement, at, backup, deployed, dynamodb, points, table, vault_tags,
};
use serde_json::{Value, json};

const DAILY: &str = "
name: daily
sources: {prefixes: [app-]}
vault: backup-chain
tiers:
  daily: {at: [07:00], keep: 2 days}
";

async fn last_session(stack: &Stack) -> Session {
    stack.app().catalog.sessions().await.unwrap().pop().expect("a session")
}

#[tokio::test(start_paused = true)]
async fn a_bad_policy_is_refused_and_nothing_is_stored() {
    let (_world, stack) = deployed("2026-01-05T00:00:00Z").await;
    let refused = async |document: &str| {
        let error = apply(&stack, document).await.expect_err("it is refused").to_string();
        assert!(stack.app().catalog.policies().await.unwrap().is_empty());
        error
    };
    insta::assert_snapshot!(refused(&DAILY.replace("sources", "source")).await);
    insta::assert_snapshot!(refused(&DAILY.replace("vault:", "time_zone: Europe/Berln\nvault:")).await);
    insta::assert_snapshot!(
        refused(&DAILY.replace("2 days", "1 day").replace("[07:00]", "[07:00], on: [monday, friday]")).await
    );
    let copies =
        "copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]\ntiers:";
    let slot = DAILY
        .replace("tiers:", copies)
        .replace("keep: 2 days", "keep: 2 days, copy: {at: [08:00], keep: 2 days}");
    insta::assert_snapshot!(refused(&slot).await);
    insta::assert_snapshot!(refused(&DAILY.replace("vault: backup-chain", "vault: nowhere")).await);
    let elsewhere = "vault: arn:aws:backup:us-east-1:111122223333:backup-vault:backup-chain";
    insta::assert_snapshot!(refused(&DAILY.replace("vault: backup-chain", elsewhere)).await);
}

/// A policy with one thing wrong with it, of each kind that the language knows.
const PLANTED: [&str; 47] = [
    "",
    "- a",
    "name: [",
    "name: a b",
    "colour: red",
    "vault: other",
    "description: 3",
    "priority: 0",
    "enabled: maybe",
    "time_zone: Berlin",
    "sources: {}",
    "sources: {all: true, tables: [orders]}",
    "sources: {tables: [a]}",
    "sources: {tables: ['arn:aws:dynamodb:eu-west-1:111122223333:table/orders']}",
    "sources: {prefixes: ['']}",
    "sources: {patterns: [orders]}",
    "sources: {tags: {a: 1}}",
    "exclude: {all: true}",
    "vault: nowhere",
    "vault: arn:aws:backup:us-east-1:111122223333:backup-vault:backup-chain",
    "copies: []",
    "copies: [{vault: copies}]",
    "copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:copies'}]",
    "tiers: {hourly: {at: 07:00, keep: 1 day}}",
    "tiers: {daily: {keep: 1 day}}",
    "tiers: {daily: {at: 25:00, keep: 1 day}}",
    "tiers: {daily: {at: 07:00, hours: 7, keep: 1 day}}",
    "tiers: {daily: {hours: 24, keep: 1 day}}",
    "tiers: {daily: {hours: 7, runs_per_hour: 7, keep: 1 day}}",
    "tiers: {daily: {at: 07:00, keep: forever}}",
    "tiers: {daily: {on: workdays, at: 07:00, keep: 2 days}}",
    "tiers: {daily: {at: 07:00, keep: 1 day, copy: {keep: 1 day}}}",
    "tiers: {weekly: {on: mondy, at: 07:00, keep: 2 weeks}}",
    "tiers: {monthly: {on: day 31, at: 07:00, keep: 3 months}}",
    "tiers: {monthly: {on: day 1, months: brumaire, at: 07:00, keep: 3 months}}",
    "tiers: {yearly: {on: 29 february, at: 07:00, keep: 9 years}}",
    "keep_last: 0",
    "after_drop: 3 hours",
    "retries: {attempts: 11}",
    "retries: {pause: 2 hours}",
    "retries: {notices: never}",
    "start_window: 13 hours",
    "cold_after: 30 days",
    "objective: 24 hours",
    "tags: {'aws:a': b}",
    "tags: {a: 'b,c'}",
    "tags: {backup-chain/id: x}",
];

#[tokio::test(start_paused = true)]
async fn a_planted_error_of_each_kind_stops_before_anything_is_stored() {
    let (_world, stack) = deployed("2026-01-05T00:00:00Z").await;
    for planted in PLANTED {
        let field = planted.split(':').next().unwrap_or_default();
        let is_text = !planted.contains(": ") || planted.starts_with('-');
        // The planted line in place of the right one.
        let rest = "name: test\nsources: {prefixes: [app-]}\nvault: backup-chain\ntiers: {daily: {at: 07:00, keep: 1 day}}\n";
        let kept =
            rest.lines().filter(|line| line.split(':').next() != Some(field) || planted == "vault: other");
        let document = match is_text {
            true => planted.to_owned(),
            false => kept.chain([planted]).collect::<Vec<_>>().join("\n"),
        };
        let request = SessionRequest::Check { document: document.clone() };
        let checked = stack.session(request).await.expect_err(planted).to_string();
        let applied = apply(&stack, &document).await.expect_err(planted).to_string();
        assert_eq!(checked, applied, "{planted}");
        let catalog = &stack.app().catalog;
        assert!(catalog.policies().await.unwrap().is_empty(), "{planted}");
        assert!(catalog.history().await.unwrap().is_empty(), "{planted}");
        assert!(catalog.revisions(&"test".parse().unwrap()).await.unwrap().is_empty(), "{planted}");
    }
}

#[tokio::test(start_paused = true)]
async fn events_that_are_not_ours_change_nothing() {
    let (world, mut stack) = deployed("2026-01-05T06:50:00Z").await;
    let orders = table(&world, "app-orders", &[]).await.unwrap();
    apply(&stack, DAILY).await.unwrap();
    stack.live_until(at("2026-01-05T07:00:30Z")).await;
    let running = points(&stack, &orders).await.pop().unwrap();
    assert_eq!(running.state(), State::Running);
    let event = |source: &str, kind: &str, detail: Value| {
        json!({"version": "0", "source": source, "detail-type": kind, "account": "111122223333",
               "region": SOURCE, "resources": [], "detail": detail})
    };
    let job = running.job().unwrap().to_owned();
    let other_service =
        event("aws.ec2", "EC2 Instance State-change Notification", json!({"state": "running"}));
    let unknown_state =
        event("aws.backup", "Backup Job State Change", json!({"backupJobId": job, "state": "PONDERING"}));
    let foreign_job = event(
        "aws.backup",
        "Backup Job State Change",
        json!({"backupJobId": "somebody-else", "state": "COMPLETED"}),
    );
    let lies =
        event("aws.backup", "Backup Job State Change", json!({"backupJobId": job, "state": "COMPLETED"}));
    let no_job = event("aws.backup", "Copy Job State Change", json!({"state": "CREATED"}));

    let error = stack.copy(other_service.clone()).await.unwrap_err().to_string();
    insta::assert_snapshot!(error, @r#"the event is "EC2 Instance State-change Notification" of "aws.ec2", not a job event of aws.backup: check the rule that sends it"#);
    let error = stack.copy(json!({"hello": "there"})).await.unwrap_err().to_string();
    insta::assert_snapshot!(error, @r#"the payload is no event of AWS Backup, no batch of a queue and no request: missing field `action`; see the samples in events/"#);
    for event in [&unknown_state, &foreign_job, &lies, &no_job] {
        stack.copy(event.clone()).await.unwrap();
        let now = points(&stack, &orders).await.pop().unwrap();
        assert_eq!(now.state(), State::Running, "{event}");
    }
    let body = |id: &str, body: String| json!({"messageId": id, "body": body});
    let batch = json!({"Records": [
        body("other", other_service.to_string()), body("unknown", unknown_state.to_string()),
        body("malformed", "{\"source\":".to_owned()), body("foreign", foreign_job.to_string()),
    ]});
    let Reply::Worked { batch_item_failures, .. } = stack.copy(batch).await.unwrap() else { panic!("asked") };
    let failed: Vec<String> =
        batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
    assert_eq!(failed, ["malformed"], "only what may be read another time comes again");
    stack.live_until(at("2026-01-05T09:00:00Z")).await;
    assert_agreement(&world, &stack, &[orders]).await;
}

#[tokio::test(start_paused = true)]
async fn a_table_that_vanishes_between_planning_and_start_fails_alone() {
    let (world, mut stack) = deployed("2026-01-05T06:50:00Z").await;
    let gone = table(&world, "app-gone", &[]).await.unwrap();
    let again = table(&world, "app-again", &[]).await.unwrap();
    let stays = table(&world, "app-stays", &[]).await.unwrap();
    apply(&stack, DAILY).await.unwrap();
    stack.reconfigure(|deployment| deployment.backups_in_flight = 0);
    stack.live_until(at("2026-01-05T07:05:00Z")).await;
    for name in ["app-gone", "app-again"] {
        dynamodb(&world).delete_table().table_name(name).send().await.unwrap();
    }
    table(&world, "app-again", &[]).await.unwrap();
    stack.reconfigure(|deployment| deployment.backups_in_flight = 250);
    stack.live_until(at("2026-01-05T09:00:00Z")).await;

    let fate = async |table| {
        let point = all_points(&stack, table).await.pop().unwrap();
        (point.state(), point.reason().unwrap_or_default().to_owned())
    };
    insta::assert_debug_snapshot!(fate(&gone).await, @r#"
    (
        Failed,
        "the table was dropped before its backup was started",
    )
    "#);
    insta::assert_debug_snapshot!(fate(&again).await, @r#"
    (
        Failed,
        "the table was dropped and created again before its backup was started: the new one starts its own chain",
    )
    "#);
    assert_eq!(fate(&stays).await.0, State::Available);
    assert_eq!(last_session(&stack).await.status, Status::Failed);
    assert_agreement(&world, &stack, &[gone, again, stays]).await;
}

/// A request that never arrived is sent again by the next tick; it names the table by its name only.
#[tokio::test(start_paused = true)]
async fn a_table_created_anew_before_its_request_is_sent_again_is_not_taken_for_the_old_one() {
    let (world, mut stack) = deployed("2026-01-05T06:50:00Z").await;
    let again = table(&world, "app-again", &[]).await.unwrap();
    apply(&stack, DAILY).await.unwrap();
    world.inject(FaultRule::new("backup", "StartBackupJob", Fault::TimeoutBefore).times(3));
    stack.live_until(at("2026-01-05T07:05:00Z")).await;
    assert_eq!(points(&stack, &again).await.pop().unwrap().state(), State::Starting);
    dynamodb(&world).delete_table().table_name("app-again").send().await.unwrap();
    table(&world, "app-again", &[]).await.unwrap();
    stack.live_until(at("2026-01-05T09:00:00Z")).await;
    let point = all_points(&stack, &again).await.pop().unwrap();
    assert_eq!((point.state(), point.recovery_point()), (State::Failed, None));
    insta::assert_snapshot!(point.reason().unwrap(), @"the table was dropped and created again before its backup was started: the new one starts its own chain");
    assert!(vault_tags(&world, SOURCE, VAULT).is_empty());
    assert_agreement(&world, &stack, &[again]).await;
}

#[tokio::test(start_paused = true)]
async fn tables_with_many_tags_step_down_to_no_tag_of_ours_at_all() {
    let (world, mut stack) = deployed("2026-01-05T06:50:00Z").await;
    let tags: Vec<(String, String)> =
        (0..50).map(|number| (format!("tag-{number:02}"), "x".to_owned())).collect();
    let tags: Vec<(&str, &str)> = tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let full = table(&world, "app-full", &tags).await.unwrap();
    let many = table(&world, "app-many", &tags[..43]).await.unwrap();
    let few = table(&world, "app-few", &[("backup-chain/v1/0", "1AAAA"), ("team", "shop")]).await.unwrap();
    apply(&stack, DAILY).await.unwrap();
    stack.live_until(at("2026-01-05T09:00:00Z")).await;

    let of = async |table| all_points(&stack, table).await.pop().unwrap();
    let tagless = of(&full).await;
    assert_eq!((tagless.state(), tagless.message_stored, tagless.suspect), (State::Available, true, None));
    let stepped = of(&many).await;
    assert_eq!((stepped.state(), stepped.settings_stored, stepped.suspect), (State::Available, true, None));
    assert!(!stepped.message_stored);
    let reserved = of(&few).await;
    assert_eq!((reserved.state(), reserved.suspect.clone()), (State::Available, None), "{reserved:#?}");
    insta::assert_snapshot!(reserved.warnings.join("\n"), @"the table's own tag backup-chain/v1/0 is not captured: names that begin with backup-chain/ are reserved; remove it from the table");
    assert_agreement(&world, &stack, &[full, many, few]).await;
}

#[tokio::test(start_paused = true)]
async fn a_region_that_is_not_ready_fails_the_session_and_owes_its_slots() {
    let (world, mut stack) = deployed("2026-01-05T06:50:00Z").await;
    let orders = table(&world, "app-orders", &[]).await.unwrap();
    apply(&stack, &format!("{DAILY}  weekly: {{on: monday, at: [07:00], keep: 2 weeks}}\n")).await.unwrap();
    let switch = async |on: bool| {
        let client = backup(&world, SOURCE);
        client
            .update_region_settings()
            .resource_type_management_preference("DynamoDB", on)
            .send()
            .await
            .unwrap();
    };
    switch(false).await;
    stack.live_until(at("2026-01-05T09:00:00Z")).await;
    let session = last_session(&stack).await;
    assert_eq!(session.status, Status::Failed);
    insta::assert_snapshot!(session.problems.join("\n"), @"the advanced features of DynamoDB backups are off in eu-central-1; turn both on with: aws backup update-region-settings --region eu-central-1 --resource-type-opt-in-preference DynamoDB=true --resource-type-management-preference DynamoDB=true");
    assert!(all_points(&stack, &orders).await.is_empty());

    switch(true).await;
    stack.live_until(at("2026-01-06T09:00:00Z")).await;
    let made = points(&stack, &orders).await;
    assert_eq!(made.len(), 1);
    assert_eq!((made[0].kind, made[0].state()), (PointKind::Backup, State::Available));
    let flags: Vec<_> = made[0].flags.iter().map(|flag| (flag.tier, flag.slot)).collect();
    assert_eq!(
        flags,
        [(Tier::Daily, at("2026-01-06T07:00:00Z")), (Tier::Weekly, at("2026-01-05T07:00:00Z"))]
    );
}

/// Backups go on without the copies, and both the policy's keeper and each session are told.
#[tokio::test(start_paused = true)]
async fn a_target_vault_that_is_not_there_is_told_and_backups_go_on() {
    let (world, mut stack) = deployed("2026-01-05T06:50:00Z").await;
    let orders = table(&world, "app-orders", &[]).await.unwrap();
    let copies = "copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:nowhere'}]\ntiers:";
    let document =
        DAILY.replace("tiers:", copies).replace("keep: 2 days", "keep: 2 days, copy: {keep: 2 days}");
    let SessionReply::Applied(Applied { warnings, .. }) = apply(&stack, &document).await.unwrap() else {
        panic!("it is not applied")
    };
    insta::assert_snapshot!(warnings.join("\n"), @"copies: the functions may not use vault nowhere in eu-west-1 (AccessDeniedException): deploy the target stack there, and add its ARN to the stack's parameter FurtherVaults, or name another");
    stack.live_until(at("2026-01-05T09:00:00Z")).await;
    let session = last_session(&stack).await;
    assert_eq!((session.status, session.available, &session.problems), (Status::Warning, 1, &warnings));
    let made: Vec<_> =
        all_points(&stack, &orders).await.iter().map(|point| (point.kind, point.state())).collect();
    assert_eq!(made, [(PointKind::Backup, State::Available), (PointKind::Copy, State::Failed)]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_run_by_hand_is_refused() {
    let (_world, stack) = deployed("2026-01-05T06:50:00Z").await;
    apply(&stack, "{name: idle, sources: {all: true}, vault: backup-chain}").await.unwrap();
    let refused = async |request| stack.session(request).await.expect_err("it is refused").to_string();
    let run = |name: &str| SessionRequest::run(name.parse().unwrap());
    insta::assert_snapshot!(refused(run("nobody")).await, @"there is no policy nobody: apply it first, or see the list of policies for its name");
    insta::assert_snapshot!(refused(run("idle")).await, @"policy idle has no tiers, so a restore point of it would be kept for no time: give it a tier, or make a manual backup, which stays until it is removed by an operator");
    insta::assert_snapshot!(refused(SessionRequest::backup(Vec::new())).await, @"no table is named: name at least one table to back up");
    assert!(stack.app().catalog.sessions().await.unwrap().is_empty());
}
