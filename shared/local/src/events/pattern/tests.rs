use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Field values of a pattern, and whether each event's `v` matches them.
fn table(values: &Value, matches: &[Value], differs: &[Value]) {
    let pattern = Pattern::read(&json!({ "v": values }).to_string()).unwrap();
    for value in matches {
        assert!(pattern.matches(&json!({ "v": value })), "{values} should match {value}");
    }
    for value in differs {
        assert!(!pattern.matches(&json!({ "v": value })), "{values} should not match {value}");
    }
}

#[test]
fn each_comparison_matches_what_aws_documents() {
    table(
        &json!(["a", null, 1]),
        &[json!("a"), json!(null), json!(1), json!(["x", "a"])],
        &[json!("b"), json!("1"), json!(1.0), json!([])],
    );
    table(&json!([{"prefix": "eu-"}]), &[json!("eu-west-1")], &[json!("us-eu-"), json!(1)]);
    table(&json!([{"prefix": {"equals-ignore-case": "EU-"}}]), &[json!("eu-west-1")], &[json!("us")]);
    table(&json!([{"suffix": ".png"}]), &[json!("a.png")], &[json!("a.PNG")]);
    table(&json!([{"suffix": {"equals-ignore-case": ".PNG"}}]), &[json!("a.png")], &[json!("png")]);
    table(&json!([{"equals-ignore-case": "alice"}]), &[json!("ALICE")], &[json!("alice ")]);
    table(
        &json!([{"wildcard": "dir/*.png"}]),
        &[json!("dir/a/b.png"), json!("dir/.png")],
        &[json!("dir/a.jpg")],
    );
    table(&json!([{"wildcard": "a\\*b*"}]), &[json!("a*bc"), json!("a*b")], &[json!("axb")]);
    table(
        &json!([{"numeric": [">", 0, "<=", 5]}]),
        &[json!(0.1), json!(5)],
        &[json!(0), json!(5.1), json!("3")],
    );
    table(&json!([{"numeric": ["=", 3]}]), &[json!(3), json!(3.0)], &[json!(4)]);
    table(&json!([{"cidr": "10.0.0.0/24"}]), &[json!("10.0.0.255")], &[json!("10.0.1.0"), json!("x")]);
    table(&json!([{"cidr": "2001:db8::/32"}]), &[json!("2001:db8::1")], &[json!("10.0.0.1")]);
    table(
        &json!([{"exists": true}]),
        &[json!("x"), json!(null), json!([1])],
        &[json!([]), json!({ "leaf": "below" })],
    );
}

