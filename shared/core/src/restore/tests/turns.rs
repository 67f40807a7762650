use super::*;
use crate::ids::RestoreId;

/// A restore of `orders` as a table of this number.
fn restore(number: usize, stage: Stage) -> Restore {
    let id = RestoreId::new("2026-01-05T00:00:00Z".parse().unwrap(), number as u128);
    serde_json::from_value(json!({
        "id": id, "point": "01KE73DJG0C1V5K6TP3T2ZJ4ZD",
        "table": { "arn": arn("orders"), "id": "8d1c4d1b-0f0c-4d6a-8b51-8d1c4d1b0f0c" },
        "vault": "arn:aws:backup:eu-central-1:111122223333:backup-vault:chain",
        "arn": "arn:aws:backup:eu-central-1:111122223333:recovery-point:1",
        "target": arn(&format!("orders-{number}")), "stage": stage, "requested_at": "2026-01-05T00:00:00Z",
        "start": {
            "region": "eu-central-1", "point": "arn:aws:backup:eu-central-1:111122223333:recovery-point:1",
            "table": format!("orders-{number}"), "role": "role", "token": "token",
        },
        "check_at": "2026-01-05T00:00:00Z", "rev": 1,
    }))
    .unwrap()
}

#[test]
fn so_many_make_tables_at_a_time() {
    let waiting = restore(0, Stage::Waiting);
    let at_work =
        |count: usize, stage| (1..=count).map(move |number| restore(number, stage)).collect::<Vec<_>>();
    assert!(waiting.may_start(&at_work(MAX_CONCURRENT_RESTORES - 1, Stage::Running)));
    assert!(!waiting.may_start(&at_work(MAX_CONCURRENT_RESTORES, Stage::Running)));
    assert!(!waiting.may_start(&at_work(MAX_CONCURRENT_RESTORES, Stage::Starting)));
    // A table that is there takes no place, and neither do those that wait, or copies.
    for stage in [Stage::Applying, Stage::Waiting, Stage::CopyingBack, Stage::Succeeded] {
        assert!(waiting.may_start(&at_work(MAX_CONCURRENT_RESTORES, stage)), "{stage}");
    }
    let mut elsewhere = at_work(MAX_CONCURRENT_RESTORES, Stage::Running);
    elsewhere.iter_mut().for_each(|restore| restore.start.region = "eu-west-1".parse().unwrap());
    assert!(waiting.may_start(&elsewhere));
}

#[test]
fn who_had_no_place_asks_anew_with_a_token_of_its_own() {
    let mut restore = restore(0, Stage::Running);
    (restore.job, restore.started_at) = (Some("job".to_owned()), Some(restore.requested_at));
    restore.requeue();
    let first = restore.start.token.clone();
    assert_eq!((restore.stage, restore.attempt, restore.job.as_ref()), (Stage::Waiting, 2, None));
    assert!(restore.started_at.is_none() && first != "token");
    restore.start(restore.requested_at);
    assert_eq!(restore.stage, Stage::Starting);
    restore.requeue();
    assert!(restore.start.token != first);
    let read: Restore = serde_json::from_value(serde_json::to_value(&restore).unwrap()).unwrap();
    assert_eq!(read, restore);
}
