//! KMS: symmetric keys, multi-Region keys among them, with real authenticated encryption.

mod data;
mod keys;
mod managed;
mod policy;
mod requests;
mod seal;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use self::{
    keys::{Key, Status},
    requests::{Answer, given, required, tags_of},
};
use crate::{
    api::{ApiError, Outage, Scope},
    rng::{Rng, hex},
    wire::{Service, text},
};

/// KMS of all accounts and Regions.
#[derive(Debug)]
pub(crate) struct Kms {
    places: BTreeMap<(String, String), Keys>,
    /// The keys that were deleted, by ARN, and when they could not be used.
    gone: BTreeMap<String, Vec<Outage>>,
    rng: Rng,
}

/// The keys of one account in one Region.
#[derive(Debug, Default)]
struct Keys {
    keys: BTreeMap<String, Key>,
    /// Alias name → key id.
    aliases: BTreeMap<String, String>,
}

impl Kms {
    pub(crate) fn new(rng: Rng) -> Self {
        Self { places: BTreeMap::new(), gone: BTreeMap::new(), rng }
    }

    pub(crate) fn handle(&mut self, scope: &Scope, operation: &str, body: &Value) -> Answer {
        match operation {
            "CreateKey" => self.create_key(scope, body),
            "ReplicateKey" => self.replicate_key(scope, body),
            "DescribeKey" => Ok(json!({ "KeyMetadata": self.described(scope, body)? })),
            "ListKeys" => Ok(self.list_keys(scope)),
            "CreateAlias" => self.create_alias(scope, body),
            "DeleteAlias" => self.delete_alias(scope, body),
            "ListAliases" => self.list_aliases(scope, body),
            "GenerateDataKey" => self.generate_data_key(scope, body, true),
            "GenerateDataKeyWithoutPlaintext" => self.generate_data_key(scope, body, false),
            "Encrypt" => self.encrypt(scope, body),
            "Decrypt" => self.decrypt(scope, body),
            "EnableKey" => self.change(scope, body, |key, now| key.enable(now, true)),
            "DisableKey" => self.change(scope, body, |key, now| key.enable(now, false)),
            "ScheduleKeyDeletion" => self.schedule_deletion(scope, body),
            "CancelKeyDeletion" => self.change(scope, body, |key, _| key.cancel_deletion()),
            "EnableKeyRotation" => self.change(scope, body, |key, _| key.rotate(true)),
            "DisableKeyRotation" => self.change(scope, body, |key, _| key.rotate(false)),
            "GetKeyRotationStatus" => {
                let key = self.key(scope, required(body, "KeyId")?)?;
                Ok(json!({ "KeyId": key.arn, "KeyRotationEnabled": key.rotates }))
            }
            "GetKeyPolicy" => self.get_policy(scope, body),
            "PutKeyPolicy" => self.put_policy(scope, body),
            "ListKeyPolicies" => self.list_policies(scope, body),
            "TagResource" => self.tag(scope, body),
            "UntagResource" => self.untag(scope, body),
            "ListResourceTags" => self.list_tags(scope, body),
            _ => Err(Service::Kms.unknown_operation(operation)),
        }
    }

    /// Removes the keys whose waiting time is over.
    pub(crate) fn settle(&mut self, now: Timestamp) {
        for keys in self.places.values_mut() {
            let due = |key: &Key| key.deletion_at().is_some_and(|at| at <= now);
            let gone = keys.keys.values().filter(|key| due(key));
            self.gone.extend(gone.map(|key| (key.arn.clone(), key.outages.clone())));
            keys.keys.retain(|_, key| !due(key));
            let Keys { keys, aliases } = keys;
            aliases.retain(|_, id| keys.contains_key(id));
        }
        self.release_waiting_primaries(now);
    }

