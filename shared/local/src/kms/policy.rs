//! Who may use a key: its policy and its tags.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Key, Kms,
    keys::Status,
    requests::{Answer, binary, given, required, tags_of},
    seal,
};
use crate::{
    api::{ApiError, Scope},
    wire::text,
};

impl Kms {
    pub(super) fn get_policy(&self, scope: &Scope, body: &Value) -> Answer {
        only_default(body)?;
        let key = self.key(scope, required(body, "KeyId")?)?;
        let policy = key.policy.clone().unwrap_or_else(|| default_policy(&key.arn));
        Ok(json!({ "Policy": policy, "PolicyName": "default" }))
    }

    pub(super) fn put_policy(&mut self, scope: &Scope, body: &Value) -> Answer {
        only_default(body)?;
        required(body, "Policy")?;
        let policy = given(body)?;
        self.change(scope, body, |key, _| {
            key.policy = policy;
            Ok(Value::Null)
        })
    }

    pub(super) fn list_policies(&self, scope: &Scope, body: &Value) -> Answer {
        self.key(scope, required(body, "KeyId")?)?;
        Ok(json!({ "PolicyNames": ["default"], "Truncated": false }))
    }

    pub(super) fn tag(&mut self, scope: &Scope, body: &Value) -> Answer {
        let more = tags_of(body);
        self.change(scope, body, |key, _| {
            let mut all = key.tags.clone();
            all.extend(more);
            if all.len() > 50 {
                return Err(ApiError::client("LimitExceededException", "A key has at most 50 tags."));
            }
            key.tags = all;
            Ok(Value::Null)
        })
    }

    pub(super) fn untag(&mut self, scope: &Scope, body: &Value) -> Answer {
        let gone: Vec<&str> =
            body["TagKeys"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        self.change(scope, body, |key, _| {
            key.tags.retain(|name, _| !gone.contains(&name.as_str()));
            Ok(Value::Null)
        })
    }

    pub(super) fn list_tags(&self, scope: &Scope, body: &Value) -> Answer {
        let key = self.key(scope, required(body, "KeyId")?)?;
        let tags: Vec<Value> =
            key.tags.iter().map(|(name, value)| json!({ "TagKey": name, "TagValue": value })).collect();
        Ok(json!({ "Tags": tags, "Truncated": false }))
    }
}

impl Kms {
    /// The ARN of a key that is named by id, alias or ARN.
    pub(crate) fn arn_of(&self, scope: &Scope, named: &str) -> Option<String> {
        self.key(scope, named).ok().map(|key| key.arn.clone())
    }

    /// The id of the key that the ciphertext of a request was made with.
    pub(crate) fn key_of_blob(body: &Value) -> Option<String> {
        seal::key_id(&binary(body, "CiphertextBlob").ok()?).map(str::to_owned)
    }

    /// The policy of a key, when it is not the default one.
    pub(crate) fn policy_of(&self, key_arn: &str) -> Option<&str> {
        self.by_arn(key_arn)?.policy.as_deref()
    }

    /// The tags of a key.
    pub(crate) fn tags_of(&self, key_arn: &str) -> Option<&BTreeMap<String, String>> {
        Some(&self.by_arn(key_arn)?.tags)
    }

    /// Whether the key of an ARN exists and is enabled.
    ///
    /// # Errors
    /// What AWS Backup says of one that is not.
    pub(crate) fn key_usable(&self, key_arn: &str) -> Result<(), String> {
        if self.by_arn(key_arn).is_some_and(|key| key.status == Status::Enabled) {
            return Ok(());
        }
        Err("KMS key is either disabled or pending deletion or access to KMS key is denied".to_owned())
    }

    pub(super) fn by_arn(&self, key_arn: &str) -> Option<&Key> {
        let mut parts = key_arn.strip_prefix("arn:aws:kms:")?.splitn(3, ':');
        let (region, account) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        self.places.get(&(account, region))?.keys.get(parts.next()?.strip_prefix("key/")?)
    }
}

/// AWS documents `default` as the only name of a key's policy.
fn only_default(body: &Value) -> Result<(), ApiError> {
    match text(body, "PolicyName") {
        None | Some("default") => Ok(()),
        Some(other) => Err(ApiError::client("NotFoundException", format!("No such policy exists: {other}"))),
    }
}

/// The policy of a key that was made without one: the account's root may do all, and so IAM decides.
fn default_policy(key_arn: &str) -> String {
    let account = key_arn.split(':').nth(4).unwrap_or_default();
    json!({
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [{
            "Sid": "Enable IAM User Permissions",
            "Effect": "Allow",
            "Principal": { "AWS": format!("arn:aws:iam::{account}:root") },
            "Action": "kms:*",
            "Resource": "*",
        }],
    })
    .to_string()
}
