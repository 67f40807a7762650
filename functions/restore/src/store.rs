//! Where the records of restores are kept: in the catalog; or, with the source Region lost and the catalog with it, in
//! a file of the operator's.

use std::path::PathBuf;

use backup_chain_aws::Edge;
use backup_chain_aws::catalog::Write;
use backup_chain_core::history::Entry;
use backup_chain_core::notice::{Notice, RestoreEnded};
use backup_chain_core::restore::Restore;

use crate::RestoreError;

/// Where the records of restores are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Store {
    /// In the catalog of the deployment.
    Catalog,
    /// In this file: nothing of the source Region is asked or told.
    File(PathBuf),
}

impl Store {
    /// Writes a record, and what belongs to it into the history.
    pub(crate) async fn save(
        &self,
        edge: &Edge,
        restore: &mut Restore,
        entry: Option<Entry>,
    ) -> Result<(), RestoreError> {
        match self {
            Self::Catalog => {
                let entry = entry.map(|mut entry| Write::of(&mut entry));
                Ok(edge.catalog().commit([Some(Write::of(restore)), entry].into_iter().flatten()).await?)
            }
            Self::File(path) => {
                restore.rev += 1;
                let text = serde_json::to_vec_pretty(restore).map_err(std::io::Error::other)?;
                // Whole or not at all.
                let new = path.with_extension("new");
                std::fs::write(&new, text)?;
                Ok(std::fs::rename(new, path)?)
            }
        }
    }

    /// Tells the event bus, where there is one, how a restore has ended.
    pub(crate) async fn tell(&self, edge: &Edge, restore: &Restore) -> Result<(), RestoreError> {
        if *self == Self::Catalog {
            edge.tell(&Notice::RestoreEnded(RestoreEnded::of(restore))).await?;
        }
        Ok(())
    }
}
