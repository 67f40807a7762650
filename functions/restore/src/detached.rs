//! A restore while the source Region is out of reach, and with it the catalog and the functions: from a vault with
//! copies, by whoever has the rights. Its record is a file, from which it continues when it is cut off.

use std::collections::BTreeMap;
use std::path::PathBuf;

use aws_config::SdkConfig;
use backup_chain_aws::backup::Point;
use backup_chain_aws::clock::{Clock, Random};
use backup_chain_aws::deployment::Deployment;
use backup_chain_aws::seal::{OpenError, read_claim};
use backup_chain_aws::seen::Seen;
use backup_chain_aws::services::Regional;
use backup_chain_aws::{App, AwsError, Meaning};
use backup_chain_core::ids::{PolicyName, Region, TableArn, TableName, VaultArn, VaultName};
use backup_chain_core::invoke::{Ask, From, Wanted};
use backup_chain_core::point::RestorePoint;
use backup_chain_core::restore::{Restore, RestoreView};
use jiff::Timestamp;
use serde::Serialize;

use crate::error::RestoreError;
use crate::select::Candidates;
use crate::store::{Store, recorded};
use crate::view::view;
use crate::wait::{is_transient, record_obstacle};
use crate::{ask, work};

/// Where the copies are, and what is to be had beside them.
#[derive(Debug, Clone)]
pub struct CopyVault {
    /// The target Region.
    pub region: Region,
    /// The vault with copies.
    pub vault: VaultName,
    /// What the names of the stack's resources begin with, such as `backup-chain-`.
    pub prefix: String,
    /// The service role of restore jobs; the stack's own unless given, which is the same in all Regions.
    pub role: Option<String>,
}

/// What is in a vault with copies, listed once for all of its tables.
#[derive(Debug)]
pub struct Copies {
    config: SdkConfig,
    place: CopyVault,
    vault: VaultArn,
    there: Regional,
    /// The recovery points of each table that can be had, the newest first.
    tables: BTreeMap<TableName, Vec<Point>>,
}

/// What there is of a table in a vault with copies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CopiesOfTable {
    /// The table.
    pub table: TableName,
    /// How many recovery points there are of it, believed or not.
    pub points: usize,
    /// The moment of the newest.
    pub newest: Option<Timestamp>,
    /// The moment of the oldest.
    pub oldest: Option<Timestamp>,
    /// The size of the newest, in bytes.
    pub bytes: Option<i64>,
}

impl Copies {
    /// Lists a vault with copies.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn list(config: SdkConfig, place: CopyVault) -> Result<Self, RestoreError> {
        let CopyVault { region, vault, prefix, .. } = &place;
        let there = Regional::new(&config, region, format!("{prefix}settings"), &Clock::of(&config));
        let found = there.backup.vault(vault).await?;
        let arn = found
            .arn
            .ok_or_else(|| AwsError::incomplete("backup:DescribeBackupVault", vault.as_str(), "vault ARN"))?;
        let mut tables: BTreeMap<TableName, Vec<Point>> = BTreeMap::new();
        for point in there.backup.points(vault).await? {
            if let Some(table) = point.resource.as_deref().and_then(|it| it.parse::<TableArn>().ok()) {
                tables.entry(table.name).or_default().push(point);
            }
        }
        for points in tables.values_mut() {
            points.sort_by_key(|point| std::cmp::Reverse(point.created_at));
        }
        Ok(Self { config, place, vault: arn, there, tables })
    }

    /// What there is of each table, by name.
    pub fn tables(&self) -> impl Iterator<Item = CopiesOfTable> {
        self.tables.iter().map(|(table, points)| CopiesOfTable {
            table: table.clone(),
            points: points.len(),
            newest: points.first().and_then(|point| point.created_at),
            oldest: points.last().and_then(|point| point.created_at),
            bytes: points.first().and_then(|point| point.bytes),
        })
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        Clock::of(&self.config).now()
    }

    /// What restores a table of them, with its record in a file. The metadata key is the one that its copies name, in the
    /// replica of that Region, if it is of the vault's own account.
    ///
    /// # Errors
    /// When there is no copy of the table that carries metadata, or AWS fails.
    pub async fn of_table(&self, table: &TableName, record: PathBuf) -> Result<Detached, RestoreError> {
        let CopyVault { prefix, role, region, .. } = &self.place;
        let Some(points) = self.tables.get(table) else {
            let near = backup_chain_core::suggest::nearest(
                table.as_str(),
                self.tables.keys().map(TableName::as_str),
                3,
            );
            let hint = match near.as_slice() {
                [] => String::new(),
                near => format!("; did you mean {}?", backup_chain_core::suggest::any_of(near)),
            };
            return Err(RestoreError::NoCopies { table: table.clone(), vault: self.vault.place(), hint });
        };
        for point in points {
            let tags = match self.there.backup.tags(&point.arn).await {
                Err(error) if error.meaning == Meaning::NotFound => continue,
                tags => tags?,
            };
            let seen = Seen::of(point, &tags, region);
            if let Some(claim) = read_claim(&self.there.settings, &seen).await?
                && claim.account == self.vault.account
                && claim.key.split(':').nth(4) == Some(self.vault.account.as_str())
            {
                // By name or by ARN: AWS Backup takes the ARN.
                let role =
                    role.clone().unwrap_or_else(|| format!("{prefix}AWSBackup-restore-{}", claim.region));
                let role = match role.starts_with("arn:") {
                    true => role,
                    false => format!("arn:{}:iam::{}:role/{role}", self.vault.partition, self.vault.account),
                };
                let deployment = Deployment::detached(&self.vault, &claim, format!("{prefix}settings"), role);
                return Ok(Detached {
                    app: App::new(self.config.clone(), deployment, Random::system()),
                    copies: self.vault.clone(),
                    points: points.clone(),
                    store: Store::File(record),
                });
            }
        }
        Err(RestoreError::NoMetadata { table: table.clone(), vault: self.vault.place() })
    }
}

