use serde_json::{Value, json};

use super::support::{Fixture, HOME, ORDERS, SOURCE, USERS, days, field, mins};

fn create(aws: &mut Fixture, selection: &Value) -> String {
    let body = json!({"Title": "audit", "Description": "of 2026", "RecoveryPointSelection": selection,
        "Tags": {"case": "7"}});
    let told = aws.ok("POST", &["legal-holds"], body);
    assert_eq!(told["Status"], "CREATING");
    told["LegalHoldId"].as_str().unwrap().to_owned()
}

fn cancel(aws: &mut Fixture, id: &str, query: &[(&str, &str)]) -> Result<Value, String> {
    let answer = aws.call_in(HOME, "DELETE", &["legal-holds", id], query, json!({}));
    answer.map_err(|error| error.code)
}

#[test]
fn a_hold_keeps_what_it_selects_until_it_is_cancelled() {
    let mut aws = Fixture::new();
    let more = json!({"Lifecycle": {"DeleteAfterDays": 1}});
    let (held, free) = (aws.point_with(ORDERS, more.clone()), aws.point_with(USERS, more));
    let id = create(&mut aws, &json!({"VaultNames": [SOURCE], "ResourceIdentifiers": [ORDERS]}));
    let listed = aws.list(&["legal-holds", &id, "recovery-points"], &[]);
    assert_eq!(field(&listed["RecoveryPoints"], "RecoveryPointArn"), [held.as_str()]);
    assert_eq!(aws.delete_point(&held).unwrap_err().code, "InvalidRequestException");
    aws.pass(days(3));
    let left: Vec<String> = aws.points().into_iter().map(|point| point.arn).collect();
    assert_eq!(left, [held.as_str()], "{free} has lapsed");
    assert_eq!(aws.describe_point(&held).unwrap()["StorageClass"], "WARM");
    assert_eq!(aws.ok("GET", &["legal-holds", &id], json!({}))["Status"], "ACTIVE");

    assert_eq!(cancel(&mut aws, &id, &[]).unwrap_err(), "MissingParameterValueException");
    let query = [("cancelDescription", "closed"), ("retainRecordInDays", "2")];
    cancel(&mut aws, &id, &query).unwrap();
    assert_eq!(cancel(&mut aws, &id, &query).unwrap_err(), "InvalidResourceStateException");
    aws.pass(mins(1));
    assert!(aws.points().is_empty());
    let told = aws.ok("GET", &["legal-holds", &id], json!({}));
    assert_eq!((&told["Status"], &told["CancelDescription"]), (&json!("CANCELED"), &json!("closed")));
    aws.pass(days(2));
    assert_eq!(aws.code("GET", &["legal-holds", &id], json!({})), "ResourceNotFoundException");
}

#[test]
fn a_hold_may_select_by_date_and_carries_tags() {
    let mut aws = Fixture::new();
    let early = aws.point(ORDERS);
    aws.pass(days(2));
    let late = aws.point(ORDERS);
    let range = json!({"FromDate": 1_772_323_200, "ToDate": "2026-03-02T00:00:00Z"});
    let id = create(&mut aws, &json!({"DateRange": range}));
    assert_eq!(aws.delete_point(&early).unwrap_err().code, "InvalidRequestException");
    aws.delete_point(&late).unwrap();
    let arn = aws.ok("GET", &["legal-holds", &id], json!({}))["LegalHoldArn"].as_str().unwrap().to_owned();
    assert_eq!(aws.ok("GET", &["tags", &arn], json!({}))["Tags"], json!({"case": "7"}));
}

#[test]
fn there_are_at_most_fifty_holds_and_a_repeated_token_makes_none() {
    let mut aws = Fixture::new();
    let body = |token: &str| json!({"Title": "t", "Description": "d", "IdempotencyToken": token});
    for n in 0..50 {
        aws.ok("POST", &["legal-holds"], body(&n.to_string()));
    }
    aws.ok("POST", &["legal-holds"], body("7"));
    assert_eq!(aws.code("POST", &["legal-holds"], body("more")), "LimitExceededException");
    assert_eq!(aws.list(&["legal-holds"], &[])["LegalHolds"].as_array().unwrap().len(), 50);
}