#[test]
fn anything_but_excludes_what_it_names() {
    table(
        &json!([{"anything-but": "a"}]),
        &[json!("b"), json!(1), json!(["a", "b"])],
        &[json!("a"), json!([])],
    );
    table(&json!([{"anything-but": ["a", "b"]}]), &[json!("c")], &[json!("a"), json!("b")]);
    table(&json!([{"anything-but": [1, 2]}]), &[json!(3), json!("1")], &[json!(1)]);
    table(&json!([{"anything-but": {"prefix": "us-"}}]), &[json!("eu-")], &[json!("us-east-1")]);
    table(&json!([{"anything-but": {"prefix": ["us-", "eu-"]}}]), &[json!("ap-")], &[json!("eu-west-1")]);
    table(&json!([{"anything-but": {"suffix": ".png"}}]), &[json!("a.jpg")], &[json!("a.png")]);
    table(
        &json!([{"anything-but": {"equals-ignore-case": ["a", "B"]}}]),
        &[json!("c")],
        &[json!("A"), json!("b")],
    );
    table(&json!([{"anything-but": {"wildcard": "*/lib/*"}}]), &[json!("a/b")], &[json!("a/lib/b")]);
    let absent = Pattern::read(r#"{"v": [{"anything-but": "a"}]}"#).unwrap();
    assert!(!absent.matches(&json!({})), "it wants a value");
}

#[test]
fn fields_are_all_to_match_and_alternatives_one() {
    let pattern = json!({
        "source": ["aws.backup"],
        "$or": [{ "detail": { "state": ["FAILED"] } }, { "detail": { "size": [{ "numeric": [">", 9] }] } }],
    });
    let pattern = Pattern::read(&pattern.to_string()).unwrap();
    assert!(pattern.matches(&json!({ "source": "aws.backup", "detail": { "state": "FAILED" } })));
    assert!(pattern.matches(&json!({ "source": "aws.backup", "detail": { "size": 10 } })));
    assert!(!pattern.matches(&json!({ "source": "aws.backup", "detail": { "size": 9 } })));
    assert!(!pattern.matches(&json!({ "source": "mine", "detail": { "size": 10 } })));
}

#[test]
fn one_element_of_an_array_is_to_match_all_fields_below_it() {
    let pattern = Pattern::read(r#"{"list": {"a": [1], "b": [2]}}"#).unwrap();
    assert!(pattern.matches(&json!({ "list": [{ "a": 0 }, { "a": 1, "b": 2 }] })));
    assert!(!pattern.matches(&json!({ "list": [{ "a": 1 }, { "b": 2 }] })));
}

#[test]
fn absent_is_what_no_element_has() {
    let pattern = Pattern::read(r#"{"detail": {"error": [{"exists": false}]}}"#).unwrap();
    for event in [
        json!({}),
        json!({ "detail": {} }),
        json!({ "detail": { "error": [] } }),
        json!({ "detail": [{ "a": 1 }] }),
    ] {
        assert!(pattern.matches(&event), "{event}");
    }
    for event in [json!({ "detail": { "error": null } }), json!({ "detail": [{ "a": 1 }, { "error": 1 }] })] {
        assert!(!pattern.matches(&event), "{event}");
    }
}

#[test]
fn what_eventbridge_refuses_is_refused() {
    for pattern in [
        "",
        "[]",
        "{}",
        r#"{"a": "b"}"#,
        r#"{"a": []}"#,
        r#"{"a": {}}"#,
        r#"{"a": [["b"]]}"#,
        r#"{"a": [{}]}"#,
        r#"{"a": [{"prefix": 1}]}"#,
        r#"{"a": [{"prefix": "x", "suffix": "y"}]}"#,
        r#"{"a": [{"like": "x"}]}"#,
        r#"{"a": [{"exists": "yes"}]}"#,
        r#"{"a": [{"numeric": [">"]}]}"#,
        r#"{"a": [{"numeric": [">", 5, "<", 1]}]}"#,
        r#"{"a": [{"numeric": ["<", 5, ">", 1]}]}"#,
        r#"{"a": [{"numeric": ["=", 6e9]}]}"#,
        r#"{"a": [{"cidr": "x/8"}]}"#,
        r#"{"a": [{"wildcard": "a**"}]}"#,
        r#"{"a": [{"wildcard": "a\\b"}]}"#,
        r#"{"a": [{"anything-but": []}]}"#,
        r#"{"a": [{"anything-but": ["a", 1]}]}"#,
        r#"{"a": [{"anything-but": {"prefix": ""}}]}"#,
        r#"{"a": [{"anything-but": {"numeric": ["=", 1]}}]}"#,
        r#"{"$or": [{"a": ["b"]}]}"#,
        r#"{"$or": [1, 2]}"#,
    ] {
        assert!(Pattern::read(pattern).is_err(), "{pattern}");
    }
}

proptest! {
    #[test]
    fn a_wildcard_made_of_a_text_matches_the_text(parts in prop::collection::vec("[a-c*\\\\]{0,4}", 1..5), between in "[a-c*]{0,6}") {
        let wildcard = parts.iter().filter(|part| !part.is_empty())
            .map(|part| part.replace('\\', "\\\\").replace('*', "\\*")).collect::<Vec<_>>().join("*");
        let text = parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(&between);
        let pattern = Pattern::read(&json!({ "v": [{ "wildcard": wildcard }] }).to_string()).unwrap();
        let event = json!({ "v": text });
        prop_assert!(pattern.matches(&event));
        let but = Pattern::read(&json!({ "v": [{ "anything-but": { "wildcard": wildcard } }] }).to_string());
        prop_assert!(but.is_err() || !but.unwrap().matches(&event));
    }

    #[test]
    fn reading_any_text_never_fails_badly(text in "\\PC{0,40}") {
        let _ = Pattern::read(&text);
    }
}
