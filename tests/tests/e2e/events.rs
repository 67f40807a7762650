//! The samples in `events/`, each fed to its function through Lambda's Invoke API.

use std::path::Path;
use std::time::Duration;

use aws_sdk_lambda::primitives::Blob;
use backup_chain_core::ids::TableName;
use backup_chain_core::point::{PointKind, RestorePoint, State};
use backup_chain_core::restore::{Restore, Stage};
use backup_chain_deployed::stack::{ACCOUNT, SOURCE, Stack, TARGET};
use backup_chain_local::World;
use backup_chain_tests::{all_points, deployed, dynamodb, table};
use serde_json::{Value, json};

/// A deployment that no schedule and no event stirs: only what is invoked happens.
struct Still {
    world: World,
    stack: Stack,
    orders: TableName,
}

impl Still {
    async fn new() -> Self {
        let (world, stack) = deployed("2026-01-05T07:30:00Z").await;
        let orders = table(&world, "orders", &[]).await.unwrap();
        table(&world, "carts", &[]).await.unwrap();
        Self { world, stack, orders }
    }

    async fn invoke(&self, function: &str, payload: &str) -> Result<Value, String> {
        let client = aws_sdk_lambda::Client::new(&self.world.sdk_config(ACCOUNT, SOURCE, "operator"));
        let name = format!("backup-chain-{function}");
        let answer = client.invoke().function_name(name).payload(Blob::new(payload)).send().await.unwrap();
        let said: Value = serde_json::from_slice(answer.payload().unwrap().as_ref()).unwrap();
        match answer.function_error() {
            None => Ok(said),
            Some(_) => Err(said["errorMessage"].as_str().unwrap().to_owned()),
        }
    }

    /// Feeds the sample that applies the policy.
    async fn with_policy(self) -> Self {
        self.invoke("session", &sample("session-apply")).await.unwrap();
        self
    }

    /// The policy has run and its backup job is done at AWS, but nobody has been told.
    async fn with_finished_backup(self) -> Self {
        let still = self.with_policy().await;
        still.invoke("session", &sample("session-run")).await.unwrap();
        tokio::time::sleep(Duration::from_hours(3)).await;
        still
    }

    /// The restore point is there, its table is not any more.
    async fn with_dropped_table(self) -> Self {
        let still = self.with_finished_backup().await;
        still.invoke("copy", &sample("copy-tick")).await.unwrap();
        dynamodb(&still.world).delete_table().table_name("orders").send().await.unwrap();
        tokio::time::sleep(Duration::from_mins(10)).await;
        still
    }

    /// Its restore has begun and the restore job is done at AWS, but nobody has been told.
    async fn with_finished_restore(self) -> Self {
        let still = self.with_dropped_table().await;
        still.invoke("restore", &sample("restore-start")).await.unwrap();
        assert_eq!(still.restore().await.stage, Stage::Running);
        tokio::time::sleep(Duration::from_hours(3)).await;
        still
    }

    /// How the restore ends: AWS may tell of its job, its table and their tags a while later.
    async fn ended_restore(&self) -> Stage {
        for _ in 0..10 {
            let stage = self.restore().await.stage;
            if !stage.is_open() {
                return stage;
            }
            tokio::time::sleep(Duration::from_secs(60)).await;
            self.invoke("restore", &sample("restore-tick")).await.unwrap();
        }
        self.restore().await.stage
    }

    async fn restore(&self) -> Restore {
        self.stack.app().catalog.restores().await.unwrap().pop().unwrap()
    }

    async fn point(&self, kind: PointKind) -> RestorePoint {
        all_points(&self.stack, &self.orders).await.into_iter().find(|point| point.kind == kind).unwrap()
    }

    /// The sample with the job of the running point of this kind in place of its own.
    async fn about(&self, name: &str, sample_job: &str, kind: PointKind) -> String {
        let (text, job) = (sample(name), self.point(kind).await.job().unwrap().to_owned());
        assert!(text.contains(sample_job), "{name} is about another job");
        text.replace(sample_job, &job)
    }
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../events")
}

fn sample(name: &str) -> String {
    std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap()
}

const BACKUP_JOB: &str = "2B6C1A90-7F3D-4E58-A1C4-9D0E5F6A7B81";
const COPY_JOB: &str = "7E4A9C13-52B8-4D06-9F1E-3C8B7A6D5E20";
const RESTORE_JOB: &str = "9C3F1E57-6A2D-4B80-8E4C-1D7B5A9F0E36";