/// The copies of a table, of which it is restored.
#[derive(Debug, Clone)]
pub struct Detached {
    app: App,
    copies: VaultArn,
    /// The table's recovery points there, the newest first.
    points: Vec<Point>,
    store: Store,
}

impl Detached {
    /// The policy that made the newest copy that is believed.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn policy(&self) -> Result<Option<PolicyName>, RestoreError> {
        let Candidates { points, .. } = self.candidates(&From::Newest).await?;
        let newest = points.into_iter().find(RestorePoint::is_counted);
        Ok(newest.and_then(|point| point.policy).map(|policy| policy.name))
    }

    /// Plans a restore, and unless that is all, begins it.
    ///
    /// # Errors
    /// What is in the way.
    pub async fn begin(&self, asked: &Ask) -> Result<RestoreView, RestoreError> {
        if let Store::File(path) = &self.store
            && !asked.dry_run
            && path.exists()
        {
            let why = format!(
                "{} is there already: continue with that restore, or name another file",
                path.display()
            );
            return Err(RestoreError::Choice(why));
        }
        let [wanted] = asked.tables.as_slice() else {
            return Err(RestoreError::Choice(
                "one table at a time is restored without the source Region".to_owned(),
            ));
        };
        let wanted = Wanted { vault: Some(self.copies.place()), ..wanted.clone() };
        let candidates = BTreeMap::from([(wanted.table.to_string(), self.candidates(&wanted.from).await?)]);
        let asked = Ask { tables: vec![wanted], ..asked.clone() };
        let mut views = Box::pin(ask::ask(&self.app, &self.store, &asked, &candidates, None)).await?;
        views.pop().ok_or(RestoreError::NoTables)
    }

    /// Goes on with a restore to its end, and tells of each move.
    ///
    /// # Errors
    /// When the record cannot be kept, or AWS fails for good. It can be continued.
    pub async fn finish(
        &self,
        restore: &mut Restore,
        mut moved: impl FnMut(&Restore),
    ) -> Result<RestoreView, RestoreError> {
        while restore.stage.is_open() {
            self.app.context.clock().until(restore.check_at).await;
            // Boxed: keeps the parent future small.
            match Box::pin(work::advance(&self.app, &self.store, restore)).await {
                Err(error) if is_transient(&error) => {
                    tracing::warn!(%error, "it is held up");
                    Box::pin(record_obstacle(&self.app, &self.store, restore, &error)).await?;
                }
                done => done?,
            }
            moved(restore);
        }
        self.view(restore).await
    }

    /// What is reported a restore: its record, and the steps as its metadata gives them.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn view(&self, restore: &Restore) -> Result<RestoreView, RestoreError> {
        view(&self.app, restore.clone()).await
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.app.context.now()
    }

    /// The restore that was recorded.
    ///
    /// # Errors
    /// When its record cannot be read.
    pub fn read(&self) -> Result<Restore, RestoreError> {
        match &self.store {
            Store::File(path) => recorded(path),
            Store::Catalog => Err(RestoreError::Record(std::io::ErrorKind::NotFound.into())),
        }
    }

    /// The copies in the vault that may be meant, newest first, as far as need be, and what of them cannot be read.
    async fn candidates(&self, from: &From) -> Result<Candidates, RestoreError> {
        let backup = &self.app.aws.region(&self.copies.region).backup;
        let Candidates { mut points, mut unread } = Candidates::default();
        for recovery in &self.points {
            let tags = match backup.tags(&recovery.arn).await {
                Err(error) if error.meaning == Meaning::NotFound => continue,
                tags => tags?,
            };
            let point = match self.app.sealer.describe(&self.copies, recovery, &tags, None).await {
                Ok(point) => point,
                Err(OpenError::Aws(error)) => return Err(error.into()),
                Err(error) => {
                    let made_at = recovery.created_at.map(|made_at| made_at.to_string()).unwrap_or_default();
                    unread
                        .push(format!("recovery point {} of {made_at} is not taken: {error}", recovery.arn));
                    continue;
                }
            };
            let is_meant = point.is_counted()
                && match from {
                    From::Newest => true,
                    From::At(at) => {
                        point.created_at.is_some_and(|made_at| made_at.as_second() <= at.as_second())
                    }
                    From::Point(id) => point.id == *id,
                };
            points.push(point);
            if is_meant {
                break;
            }
        }
        Ok(Candidates { points, unread })
    }
}
