//! Names that are checked once, where they enter.
//!
//! Each type here is a string that has been found well-formed, so the code behind it needs no second look.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::spelling::Misspelt;

/// A name that is not well-formed: what it should be, and what was given.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{given:?} is no {what}: {rule}")]
pub struct InvalidName {
    what: &'static str,
    rule: &'static str,
    given: String,
}

impl Misspelt for InvalidName {
    fn what(&self) -> String {
        format!("{:?} is no {}", self.given, self.what)
    }

    fn way_out(&self) -> String {
        format!("write {}", self.rule)
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $rule:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The checked text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidName { what: $what, rule: $rule, given: text.to_owned() })
                }
            }
        }

        impl TryFrom<String> for $type {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

fn made_of(text: &str, lengths: std::ops::RangeInclusive<usize>, also: &str) -> bool {
    lengths.contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c))
}

name!(
    /// An AWS account: twelve digits.
    AccountId, "account", "twelve digits", |t| t.len() == 12 && t.bytes().all(|b| b.is_ascii_digit())
);
name!(
    /// An AWS Region such as `eu-central-1`.
    Region, "Region", "lower-case letters, digits and hyphens, such as eu-central-1",
    |t| t.len() <= 32 && t.contains('-')
        && t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
);
name!(
    /// A DynamoDB table name: 3 to 255 of letters, digits, `_`, `.` and `-`.
    TableName, "table name", "3 to 255 letters, digits, '_', '.' or '-'", |t| made_of(t, 3..=255, "_.-")
);
name!(
    /// A DynamoDB TableId: a new UUID for each creation, so that a table dropped and created again under
    /// the same name is another table.
    TableId, "table id", "letters, digits and hyphens", |t| made_of(t, 1..=64, "-")
);
name!(
    /// The name of a backup vault: 2 to 50 of letters, digits, `-` and `_`.
    VaultName, "vault name", "2 to 50 letters, digits, '-' or '_'", |t| made_of(t, 2..=50, "-_")
);
name!(
    /// The name of a policy: 1 to 127 of letters, digits, `-`, `_` and `.`.
    PolicyName, "policy name", "1 to 127 letters, digits, '-', '_' or '.'", |t| made_of(t, 1..=127, "-_.")
);
name!(
    /// The ARN of a recovery point, as AWS Backup gives it.
    RecoveryPointArn, "recovery point ARN", "an ARN such as arn:aws:backup:eu-central-1:111122223333:recovery-point:1EB3B5E7-9EB0-435A-A80B-108B488B0D45",
    |t| t.starts_with("arn:") && t.split(':').count() >= 6
);

/// A ULID: sorts by the moment at which it was made.
macro_rules! ulid_id {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        name!($(#[$doc])* $type, $what, "a ULID of 26 characters",
            |t| t.len() == 26 && ulid::Ulid::from_string(t).is_ok());

        impl $type {
            /// The id made at `moment` with 80 bits of `randomness` (higher bits are ignored).
            pub fn new(moment: jiff::Timestamp, randomness: u128) -> Self {
                let ms = u64::try_from(moment.as_millisecond()).unwrap_or(0);
                Self(ulid::Ulid::from_parts(ms, randomness).to_string())
            }

            /// The moment at which it was made, to the millisecond.
            pub fn created_at(&self) -> jiff::Timestamp {
                let ms = ulid::Ulid::from_string(&self.0).map_or(0, |ulid| ulid.timestamp_ms());
                let ms = i64::try_from(ms).unwrap_or_default();
                jiff::Timestamp::from_millisecond(ms).unwrap_or_default()
            }
        }
    };
}
ulid_id!(
    /// The id of a restore point; a copy carries the id of the backup that it is a copy of.
    PointId, "restore point id"
);
ulid_id!(
    /// The id of a backup session.
    SessionId, "session id"
);
ulid_id!(
    /// The id of a retention run.
    RunId, "retention run id"
);
ulid_id!(
    /// The id of a restore.
    RestoreId, "restore id"
);
ulid_id!(
    /// The id of an entry of the history.
    EntryId, "history entry id"
);

/// Splits `arn:<partition>:<service>:<region>:<account>:<resource>`.
fn arn_parts<'a>(
    text: &'a str,
    service: &str,
    resource: &str,
) -> Option<(&'a str, &'a str, &'a str, &'a str)> {
    let mut parts = text.splitn(6, ':');
    let (arn, partition, found) = (parts.next()?, parts.next()?, parts.next()?);
    let (region, account, rest) = (parts.next()?, parts.next()?, parts.next()?);
    (arn == "arn" && found == service).then_some(())?;
    Some((partition, region, account, rest.strip_prefix(resource)?))
}

