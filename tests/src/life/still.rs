//! How things stand when all is quiet.

use std::sync::PoisonError;

use backup_chain_checker::{Intent, Point, Records, State, Table};
use backup_chain_deployed::stack::{ACCOUNT, COPIES, Failure, SOURCE, TARGET, VAULT};
use backup_chain_local::api::TableState;
use serde_json::Value;

use super::scene::Scene;

/// What a record waits in while there is work left on it.
const AT_WORK: [&str; 4] = ["session", "open", "deleting", "restore"];

impl Scene {
    /// Whether work is left that the functions know of.
    pub(super) fn is_at_work(&self) -> bool {
        let catalog = &self.stack.app().context.deployment().catalog;
        let records = self.world.items(ACCOUNT, SOURCE, catalog);
        records
            .iter()
            .any(|record| record["queue"]["S"].as_str().is_some_and(|queue| AT_WORK.contains(&queue)))
    }

    /// How things stand: what the vaults and our tables hold, and the tables of the applications.
    pub(super) fn state(&self) -> State {
        let deployment = self.stack.app().context.deployment();
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
        for table in self.names().iter().filter_map(|name| self.table(name)) {
            state.tables.push(Table { items: Vec::new(), settings: Value::Null, ..table });
        }
        state
    }

    /// Returns of the restores that have ended since it was last asked.
    ///
    /// # Errors
    /// When the embedded AWS does not answer.
    pub(super) async fn tell_restores(&self) -> Result<(), Failure> {
        for restore in self.stack.app().catalog.restores().await? {
            let target = restore.target.name.to_string();
            let mut asked = self.restores.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if restore.stage.is_open() || !asked.remove(&target) {
                continue;
            }
            *self.restores.lock().unwrap_or_else(PoisonError::into_inner) = asked;
            let table = restore.made.as_ref().and_then(|_| self.table(&target));
            let (status, point) = (restore.stage.to_string(), restore.arn.to_string());
            let expected = self.backed_up(&point);
            self.note(Intent::RestoreEnded { target, status, point, expected, table });
        }
        Ok(())
    }

    /// A table as it is.
    fn table(&self, name: &str) -> Option<Table> {
        let state = self.world.with_dynamodb(|dynamo| dynamo.state(ACCOUNT, SOURCE, name))?;
        Some(seen(SOURCE, &state))
    }

    /// A table as a recovery point has it.
    fn backed_up(&self, arn: &str) -> Option<Table> {
        let places = [(SOURCE, VAULT), (TARGET, COPIES)];
        let mut points = places.into_iter().flat_map(|(region, vault)| {
            self.world.with_backup(|backup| backup.points(ACCOUNT, region, vault))
        });
        points.find(|point| point.arn == arn).map(|point| seen(SOURCE, &point.table))
    }
}

fn seen(region: &str, state: &TableState) -> Table {
    let text = |name: &str| state.description[name].as_str().unwrap_or_default().to_owned();
    Table {
        region: region.to_owned(),
        name: text("TableName"),
        id: text("TableId"),
        items: state.items.clone(),
        settings: state.description.clone(),
    }
}
