//! Where the records of restores are kept: in the catalog; or, with the source Region lost and the catalog with it, in
//! a file of the operator's.

use std::path::{Path, PathBuf};

use backup_chain_aws::App;
use backup_chain_aws::catalog::Write;
use backup_chain_core::history::Entry;
use backup_chain_core::notice::{Notice, RestoreEnded};
use backup_chain_core::restore::Restore;

use crate::error::RestoreError;

/// Where the records of restores are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Store {
    /// In the catalog of the deployment.
    Catalog,
    /// In this file: nothing of the source Region is asked or told.
    File(PathBuf),
}

impl Store {
    /// Writes a record.
    pub(crate) async fn save(&self, app: &App, restore: &mut Restore) -> Result<(), RestoreError> {
        match self {
            Self::Catalog => Ok(app.catalog.commit([Write::of(restore)]).await?),
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

    /// Writes records with their entries in the history: together as far as one transaction goes.
    pub(crate) async fn save_all(
        &self,
        app: &App,
        restores: &mut [(&mut Restore, Entry)],
    ) -> Result<(), RestoreError> {
        /// A transaction writes 100 items: of each restore its record and its entry.
        const MAX_BATCH: usize = 50;
        match self {
            Self::Catalog => {
                for some in restores.chunks_mut(MAX_BATCH) {
                    let writes =
                        some.iter_mut().flat_map(|(restore, entry)| [Write::of(*restore), Write::of(entry)]);
                    app.catalog.commit(writes.collect::<Vec<_>>()).await?;
                }
            }
            Self::File(_) => {
                for (restore, _) in restores {
                    self.save(app, restore).await?;
                }
            }
        }
        Ok(())
    }

    /// A record as it is kept.
    pub(crate) async fn read(&self, app: &App, restore: &Restore) -> Result<Restore, RestoreError> {
        match self {
            Self::Catalog => {
                let found = app.catalog.restore(&restore.id).await?;
                found.ok_or_else(|| RestoreError::UnknownRestore(restore.id.clone()))
            }
            Self::File(path) => recorded(path),
        }
    }

    /// Returns the event bus, where there is one, how a restore has ended.
    pub(crate) async fn publish(&self, app: &App, restore: &Restore) -> Result<(), RestoreError> {
        if *self == Self::Catalog {
            app.notices.publish(&Notice::RestoreEnded(RestoreEnded::of(restore))).await?;
        }
        Ok(())
    }
}

/// The restore that a file records.
///
/// # Errors
/// When it cannot be read.
pub fn recorded(path: &Path) -> Result<Restore, RestoreError> {
    let text = std::fs::read(path)?;
    serde_json::from_slice(&text)
        .map_err(|_| RestoreError::UnreadableRecord { file: path.display().to_string() })
}
