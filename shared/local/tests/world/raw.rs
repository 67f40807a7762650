//! Signed requests without a client, for tests that go over many operations.

use backup_chain_local::World;
use bytes::Bytes;
use serde_json::{Value, json};

use super::ACCOUNT;

/// What a service answered: its status, its error code, its document.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) code: Option<String>,
    pub(super) document: Value,
}

/// Where the operations of AWS Backup and Lambda are asked for.
const PATHS: [(&str, &str, &str); 25] = [
    ("CreateBackupVault", "PUT", "/backup-vaults/v"),
    ("DeleteRecoveryPoint", "DELETE", "/backup-vaults/v/recovery-points/p"),
    ("DescribeBackupJob", "GET", "/backup-jobs/j"),
    ("DescribeBackupVault", "GET", "/backup-vaults/v"),
    ("DescribeCopyJob", "GET", "/copy-jobs/j"),
    ("DescribeRecoveryPoint", "GET", "/backup-vaults/v/recovery-points/p"),
    ("DescribeRegionSettings", "GET", "/account-settings"),
    ("DescribeRestoreJob", "GET", "/restore-jobs/j"),
    ("GetRestoreJobMetadata", "GET", "/restore-jobs/j/metadata"),
    ("ListBackupJobs", "GET", "/backup-jobs/"),
    ("ListCopyJobs", "GET", "/copy-jobs/"),
    ("ListRecoveryPointsByBackupVault", "GET", "/backup-vaults/source/recovery-points/"),
    ("ListRestoreJobs", "GET", "/restore-jobs/"),
    ("ListTags", "GET", "/tags/t/"),
    ("StartBackupJob", "PUT", "/backup-jobs"),
    ("StartCopyJob", "PUT", "/copy-jobs"),
    ("StartRestoreJob", "PUT", "/restore-jobs"),
    ("TagResource", "POST", "/tags/t"),
    ("UntagResource", "POST", "/untag/t"),
    ("UpdateRecoveryPointLifecycle", "POST", "/backup-vaults/v/recovery-points/p"),
    ("UpdateRegionSettings", "PUT", "/account-settings"),
    ("GetFunctionConcurrency", "GET", "/2019-09-30/functions/f/concurrency"),
    ("GetFunctionConfiguration", "GET", "/2015-03-31/functions/f/configuration"),
    ("Invoke", "POST", "/2015-03-31/functions/f/invocations"),
    ("ListEventSourceMappings", "GET", "/2015-03-31/event-source-mappings/"),
];

fn target_prefix(service: &str) -> &'static str {
    match service {
        "application-autoscaling" => "AnyScaleFrontendService",
        "dynamodb" => "DynamoDB_20120810",
        "events" => "AWSEvents",
        "kms" => "TrentService",
        "monitoring" => "GraniteServiceVersion20100801",
        "sqs" => "AmazonSQS",
        "tagging" => "ResourceGroupsTaggingAPI_20170126",
        other => panic!("{other} takes no targets"),
    }
}

fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Asks a service as the account's root. A document asks in the body, but of a REST service's GET in the query.
pub(super) async fn ask(world: &World, service: &str, operation: &str, document: &Value) -> Answer {
    ask_at(world, service, operation, None, document).await
}

/// The same at another path than the one that [`PATHS`] has.
pub(super) async fn ask_at(
    world: &World,
    service: &str,
    operation: &str,
    path: Option<&str>,
    document: &Value,
) -> Answer {
    let is_rest = ["backup", "lambda"].contains(&service);
    let found = PATHS.iter().find(|(name, _, _)| is_rest && *name == operation);
    let (method, own) = found.map_or(("POST", "/"), |(_, method, path)| (*method, *path));
    let fields: Vec<String> = document
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            format!("{name}={}", escaped(&text))
        })
        .collect();
    let (query, body) = match (service, method) {
        ("iam", _) => (String::new(), format!("Action={operation}&Version=2010-05-08&{}", fields.join("&"))),
        (_, "GET") => (format!("?{}", fields.join("&")), String::new()),
        _ => (String::new(), document.to_string()),
    };
    let scope = format!("Credential=ASIA{ACCOUNT}/20260301/eu-central-1/{service}/aws4_request");
    let uri = format!("https://anywhere.example{}{query}", path.unwrap_or(own));
    let mut request = http::Request::builder()
        .method(method)
        .uri(uri)
        .header("authorization", format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"));
    if !is_rest && service != "iam" {
        request = request.header("x-amz-target", format!("{}.{operation}", target_prefix(service)));
    }
    let response = world.handle(request.body(Bytes::from(body)).unwrap()).await.unwrap();
    let code = response.headers().get("x-amzn-errortype").map(|code| code.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    let body = response.into_body();
    let document = serde_json::from_slice(&body).unwrap_or_else(|_| json!(String::from_utf8_lossy(&body)));
    Answer { status, code, document }
}
