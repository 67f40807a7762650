//! Vaults, their locks and their access policies.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::lifecycle::DAY;
use super::place::AccountRegion;
use super::vault::{Lock, Vault};
use super::wire::{Request, answer, invalid_parameter, invalid_request, page};
use super::{Backup, policy, tags};
use crate::api::{ApiError, Neighbours};
use crate::lags::Lagging;
use crate::wire::seconds;

/// The most vaults of an account in a Region.
const MAX_VAULTS: usize = 300;

impl Backup {
    pub(super) fn create_vault(
        &mut self,
        request: &Request<'_>,
        around: &mut dyn Neighbours,
    ) -> Result<(String, Value), ApiError> {
        self.new_vault(request, around, false, None)
    }

    /// An air-gapped vault is under a compliance lock from its first moment.
    pub(super) fn create_air_gapped_vault(
        &mut self,
        request: &Request<'_>,
        around: &mut dyn Neighbours,
    ) -> Result<(String, Value), ApiError> {
        let lock = lock_range(request)?;
        if lock.min.is_none_or(|days| days < 7) || lock.max.is_none() {
            return Err(invalid_parameter("MinRetentionDays must be at least 7, and MaxRetentionDays given"));
        }
        self.new_vault(request, around, true, Some(Lock { fixed_at: Some(request.now()), ..lock }))
    }

    fn new_vault(
        &mut self,
        request: &Request<'_>,
        around: &mut dyn Neighbours,
        air_gapped: bool,
        lock: Option<Lock>,
    ) -> Result<(String, Value), ApiError> {
        let (name, place) = (request.segment(1), &request.place);
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if !(2..=50).contains(&name.len()) || !name.chars().all(fits) {
            return Err(invalid_parameter(format!("Invalid vault name: {name}")));
        }
        let arn = place.vault_arn(name);
        let given = tags::parse(request.body.get("BackupVaultTags"))?;
        if self.sites.get(place).is_some_and(|site| site.vaults.len() >= MAX_VAULTS) {
            return Err(ApiError::client(
                "LimitExceededException",
                format!("The maximum number of backup vaults, which is {MAX_VAULTS}, is reached"),
            ));
        }
        let seen = self.tags_seen(request.now());
        if self.site(place).vaults.contains_key(name) {
            return Err(ApiError::client(
                "AlreadyExistsException",
                format!("Backup vault with the same name already exists: {arn}"),
            ));
        }
        let vault = Vault {
            name: name.to_owned(),
            created: request.now(),
            key_arn: match request.text("EncryptionKeyArn") {
                Some(given) => given.to_owned(),
                None => around.managed_key(&place.account, &place.region, "backup", request.now()),
            },
            own_key: request.text("EncryptionKeyArn").is_some(),
            air_gapped,
            lock,
            tags: Lagging::new(given, seen),
            creator_request: request.text("CreatorRequestId").map(str::to_owned),
            policy: None,
        };
        let body = answer([
            ("BackupVaultName", Some(json!(vault.name))),
            ("BackupVaultArn", Some(json!(arn))),
            ("CreationDate", Some(seconds(vault.created))),
        ]);
        self.outbox.vault(place, name, "CREATED", None, request.now());
        self.site(place).vaults.insert(name.to_owned(), vault);
        Ok((arn, body))
    }

    /// The vault of a request, with its ARN.
    pub(super) fn vault(&self, place: &AccountRegion, name: &str) -> Result<(String, &Vault), ApiError> {
        let arn = place.vault_arn(name);
        match self.sites.get(place).and_then(|site| site.vaults.get(name)) {
            Some(vault) => Ok((arn, vault)),
            None => Err(self.missing(format!("Backup vault {arn} does not exist."))),
        }
    }

    /// The access policy of a vault, if it has one.
    #[must_use]
    pub fn vault_policy(&self, account: &str, region: &str, vault: &str) -> Option<&str> {
        let place = AccountRegion { account: account.to_owned(), region: region.to_owned() };
        self.sites.get(&place)?.vaults.get(vault)?.policy.as_deref()
    }

    pub(super) fn missing(&self, message: String) -> ApiError {
        if self.options.missing_is_denied {
            ApiError {
                status: 403,
                ..ApiError::client("AccessDeniedException", "Insufficient privileges to perform this action.")
            }
        } else {
            ApiError::client("ResourceNotFoundException", message)
        }
    }

    fn vault_mut(&mut self, request: &Request<'_>) -> Result<(String, &mut Vault), ApiError> {
        let name = request.segment(1);
        let (arn, _) = self.vault(&request.place, name)?;
        let vault = self.site(&request.place).vaults.get_mut(name).expect("the vault was found above");
        Ok((arn, vault))
    }

