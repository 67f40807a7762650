//! A restore while the source Region is out of reach, and with it the catalog and the functions: from a vault with
//! copies, by whoever has the rights. Its record is a file, from which it continues when it is cut off.

use std::collections::BTreeMap;
use std::path::PathBuf;

use aws_config::SdkConfig;
use backup_chain_aws::clock::{Clock, Random};
use backup_chain_aws::deployment::Deployment;
use backup_chain_aws::seal::{OpenError, read_claim};
use backup_chain_aws::seen::Seen;
use backup_chain_aws::services::Regional;
use backup_chain_aws::{App, AwsError, Meaning};
use backup_chain_core::ids::{Region, TableArn, TableName, VaultArn, VaultName};
use backup_chain_core::invoke::{Ask, From, Wanted};
use backup_chain_core::restore::{Restore, RestoreView};
use jiff::Timestamp;

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

/// A vault with copies, of which a table is restored.
#[derive(Debug, Clone)]
pub struct Detached {
    app: App,
    copies: VaultArn,
    store: Store,
}

impl Detached {
    /// Looks into a vault with copies of a table. The metadata key is the one that they name, in its replica of that
    /// Region, if it is of the vault's own account.
    ///
    /// # Errors
    /// When there is no copy of the table that carries metadata, or AWS fails.
    pub async fn find(
        config: SdkConfig,
        place: CopyVault,
        table: &TableName,
        record: PathBuf,
    ) -> Result<Self, RestoreError> {
        let CopyVault { region, vault, prefix, role } = place;
        let of = |deployment| App::new(config.clone(), deployment, Random::system());
        let settings = format!("{prefix}settings");
        let there = Regional::new(&config, &region, settings.clone(), &Clock::of(&config));
        let backup = &there.backup;
        let found = backup.vault(&vault).await?;
        let copies = found
            .arn
            .ok_or_else(|| AwsError::incomplete("backup:DescribeBackupVault", vault.as_str(), "vault ARN"))?;
        for point in backup.points(&vault).await? {
            if !point.resource.as_deref().is_some_and(|resource| is_of(resource, table)) {
                continue;
            }
            let tags = &backup.tags(&point.arn).await?;
            let seen = Seen::of(&point, tags, &region);
            if let Some(claim) = read_claim(&there.settings, &seen).await?
                && claim.account == copies.account
                && claim.key.split(':').nth(4) == Some(copies.account.as_str())
            {
                let named = format!("{prefix}AWSBackup-restore-{}", claim.region);
                // By name or by ARN: AWS Backup takes the ARN.
                let role = role.unwrap_or(named);
                let role = match role.starts_with("arn:") {
                    true => role,
                    false => format!("arn:{}:iam::{}:role/{role}", copies.partition, copies.account),
                };
                let app = of(Deployment::detached(&copies, &claim, settings, role));
                return Ok(Self { app, copies, store: Store::File(record) });
            }
        }
        Err(RestoreError::NoPoints(table.clone()))
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
        let candidates = BTreeMap::from([(wanted.table.to_string(), self.candidates(&wanted).await?)]);
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
    async fn candidates(&self, wanted: &Wanted) -> Result<Candidates, RestoreError> {
        let backup = &self.app.aws.region(&self.copies.region).backup;
        let mut found = backup.points(&self.copies.name).await?;
        found
            .retain(|point| point.resource.as_deref().is_some_and(|resource| is_of(resource, &wanted.table)));
        found.sort_by_key(|point| std::cmp::Reverse(point.created_at));
        let Candidates { mut points, mut unread } = Candidates::default();
        for recovery in found {
            let tags = match backup.tags(&recovery.arn).await {
                Err(error) if error.meaning == Meaning::NotFound => continue,
                tags => tags?,
            };
            let point = match self.app.sealer.describe(&self.copies, &recovery, &tags, None).await {
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
                && match &wanted.from {
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

fn is_of(resource: &str, table: &TableName) -> bool {
    resource.parse::<TableArn>().is_ok_and(|arn| arn.name == *table)
}
