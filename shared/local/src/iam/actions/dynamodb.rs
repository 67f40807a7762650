//! DynamoDB.

use serde_json::Value;

use super::request::{Request, tags_in, with_tag_keys, with_tags};
use crate::{record::Required, wire::text};

pub(super) fn required(request: &Request<'_>) -> Option<Vec<Required>> {
    let (operation, body) = (request.operation, request.body);
    let action = format!("dynamodb:{operation}");
    let on_table = || Request::need(&action, table(request, body));
    Some(match operation {
        "DescribeEndpoints" | "DescribeLimits" | "ListContributorInsights" | "ListTables" => {
            vec![Request::need(&action, "*")]
        }
        "GetItem"
        | "PutItem"
        | "UpdateItem"
        | "DeleteItem"
        | "DescribeTable"
        | "DeleteTable"
        | "DescribeTimeToLive"
        | "UpdateTimeToLive"
        | "DescribeContinuousBackups"
        | "UpdateContinuousBackups"
        | "DescribeKinesisStreamingDestination"
        | "DisableKinesisStreamingDestination"
        | "UpdateKinesisStreamingDestination"
        | "DescribeTableReplicaAutoScaling" => vec![on_table()],
        "Query" | "Scan" | "DescribeContributorInsights" | "UpdateContributorInsights" => {
            vec![Request::need(&action, table_or_index(request))]
        }
        // AWS documents that whoever enables a stream needs these rights on it too.
        "EnableKinesisStreamingDestination" => {
            let stream = request.member("StreamArn").unwrap_or("*");
            let on_stream = |action| Request::need(action, stream);
            vec![on_table(), on_stream("kinesis:DescribeStream"), on_stream("kinesis:PutRecords")]
        }
        "CreateTable" => {
            let tags = tags_in(&body["Tags"]);
            let mut needs = vec![with_tags(on_table(), &tags)];
            if !tags.is_empty() {
                needs.push(with_tags(Request::need("dynamodb:TagResource", table(request, body)), &tags));
            }
            if request.member("ResourcePolicy").is_some() {
                needs.push(Request::need("dynamodb:PutResourcePolicy", table(request, body)));
            }
            needs
        }
        "UpdateTable" => {
            let replicas = body["ReplicaUpdates"].as_array().into_iter().flatten();
            let replicas = replicas.filter_map(|update| {
                let action = match update.as_object()?.keys().next()?.as_str() {
                    "Create" => "dynamodb:CreateTableReplica",
                    "Delete" => "dynamodb:DeleteTableReplica",
                    _ => return None,
                };
                Some(Request::need(action, table(request, body)))
            });
            std::iter::once(on_table()).chain(replicas).collect()
        }
        "RestoreTableFromBackup" => restore(request),
        "ListTagsOfResource" | "GetResourcePolicy" | "PutResourcePolicy" | "DeleteResourcePolicy" => {
            vec![Request::need(&action, arn(request))]
        }
        "TagResource" => vec![with_tags(Request::need(&action, arn(request)), &tags_in(&body["Tags"]))],
        "UntagResource" => vec![with_tag_keys(Request::need(&action, arn(request)), &body["TagKeys"])],
        "BatchGetItem" | "BatchWriteItem" => {
            let tables = body["RequestItems"].as_object().into_iter().flat_map(|by_table| by_table.keys());
            tables.map(|name| Request::need(&action, table_arn(request, name))).collect()
        }
        "TransactGetItems" | "TransactWriteItems" => items(request),
        "ExecuteStatement" => statements(request, &[body]),
        "BatchExecuteStatement" => statements(request, &list(body, "Statements")),
        "ExecuteTransaction" => statements(request, &list(body, "TransactStatements")),
        _ => return None,
    })
}