macro_rules! arn {
    ($(#[$doc:meta])* $type:ident, $name:ident, $service:literal, $resource:literal, $what:literal, $rule:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type {
            /// `aws`, or another partition.
            pub partition: String,
            /// The Region that the ARN names.
            pub region: Region,
            /// The account that the ARN names.
            pub account: AccountId,
            /// The name at its end.
            pub name: $name,
        }

        impl FromStr for $type {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                let bad = || InvalidName { what: $what, rule: $rule, given: text.to_owned() };
                let (partition, region, account, name) =
                    arn_parts(text, $service, $resource).ok_or_else(bad)?;
                Ok(Self {
                    partition: partition.to_owned(),
                    region: region.parse().map_err(|_| bad())?,
                    account: account.parse().map_err(|_| bad())?,
                    name: name.parse().map_err(|_| bad())?,
                })
            }
        }

        impl TryFrom<String> for $type {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(arn: $type) -> String {
                arn.to_string()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let Self { partition, region, account, name } = self;
                write!(f, concat!("arn:{}:", $service, ":{}:{}:", $resource, "{}"), partition, region, account, name)
            }
        }
    };
}
arn!(
    /// The ARN of a DynamoDB table.
    TableArn, TableName, "dynamodb", "table/", "table ARN",
    "an ARN such as arn:aws:dynamodb:eu-central-1:111122223333:table/orders"
);
arn!(
    /// The ARN of a backup vault.
    VaultArn, VaultName, "backup", "backup-vault:", "vault ARN",
    "an ARN such as arn:aws:backup:eu-west-1:111122223333:backup-vault:backup-chain-copies"
);

impl VaultArn {
    /// The vault as reports and requests name it: `<Region>/<vault>`.
    pub fn place(&self) -> String {
        format!("{}/{}", self.region, self.name)
    }

    /// The same as an account sees it: a vault of another account with that account before it.
    pub fn place_from(&self, home: &AccountId) -> String {
        let place = self.place();
        if self.account == *home { place } else { format!("{}/{place}", self.account) }
    }
}

impl PointId {
    /// The id of the one point that a session, begun at `moment`, makes of a table: the same each time it is
    /// asked for, so that a session planned twice records no second one.
    pub fn of(moment: jiff::Timestamp, session: &SessionId, table: &TableId) -> Self {
        let digest = Sha256::digest(format!("{session}|{table}"));
        let number = digest.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte));
        Self::new(moment, number)
    }
}

/// A table as one creation of it: its ARN and its TableId.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Table {
    /// Where it is and what it is called.
    pub arn: TableArn,
    /// Which creation of it.
    pub id: TableId,
}

/// A policy as it was when it made something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PolicyRef {
    /// Its name.
    pub name: PolicyName,
    /// Which revision of it.
    pub revision: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_survive_the_way_through_text() {
        let table = "arn:aws:dynamodb:eu-central-1:111122223333:table/orders";
        assert_eq!(table.parse::<TableArn>().unwrap().to_string(), table);
        let vault = "arn:aws-cn:backup:cn-north-1:111122223333:backup-vault:copies";
        assert_eq!(vault.parse::<VaultArn>().unwrap().to_string(), vault);
    }

    #[test]
    fn malformed_names_say_what_they_should_be() {
        let error = "ab".parse::<TableName>().unwrap_err().to_string();
        insta::assert_snapshot!(error, @r#""ab" is no table name: 3 to 255 letters, digits, '_', '.' or '-'"#);
        assert!("arn:aws:s3:eu-central-1:111122223333:table/orders".parse::<TableArn>().is_err());
        assert!("arn:aws:dynamodb:eu-central-1:1111:table/orders".parse::<TableArn>().is_err());
        assert!(
            "arn:aws:dynamodb:eu-central-1:111122223333:table/orders/index/by".parse::<TableArn>().is_err()
        );
    }

    #[test]
    fn ids_sort_by_their_moment() {
        let at = |s: &str| PointId::new(s.parse().unwrap(), u128::MAX);
        assert!(at("2026-01-01T00:00:00Z") < at("2026-01-01T00:00:00.001Z"));
        assert_eq!(at("2026-01-01T00:00:00Z").as_str().len(), 26);
        let moment = "2026-01-01T00:00:00.001Z";
        assert_eq!(at(moment).created_at(), moment.parse().unwrap());
        assert_eq!(
            "7ZZZZZZZZZZZZZZZZZZZZZZZZZ".parse::<PointId>().unwrap().created_at(),
            jiff::Timestamp::UNIX_EPOCH
        );
    }
}
