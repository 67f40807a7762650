//! `backup-chain catalog verify`: every difference between catalog and vaults is explained, and nothing is changed.

use backup_chain_core::ids::TableName;
use backup_chain_core::metadata::tags;
use backup_chain_core::point::{PointKind, RestorePoint};
use backup_chain_deployed::stack::{SOURCE, Stack, VAULT};
use backup_chain_local::World;
use backup_chain_tests::command::{Ran, cli};
use backup_chain_tests::{
    DAILY, all_points, apply, at, backup, deployed, lose_the_catalog, points, somebody_elses, table,
    vault_tags,
};
use insta::assert_snapshot;

async fn scene() -> (World, Stack, TableName) {
    let (world, mut stack) = deployed("2026-01-05T06:50:00Z").await;
    let orders = table(&world, "app-orders", &[]).await.unwrap();
    apply(&stack, DAILY).await.unwrap();
    stack.live_until(at("2026-01-06T15:00:00Z")).await;
    (world, stack, orders)
}

async fn verify(world: &World, options: &str) -> Ran {
    world.clear_calls();
    let ran = cli(world, &format!("catalog verify {options}")).await;
    let writes = ["Put", "Delete", "Update", "Start", "Tag", "Untag", "TransactWrite"];
    let is_write = |operation: &str| writes.iter().any(|write| operation.starts_with(write));
    let calls = world.calls();
    let written: Vec<_> = calls.iter().filter(|call| is_write(&call.operation)).collect();
    assert!(written.is_empty(), "{written:#?}");
    ran
}

/// Without ids and ARNs, which differ from one seed to another.
fn plain(text: &str, points: &[RestorePoint], foreign: &[&str]) -> String {
    let mut text = text.to_owned();
    for arn in foreign {
        text = text.replace(arn, "<another's>");
    }
    for point in points {
        let arn = point.recovery_point().map(ToString::to_string).unwrap_or_default();
        text = text.replace(&arn, &format!("<{:?} of {}>", point.kind, point.slot));
        text = text.replace(point.id.as_str(), &format!("<id of {}>", point.slot));
    }
    text
}

#[tokio::test(start_paused = true)]
async fn what_agrees_is_counted() {
    let (world, _stack, _orders) = scene().await;
    for options in ["", "--open"] {
        let ran = verify(&world, options).await;
        assert_eq!(ran.code, 0, "{}", ran.out);
        assert_eq!(
            ran.out,
            "4 restore points in 2 vaults agree with the catalog; 0 differences, 0 foreign, 0 under way\n"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn every_difference_is_explained() {
    let (world, mut stack, orders) = scene().await;
    let made = all_points(&stack, &orders).await;
    let of = |kind, number: usize| {
        made.iter().filter(|point| point.kind == kind).nth(number).unwrap().recovery_point().cloned().unwrap()
    };
    // One is removed at AWS Backup, one has another's tags, one is bound to nothing, and one is another role's.
    let all = vault_tags(&world, SOURCE, VAULT);
    let other = all[&of(PointKind::Backup, 0)].clone();
    let client = backup(&world, "eu-west-1");
    let removed = of(PointKind::Copy, 0);
    client
        .delete_recovery_point()
        .backup_vault_name("backup-chain-copies")
        .recovery_point_arn(removed.as_str())
        .send()
        .await
        .unwrap();
    world.with_backup(|backup| {
        assert!(backup.overwrite_tags(of(PointKind::Backup, 1).as_str(), other.clone()));
        let mut unbound = other.clone();
        unbound.remove(tags::BOUND);
        assert!(backup.overwrite_tags(of(PointKind::Backup, 0).as_str(), unbound));
    });
    let foreign = somebody_elses(&world, orders.as_str()).await.unwrap().to_string();
    stack.live_until(at("2026-01-06T20:00:00Z")).await;
    assert!(world.with_backup(|backup| backup.overwrite_tags(&foreign, other)));
    let ran = verify(&world, "--open").await;
    assert_eq!(ran.code, 3);
    assert_snapshot!(plain(&ran.out, &made, &[&foreign]));
    assert_snapshot!(ran.err);

    // Without the catalog all of them are unknown, and it is told what a rebuild makes of each.
    lose_the_catalog(&world, &stack).await;
    let ran = cli(&world, "doctor").await;
    assert!(ran.out.contains("the catalog knows no restore point, and"), "{}", ran.out);
    apply(&stack, DAILY).await.unwrap();
    let ran = verify(&world, "").await;
    assert_eq!(ran.code, 3);
    assert_snapshot!(plain(&ran.out, &made, &[&foreign]));
    stack.rebuild().await.unwrap();
    let ran = verify(&world, "--json").await;
    let told: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let live = points(&stack, &orders).await;
    let suspect = live.iter().filter(|point| point.suspect.is_some()).count();
    assert_eq!(told["agree"], live.len() - suspect, "{told:#}");
    // Those that are suspect, the one with another's tags, and the other role's.
    assert_eq!(told["differences"].as_array().unwrap().len(), suspect + 2, "{told:#}");
}