    fn points_in(&self, place: &AccountRegion, vault: &str) -> usize {
        self.sites.get(place).map_or(0, |site| site.points.count(vault))
    }

    pub(super) fn describe_vault(&self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let (arn, vault) = self.vault(&request.place, request.segment(1))?;
        Ok((arn, vault.view(&request.place, self.points_in(&request.place, &vault.name))))
    }

    pub(super) fn list_vaults(&self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let kind = request.query("vaultType");
        let vaults = self.sites.get(&request.place).into_iter().flat_map(|site| site.vaults.values());
        // None is shared with this account by another.
        let shared = request.query("shared") == Some("true");
        let wanted = vaults.filter(|vault| !shared && kind.is_none_or(|kind| kind == vault.kind()));
        let (found, next) =
            page(request, self.options.page, wanted.map(|vault| (vault.name.as_str(), vault)))?;
        let views: Vec<Value> = found
            .into_iter()
            .map(|vault| vault.view(&request.place, self.points_in(&request.place, &vault.name)))
            .collect();
        let body =
            answer([("BackupVaultList", Some(json!(views))), ("NextToken", next.map(|token| json!(token)))]);
        Ok(("*".to_owned(), body))
    }

    pub(super) fn delete_vault(&mut self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let name = request.segment(1);
        let (arn, _) = self.vault(&request.place, name)?;
        if self.points_in(&request.place, name) > 0 {
            return Err(invalid_request(format!(
                "Backup vault cannot be deleted because it contains recovery points: {arn}"
            )));
        }
        self.site(&request.place).vaults.remove(name);
        self.outbox.vault(&request.place, name, "DELETED", None, request.now());
        Ok((arn, json!({})))
    }

    pub(super) fn put_lock(&mut self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let range = lock_range(request)?;
        let now = request.now();
        let fixed_at = match request.number("ChangeableForDays") {
            None => None,
            Some(days) if days >= 3 => {
                let days =
                    i32::try_from(days).map_err(|_| invalid_parameter("ChangeableForDays is too large"))?;
                Some(now + DAY.saturating_mul(days))
            }
            Some(_) => return Err(invalid_parameter("ChangeableForDays must be at least 3")),
        };
        let (arn, vault) = self.vault_mut(request)?;
        refuse_fixed(vault, now)?;
        vault.lock = Some(Lock { fixed_at, ..range });
        self.outbox.vault(&request.place, request.segment(1), "MODIFIED", Some(true), now);
        Ok((arn, json!({})))
    }

    pub(super) fn delete_lock(&mut self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let (arn, vault) = self.vault_mut(request)?;
        refuse_fixed(vault, request.now())?;
        vault.lock = None;
        self.outbox.vault(&request.place, request.segment(1), "MODIFIED", Some(false), request.now());
        Ok((arn, json!({})))
    }

    pub(super) fn put_policy(&mut self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let policy = request.needed("Policy")?;
        policy::check(policy)?;
        let (arn, vault) = self.vault_mut(request)?;
        vault.policy = Some(policy.to_owned());
        Ok((arn, json!({})))
    }

    pub(super) fn get_policy(&self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let (arn, vault) = self.vault(&request.place, request.segment(1))?;
        let Some(policy) = &vault.policy else {
            return Err(ApiError::client("ResourceNotFoundException", format!("{arn} has no access policy")));
        };
        let body = json!({"BackupVaultName": vault.name, "BackupVaultArn": arn, "Policy": policy});
        Ok((arn, body))
    }

    pub(super) fn delete_policy(&mut self, request: &Request<'_>) -> Result<(String, Value), ApiError> {
        let (arn, vault) = self.vault_mut(request)?;
        vault.policy = None;
        Ok((arn, json!({})))
    }
}

fn refuse_fixed(vault: &Vault, now: Timestamp) -> Result<(), ApiError> {
    let fixed = vault.lock.and_then(|lock| lock.fixed_at);
    if fixed.is_some_and(|at| at <= now) {
        return Err(invalid_request(format!(
            "The lock of backup vault {} can no longer be changed",
            vault.name
        )));
    }
    Ok(())
}

fn lock_range(request: &Request<'_>) -> Result<Lock, ApiError> {
    let (min, max) = (request.number("MinRetentionDays"), request.number("MaxRetentionDays"));
    let below = min.is_some_and(|days| days < 1);
    let above = max.is_some_and(|days| !(1..=36_500).contains(&days));
    if below || above || min.zip(max).is_some_and(|(min, max)| min > max) {
        return Err(invalid_parameter(
            "MinRetentionDays and MaxRetentionDays must be a range within 1 to 36500",
        ));
    }
    Ok(Lock { min, max, fixed_at: None })
}
