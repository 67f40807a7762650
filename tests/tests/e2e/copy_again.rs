//! `backup-chain copy`: what lacks its copy gets it, and what cannot be copied is told with the reason.

use backup_chain_core::ids::TableName;
use backup_chain_core::point::{PointKind, RestorePoint, State};
use backup_chain_deployed::stack::{Schedules, Stack};
use backup_chain_local::{Fault, FaultRule, World};
use backup_chain_tests::command::cli;
use backup_chain_tests::{all_points, apply, assert_agreement, at, deployed_with, table};
use jiff::SignedDuration;

const POLICY: &str = "
name: gold
sources: {prefixes: [app-]}
vault: backup-chain
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]
tiers:
  daily: {at: [07:00], keep: 4 days, copy: {keep: 4 days}}
";

const PLACE: &str = "eu-west-1/backup-chain-copies";

async fn scene() -> (World, Stack, Vec<TableName>) {
    let schedules = Schedules { tick: SignedDuration::from_mins(10), ..Schedules::default() };
    let (world, stack) = deployed_with("2026-01-05T06:40:00Z", schedules).await;
    let mut tables = Vec::new();
    for name in ["app-orders", "app-carts"] {
        tables.push(table(&world, name, &[]).await.unwrap());
    }
    apply(&stack, POLICY).await.unwrap();
    (world, stack, tables)
}

fn refuse_copies(world: &World) {
    let refused = Fault::Error { code: "AccessDeniedException".to_owned(), status: None };
    world.inject(FaultRule::new("backup", "StartCopyJob", refused));
}

async fn copies(stack: &Stack, table: &TableName) -> Vec<RestorePoint> {
    let mut points = all_points(stack, table).await;
    points.retain(|point| point.kind == PointKind::Copy);
    points.sort_by(|a, b| a.id.cmp(&b.id));
    points
}

async fn states(stack: &Stack, table: &TableName) -> Vec<State> {
    copies(stack, table).await.iter().map(RestorePoint::state).collect()
}

#[tokio::test(start_paused = true)]
async fn copies_that_were_refused_are_made_again_for_every_table_of_a_policy() {
    let (world, mut stack, tables) = scene().await;
    refuse_copies(&world);
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    let status = cli(&world, "status --json").await;
    assert_eq!(status.code, 3);
    assert!(status.out.contains("once that is mended: backup-chain copy app-orders"), "{}", status.out);
    world.clear_faults();

    let planned = cli(&world, "copy --missing --policy gold --dry-run").await;
    assert!(planned.done().contains("would be made"));
    assert_eq!(states(&stack, &tables[0]).await, [State::Failed], "a dry run changes nothing");

    let (ran, ()) = tokio::join!(
        cli(&world, "copy --missing --policy gold --wait --by ada --reason grant-is-back --json"),
        stack.live(SignedDuration::from_hours(2))
    );
    let told = ran.json();
    let outcomes = told["copies"].as_array().unwrap();
    assert_eq!(outcomes.len(), 2);
    assert!(outcomes.iter().all(|copy| copy["outcome"] == "planned" && copy["vault"] == PLACE));
    assert!(told["ended"].as_array().unwrap().iter().all(|copy| copy["state"] == "available"));
    for table in &tables {
        assert_eq!(states(&stack, table).await, [State::Available]);
    }
    let status = cli(&world, "status").await;
    assert_eq!(status.code, 0, "{}", status.out);
    assert_eq!(cli(&world, "copy --missing").await.done(), "no copy is missing\n");
    let history = cli(&world, "history --json").await.json();
    assert_eq!(history[0]["action"], "copies-requested");
    assert_eq!((&history[0]["by"], &history[0]["reason"]), (&"ada".into(), &"grant-is-back".into()));
    assert_agreement(&world, &stack, &tables).await;
}

#[tokio::test(start_paused = true)]
async fn an_older_point_that_is_named_is_copied_although_newer_copies_are_there() {
    let (world, mut stack, tables) = scene().await;
    refuse_copies(&world);
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    world.clear_faults();
    stack.live_until(at("2026-01-06T12:00:00Z")).await;
    assert_eq!(states(&stack, &tables[0]).await, [State::Failed, State::Available]);
    let newest = cli(&world, "copy app-orders").await.done();
    assert!(newest.contains("available"), "the newest has its copy: {newest}");

    let older = copies(&stack, &tables[0]).await.remove(0);
    cli(&world, &format!("copy app-orders --point {} --vault {PLACE}", older.id)).await.done();
    stack.live(SignedDuration::from_hours(2)).await;
    assert_eq!(states(&stack, &tables[0]).await, [State::Available, State::Available]);

    // One that was removed comes back as well.
    cli(&world, &format!("remove app-orders --point {} --vault {PLACE} --yes", older.id)).await.done();
    assert_eq!(states(&stack, &tables[0]).await, [State::Deleted, State::Available]);
    cli(&world, &format!("copy app-orders --point {}", older.id)).await.done();
    stack.live(SignedDuration::from_hours(2)).await;
    assert_eq!(states(&stack, &tables[0]).await, [State::Available, State::Available]);
    assert_agreement(&world, &stack, &tables).await;
    // And it ends when its flags do.
    stack.live_until(at("2026-01-12T12:00:00Z")).await;
    assert!(
        copies(&stack, &tables[0]).await.iter().all(|copy| copy.id != older.id || copy.state().is_past())
    );
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_copied_is_told_and_stops_no_other() {
    let (world, mut stack, tables) = scene().await;
    refuse_copies(&world);
    table(&world, "other", &[]).await.unwrap();
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    world.clear_faults();
    cli(&world, "backup other").await.done();
    stack.live(SignedDuration::from_hours(1)).await;
    let manual = all_points(&stack, &"other".parse().unwrap()).await.remove(0);

    let ran = cli(&world, "copy app-orders other nowhere").await;
    assert_eq!(ran.code, 3, "{ran:#?}");
    insta::assert_snapshot!(ran.out.replace(&tables_point(&stack, &tables[0]).await, "POINT"), @"
    TABLE       POINT                       MOMENT (UTC)         VAULT                          COPY     WHY
    app-orders  POINT  2026-01-05 07:00:00  eu-west-1/backup-chain-copies  planned
    nowhere     -                           -                    -                              refused  it has no restore point to copy: make one with backup-chain session run POLICY
    other       -                           -                    -                              refused  it has no restore point to copy: make one with backup-chain session run POLICY
    ");
    assert_eq!(states(&stack, &tables[0]).await, [State::Planned]);
    let of_manual = cli(&world, &format!("copy other --point {}", manual.id)).await;
    assert_eq!(of_manual.code, 3);
    assert!(of_manual.out.contains("is a manual backup"), "{}", of_manual.out);
    let into = cli(&world, "copy app-carts --vault eu-north-1/none").await;
    assert!(into.out.contains("made to be copied into eu-north-1/none"), "{}", into.out);
    assert_eq!(cli(&world, "copy").await.code, 2);
    let refused = cli(&world, "copy --missing --policy golden").await.refusal();
    assert_eq!(refused, "there is no policy golden: see backup-chain policy list");
    let point = manual.id;
    let two = cli(&world, &format!("copy app-orders app-carts --point {point}")).await.refusal();
    assert_eq!(two, "a restore point is of one table: name that table alone");
}

async fn tables_point(stack: &Stack, table: &TableName) -> String {
    copies(stack, table).await.remove(0).id.to_string()
}
