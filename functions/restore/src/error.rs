//! What the function refuses or fails with.

use backup_chain_aws::{AwsError, Error};
use backup_chain_core::ids::{PointId, RestoreId, TableArn, TableName};
use backup_chain_core::job_events::EventError;
use jiff::Timestamp;

/// Why a request was refused or failed.
#[derive(Debug, thiserror::Error, strum::IntoStaticStr)]
pub enum RestoreError {
    /// No table is named.
    #[error("no table is named: name at least one table to restore")]
    NoTables,
    /// The table has no points.
    #[error("table {0} has no restore point: see the list of its points, or rebuild the catalog")]
    NoPoints(TableName),
    /// A vault with copies has none of the table.
    #[error("vault {vault} holds no copy of table {table}: see what it holds with --list{hint}")]
    NoCopies {
        /// The table.
        table: TableName,
        /// The vault.
        vault: String,
        /// A name that is near, or nothing.
        hint: String,
    },
    /// It has copies, and none of them tells how it was made.
    #[error(
        "vault {vault} holds copies of table {table}, and none carries metadata of Backup Chain: AWS Backup restores their \
         items, keys and indexes by itself; see docs/restore.md"
    )]
    NoMetadata {
        /// The table.
        table: TableName,
        /// The vault.
        vault: String,
    },
    /// The point is not there.
    #[error("table {table} has no restore point {point}{place}: see the list of its points")]
    UnknownPoint {
        /// The table.
        table: TableName,
        /// The point.
        point: PointId,
        /// ` in <vault>`, or nothing.
        place: String,
    },
    /// The point may be among what cannot be read.
    #[error("the restore point of {table} that is asked for is not found, and this cannot be read: {unread}")]
    Unread {
        /// The table.
        table: TableName,
        /// What cannot be read.
        unread: String,
    },
    /// The id stands for several copies.
    #[error("restore point {point} is in {vaults}: name one of them as the vault")]
    Ambiguous {
        /// The point.
        point: PointId,
        /// The vaults.
        vaults: String,
    },
    /// The point cannot be restored from.
    #[error("restore point {point} cannot be restored from: {why}")]
    Unfit {
        /// The point.
        point: PointId,
        /// Why.
        why: String,
    },
    /// There is no point at or before the moment.
    #[error("table {table} has no restore point at or before {at} in {place}: {hint}")]
    NoneBefore {
        /// The table.
        table: TableName,
        /// The moment.
        at: Timestamp,
        /// Where it was looked for.
        place: String,
        /// What there is.
        hint: String,
    },
    /// The metadata is not believed.
    #[error(
        "the metadata of restore point {point} is not believed: {why}; its settings are not known; to restore its items, \
         keys and indexes alone, ask for items only"
    )]
    NotBelieved {
        /// The point.
        point: PointId,
        /// What is wrong with it.
        why: String,
    },
    /// A table of that name is there.
    #[error(
        "there is a table {0} already: AWS restores into a new table only; restore under another name, or delete that table \
         first"
    )]
    Taken(Box<TableArn>),
    /// Another restore makes a table of that name.
    #[error("restore {restore} makes table {target} already: wait for it, or restore under another name")]
    UnderWay {
        /// The table.
        target: Box<TableArn>,
        /// The other restore.
        restore: RestoreId,
    },
    /// Two tables of the request are to have one name.
    #[error("two tables are to be restored as {0}: give one of them another name")]
    Twice(Box<TableArn>),
    /// A choice that cannot be met.
    #[error("{0}")]
    Choice(String),
    /// The service role lacks rights.
    #[error(
        "the restore role {role} lacks the right to {actions} on {target}: the job would fail; give it that right, as the \
         stack's template does"
    )]
    RoleLacks {
        /// The role.
        role: String,
        /// The actions.
        actions: String,
        /// The table.
        target: Box<TableArn>,
    },
    /// There is no such restore.
    #[error("there is no restore {0}: see the list of restores")]
    UnknownRestore(RestoreId),
    /// It cannot be stopped any more.
    #[error("restore {0} has ended: there is nothing to stop")]
    Ended(RestoreId),
    /// A record that a restore was kept in, outside the catalog, cannot be written.
    #[error("the record of the restore cannot be kept: {0}")]
    Record(#[from] std::io::Error),
    /// The file of a restore is none.
    #[error(
        "{file} is no record of a restore that can be read: it is cut off or was changed; see in AWS Backup's restore jobs \
         whether its table is being made, then move the file away and restore again"
    )]
    UnreadableRecord {
        /// The file.
        file: String,
    },
    /// An event that is nothing for this function.
    #[error(transparent)]
    Event(#[from] EventError),
    /// AWS failed.
    #[error(transparent)]
    Aws(#[from] Error),
}

impl RestoreError {
    /// Whether somebody else moved the record since it was read.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Aws(error) if error.is_conflict())
    }
}

impl RestoreError {
    /// What a failed invocation reports to Lambda as the error type.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Aws(error) => error.name(),
            other => other.into(),
        }
    }
}

impl From<AwsError> for RestoreError {
    fn from(error: AwsError) -> Self {
        Self::Aws(error.into())
    }
}
