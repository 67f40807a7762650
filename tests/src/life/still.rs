//! How things stand when all is quiet.

use std::sync::PoisonError;

use backup_chain_checker::{Intent, Point, Records, State, Table};
use backup_chain_core::ids::{Region, TableName};
use backup_chain_local::stack::{ACCOUNT, COPIES, Failure, SOURCE, TARGET, VAULT};
use serde_json::Value;

use super::scene::Scene;

/// What a record waits in while there is work left on it.
const AT_WORK: [&str; 4] = ["session", "open", "deleting", "restore"];

impl Scene {
    /// Whether work is left that the functions know of.
    pub(super) fn is_at_work(&self) -> bool {
        let catalog = &self.stack.edge().deployment().catalog;
        let records = self.world.items(ACCOUNT, SOURCE, catalog);
        records.iter().any(|record| record["queue"]["S"].as_str().is_some_and(|queue| AT_WORK.contains(&queue)))
    }

    /// How things stand: what the vaults and our tables hold, and the tables of the applications.
    ///
    /// # Errors
    /// When the embedded AWS does not answer.
    pub(super) async fn state(&self) -> Result<State, Failure> {
        let deployment = self.stack.edge().deployment();
        let mut state = State::default();
        for (region, vault) in [(SOURCE, VAULT), (TARGET, COPIES)] {
            let points = self.world.with_backup(|backup| backup.points(ACCOUNT, region, vault));
            state.points.extend(points.into_iter().map(|point| Point {
                arn: point.arn,
                vault: format!("{region}/{vault}"),
                resource: point.resource_arn,
                table_id: point.table.description["TableId"].as_str().unwrap_or_default().to_owned(),
                created: point.created,
                status: point.status.to_owned(),
                tags: point.tags,
            }));
        }
        for (region, table) in
            [(SOURCE, &deployment.catalog), (SOURCE, &deployment.settings), (TARGET, &deployment.settings)]
        {
            let items = self.world.items(ACCOUNT, region, table);
            state.records.push(Records { region: region.to_owned(), table: table.clone(), items });
        }
        for name in self.names() {
            let described = crate::dynamodb(&self.world).describe_table().table_name(&name).send().await?;
            let id = described.table.and_then(|table| table.table_id).unwrap_or_default();
            let region = SOURCE.to_owned();
            state.tables.push(Table { region, name, id, items: Vec::new(), settings: Value::Null });
        }
        Ok(state)
    }

    /// Tells of the restores that have ended since it was last asked.
    ///
    /// # Errors
    /// When the embedded AWS does not answer.
    pub(super) async fn tell_restores(&self) -> Result<(), Failure> {
        for restore in self.stack.edge().catalog().restores().await? {
            let target = restore.target.name.to_string();
            let mut asked = self.restores.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if restore.stage.is_open() || !asked.remove(&target) {
                continue;
            }
            *self.restores.lock().unwrap_or_else(PoisonError::into_inner) = asked;
            let table = match &restore.made {
                Some(id) => Some(self.restored(&restore.target.name, id.to_string()).await?),
                None => None,
            };
            let (status, point) = (restore.stage.to_string(), restore.arn.to_string());
            self.note(Intent::RestoreEnded { target, status, point, table });
        }
        Ok(())
    }

    async fn restored(&self, name: &TableName, id: String) -> Result<Table, Failure> {
        let region: Region = SOURCE.parse()?;
        let captured = self.stack.edge().capture(&region, name).await?;
        Ok(Table {
            region: region.to_string(),
            name: name.to_string(),
            id,
            items: self.world.items(ACCOUNT, SOURCE, name.as_str()),
            settings: serde_json::to_value(&captured.settings)?,
        })
    }
}