    /// When a key is next deleted.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        self.places.values().flat_map(|keys| keys.keys.values()).filter_map(Key::deletion_at).min()
    }

    /// A primary key that is to be deleted begins its wait when its last replica is gone.
    fn release_waiting_primaries(&mut self, now: Timestamp) {
        let waiting: Vec<(String, String)> = self
            .places
            .iter()
            .flat_map(|((account, _), keys)| keys.keys.values().map(move |key| (account, key)))
            .filter(|(_, key)| matches!(key.status, Status::PendingReplicaDeletion { .. }))
            .map(|(account, key)| (account.clone(), key.id.clone()))
            .collect();
        for (account, id) in waiting {
            if self.regions_of(&account, &id).len() == 1 {
                for ((_, _), keys) in self.places.iter_mut().filter(|((owner, _), _)| *owner == account) {
                    if let Some(key) = keys.keys.get_mut(&id) {
                        key.start_wait(now);
                    }
                }
            }
        }
    }

    /// The Regions in which an account holds a key of this id.
    fn regions_of(&self, account: &str, id: &str) -> Vec<String> {
        self.places
            .iter()
            .filter(|((owner, _), keys)| owner == account && keys.keys.contains_key(id))
            .map(|((_, region), _)| region.clone())
            .collect()
    }

    fn place(&mut self, account: &str, region: &str) -> &mut Keys {
        self.places.entry((account.to_owned(), region.to_owned())).or_default()
    }

    /// The account, Region and key id that a `KeyId` names: a key id, a key ARN, an alias or its ARN.
    fn resolve(&self, scope: &Scope, named: &str) -> Result<(String, String, String), ApiError> {
        let (account, region, local) = match named.strip_prefix("arn:aws:kms:") {
            Some(rest) => {
                let mut parts = rest.splitn(3, ':');
                match (parts.next(), parts.next(), parts.next()) {
                    (Some(region), Some(account), Some(local)) => (account, region, local),
                    _ => return Err(ApiError::client("NotFoundException", format!("Invalid arn {named}"))),
                }
            }
            None => (scope.account.as_str(), scope.region.as_str(), named),
        };
        if region != scope.region {
            return Err(ApiError::client("NotFoundException", format!("Invalid arn {region}")));
        }
        let place = (account.to_owned(), region.to_owned());
        let keys = self.places.get(&place);
        let id = if local.starts_with("alias/") {
            let missing =
                || not_found(&format!("Alias arn:aws:kms:{region}:{account}:{local} is not found."));
            keys.and_then(|keys| keys.aliases.get(local)).ok_or_else(missing)?.clone()
        } else {
            local.strip_prefix("key/").unwrap_or(local).to_owned()
        };
        if keys.is_some_and(|keys| keys.keys.contains_key(&id)) {
            Ok((place.0, place.1, id))
        } else {
            Err(not_found(&format!("Key 'arn:aws:kms:{region}:{account}:key/{id}' does not exist")))
        }
    }

    fn key(&self, scope: &Scope, named: &str) -> Result<&Key, ApiError> {
        let (account, region, id) = self.resolve(scope, named)?;
        self.places
            .get(&(account, region))
            .and_then(|keys| keys.keys.get(&id))
            .ok_or_else(|| not_found(&format!("Key '{named}' does not exist")))
    }

    fn change(
        &mut self,
        scope: &Scope,
        body: &Value,
        change: impl FnOnce(&mut Key, Timestamp) -> Answer,
    ) -> Answer {
        let (account, region, id) = self.resolve(scope, required(body, "KeyId")?)?;
        let key = self.place(&account, &region).keys.get_mut(&id);
        let key = key.ok_or_else(|| not_found("Key does not exist"))?;
        if key.managed_for.is_some() {
            // AWS documents that no one manages such a key or changes its permissions: its policy allows none of that.
            return Err(ApiError::client(
                "AccessDeniedException",
                format!("{} is managed by AWS: no resource-based policy allows to change it", key.arn),
            ));
        }
        change(key, scope.now)
    }

    fn create_key(&mut self, scope: &Scope, body: &Value) -> Answer {
        let spec = text(body, "KeySpec").unwrap_or("SYMMETRIC_DEFAULT");
        if spec != "SYMMETRIC_DEFAULT" {
            return Err(ApiError::client(
                "UnsupportedOperationException",
                format!("the embedded AWS models symmetric keys only, not {spec}"),
            ));
        }
        let multi_region = body.get("MultiRegion").and_then(Value::as_bool).unwrap_or_default();
        let id = if multi_region { format!("mrk-{}", hex(&self.rng.array::<16>())) } else { self.rng.uuid() };
        let key = Key {
            arn: keys::arn(scope, &scope.region, &id),
            id: id.clone(),
            material: self.rng.array(),
            material_id: hex(&self.rng.array::<32>()),
            created: scope.now,
            description: text(body, "Description").unwrap_or_default().to_owned(),
            status: Status::Enabled,
            rotates: false,
            policy: given(body)?,
            tags: tags_of(body),
            primary_region: multi_region.then(|| scope.region.clone()),
            managed_for: None,
            outages: Vec::new(),
        };
        self.place(&scope.account, &scope.region).keys.insert(id.clone(), key);
        Ok(json!({ "KeyMetadata": self.described(scope, &json!({ "KeyId": id }))? }))
    }

    fn replicate_key(&mut self, scope: &Scope, body: &Value) -> Answer {
        let region = required(body, "ReplicaRegion")?;
        let primary = self.key(scope, required(body, "KeyId")?)?;
        if primary.primary_region.as_deref() != Some(scope.region.as_str()) {
            return Err(ApiError::client(
                "UnsupportedOperationException",
                format!("{} is not a multi-Region primary key", primary.arn),
            ));
        }
        primary.usable()?;
        let replica = Key {
            arn: keys::arn(scope, region, &primary.id),
            created: scope.now,
            description: text(body, "Description").unwrap_or_default().to_owned(),
            rotates: false,
            // AWS documents that neither policy nor tags are shared between Regions.
            policy: given(body)?,
            tags: tags_of(body),
            outages: Vec::new(),
            ..primary.clone()
        };
        if self.regions_of(&scope.account, &replica.id).iter().any(|held| held == region) {
            return Err(ApiError::client(
                "AlreadyExistsException",
                format!("{} already exists", replica.arn),
            ));
        }
        let id = replica.id.clone();
        self.place(&scope.account, region).keys.insert(id.clone(), replica);
        let there = Scope { region: region.to_owned(), ..scope.clone() };
        let metadata = self.described(&there, &json!({ "KeyId": id }))?;
        let named = json!({ "KeyId": id });
        let policy = self.get_policy(&there, &named)?["Policy"].take();
        let tags = self.list_tags(&there, &named)?["Tags"].take();
        Ok(json!({ "ReplicaKeyMetadata": metadata, "ReplicaPolicy": policy, "ReplicaTags": tags }))
    }

    fn described(&self, scope: &Scope, body: &Value) -> Answer {
        let key = self.key(scope, required(body, "KeyId")?)?;
        let account = key.arn.split(':').nth(4).unwrap_or_default();
        Ok(key.metadata(account, &self.regions_of(account, &key.id)))
    }

    fn list_keys(&self, scope: &Scope) -> Value {
        let keys = self.places.get(&(scope.account.clone(), scope.region.clone()));
        let keys: Vec<Value> = keys
            .into_iter()
            .flat_map(|keys| keys.keys.values())
            .map(|key| json!({ "KeyId": key.id, "KeyArn": key.arn }))
            .collect();
        json!({ "Keys": keys, "Truncated": false })
    }

    fn create_alias(&mut self, scope: &Scope, body: &Value) -> Answer {
        let alias = required(body, "AliasName")?;
        if !alias.starts_with("alias/") || alias.starts_with("alias/aws/") {
            return Err(ApiError::client(
                "InvalidAliasNameException",
                "Alias must start with the prefix \"alias/\" and not with \"alias/aws/\"",
            ));
        }
        let (_, _, id) = self.resolve(scope, required(body, "TargetKeyId")?)?;
        let aliases = &mut self.place(&scope.account, &scope.region).aliases;
        if aliases.contains_key(alias) {
            return Err(ApiError::client(
                "AlreadyExistsException",
                format!("An alias with the name {alias} already exists"),
            ));
        }
        aliases.insert(alias.to_owned(), id);
        Ok(Value::Null)
    }

    fn delete_alias(&mut self, scope: &Scope, body: &Value) -> Answer {
        let alias = required(body, "AliasName")?;
        let removed = self.place(&scope.account, &scope.region).aliases.remove(alias);
        removed.map(|_| Value::Null).ok_or_else(|| not_found(&format!("Alias {alias} is not found.")))
    }

    fn list_aliases(&self, scope: &Scope, body: &Value) -> Answer {
        let wanted = match text(body, "KeyId") {
            Some(named) => Some(self.resolve(scope, named)?.2),
            None => None,
        };
        let keys = self.places.get(&(scope.account.clone(), scope.region.clone()));
        let aliases: Vec<Value> = keys
            .into_iter()
            .flat_map(|keys| &keys.aliases)
            .filter(|(_, id)| wanted.as_ref().is_none_or(|wanted| wanted == *id))
            .map(|(alias, id)| {
                let arn = format!("arn:aws:kms:{}:{}:{alias}", scope.region, scope.account);
                json!({ "AliasName": alias, "AliasArn": arn, "TargetKeyId": id })
            })
            .collect();
        Ok(json!({ "Aliases": aliases, "Truncated": false }))
    }

    fn schedule_deletion(&mut self, scope: &Scope, body: &Value) -> Answer {
        let days = body.get("PendingWindowInDays").and_then(Value::as_i64).unwrap_or(30);
        if !(7..=30).contains(&days) {
            return Err(ApiError::client(
                "ValidationException",
                "PendingWindowInDays must be between 7 and 30 days",
            ));
        }
        let (account, _, id) = self.resolve(scope, required(body, "KeyId")?)?;
        let has_replicas = self.regions_of(&account, &id).len() > 1;
        self.change(scope, body, |key, now| key.schedule_deletion(now, days, has_replicas))
    }
}

fn not_found(message: &str) -> ApiError {
    ApiError::client("NotFoundException", message)
}