/// A restore by DynamoDB itself takes the right on the new table and on the backup; AWS Backup's points take one of
/// their own. AWS documents that it takes the rights to read and write the new table too: DynamoDB fills it in the
/// caller's name.
fn restore(request: &Request<'_>) -> Vec<Required> {
    let table = table_arn(request, request.member("TargetTableName").unwrap_or("*"));
    let on_table = |action: &str| Request::need(&format!("dynamodb:{action}"), table.as_str());
    let mut needs = vec![on_table("RestoreTableFromBackup")];
    match request.member("BackupArn").unwrap_or("*") {
        point if point.starts_with("arn:aws:backup:") => needs.push(on_table("RestoreTableFromAwsBackup")),
        backup => needs.push(Request::need("dynamodb:RestoreTableFromBackup", backup)),
    }
    for action in ["BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem"] {
        let mut need = on_table(action);
        need.context.insert("aws:ViaAWSService".to_owned(), vec!["true".to_owned()]);
        needs.push(need);
    }
    needs
}

/// A table by its name or ARN.
fn table_arn(request: &Request<'_>, name: &str) -> String {
    if name.starts_with("arn:") { name.to_owned() } else { request.arn("dynamodb", &format!("table/{name}")) }
}

fn table(request: &Request<'_>, part: &Value) -> String {
    table_arn(request, text(part, "TableName").unwrap_or("*"))
}

/// What reads an index needs the right on the index, not on the table.
fn table_or_index(request: &Request<'_>) -> String {
    let table = table(request, request.body);
    request.member("IndexName").map_or_else(|| table.clone(), |index| format!("{table}/index/{index}"))
}

fn arn<'a>(request: &Request<'a>) -> &'a str {
    request.member("ResourceArn").unwrap_or("*")
}

fn list<'a>(body: &'a Value, member: &str) -> Vec<&'a Value> {
    body[member].as_array().into_iter().flatten().collect()
}

/// A transaction needs what each of its parts would need alone, and ConditionCheckItem for a check. What is
/// needed twice is listed once.
fn items(request: &Request<'_>) -> Vec<Required> {
    let mut needs: Vec<Required> = Vec::new();
    for part in list(request.body, "TransactItems").into_iter().filter_map(Value::as_object).flatten() {
        let action = match part.0.as_str() {
            "Get" => "dynamodb:GetItem",
            "Put" => "dynamodb:PutItem",
            "Update" => "dynamodb:UpdateItem",
            "Delete" => "dynamodb:DeleteItem",
            "ConditionCheck" => "dynamodb:ConditionCheckItem",
            _ => continue,
        };
        let need = Request::need(action, table(request, part.1));
        if !needs.contains(&need) {
            needs.push(need);
        }
    }
    needs
}

/// What PartiQL statements need, each on the table or index that it names first: `"table"` or `"table"."index"`.
fn statements(request: &Request<'_>, list: &[&Value]) -> Vec<Required> {
    let of = |statement: &str| {
        let words: Vec<&str> = statement.split_whitespace().collect();
        let at = |word: &str| words.iter().position(|other| other.eq_ignore_ascii_case(word));
        let first = words.first().map(|word| word.to_ascii_uppercase()).unwrap_or_default();
        let (action, place) = match first.as_str() {
            "INSERT" => ("dynamodb:PartiQLInsert", at("INTO").map(|at| at + 1)),
            "UPDATE" => ("dynamodb:PartiQLUpdate", Some(1)),
            "DELETE" => ("dynamodb:PartiQLDelete", at("FROM").map(|at| at + 1)),
            _ => ("dynamodb:PartiQLSelect", at("FROM").map(|at| at + 1)),
        };
        let named = place.and_then(|place| words.get(place)).copied().unwrap_or("*");
        let mut parts = named.split('.').map(|part| part.trim_matches('"'));
        let table = table_arn(request, parts.next().unwrap_or("*"));
        Request::need(
            action,
            parts.next().map_or_else(|| table.clone(), |index| format!("{table}/index/{index}")),
        )
    };
    list.iter().filter_map(|statement| text(statement, "Statement")).map(of).collect()
}
