//! Keys that other services use: those that AWS manages for them, and those of their customers.

use jiff::Timestamp;
use serde_json::json;

use super::{Key, Kms, Status, keys};
use crate::{
    api::{ApiError, Outage, Scope},
    rng::hex,
};

impl Kms {
    /// The ARN of the key that AWS manages for a service in an account and Region: `alias/aws/dynamodb`,
    /// `alias/aws/backup`. It is made at its first use.
    pub(crate) fn managed(
        &mut self,
        account: &str,
        region: &str,
        service: &'static str,
        now: Timestamp,
    ) -> String {
        let alias = format!("alias/aws/{service}");
        let there = (account.to_owned(), region.to_owned());
        if let Some(id) = self.places.get(&there).and_then(|keys| keys.aliases.get(&alias)) {
            return format!("arn:aws:kms:{region}:{account}:key/{id}");
        }
        let scope =
            Scope { account: account.to_owned(), region: region.to_owned(), caller: String::new(), now };
        let id = self.rng.uuid();
        let arn = keys::arn(&scope, region, &id);
        let name = if service == "dynamodb" { "DynamoDB" } else { "Backup" };
        let key = Key {
            arn: arn.clone(),
            id: id.clone(),
            material: self.rng.array(),
            material_id: hex(&self.rng.array::<32>()),
            created: now,
            description: format!("Default key that protects my {name} data when no other key is defined"),
            status: Status::Enabled,
            // AWS documents that it rotates such a key every year.
            rotates: true,
            policy: Some(policy(account, region, service)),
            tags: std::collections::BTreeMap::new(),
            primary_region: None,
            managed_for: Some(service),
            outages: Vec::new(),
        };
        let keys = self.place(account, region);
        keys.keys.insert(id.clone(), key);
        keys.aliases.insert(alias, id);
        arn
    }

    /// The ARN of the key that a table is to have, named by id, ARN or alias.
    ///
    /// # Errors
    /// `ValidationException`, as DynamoDB hands on what KMS says of a key that is not there, or not enabled. The
    /// form is known from reports; that a disabled key is refused likewise is assumption A44.
    pub(crate) fn of_table(&self, scope: &Scope, named: &str) -> Result<String, ApiError> {
        let key = self.key(scope, named).and_then(|key| key.usable().map(|()| key.arn.clone()));
        key.map_err(|error| {
            let ApiError { status, code, message } = error;
            ApiError::client(
                "ValidationException",
                format!(
                    "KMS validation error: com.amazonaws.services.kms.model.{code}: {message} (Service: AWSKMS; \
                     Status Code: {status}; Error Code: {code}; Request ID: see-the-header; Proxy: null)"
                ),
            )
        })
    }

    /// The keys that cannot be used or could not be at some time, by ARN.
    pub(crate) fn outages(&self) -> impl Iterator<Item = (&str, &[Outage])> {
        let there = self.places.values().flat_map(|keys| keys.keys.values());
        there
            .map(|key| (key.arn.as_str(), key.outages.as_slice()))
            .chain(self.gone.iter().map(|(arn, outages)| (arn.as_str(), outages.as_slice())))
            .filter(|(_, outages)| !outages.is_empty())
    }
}

/// The policy of a managed key, as AWS shows that of DynamoDB: everybody in the account may use it through the
/// service, and the account may look at it. No one may change it.
fn policy(account: &str, region: &str, service: &str) -> String {
    json!({
        "Version": "2012-10-17",
        "Id": format!("auto-{service}-1"),
        "Statement": [
            {
                "Sid": format!(
                    "Allow access through {service} for all principals in the account that are authorized to use it"
                ),
                "Effect": "Allow",
                "Principal": { "AWS": "*" },
                "Action": [
                    "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant",
                    "kms:DescribeKey",
                ],
                "Resource": "*",
                "Condition": { "StringEquals": {
                    "kms:CallerAccount": account,
                    "kms:ViaService": format!("{service}.{region}.amazonaws.com"),
                } },
            },
            {
                "Sid": "Allow direct access to key metadata to the account",
                "Effect": "Allow",
                "Principal": { "AWS": format!("arn:aws:iam::{account}:root") },
                "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"],
                "Resource": "*",
            },
        ],
    })
    .to_string()
}
