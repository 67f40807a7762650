//! Least privilege, compared in both directions: what functions and AWS Backup ask for, and what the roles allow.

mod privilege;

use std::collections::BTreeSet;

use backup_chain_deployed::stack::SOURCE;
use privilege::{Role, Roles, listed, scenes, unseen};
use serde_json::{Value, json};

#[tokio::test(start_paused = true)]
async fn the_roles_allow_what_is_needed_and_nothing_more() {
    let roles = scenes::lived().await;
    let findings = roles.findings();
    assert!(findings.is_empty(), "{findings}");
    planted_faults_are_found(&roles);
}

/// Every action, resource and condition of every statement in turn is taken away, made wider or joined by another.
fn planted_faults_are_found(roles: &Roles) {
    let mut planted = 0;
    for (name, role) in &roles.0 {
        for (number, statement) in role.statements.iter().enumerate() {
            let sid = statement["Sid"].as_str().unwrap();
            if unseen(name, sid).next().is_some() {
                continue;
            }
            for (what, fault) in faults(statement) {
                // Its condition is what is tried by it: doctor's tests see that.
                if sid == "TryTagConditions" && what.starts_with("without the condition") {
                    continue;
                }
                let mut statements = role.statements.clone();
                match fault {
                    Some(fault) => statements[number] = fault,
                    None => drop(statements.remove(number)),
                }
                let role = Role { statements, needs: role.needs.clone() };
                let found = role.findings(name, &mut BTreeSet::new());
                assert!(!found.is_empty(), "{name}: {sid}: {what} is not found");
                planted += 1;
            }
        }
    }
    assert!(planted > 300, "{planted}");
}

/// A statement with each fault that it can have; `None` is that it is not there.
fn faults(statement: &Value) -> Vec<(String, Option<Value>)> {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut changed = statement.clone();
        change(&mut changed);
        Some(changed)
    };
    let mut faults = vec![("not there".to_owned(), None)];
    for part in ["Action", "Resource"] {
        let entries = listed(&statement[part]);
        for entry in entries.iter().filter(|_| entries.len() > 1) {
            let left: Vec<&&str> = entries.iter().filter(|other| *other != entry).collect();
            faults.push((format!("{part} without {entry}"), with(&|it| it[part] = json!(left))));
        }
        let more = if part == "Action" { "dynamodb:DeleteTable" } else { "arn:aws:s3:::bucket" };
        let joined: Vec<&str> = entries.iter().copied().chain([more]).collect();
        faults.push((format!("{part} with {more}"), with(&|it| it[part] = json!(joined))));
    }
    for resource in listed(&statement["Resource"]).into_iter().filter(|resource| *resource != "*") {
        let wider = |wide: &str| with(&|it| it["Resource"] = json!(wide));
        faults.push((format!("all in place of {resource}"), wider("*")));
        let parts: Vec<&str> = resource.splitn(6, ':').collect();
        let region = if parts[3] == "*" { SOURCE } else { "*" };
        if !parts[3].is_empty() && statement["Effect"] == "Allow" {
            let other = format!("arn:aws:{}:{region}:{}:{}", parts[2], parts[4], parts[5]);
            faults.push((format!("{other} in place of {resource}"), wider(&other)));
        }
    }
    for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
        for key in keys.as_object().unwrap().keys() {
            let without = with(&|it| {
                it["Condition"][operator].as_object_mut().unwrap().remove(key);
            });
            faults.push((format!("without the condition {operator} {key}"), without));
        }
    }
    if statement["Effect"] == "Allow" {
        for operator in ["StringEquals", "StringEqualsIfExists"] {
            let more = with(&|it| it["Condition"][operator]["aws:ResourceTag/stage"] = json!("test"));
            faults.push((format!("{operator} of a tag that nothing has"), more));
        }
    }
    faults
}
