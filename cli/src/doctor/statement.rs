//! Policies of keys and trust of roles, as far as they can be read without a request.

use serde_json::Value;

/// Whether a key's policy lets a role do this, or leaves it to the account's IAM. Conditions on anything but who asks
/// are taken to hold.
pub(super) fn allows(policy: &Value, action: &str, role: &str) -> bool {
    let on = |effect: &'static str| {
        list(&policy["Statement"]).filter(move |statement| {
            statement["Effect"] == effect
                && names(statement, action)
                && includes(&statement["Principal"], role)
        })
    };
    let is_met = |statement: &Value, unknown: bool| {
        let operators = statement["Condition"].as_object().into_iter().flatten();
        let mut conditions = operators.flat_map(|(operator, keys)| {
            keys.as_object().into_iter().flatten().map(move |(key, values)| (operator, key, values))
        });
        conditions.all(|(operator, key, values)| {
            if !key.eq_ignore_ascii_case("aws:PrincipalArn") {
                return unknown;
            }
            let is_one = list(values).filter_map(Value::as_str).any(|value| is_like(value, role));
            is_one != operator.contains("Not")
        })
    };
    on("Allow").any(|statement| is_met(statement, true))
        && !on("Deny").any(|statement| is_met(statement, false))
}

/// Whether a role's trust lets a service take it on.
pub(super) fn trusts(trust: &Value, service: &str) -> bool {
    list(&trust["Statement"]).any(|statement| {
        statement["Effect"] == "Allow"
            && names(statement, "sts:AssumeRole")
            && list(&statement["Principal"]["Service"]).any(|trusted| trusted == service)
    })
}

/// On what a role's policy allows this.
pub(super) fn resources<'a>(policy: &'a Value, action: &'a str) -> impl Iterator<Item = &'a str> {
    let allowed = list(&policy["Statement"])
        .filter(move |statement| statement["Effect"] == "Allow" && names(statement, action));
    allowed.flat_map(|statement| list(&statement["Resource"])).filter_map(Value::as_str)
}

fn names(statement: &Value, action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    let named = list(&statement["Action"]).filter_map(Value::as_str);
    named.into_iter().any(|named| is_like(&named.to_ascii_lowercase(), &action))
}

/// Whether a principal is the role, everybody, or the role's account as a whole.
fn includes(principal: &Value, role: &str) -> bool {
    let mut parts = role.split(':');
    let (partition, account) = (parts.nth(1).unwrap_or_default(), parts.nth(2).unwrap_or_default());
    let root = format!("arn:{partition}:iam::{account}:root");
    let is_role = |value: &str| value == "*" || value == role || value == account || value == root;
    principal == "*" || list(&principal["AWS"]).filter_map(Value::as_str).any(is_role)
}

/// One, or a list of them.
fn list(value: &Value) -> impl Iterator<Item = &Value> {
    let (many, one) = match value {
        Value::Array(many) => (many.as_slice(), None),
        Value::Null => (&[][..], None),
        one => (&[][..], Some(one)),
    };
    many.iter().chain(one)
}

/// Whether a text fits a pattern, in which `*` stands for any characters and `?` for one.
fn is_like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut seen) = (0, 0);
    // Where the last star stands, and how much of the text it covers.
    let mut star: Option<(usize, usize)> = None;
    while seen < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(char) if *char == '?' || *char == text[seen] => (at, seen) = (at + 1, seen + 1),
            _ => match star {
                None => return false,
                Some((stands, covers)) => {
                    star = Some((stands, covers + 1));
                    (at, seen) = (stands + 1, covers + 1);
                }
            },
        }
    }
    pattern[at..].iter().all(|char| *char == '*')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ROLE: &str = "arn:aws:iam::111122223333:role/backup-chain-copy-function-eu-central-1";

    fn statement(principal: &Value, condition: &Value) -> Value {
        json!({ "Statement": [{ "Effect": "Allow", "Principal": principal, "Action": "kms:Decrypt",
            "Resource": "*", "Condition": condition }] })
    }

    #[test]
    fn a_key_may_be_used_by_whom_its_policy_names() {
        let root = json!({ "AWS": "arn:aws:iam::111122223333:root" });
        let allowed = |principal: &Value, condition: Value| {
            allows(&statement(principal, &condition), "kms:Decrypt", ROLE)
        };
        assert!(allowed(&root, Value::Null));
        assert!(allowed(
            &json!("*"),
            json!({ "StringEquals": { "kms:EncryptionContext:application": "x" } })
        ));
        assert!(allowed(&json!({ "AWS": [ROLE] }), Value::Null));
        assert!(allowed(&root, json!({ "ArnEquals": { "aws:PrincipalArn": ["x", ROLE] } })));
        assert!(allowed(
            &root,
            json!({ "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/*-copy-function-*" } })
        ));
        assert!(!allowed(
            &root,
            json!({ "ArnEquals": { "aws:PrincipalArn": "arn:aws:iam::111122223333:role/x" } })
        ));
        assert!(!allowed(&root, json!({ "ArnNotLike": { "aws:PrincipalArn": ROLE } })));
        assert!(!allowed(&json!({ "AWS": "arn:aws:iam::999999999999:root" }), Value::Null));
        assert!(!allows(&statement(&root, &Value::Null), "kms:GenerateDataKey", ROLE));
        assert!(!allows(&json!({}), "kms:Decrypt", ROLE));
    }

    #[test]
    fn a_denial_counts_when_it_is_certain() {
        let policy = |condition: Value| {
            json!({ "Statement": [
                { "Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*" },
                { "Effect": "Deny", "Principal": "*", "Action": ["kms:Decrypt"], "Resource": "*",
                    "Condition": condition },
            ] })
        };
        assert!(!allows(&policy(Value::Null), "kms:Decrypt", ROLE));
        assert!(!allows(&policy(json!({ "ArnNotLike": { "aws:PrincipalArn": "x" } })), "kms:Decrypt", ROLE));
        assert!(allows(&policy(json!({ "ArnNotLike": { "aws:PrincipalArn": ROLE } })), "kms:Decrypt", ROLE));
        assert!(allows(
            &policy(json!({ "Bool": { "aws:MultiFactorAuthPresent": "false" } })),
            "kms:Decrypt",
            ROLE
        ));
    }

    #[test]
    fn trust_names_its_service() {
        let trust = |service: Value| {
            json!({ "Statement": { "Effect": "Allow", "Principal": { "Service": service },
                "Action": "sts:AssumeRole" } })
        };
        assert!(trusts(&trust(json!("backup.amazonaws.com")), "backup.amazonaws.com"));
        assert!(trusts(&trust(json!(["x", "backup.amazonaws.com"])), "backup.amazonaws.com"));
        assert!(!trusts(&trust(json!("ec2.amazonaws.com")), "backup.amazonaws.com"));
    }
}
