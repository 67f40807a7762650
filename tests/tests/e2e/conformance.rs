//! What the Rust SDK and the embedded AWS say to each other during the main job, judged by AWS's own service
//! descriptions.

use std::path::Path;
use std::process::Command;

use backup_chain_tests::{apply, at, deployed, points, table};

const POLICY: &str = "
name: daily
sources: {prefixes: [app-]}
vault: backup-chain
copies: [{vault: 'arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies'}]
tiers:
  daily: {at: [07:00], keep: 3 days, copy: {keep: 5 days}}
";

#[tokio::test(start_paused = true)]
async fn the_main_job_and_the_world_speak_as_aws_describes_its_services() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let python = root.join(".tools/py/bin/python");
    assert!(python.exists(), "the validator needs .tools/py: make tools");
    let recording = Path::new(env!("CARGO_TARGET_TMPDIR")).join("main-job.jsonl");

    let (world, mut stack) = deployed("2026-01-05T00:00:00Z").await;
    world.tap(std::fs::File::create(&recording).unwrap());
    let orders = table(&world, "app-orders", &[("team", "shop")]).await.unwrap();
    apply(&stack, POLICY).await.unwrap();
    // Past the first removals: sessions, copies and retention have all had their turn.
    stack.live_until(at("2026-01-11T12:00:00Z")).await;
    assert!(!points(&stack, &orders).await.is_empty());

    let judged = Command::new(python)
        .args(["-m", "conformance.validate"])
        .arg(&recording)
        .current_dir(root.join("tests/python"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&judged.stdout);
    assert!(judged.status.success(), "{told}\n{}", String::from_utf8_lossy(&judged.stderr));
}
