use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::support::{Fixture, HOME, ORDERS, mins};

fn many(prefix: &str, count: usize) -> BTreeMap<String, String> {
    (0..count).map(|n| (format!("{prefix}{n:02}"), "v".to_owned())).collect()
}

fn tag_table(aws: &mut Fixture, tags: BTreeMap<String, String>) {
    aws.tables.tables.get_mut(ORDERS).unwrap().tags = tags;
}

#[test]
fn a_point_inherits_the_tables_tags_and_the_jobs_win() {
    let mut aws = Fixture::new();
    tag_table(
        &mut aws,
        BTreeMap::from([("a".to_owned(), "table".to_owned()), ("b".to_owned(), "table".to_owned())]),
    );
    let arn = aws.point_with(ORDERS, json!({"RecoveryPointTags": {"b": "job", "c": "job"}}));
    let tags = aws.ok("GET", &["tags", &arn], json!({}))["Tags"].clone();
    assert_eq!(tags, json!({"a": "table", "b": "job", "c": "job"}));
}

#[test]
fn more_than_50_tags_in_all_fail_the_job() {
    let mut aws = Fixture::new();
    let ours = json!({"RecoveryPointTags": many("ours", 10)});
    tag_table(&mut aws, many("table", 41));
    let refused = aws.start_with(ORDERS, ours.clone());
    aws.pass(mins(1));
    assert_eq!(aws.state(&refused), "FAILED");
    assert_eq!(aws.message(&refused), "The resultant tag set must not have more than 50 user tags.");
    let mut with_aws_own = many("table", 40);
    with_aws_own.insert("aws:cloudformation:stack-name".to_owned(), "s".to_owned());
    tag_table(&mut aws, with_aws_own);
    aws.point_with(ORDERS, ours);
}

#[test]
fn tags_can_be_added_up_to_50_and_taken_away() {
    let mut aws = Fixture::new();
    let arn = aws.point(ORDERS);
    aws.ok("POST", &["tags", &arn], json!({"Tags": many("k", 50)}));
    let one_more = json!({"Tags": {"one": "more"}});
    assert_eq!(aws.code("POST", &["tags", &arn], one_more.clone()), "LimitExceededException");
    aws.ok("POST", &["untag", &arn], json!({"TagKeyList": ["k00"]}));
    aws.ok("POST", &["tags", &arn], one_more);
    assert_eq!(aws.points()[0].tags.len(), 50);
}

#[test]
fn tags_are_listed_in_pages() {
    let mut aws = Fixture::new();
    let arn = aws.point(ORDERS);
    aws.ok("POST", &["tags", &arn], json!({"Tags": many("k", 5)}));
    let (mut found, mut token) = (Map::new(), None::<String>);
    loop {
        let mut query = vec![("maxResults", "2")];
        query.extend(token.as_deref().map(|token| ("nextToken", token)));
        let page = aws.call_in(HOME, "GET", &["tags", &arn, ""], &query, json!({})).unwrap();
        found.extend(page["Tags"].as_object().unwrap().clone());
        token = page.get("NextToken").and_then(Value::as_str).map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    assert_eq!(found.len(), 5);
}

#[test]
fn tampering_goes_past_all_checks() {
    let mut aws = Fixture::new();
    let arn = aws.point(ORDERS);
    assert!(aws.backup.overwrite_tags(&arn, many("k", 60)));
    assert_eq!(aws.points()[0].tags.len(), 60);
    assert!(!aws.backup.overwrite_tags("arn:aws:backup:x:y:recovery-point:z", BTreeMap::new()));
}

/// The API says 50 tags, the page of quotas 10 that are added: the second is a switch.
#[test]
fn more_added_tags_than_the_stricter_page_allows_can_be_refused() {
    let mut aws = Fixture::new();
    let tags = |range: std::ops::Range<usize>| -> Map<_, _> {
        range.map(|n| (format!("k{n}"), json!("v"))).collect()
    };
    let eleven = json!({"RecoveryPointTags": tags(0..11)});
    aws.point_with(ORDERS, eleven.clone());

    aws.backup.options_mut().added_tags = 10;
    let mut body = Fixture::job_body(ORDERS);
    body["RecoveryPointTags"] = eleven["RecoveryPointTags"].clone();
    assert_eq!(aws.code("PUT", &["backup-jobs"], body), "LimitExceededException");
    let mut table = aws.tables.tables[ORDERS].clone();
    table.tags = (0..20).map(|n| (format!("own{n}"), "v".to_owned())).collect();
    aws.tables.tables.insert(ORDERS.to_owned(), table);
    let arn = aws.point_with(ORDERS, json!({"RecoveryPointTags": tags(0..8)}));
    aws.ok("POST", &["tags", &arn], json!({"Tags": tags(6..10)}));
    let refused = json!({"Tags": {"one-more": "v"}});
    assert_eq!(aws.code("POST", &["tags", &arn], refused.clone()), "LimitExceededException");
    aws.ok("POST", &["untag", &arn], json!({"TagKeyList": ["k0"]}));
    aws.ok("POST", &["tags", &arn], refused);
}

#[test]
fn the_tags_of_aws_itself_can_be_planted_and_are_its_own() {
    let mut aws = Fixture::new();
    let mut table = aws.tables.tables[ORDERS].clone();
    table.tags = [("aws:cloudformation:stack-name".to_owned(), "shop".to_owned())].into();
    aws.tables.tables.insert(ORDERS.to_owned(), table);
    let arn = aws.point(ORDERS);
    let tags = |aws: &mut Fixture| aws.ok("GET", &["tags", &arn], json!({}))["Tags"].clone();
    assert_eq!(tags(&mut aws), json!({}), "not inherited");
    aws.backup.plant_tag(&arn, ("aws:backup:source-resource", ORDERS)).unwrap();
    assert_eq!(tags(&mut aws), json!({"aws:backup:source-resource": ORDERS}));
    let removal = json!({"TagKeyList": ["aws:backup:source-resource"]});
    assert_eq!(aws.code("POST", &["untag", &arn], removal), "InvalidParameterValueException");
    let own = json!({"Tags": {"aws:x": "y"}});
    assert_eq!(aws.code("POST", &["tags", &arn], own), "InvalidParameterValueException");
    let full: Map<_, _> = (0..50).map(|n| (format!("k{n}"), json!("v"))).collect();
    aws.ok("POST", &["tags", &arn], json!({"Tags": full}));
    assert!(
        aws.backup.plant_tag("arn:aws:backup:eu-central-1:1:recovery-point:none", ("aws:x", "y")).is_err()
    );
}
