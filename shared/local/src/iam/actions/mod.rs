//! What each operation needs: IAM actions, on which resources, with which condition keys, as AWS's Service
//! Authorization Reference lists them.

mod backup;
mod dynamodb;
mod events;
mod iam;
mod kms;
mod plain;

use std::collections::BTreeMap;

use serde_json::Value;

use super::judge::Holdings;
use crate::{
    api::Scope,
    lambda::routes,
    record::{Context, Required},
    wire::{Incoming, Service, text},
};

/// A request, as far as rights are read off it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) incoming: &'a Incoming,
    pub(crate) operation: &'a str,
    pub(crate) body: &'a Value,
}

impl<'a> Request<'a> {
    pub(super) fn scope(&self) -> &'a Scope {
        &self.incoming.scope
    }

    pub(super) fn session(&self) -> &'a str {
        &self.incoming.session
    }

    /// The vault of a request to AWS Backup.
    pub(super) fn vault(&self) -> Option<&'a str> {
        let path = &self.incoming.path;
        if path.first().is_some_and(|first| first.ends_with("-vaults")) {
            return path.get(1).map(String::as_str);
        }
        self.member("BackupVaultName").or_else(|| self.member("SourceBackupVaultName"))
    }

    fn member(&self, name: &str) -> Option<&'a str> {
        text(self.body, name)
    }

    /// A segment of the path, `*` when there is none.
    fn segment(&self, index: usize) -> &'a str {
        self.incoming.path.get(index).map_or("*", String::as_str)
    }

    /// An ARN of the account in the Region.
    fn arn(&self, service: &str, local: &str) -> String {
        let Scope { account, region, .. } = self.scope();
        format!("arn:aws:{service}:{region}:{account}:{local}")
    }

    /// A right of a name on a resource, without condition keys.
    fn need(action: &str, resource: impl Into<String>) -> Required {
        Required { action: action.to_owned(), resource: resource.into(), context: Context::new() }
    }

    /// The right to pass a role to a service: AWS checks it of whoever hands a role over.
    fn pass_role(&self, member: &str, service: &str) -> Option<Required> {
        let mut need = Self::need("iam:PassRole", self.member(member)?);
        need.context.insert("iam:PassedToService".to_owned(), vec![service.to_owned()]);
        Some(need)
    }
}

/// What a request needs; `None` for an operation that is not known here, which only an account's root and its
/// administrators may call.
pub(super) fn required(
    service: Service,
    request: &Request<'_>,
    holdings: Holdings<'_>,
) -> Option<Vec<Required>> {
    match service {
        Service::Backup => backup::required(request),
        Service::CloudWatch => events::of_cloudwatch(request),
        Service::DynamoDb => dynamodb::required(request),
        Service::Events => events::required(request),
        Service::Iam => iam::required(request),
        Service::Kms => kms::required(request, holdings.kms),
        Service::Lambda => of_lambda(request),
        Service::Scaling => plain::of_scaling(request),
        Service::Sqs => plain::of_sqs(request),
        Service::Sts => of_sts(request),
        Service::Tagging => plain::of_tagging(request),
    }
}

fn of_lambda(request: &Request<'_>) -> Option<Vec<Required>> {
    let operation = request.operation;
    let on = |name: &str| request.arn("lambda", &format!("function:{name}"));
    let own = || format!("lambda:{operation}");
    Some(match operation {
        "Invoke" => vec![Request::need("lambda:InvokeFunction", on(routes::named(&request.incoming.path)))],
        "CreateFunction" => {
            let create = Request::need(&own(), on(request.member("FunctionName").unwrap_or("*")));
            std::iter::once(create).chain(request.pass_role("Role", "lambda.amazonaws.com")).collect()
        }
        "ListFunctions" | "CreateEventSourceMapping" | "ListEventSourceMappings" => {
            vec![Request::need(&own(), "*")]
        }
        "GetEventSourceMapping" | "UpdateEventSourceMapping" | "DeleteEventSourceMapping" => {
            let id = request.incoming.path.get(2).map(String::as_str).unwrap_or_default();
            vec![Request::need(&own(), request.arn("lambda", &format!("event-source-mapping:{id}")))]
        }
        "AddPermission"
        | "DeleteFunction"
        | "DeleteFunctionConcurrency"
        | "GetFunction"
        | "GetFunctionConcurrency"
        | "GetFunctionConfiguration"
        | "GetFunctionEventInvokeConfig"
        | "GetPolicy"
        | "PutFunctionConcurrency"
        | "PutFunctionEventInvokeConfig"
        | "RemovePermission"
        | "UpdateFunctionCode"
        | "UpdateFunctionConfiguration" => {
            vec![Request::need(&own(), on(routes::named(&request.incoming.path)))]
        }
        _ => return None,
    })
}

fn of_sts(request: &Request<'_>) -> Option<Vec<Required>> {
    match request.operation {
        // AWS documents that everybody may ask who they are.
        "GetCallerIdentity" => Some(Vec::new()),
        "AssumeRole" => {
            let mut need = Request::need("sts:AssumeRole", request.member("RoleArn").unwrap_or("*"));
            for (key, member) in
                [("sts:RoleSessionName", "RoleSessionName"), ("sts:ExternalId", "ExternalId")]
            {
                if let Some(value) = request.member(member) {
                    need.context.insert(key.to_owned(), vec![value.to_owned()]);
                }
            }
            Some(vec![need])
        }
        _ => None,
    }
}

/// The keys of tags that a request gives: each tag, and the list of their keys.
fn with_tags(mut need: Required, tags: &BTreeMap<String, String>) -> Required {
    for (key, value) in tags {
        need.context.insert(format!("aws:RequestTag/{key}"), vec![value.clone()]);
    }
    if !tags.is_empty() {
        need.context.insert("aws:TagKeys".to_owned(), tags.keys().cloned().collect());
    }
    need
}

/// The key of the names of tags that a request takes away.
fn with_tag_keys(mut need: Required, keys: &Value) -> Required {
    let keys: Vec<String> =
        keys.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    if !keys.is_empty() {
        need.context.insert("aws:TagKeys".to_owned(), keys);
    }
    need
}

/// Tags as a map of texts, or as a list of objects with a key and a value.
fn tags_in(tags: &Value) -> BTreeMap<String, String> {
    match tags {
        Value::Object(map) => {
            map.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
        }
        Value::Array(list) => list
            .iter()
            .filter_map(|tag| {
                let part = |names: [&str; 2]| names.iter().find_map(|name| text(tag, name));
                let key = part(["Key", "TagKey"])?.to_owned();
                Some((key, part(["Value", "TagValue"]).unwrap_or_default().to_owned()))
            })
            .collect(),
        _ => BTreeMap::new(),
    }
}
