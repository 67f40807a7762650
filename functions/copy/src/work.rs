//! What one invocation works with.

use std::sync::Mutex;

use backup_chain_aws::clock::Deadline;
use backup_chain_aws::policies::Active;
use backup_chain_aws::{App, Error};
use backup_chain_core::ids::{PointId, PolicyName, VaultArn};

/// What the work of one invocation needs to know.
pub(crate) struct Work<'a> {
    pub app: &'a App,
    pub policies: Vec<Active>,
    pub deadline: Deadline,
    /// The copies that this invocation has begun: an index may not show them yet.
    pub begun: Mutex<Vec<(PointId, VaultArn)>>,
}

impl<'a> Work<'a> {
    /// With the policies as they are now.
    ///
    /// # Errors
    /// [`Error`] of the catalog.
    pub async fn begin(app: &'a App, deadline: Deadline) -> Result<Self, Error> {
        Ok(Self { app, policies: app.policies.all().await?, deadline, begun: Mutex::default() })
    }

    /// A policy that is stored, deleted or not. The session function complains of one that cannot be read; here it
    /// only means that nothing is known of it.
    pub fn policy(&self, name: &PolicyName) -> Option<&Active> {
        self.policies.iter().find(|active| active.stored.name == *name)
    }
}
