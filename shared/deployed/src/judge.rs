//! An independent judge: does what the catalog says agree with what the vaults hold?
//!
//! It looks at the vaults behind the API and shares no code with the functions but the records' types.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use backup_chain_aws::App;
use backup_chain_core::ids::{RecoveryPointArn, TableName};
use backup_chain_core::point::{PointKind, RestorePoint, State};
use backup_chain_core::tier::Tier;
use jiff::Timestamp;

use crate::stack::{ACCOUNT, COPIES, Failure, SOURCE, TARGET, VAULT};
use backup_chain_local::{World, backup::PointView};

/// Everything in which catalog and vaults disagree once all is quiet: empty when they agree.
///
/// # Errors
/// When the catalog cannot be read.
pub async fn disagreements(world: &World, app: &App, tables: &[TableName]) -> Result<Vec<String>, Failure> {
    let mut wrong = Vec::new();
    let mut rows: Vec<RestorePoint> = Vec::new();
    for table in tables {
        rows.extend(app.catalog.points_of_table(table).await?);
    }
    let vaults = [(SOURCE, VAULT), (TARGET, COPIES)];
    let mut held: BTreeMap<RecoveryPointArn, PointView> = BTreeMap::new();
    for (region, vault) in vaults {
        for point in world.with_backup(|backup| backup.points(ACCOUNT, region, vault)) {
            held.insert(point.arn.parse()?, point);
        }
    }

    for row in rows.iter().filter(|row| row.state().is_open()) {
        wrong.push(format!("{} of {} is still {}", row.id, row.table.arn.name, row.state()));
    }
    let available = || rows.iter().filter(|row| row.state() == State::Available);
    for row in available() {
        match row.recovery_point().and_then(|arn| held.get(arn)) {
            None => wrong.push(format!("{} of {} is available and in no vault", row.id, row.table.arn.name)),
            Some(point) => {
                let id = match point.tags.get("backup-chain/id") {
                    Some(id) => Some(id.clone()),
                    None => named(world, app, row.vault.region.as_str(), &point.arn).await?,
                };
                if id.as_deref() != Some(row.id.as_str()) {
                    wrong.push(format!("the recovery point of {} carries another id", row.id));
                }
                if row.created_at.map(Timestamp::as_second) != Some(point.created.as_second()) {
                    wrong.push(format!("{} has another moment than its recovery point", row.id));
                }
            }
        }
        if let Some(why) = &row.suspect {
            wrong.push(format!("{} of {} is suspect: {why}", row.id, row.table.arn.name));
        }
    }
    let recorded: BTreeSet<&RecoveryPointArn> = rows
        .iter()
        .filter(|row| matches!(row.state(), State::Available | State::Deleting))
        .filter_map(|row| row.recovery_point())
        .collect();
    for (arn, point) in &held {
        if recorded.contains(arn) {
            continue;
        }
        let region = arn.as_str().split(':').nth(3).unwrap_or_default();
        if point.tags.contains_key("backup-chain/id")
            || named(world, app, region, &point.arn).await?.is_some()
        {
            wrong.push(format!("{arn} of {} is in a vault and not in the catalog", point.resource_arn));
        }
    }

    let mut made: BTreeMap<(String, String, String), u32> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.recovery_point().is_some()) {
        let place = (row.session.to_string(), row.table.id.to_string(), row.vault.to_string());
        *made.entry(place).or_default() += 1;
    }
    for ((session, table, vault), count) in made.into_iter().filter(|(_, count)| *count > 1) {
        wrong.push(format!("session {session} made {count} points of table {table} in {vault}"));
    }

    for row in available() {
        let Some(head) = app.catalog.head(&row.table).await? else {
            wrong.push(format!("table {} has no record", row.table.arn.name));
            continue;
        };
        if head.open.is_some() || head.planned.is_some() {
            wrong.push(format!("table {} is still held by a job", row.table.arn.name));
        }
        if row.kind == PointKind::Manual {
            continue;
        }
        let mut met: BTreeMap<Tier, Timestamp> = BTreeMap::new();
        let same_chain = |other: &&RestorePoint| {
            other.kind == row.kind
                && other.table == row.table
                && other.vault == row.vault
                && other.suspect.is_none()
        };
        for flag in available().filter(same_chain).flat_map(|other| &other.flags) {
            let slot = met.entry(flag.tier).or_insert(flag.slot);
            *slot = flag.slot.max(*slot);
        }
        let told = head.met.get(&row.vault.to_string()).cloned().unwrap_or_default();
        // Retention takes the points of met slots in time; what is met stays met.
        if met.iter().any(|(tier, slot)| told.get(tier).is_none_or(|told| told < slot)) {
            wrong
                .push(format!("table {} is said to have met other slots than its chain", row.table.arn.name));
        }
    }
    wrong.sort();
    wrong.dedup();
    Ok(wrong)
}

/// The id by which the settings table of a Region knows a recovery point without tags of ours.
async fn named(world: &World, app: &App, region: &str, arn: &str) -> Result<Option<String>, Failure> {
    let client = aws_sdk_dynamodb::Client::new(&world.sdk_config(ACCOUNT, region, "judge"));
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let request = client.get_item().table_name(&app.context.deployment().settings);
    let found = request.key("pk", text(arn)).key("sk", text("message")).send().await?;
    Ok(found.item.and_then(|item| item.get("id")?.as_s().ok().cloned()))
}
