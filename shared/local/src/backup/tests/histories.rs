use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::support::{Fixture, ORDERS, SOURCE, USERS, mins};

#[derive(Debug, Clone)]
enum Step {
    Backup(bool),
    Copy(usize),
    Delete(usize),
    Stop(usize),
    Pass(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => any::<bool>().prop_map(Step::Backup),
        3 => (0..8_usize).prop_map(Step::Copy),
        1 => (0..8_usize).prop_map(Step::Delete),
        1 => (0..8_usize).prop_map(Step::Stop),
        4 => (0..20_i64).prop_map(Step::Pass),
    ]
}

fn take(aws: &mut Fixture, step: &Step) {
    let arns: Vec<String> = aws.points().into_iter().map(|point| point.arn).collect();
    match step {
        Step::Backup(orders) => {
            aws.start(if *orders { ORDERS } else { USERS });
        }
        Step::Copy(n) if !arns.is_empty() => {
            let _ = aws.start_copy_with(&arns[n % arns.len()], json!({}));
        }
        Step::Delete(n) if !arns.is_empty() => {
            let _ = aws.delete_point(&arns[n % arns.len()]);
        }
        Step::Stop(n) => {
            let jobs = jobs(aws, "backup-jobs", "BackupJobs");
            if !jobs.is_empty() {
                let id = jobs[n % jobs.len()]["BackupJobId"].as_str().unwrap().to_owned();
                let _ = aws.call("POST", &["backup-jobs", &id], json!({}));
            }
        }
        Step::Pass(minutes) => aws.pass(mins(*minutes)),
        Step::Copy(_) | Step::Delete(_) => {}
    }
}

fn jobs(aws: &mut Fixture, path: &str, name: &str) -> Vec<Value> {
    aws.list(&[path], &[])[name].as_array().unwrap().clone()
}

fn all_jobs(aws: &mut Fixture) -> Vec<Value> {
    let mut all = jobs(aws, "backup-jobs", "BackupJobs");
    all.extend(jobs(aws, "copy-jobs", "CopyJobs"));
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn never_two_running_jobs_of_a_table_and_every_job_ends(steps in prop::collection::vec(step(), 1..40)) {
        let mut aws = Fixture::new();
        for step in &steps {
            take(&mut aws, step);
            let jobs = all_jobs(&mut aws);
            let running: Vec<&str> = jobs
                .iter()
                .filter(|job| job["State"] == "RUNNING")
                .map(|job| job["ResourceArn"].as_str().unwrap())
                .collect();
            prop_assert_eq!(running.len(), running.iter().collect::<BTreeSet<_>>().len());
        }
        aws.pass(mins(24 * 60));
        let completed = all_jobs(&mut aws);
        prop_assert!(completed.iter().all(|job| !matches!(job["State"].as_str(), Some("CREATED" | "RUNNING"))));
        let copies = completed.iter().filter(|job| job["State"] == "COMPLETED" && job.get("CopyJobId").is_some());
        prop_assert_eq!(copies.count(), aws.copies().len());
        aws.backup.take_events(aws.now);
        prop_assert_eq!(aws.backup.next_at(), None);
    }

    #[test]
    fn one_seed_gives_one_history_however_time_is_cut(
        steps in prop::collection::vec(step(), 1..30),
        seed: u64,
    ) {
        let history = |cut: bool| {
            let mut aws = Fixture::seeded(seed);
            let mut told = Vec::new();
            for step in &steps {
                match step {
                    Step::Pass(minutes) if cut => {
                        for _ in 0..*minutes {
                            aws.pass(mins(1));
                            told.extend(aws.backup.take_events(aws.now));
                        }
                    }
                    step => take(&mut aws, step),
                }
                told.extend(aws.backup.take_events(aws.now));
            }
            aws.pass(mins(24 * 60));
            told.extend(aws.backup.take_events(aws.now));
            let points: Vec<String> =
                aws.points().into_iter().map(|point| format!("{} {} {}", point.arn, point.status, SOURCE)).collect();
            (told, points)
        };
        prop_assert_eq!(history(false), history(true));
    }
}

#[test]
fn a_thousand_tables_are_backed_up_and_copied_with_nobody_left_behind() {
    let mut aws = Fixture::new();
    let tables: Vec<String> = (0..1000).map(|n| ORDERS.replace("orders", &format!("t{n}"))).collect();
    for arn in &tables {
        aws.put_table(arn, &[]);
        aws.start(arn);
    }
    while aws.points().iter().filter(|point| point.status == "COMPLETED").count() < tables.len() {
        aws.pass(mins(5));
    }
    for arn in aws.points().into_iter().map(|point| point.arn) {
        aws.start_copy(&arn);
    }
    aws.pass(mins(12 * 7));
    assert_eq!(aws.copies().len(), tables.len());
    let of_one = aws.list(&["copy-jobs"], &[("resourceArn", &tables[7])]);
    assert_eq!(of_one["CopyJobs"].as_array().unwrap().len(), 1);
}
