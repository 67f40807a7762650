//! KMS.

use serde_json::Value;

use super::request::{Request, tags_in, with_tag_keys, with_tags};
use crate::{kms::Kms, record::Required, wire::text};

pub(super) fn required(request: &Request<'_>, kms: &Kms) -> Option<Vec<Required>> {
    let (operation, body) = (request.operation, request.body);
    let action = format!("kms:{operation}");
    let named = |member: &str| arn(request, kms, request.member(member).unwrap_or("*"));
    Some(match operation {
        "ListKeys" | "ListAliases" => vec![Request::need(&action, "*")],
        "CreateKey" => {
            let tags = tags_in(&body["Tags"]);
            let create = with_tags(Request::need(&action, "*"), &tags);
            let tag = (!tags.is_empty()).then(|| with_tags(Request::need("kms:TagResource", "*"), &tags));
            std::iter::once(create).chain(tag).collect()
        }
        // AWS documents that a replica takes the right to replicate the key, and to create one where it goes.
        "ReplicateKey" => vec![Request::need(&action, named("KeyId")), Request::need("kms:CreateKey", "*")],
        // An alias takes the right on the alias and on its key.
        "CreateAlias" | "UpdateAlias" | "DeleteAlias" => {
            let alias = request.member("AliasName").unwrap_or("*");
            let target = request.member("TargetKeyId").unwrap_or(alias);
            vec![
                Request::need(&action, request.arn("kms", alias)),
                Request::need(&action, arn(request, kms, target)),
            ]
        }
        "GenerateDataKey" | "GenerateDataKeyWithoutPlaintext" | "Encrypt" => {
            vec![with_context(Request::need(&action, named("KeyId")), body)]
        }
        "Decrypt" => {
            let key = match request.member("KeyId") {
                Some(given) => arn(request, kms, given),
                None => arn(request, kms, Kms::key_of_blob(body).as_deref().unwrap_or("*")),
            };
            vec![with_context(Request::need(&action, key), body)]
        }
        "DescribeKey"
        | "EnableKey"
        | "DisableKey"
        | "ScheduleKeyDeletion"
        | "CancelKeyDeletion"
        | "EnableKeyRotation"
        | "DisableKeyRotation"
        | "GetKeyRotationStatus"
        | "GetKeyPolicy"
        | "PutKeyPolicy"
        | "ListKeyPolicies"
        | "ListResourceTags" => {
            vec![Request::need(&action, named("KeyId"))]
        }
        "TagResource" => vec![with_tags(Request::need(&action, named("KeyId")), &tags_in(&body["Tags"]))],
        "UntagResource" => vec![with_tag_keys(Request::need(&action, named("KeyId")), &body["TagKeys"])],
        _ => return None,
    })
}

/// The ARN of a key that is named by id, alias or ARN; of one that is not there, what it would be.
fn arn(request: &Request<'_>, kms: &Kms, named: &str) -> String {
    kms.arn_of(request.scope(), named).unwrap_or_else(|| {
        if named.starts_with("arn:") { named.to_owned() } else { request.arn("kms", &format!("key/{named}")) }
    })
}

/// The encryption context, key by key, and the list of its keys.
fn with_context(mut need: Required, body: &Value) -> Required {
    let context = body["EncryptionContext"].as_object();
    for (key, value) in context.into_iter().flatten() {
        if let Some(value) = value.as_str() {
            need.context.insert(format!("kms:EncryptionContext:{key}"), vec![value.to_owned()]);
        }
    }
    if let Some(context) = context.filter(|context| !context.is_empty()) {
        need.context.insert("kms:EncryptionContextKeys".to_owned(), context.keys().cloned().collect());
    }
    if let Some(alias) = text(body, "KeyId").filter(|named| named.contains("alias/")) {
        let alias = alias.rsplit(':').next().unwrap_or(alias);
        need.context.insert("kms:RequestAlias".to_owned(), vec![alias.to_owned()]);
    }
    need
}