/// Feeds one sample and looks at what comes of it.
async fn feed(name: &str) {
    let still = Still::new().await;
    let text = sample(name);
    match name {
        "session-tick" => {
            let still = still.with_policy().await;
            assert_eq!(still.invoke("session", &text).await, Ok(json!({"outcome": "idle"})));
            // The slot of the next morning.
            tokio::time::sleep(Duration::from_hours(24)).await;
            let answer = still.invoke("session", &text).await.unwrap();
            assert_eq!(answer["sessions"][0]["planned"], 1, "{answer}");
        }
        "session-apply" => {
            let applied = json!({"outcome": "applied", "policy": "orders", "revision": 1, "changed": true, "warnings": []});
            assert_eq!(still.invoke("session", &text).await, Ok(applied));
        }
        "session-run" => {
            let refused = still.invoke("session", &text).await.unwrap_err();
            assert!(refused.starts_with("there is no policy orders: "), "{refused}");
            let still = still.with_policy().await;
            let answer = still.invoke("session", &text).await.unwrap();
            assert_eq!(answer["sessions"][0]["planned"], 1, "{answer}");
            assert_eq!(answer["sessions"][0]["session"], answer["recorded"][0]);
            assert_eq!(still.point(PointKind::Backup).await.state(), State::Running);
        }
        "session-check" => {
            let answer = still.invoke("session", &text).await.unwrap();
            assert_eq!(
                (&answer["outcome"], &answer["revision"]),
                (&json!("checked"), &json!(null)),
                "{answer}"
            );
        }
        "session-enable" | "session-disable" => {
            let still = still.with_policy().await;
            let answer = still.invoke("session", &text).await.unwrap();
            let is_off = name == "session-disable";
            assert_eq!(
                (&answer["enabled"], &answer["changed"]),
                (&json!(!is_off), &json!(is_off)),
                "{answer}"
            );
        }
        "session-delete" => {
            let still = still.with_policy().await;
            still.invoke("session", &text).await.unwrap();
            let refused = still.invoke("session", &sample("session-run")).await.unwrap_err();
            assert!(refused.starts_with("there is no policy orders"), "{refused}");
        }
        "session-backup" => {
            let answer = still.invoke("session", &text).await.unwrap();
            assert_eq!(answer["sessions"][0]["planned"], 2, "{answer}");
            assert_eq!(still.point(PointKind::Manual).await.state(), State::Running);
        }
        "copy-tick" => {
            let still = still.with_finished_backup().await;
            let answer = still.invoke("copy", &text).await;
            assert_eq!(answer, Ok(json!({"batchItemFailures": [], "lookedAt": 1})));
            assert_eq!(still.point(PointKind::Backup).await.state(), State::Available);
        }
        "copy-backup-job-completed" | "copy-copy-job-completed" => {
            // Somebody else's job.
            let nothing = json!({"batchItemFailures": [], "lookedAt": 0});
            assert_eq!(still.invoke("copy", &text).await, Ok(nothing));
            let one = json!({"batchItemFailures": [], "lookedAt": 1});
            let still = still.with_finished_backup().await;
            let backup = still.about("copy-backup-job-completed", BACKUP_JOB, PointKind::Backup).await;
            assert_eq!(still.invoke("copy", &backup).await, Ok(one.clone()));
            assert_eq!(still.point(PointKind::Backup).await.state(), State::Available);
            tokio::time::sleep(Duration::from_hours(3)).await;
            let copy = still.about("copy-copy-job-completed", COPY_JOB, PointKind::Copy).await;
            assert_eq!(still.invoke("copy", &copy).await, Ok(one));
            assert_eq!(still.point(PointKind::Copy).await.state(), State::Available);
        }
        "copy-sqs-batch" => {
            let still = still.with_finished_backup().await;
            let batch = still.about(name, BACKUP_JOB, PointKind::Backup).await;
            assert!(batch.contains(COPY_JOB), "the second message is of a copy");
            let answer = still.invoke("copy", &batch).await;
            assert_eq!(answer, Ok(json!({"batchItemFailures": [], "lookedAt": 1})));
            assert_eq!(still.point(PointKind::Backup).await.state(), State::Available);
        }
        "retention-run" | "retention-confirm" => {
            let report = still.invoke("retention", &text).await.unwrap();
            assert_eq!((&report["dry_run"], &report["points"]), (&json!(false), &json!([])), "{report}");
            assert!(report["run"].is_string(), "{report}");
        }
        "retention-plan" => {
            let still = still.with_finished_backup().await;
            let report = still.invoke("retention", &text).await.unwrap();
            assert_eq!(
                (&report["dry_run"], &report["points"][0]["fate"]),
                (&json!(true), &json!("keep")),
                "{report}"
            );
        }
        "retention-rebuild" => {
            let rebuilt = still.invoke("retention", &text).await.unwrap();
            assert_eq!(
                (&rebuilt["added"], &rebuilt["vaults"][0]),
                (&json!(0), &json!("eu-central-1/backup-chain"))
            );
        }
        "session-stop" => {
            let refused = still.invoke("session", &text).await.unwrap_err();
            assert!(refused.starts_with("there is no session 01KEAH2B80V6X9V0T0T1W2YJ3M: "), "{refused}");
        }
        "restore-stop" => {
            let refused = still.invoke("restore", &text).await.unwrap_err();
            assert!(refused.starts_with("there is no restore 01KEAH2B80V6X9V0T0T1W2YJ3M: "), "{refused}");
        }
        "retention-resume" => {
            let refused = still.invoke("retention", &text).await.unwrap_err();
            assert!(refused.starts_with("retention does not pause for a rebuild"), "{refused}");
        }
        "copy-copy" => {
            let still = still.with_finished_backup().await;
            still.invoke("copy", &sample("copy-tick")).await.unwrap();
            let answer = still.invoke("copy", &text).await.unwrap();
            assert_eq!(answer[0]["outcome"], "under-way", "{answer}");
            assert_eq!(answer[0]["vault"], "eu-west-1/backup-chain-copies");
        }
        "retention-hold" | "retention-lift-hold" => {
            let still = still.with_finished_backup().await;
            still.invoke("copy", &sample("copy-tick")).await.unwrap();
            let refused = still.invoke("retention", &text).await.unwrap_err();
            assert!(refused.starts_with("table orders has no restore point"), "{refused}");
            let point = still.point(PointKind::Backup).await;
            let ours = |name: &str| sample(name).replace("01KE73DJG0C1V5K6TP3T2ZJ4ZD", point.id.as_str());
            let held = still.invoke("retention", &ours("retention-hold")).await.unwrap();
            assert_eq!(held["hold"]["reason"], "audit 2026", "{held}");
            let lifted = still.invoke("retention", &ours("retention-lift-hold")).await.unwrap();
            assert_eq!(lifted["hold"], json!(null), "{lifted}");
        }
        "retention-remove" => {
            let refused = still.invoke("retention", &text).await.unwrap_err();
            assert_eq!(
                refused,
                "table orders has no restore point 01KE73DJG0C1V5K6TP3T2ZJ4ZD in eu-central-1/backup-chain: see the \
                 list of its points"
            );
        }
        "retention-remove-manual" => {
            still.invoke("session", &sample("session-backup")).await.unwrap();
            tokio::time::sleep(Duration::from_hours(3)).await;
            still.invoke("copy", &sample("copy-tick")).await.unwrap();
            let report = still.invoke("retention", &text).await.unwrap();
            assert_eq!(report["points"][0]["fate"], "removed", "{report}");
            assert_eq!(still.point(PointKind::Manual).await.state(), State::Deleted);
        }
        "restore-start" => {
            let refused = still.invoke("restore", &text).await.unwrap_err();
            assert!(refused.starts_with("table orders has no restore point: "), "{refused}");
            let still = still.with_dropped_table().await;
            let answer = still.invoke("restore", &text).await.unwrap();
            assert_eq!(answer[0]["restore"]["stage"], "running", "{answer}");
            assert_eq!(answer[0]["restore"]["reason"], "dropped by mistake");
        }
        "restore-plan" => {
            let still = still.with_dropped_table().await;
            let answer = still.invoke("restore", &text).await.unwrap();
            assert_eq!(
                (&answer[0]["dry_run"], &answer[0]["restore"]["target"]),
                (&json!(true), &json!("arn:aws:dynamodb:eu-central-1:111122223333:table/orders-restored")),
                "{answer}"
            );
            assert!(still.stack.app().catalog.restores().await.unwrap().is_empty());
        }
        "restore-point" => {
            let still = still.with_dropped_table().await;
            let refused = still.invoke("restore", &text).await.unwrap_err();
            assert!(refused.starts_with("table orders has no restore point 01KE73DJG0C1V5K6TP3T2ZJ4ZD in "));
            let point = still.point(PointKind::Backup).await;
            let ours = text.replace("01KE73DJG0C1V5K6TP3T2ZJ4ZD", point.id.as_str());
            let answer = still.invoke("restore", &ours).await.unwrap();
            assert_eq!(
                answer[0]["restore"]["choices"],
                serde_json::from_str::<Value>(&text).unwrap()["choices"]
            );
        }
        "restore-check" => {
            let regions = |on: [bool; 2]| {
                json!([
                    {"region": "eu-central-1", "tag_conditions": on[0]}, {"region": "eu-west-1", "tag_conditions": on[1]},
                ])
            };
            assert_eq!(still.invoke("restore", &text).await, Ok(regions([true, true])));
            still.world.with_dynamodb(|dynamo| dynamo.set_tag_conditions(ACCOUNT, TARGET, false));
            assert_eq!(still.invoke("restore", &text).await, Ok(regions([true, false])));
        }
        "restore-show" => {
            let refused = still.invoke("restore", &text).await.unwrap_err();
            assert!(refused.starts_with("there is no restore 01KE7KHZ20S5YJ8N3QV6B4W2TD"), "{refused}");
            let still = still.with_finished_restore().await;
            let id = still.restore().await.id;
            let ours = text.replace("01KE7KHZ20S5YJ8N3QV6B4W2TD", id.as_str());
            let answer = still.invoke("restore", &ours).await.unwrap();
            assert_eq!((&answer["restore"]["id"], &answer["dry_run"]), (&json!(id), &json!(false)));
        }
        "restore-tick" => {
            let nothing = json!({"batchItemFailures": [], "lookedAt": 0});
            assert_eq!(still.invoke("restore", &text).await, Ok(nothing));
            let still = still.with_finished_restore().await;
            let one = json!({"batchItemFailures": [], "lookedAt": 1});
            assert_eq!(still.invoke("restore", &text).await, Ok(one));
            assert_eq!(still.ended_restore().await, Stage::Succeeded);
        }
        "restore-job-completed" | "restore-sqs-batch" => {
            // Somebody else's job.
            let nothing = json!({"batchItemFailures": [], "lookedAt": 0});
            assert_eq!(still.invoke("restore", &text).await, Ok(nothing));
            let still = still.with_finished_restore().await;
            assert!(text.contains(RESTORE_JOB), "{name} is about another job");
            let ours = text.replace(RESTORE_JOB, &still.restore().await.job.unwrap());
            let one = json!({"batchItemFailures": [], "lookedAt": 1});
            assert_eq!(still.invoke("restore", &ours).await, Ok(one));
            assert_eq!(still.ended_restore().await, Stage::Succeeded);
        }
        other => panic!("events/{other}.json is fed to no function: say here what comes of it"),
    }
}

#[tokio::test(start_paused = true)]
async fn every_sample_is_taken_by_its_function() {
    // What functions send is in a folder of its own.
    let entries = std::fs::read_dir(folder()).unwrap().map(Result::unwrap);
    let mut files: Vec<String> = entries
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|file| file.file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert!(files.len() >= 26, "{files:?}");
    for file in files {
        feed(file.strip_suffix(".json").unwrap_or_else(|| panic!("events/{file} is no JSON"))).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_no_function_takes_is_refused_with_its_place() {
    let still = Still::new().await;
    let refused = still.invoke("session", r#"{"action": "tick", "policy": "orders"}"#).await.unwrap_err();
    assert!(refused.contains("unknown field `policy`"), "{refused}");
    let refused = still.invoke("retention", r#"{"action": "purge"}"#).await.unwrap_err();
    assert!(refused.contains("unknown variant `purge`"), "{refused}");
    let refused = still.invoke("copy", r#"{"action": "run"}"#).await.unwrap_err();
    assert!(refused.contains("see the samples in events/"), "{refused}");
    let refused = still.invoke("restore", r#"{"action": "undo"}"#).await.unwrap_err();
    assert!(refused.contains("unknown variant `undo`"), "{refused}");
}
