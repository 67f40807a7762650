//! `backup-chain status`: what is not protected is nowhere green, and each message names the way out.

use backup_chain_core::invoke::SessionRequest;
use backup_chain_deployed::stack::{Schedules, Stack};
use backup_chain_local::{Fault, FaultRule, World};
use backup_chain_tests::command::{Ran, cli};
use backup_chain_tests::{all_points, apply, at, deployed_with, dynamodb, table};
use jiff::SignedDuration;

const POLICY: &str = "
name: gold
sources: {prefixes: [app-]}
vault: backup-chain
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]
tiers:
  daily: {at: [07:00], keep: 3 days, copy: {keep: 3 days}}
";

async fn scene() -> (World, Stack) {
    let schedules = Schedules { tick: SignedDuration::from_mins(30), ..Schedules::default() };
    let (world, stack) = deployed_with("2026-01-05T06:40:00Z", schedules).await;
    for name in ["app-orders", "app-carts"] {
        table(&world, name, &[]).await.unwrap();
    }
    apply(&stack, POLICY).await.unwrap();
    (world, stack)
}

async fn status(world: &World) -> Ran {
    cli(world, "status").await
}

fn refused() -> Fault {
    Fault::Error { code: "AccessDeniedException".to_owned(), status: None }
}

/// The lines of the answer, without the widths of the columns and the ids that AWS gives.
fn told(ran: &Ran) -> String {
    let line = |line: &str| {
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = line.split(" (request id ").next().unwrap_or_default().to_owned();
        match line.split_once("recovery-point:") {
            Some((before, after)) => format!("{before}recovery-point:…{}", &after[36..]),
            None => line,
        }
    };
    ran.out.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[tokio::test(start_paused = true)]
async fn tables_with_all_that_was_promised_are_green() {
    let (world, mut stack) = scene().await;
    stack.live_until(at("2026-01-06T12:00:00Z")).await;
    let ran = status(&world).await;
    assert_eq!(ran.code, 0, "{}", ran.out);
    insta::assert_snapshot!(told(&ran), @"
    2 protected (2026-01-06 12:00:00 UTC)

    STANDING TABLE POLICY NEWEST (UTC) AGE MAY BE COPIES WHY
    protected app-carts gold 2026-01-06 07:10:00 4h 50m 32h eu-west-1 4h 50m
    protected app-orders gold 2026-01-06 07:10:00 4h 50m 32h eu-west-1 4h 50m
    ");
    let json = cli(&world, "status --json").await.json();
    assert_eq!(json["headline"], "2 protected");
    assert_eq!(json["tables"][0]["standing"], "protected");
    let calls = world.calls();
    assert!(
        !calls.iter().any(|call| call.caller.contains("operator-at-the-desk") && call.operation == "Invoke")
    );
}

#[tokio::test(start_paused = true)]
async fn copies_that_are_refused_are_not_green() {
    let (world, mut stack) = scene().await;
    world.inject(FaultRule::new("backup", "StartCopyJob", refused()));
    stack.live_until(at("2026-01-05T20:00:00Z")).await;
    let ran = status(&world).await;
    assert_eq!(ran.code, 3, "{}", ran.out);
    insta::assert_snapshot!(told(&ran), @"
    0 protected, 2 without copies (2026-01-05 20:00:00 UTC)
    
    STANDING TABLE POLICY NEWEST (UTC) AGE MAY BE COPIES WHY
    without-copies app-carts gold 2026-01-05 07:10:00 12h 50m 32h eu-west-1 none the copy of 2026-01-05 07:10 UTC into eu-west-1/backup-chain-copies failed:
    backup:StartCopyJob of
    arn:aws:backup:eu-central-1:111122223333:recovery-point:…:
    AccessDeniedException: Refused by a fault of the embedded AWS. (request id
    d3a917a7-fbdd-4612-b114-af1285f9ed4a); once that is mended: backup-chain copy
    app-carts
    without-copies app-orders gold 2026-01-05 07:10:00 12h 50m 32h eu-west-1 none the copy of 2026-01-05 07:10 UTC into eu-west-1/backup-chain-copies failed:
    backup:StartCopyJob of
    arn:aws:backup:eu-central-1:111122223333:recovery-point:…:
    AccessDeniedException: Refused by a fault of the embedded AWS. (request id
    f747b201-a0b6-4f25-b34a-b8a2dd39d32d); once that is mended: backup-chain copy
    app-orders
    ");
}

#[tokio::test(start_paused = true)]
async fn a_table_whose_backups_fail_is_late() {
    let (world, mut stack) = scene().await;
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    world.inject(FaultRule::new("backup", "StartBackupJob", refused()).resource("app-carts"));
    stack.live_until(at("2026-01-06T12:00:00Z")).await;
    let first = status(&world).await;
    assert_eq!(first.code, 3, "{}", first.out);
    stack.live_until(at("2026-01-08T12:00:00Z")).await;
    let ran = status(&world).await;
    assert_eq!(ran.code, 3, "{}", ran.out);
    insta::assert_snapshot!([told(&first), told(&ran)].join("\n\n"), @"
    1 protected, 1 to be looked at (2026-01-06 12:00:00 UTC)

    STANDING TABLE POLICY NEWEST (UTC) AGE MAY BE COPIES WHY
    attention app-carts gold 2026-01-05 07:10:00 28h 50m 32h eu-west-1 28h 50m the backup of 2026-01-06 07:10 UTC failed: backup:StartBackupJob of
    arn:aws:dynamodb:eu-central-1:111122223333:table/app-carts:
    AccessDeniedException: Refused by a fault of the embedded AWS. (request id
    779a430a-80dd-4637-a286-75fccfedbe73)
    protected app-orders gold 2026-01-06 07:10:00 4h 50m 32h eu-west-1 4h 50m

    1 protected, 1 late (2026-01-08 12:00:00 UTC)

    STANDING TABLE POLICY NEWEST (UTC) AGE MAY BE COPIES WHY
    late app-carts gold 2026-01-05 07:10:00 76h 50m 32h eu-west-1 76h 50m its newest restore point is of 2026-01-05 07:10 UTC, and may be 32 hours old:
    see backup-chain session list --policy gold
    the backup of 2026-01-08 07:10 UTC failed: backup:StartBackupJob of
    arn:aws:dynamodb:eu-central-1:111122223333:table/app-carts:
    AccessDeniedException: Refused by a fault of the embedded AWS. (request id
    5c6cf83a-5cfa-4e13-89fe-ffeb88121e8d)
    its newest copy in eu-west-1/backup-chain-copies is of 2026-01-05 07:10 UTC,
    and may be 44 hours old
    protected app-orders gold 2026-01-08 07:10:00 4h 50m 32h eu-west-1 4h 50m
    ");
    let only = cli(&world, "status --problems --since 2026-01-07").await;
    assert!(only.out.contains("app-carts") && !only.out.contains("app-orders"), "{}", only.out);
}

#[tokio::test(start_paused = true)]
async fn what_no_policy_backs_up_is_not_green() {
    let (world, mut stack) = scene().await;
    table(&world, "other", &[]).await.unwrap();
    let misspelt =
        POLICY.replace("name: gold", "name: silver").replace("prefixes: [app-]", "tables: [ordres]");
    apply(&stack, &misspelt).await.unwrap();
    let empty = POLICY.replace("name: gold", "name: bronze").replace("app-", "no-such-");
    apply(&stack, &empty).await.unwrap();
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    dynamodb(&world).delete_table().table_name("app-carts").send().await.unwrap();
    stack.live_until(at("2026-01-06T12:00:00Z")).await;
    let ran = status(&world).await;
    assert_eq!(ran.code, 3, "{}", ran.out);
    insta::assert_snapshot!(told(&ran), @"
    1 protected, 2 unprotected, 1 gone (2026-01-06 12:00:00 UTC)
    problem policy bronze covers no table: see its sources with backup-chain policy show bronze

    STANDING TABLE POLICY NEWEST (UTC) AGE MAY BE COPIES WHY
    unprotected ordres silver - - - - policy silver names it, and there is no such table: correct the name in the
    policy, or take it out
    unprotected other - - - - - no policy covers it: add it to the sources of one, or exclude it there
    protected app-orders gold 2026-01-06 07:10:01 4h 50m 32h eu-west-1 4h 50m
    gone app-carts - 2026-01-05 07:10:01 28h 50m - - the table was dropped; its restore points are kept for a while
    ");
    assert_eq!(cli(&world, "status --policy gold").await.code, 0);
    assert_eq!(cli(&world, "status --policy bronze").await.code, 3);
}

#[tokio::test(start_paused = true)]
async fn a_disabled_policy_and_a_last_point_that_is_removed_are_not_green() {
    let (world, mut stack) = scene().await;
    stack.live_until(at("2026-01-05T12:00:00Z")).await;
    let off = SessionRequest::Disable { policy: "gold".parse().unwrap(), by: None };
    stack.session(off).await.unwrap();
    let disabled = status(&world).await;
    assert_eq!(disabled.code, 3, "{}", disabled.out);
    let ran = cli(&world, "remove app-orders --all --override-guard newest --reason test --yes").await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
    let orders = "app-orders".parse().unwrap();
    assert!(all_points(&stack, &orders).await.iter().all(|point| point.state().is_past()));
    stack.live_until(at("2026-01-07T20:00:00Z")).await;
    let removed = status(&world).await;
    assert_eq!(removed.code, 3, "{}", removed.out);
    insta::assert_snapshot!([told(&disabled), told(&removed)].join("\n\n"), @"
    0 protected, 2 to be looked at (2026-01-05 12:00:00 UTC)
    problem policy gold is disabled by an operator: backup-chain policy enable gold

    STANDING TABLE POLICY NEWEST (UTC) AGE MAY BE COPIES WHY
    attention app-carts gold 2026-01-05 07:10:00 4h 50m 32h eu-west-1 4h 50m policy gold is disabled: nothing is backed up until it is enabled
    attention app-orders gold 2026-01-05 07:10:00 4h 50m 32h eu-west-1 4h 50m policy gold is disabled: nothing is backed up until it is enabled

    0 protected, 1 unprotected, 1 late (2026-01-07 20:00:00 UTC)
    problem policy gold is disabled by an operator: backup-chain policy enable gold

    STANDING TABLE POLICY NEWEST (UTC) AGE MAY BE COPIES WHY
    unprotected app-orders gold - - 32h eu-west-1 none it has no restore point, and was to have one within 32 hours
    policy gold is disabled: nothing is backed up until it is enabled
    it has no copy in eu-west-1/backup-chain-copies, and was to have one within 44
    hours
    late app-carts gold 2026-01-05 07:10:00 60h 50m 32h eu-west-1 60h 50m its newest restore point is of 2026-01-05 07:10 UTC, and may be 32 hours old:
    see backup-chain session list --policy gold
    policy gold is disabled: nothing is backed up until it is enabled
    its newest copy in eu-west-1/backup-chain-copies is of 2026-01-05 07:10 UTC,
    and may be 44 hours old
    ");
}
