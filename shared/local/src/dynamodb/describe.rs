//! Tables as DescribeTable returns them.

use serde_json::{Value, json};

use super::{
    Store,
    requests::{Answer, Refusal, no_table, table_arn},
};
use crate::{api::Scope, wire::seconds};

impl Store {
    /// The engine's description, with what is kept beside it.
    pub(super) fn describe(&self, scope: &Scope, table: &str) -> Answer {
        let settings = self.tables.get(table).ok_or_else(|| no_table(table))?;
        let told = self.items.describe(table)?;
        let arn = table_arn(&scope.account, &scope.region, table);
        let mut description = json!({
            "TableName": table,
            "TableArn": arn,
            "TableId": settings.id,
            "TableStatus": settings.life.status(scope.now),
            "CreationDateTime": seconds(settings.created),
            "KeySchema": told["KeySchema"],
            "AttributeDefinitions": told["AttributeDefinitions"],
            "ItemCount": told["ItemCount"],
            "TableSizeBytes": told["TableSizeBytes"],
            "DeletionProtectionEnabled": settings.deletion_protection,
        });
        settings.throughput.describe(&mut description, settings.on_demand, scope.now);
        if let Some(since) = settings.on_demand_since {
            description["BillingModeSummary"] = json!({
                "BillingMode": if settings.on_demand { "PAY_PER_REQUEST" } else { "PROVISIONED" },
                "LastUpdateToPayPerRequestDateTime": seconds(since),
            });
        }
        if let Some((class, since)) = &settings.class {
            description["TableClassSummary"] =
                json!({ "TableClass": class, "LastUpdateDateTime": seconds(*since) });
        }
        if let Some(key) = &settings.key_arn {
            description["SSEDescription"] =
                json!({ "Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": key });
            settings.life.lockout.describe(&mut description, scope.now);
        }
        if let Some(view) = &settings.stream_view {
            description["StreamSpecification"] = json!({ "StreamEnabled": true, "StreamViewType": view });
        }
        if let Some(label) = settings.stream_label() {
            description["LatestStreamArn"] = json!(format!("{arn}/stream/{label}"));
            description["LatestStreamLabel"] = json!(label);
        }
        // That it is the recovery point's ARN is assumption A28.
        if let Some(restored) = &settings.restored {
            description["RestoreSummary"] = json!({
                "SourceTableArn": restored.table,
                "RestoreDateTime": seconds(restored.at),
                "RestoreInProgress": settings.life.is_creating(scope.now),
            });
            if let Some(backup) = &restored.backup {
                description["RestoreSummary"]["SourceBackupArn"] = json!(backup);
            }
        }
        for kind in ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"] {
            let is_global = kind == "GlobalSecondaryIndexes";
            let mut indexes = told[kind].as_array().cloned().unwrap_or_default();
            for index in &mut indexes {
                let name = index["IndexName"].as_str().unwrap_or_default().to_owned();
                index["IndexArn"] = json!(format!("{arn}/index/{name}"));
                if is_global {
                    let throughput = settings.indexes.get(&name).cloned().unwrap_or_default();
                    throughput.describe(index, settings.on_demand, scope.now);
                    settings.life.describe_index(&name, index, scope.now);
                }
            }
            if is_global {
                indexes.extend(settings.life.going(scope.now));
            }
            indexes.sort_by_key(|index| index["IndexName"].as_str().map(str::to_owned));
            if !indexes.is_empty() {
                description[kind] = Value::Array(indexes);
            }
        }
        for (member, value) in &settings.planted {
            description[member] = value.clone();
        }
        Ok(description)
    }

    /// A description whose status tells that a change is under way, as the answers of changes do.
    pub(super) fn described_as(&self, scope: &Scope, table: &str, status: &str) -> Answer {
        let mut description = self.describe(scope, table)?;
        description["TableStatus"] = json!(status);
        if status != "UPDATING" {
            // Not by index: that would put what is not there.
            let indexes = description.get_mut("GlobalSecondaryIndexes").and_then(Value::as_array_mut);
            for index in indexes.into_iter().flatten() {
                index["IndexStatus"] = json!(status);
            }
        }
        Ok::<_, Refusal>(json!({ "TableDescription": description }))
    }
}
