//! What a deployment is made of: names, roles and brakes, set by the stack.

use backup_chain_core::ids::{AccountId, Region, VaultArn, VaultName};
use backup_chain_core::policy::Home;
use backup_chain_core::retention::Brakes;
use jiff::SignedDuration;
use thiserror::Error;

use crate::backup::Point;
use crate::seen::Claim;

/// One stack in one account and source Region.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// What its metrics name it by: the stack's name.
    pub name: String,
    /// `aws`, or another partition.
    pub partition: String,
    /// The account.
    pub account: AccountId,
    /// The source Region.
    pub region: Region,
    /// The catalog table.
    pub catalog: String,
    /// The settings table: of this name in the source Region and in each target Region.
    pub settings: String,
    /// The stack's own vault.
    pub vault: VaultName,
    /// The multi-Region metadata key: its ARN in the source Region. In a target Region its replica has the
    /// same id.
    pub key: String,
    /// The event bus on which it is published what has happened.
    pub bus: String,
    /// The service role of backup jobs.
    pub backup_role: String,
    /// The service role of copy jobs.
    pub copy_role: String,
    /// The service role of restore jobs.
    pub restore_role: String,
    /// Points younger than this are never removed.
    pub min_age: SignedDuration,
    /// Bounds on a retention run.
    pub brakes: Brakes,
    /// The greatest number of backup jobs in flight.
    pub backups_in_flight: usize,
    /// The greatest number of copy jobs in flight, per target Region.
    pub copies_in_flight: usize,
}

/// A setting of the function that is missing or malformed.
#[derive(Debug, Error)]
#[error("environment variable {name}: {problem}; the stack's template sets it")]
pub struct SettingError {
    name: &'static str,
    problem: String,
}

impl Deployment {
    /// Reads the deployment from variables as the template sets them.
    ///
    /// # Errors
    /// The first variable that is missing or malformed.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, SettingError> {
        let text = |name: &'static str| {
            variable(name).ok_or_else(|| SettingError { name, problem: "is not set".to_owned() })
        };
        let number = |name: &'static str, default: u32| match variable(name) {
            None => Ok(default),
            Some(text) => {
                text.parse().map_err(|_| SettingError { name, problem: format!("{text:?} is no number") })
            }
        };
        fn checked<T: std::str::FromStr<Err: ToString>>(
            name: &'static str,
            text: &str,
        ) -> Result<T, SettingError> {
            text.parse().map_err(|error: T::Err| SettingError { name, problem: error.to_string() })
        }
        Ok(Self {
            name: variable("BACKUP_CHAIN_DEPLOYMENT").unwrap_or_else(|| "backup-chain".to_owned()),
            partition: variable("BACKUP_CHAIN_PARTITION").unwrap_or_else(|| "aws".to_owned()),
            account: checked("BACKUP_CHAIN_ACCOUNT", &text("BACKUP_CHAIN_ACCOUNT")?)?,
            region: checked("AWS_REGION", &text("AWS_REGION")?)?,
            catalog: text("BACKUP_CHAIN_CATALOG")?,
            settings: text("BACKUP_CHAIN_SETTINGS")?,
            vault: checked("BACKUP_CHAIN_VAULT", &text("BACKUP_CHAIN_VAULT")?)?,
            key: text("BACKUP_CHAIN_KEY")?,
            bus: variable("BACKUP_CHAIN_BUS").unwrap_or_else(|| "default".to_owned()),
            backup_role: text("BACKUP_CHAIN_BACKUP_ROLE")?,
            copy_role: text("BACKUP_CHAIN_COPY_ROLE")?,
            restore_role: text("BACKUP_CHAIN_RESTORE_ROLE")?,
            min_age: SignedDuration::from_hours(i64::from(number("BACKUP_CHAIN_MIN_AGE_HOURS", 24)?)),
            brakes: Brakes {
                paused: variable("BACKUP_CHAIN_PAUSE_DELETION").is_some_and(|text| text == "true"),
                most_deletions: number("BACKUP_CHAIN_MOST_DELETIONS", 100)? as usize,
                ..Brakes::default()
            },
            backups_in_flight: number("BACKUP_CHAIN_BACKUPS_IN_FLIGHT", 250)? as usize,
            copies_in_flight: number("BACKUP_CHAIN_COPIES_IN_FLIGHT", 80)? as usize,
        })
    }

    /// The account and source Region, for policies.
    pub fn policy_home(&self) -> Home {
        Home { partition: self.partition.clone(), account: self.account.clone(), region: self.region.clone() }
    }

    /// Whether a recovery point can be ours: our roles made it, or AWS names no role.
    pub fn may_have_made(&self, point: &Point) -> bool {
        point.role.as_ref().is_none_or(|role| *role == self.backup_role || *role == self.copy_role)
    }

    /// The vault that `REGION/VAULT` names; none where the text is not of that form.
    pub fn vault_at(&self, text: &str) -> Option<VaultArn> {
        let (region, name) = text.split_once('/')?;
        Some(VaultArn { region: region.parse().ok()?, ..self.vault_arn(&name.parse().ok()?) })
    }

    /// What is left of a deployment whose source Region is out of reach: a vault with copies, and what a stack of the
    /// target Region has beside it. There is no catalog and no one to be reported.
    pub fn detached(copies: &VaultArn, claim: &Claim, settings: String, restore_role: String) -> Self {
        Self {
            name: String::new(),
            partition: copies.partition.clone(),
            account: copies.account.clone(),
            region: claim.region.clone(),
            catalog: String::new(),
            settings,
            vault: copies.name.clone(),
            key: claim.key.clone(),
            bus: String::new(),
            backup_role: String::new(),
            copy_role: String::new(),
            restore_role,
            min_age: SignedDuration::ZERO,
            brakes: Brakes { paused: true, ..Brakes::default() },
            backups_in_flight: 0,
            copies_in_flight: 0,
        }
    }

    /// A vault of the source Region.
    pub fn vault_arn(&self, name: &VaultName) -> VaultArn {
        VaultArn {
            partition: self.partition.clone(),
            region: self.region.clone(),
            account: self.account.clone(),
            name: name.clone(),
        }
    }

    /// The ARN of the metadata key, or of its replica, in `region`.
    pub fn key_in(&self, region: &Region) -> String {
        in_region(&self.key, region)
    }
}

/// The same ARN in another Region.
pub fn in_region(arn: &str, region: &Region) -> String {
    let mut parts: Vec<&str> = arn.splitn(5, ':').collect();
    if let Some(part) = parts.get_mut(3) {
        *part = region.as_str();
    }
    parts.join(":")
}
