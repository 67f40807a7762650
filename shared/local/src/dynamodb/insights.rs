//! Contributor Insights of tables and their global indexes.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Durations, Store,
    features::Insights,
    requests::{Answer, Refusal, invalid, no_table, required},
};
use crate::{
    api::{ApiError, Scope},
    page,
    wire::{seconds, text},
};

impl Store {
    pub(super) fn contributor_insights(
        &mut self,
        scope: &Scope,
        body: &Value,
        durations: &Durations,
    ) -> Answer {
        let (table, index) = (required(body, "TableName")?, text(body, "IndexName").unwrap_or_default());
        let sorted = self.is_sorted(scope, table, index)?;
        let insights = self.settings(table)?.insights.get(index);
        let mut answer = summary(table, index, insights, scope.now, durations);
        if let Some(insights) = insights {
            let resource = if index.is_empty() { table.to_owned() } else { format!("{table}-{index}") };
            answer["LastUpdateDateTime"] = seconds(insights.switched);
            if insights.is_on {
                answer["ContributorInsightsRuleList"] = json!(insights.rules(&resource, sorted));
            }
        }
        Ok(answer)
    }

    pub(super) fn update_contributor_insights(
        &mut self,
        scope: &Scope,
        body: &Value,
        durations: &Durations,
    ) -> Answer {
        let (table, index) = (required(body, "TableName")?, text(body, "IndexName").unwrap_or_default());
        self.is_sorted(scope, table, index)?;
        let settings = self.settings(table)?;
        // The one refusal that AWS names for it, which says that the table may not be ACTIVE.
        if settings.life.is_creating(scope.now) {
            return Err(no_table(table).into());
        }
        let had = settings.insights.get(index);
        let is_on = match required(body, "ContributorInsightsAction")? {
            "ENABLE" => true,
            "DISABLE" => false,
            other => return Err(enumerated("contributorInsightsAction", other, "[ENABLE, DISABLE]").into()),
        };
        let mode = match text(body, "ContributorInsightsMode") {
            None => had.map_or("ACCESSED_AND_THROTTLED_KEYS", |had| had.mode.as_str()),
            Some(mode @ ("ACCESSED_AND_THROTTLED_KEYS" | "THROTTLED_KEYS")) => mode,
            Some(other) => {
                let values = "[ACCESSED_AND_THROTTLED_KEYS, THROTTLED_KEYS]";
                return Err(enumerated("contributorInsightsMode", other, values).into());
            }
        };
        let unchanged = had.map_or(!is_on, |had| had.is_on == is_on && (!is_on || had.mode == mode));
        if !unchanged {
            let made = Insights { mode: mode.to_owned(), is_on, switched: scope.now };
            settings.insights.insert(index.to_owned(), made);
        }
        Ok(summary(table, index, self.settings(table)?.insights.get(index), scope.now, durations))
    }

    /// Tables and indexes that have or once had insights, by name.
    pub(super) fn list_contributor_insights(
        &self,
        scope: &Scope,
        body: &Value,
        durations: &Durations,
    ) -> Answer {
        let only = text(body, "TableName");
        if let Some(table) = only.filter(|table| !self.tables.contains_key(*table)) {
            return Err(no_table(table).into());
        }
        let most = body["MaxResults"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(100);
        let after = page::after(text(body, "NextToken"), || invalid("Invalid NextToken"))?;
        let tables = self.tables.iter().filter(|(table, _)| only.is_none_or(|only| only == *table));
        let all = tables.flat_map(|(table, settings)| {
            settings.insights.iter().map(move |(index, told)| {
                (page::joined(&[table, index]), summary(table, index, Some(told), scope.now, durations))
            })
        });
        let (summaries, next) = page::page(all, after.as_deref(), most.max(1));
        let mut answer = json!({ "ContributorInsightsSummaries": summaries });
        if let Some(next) = next {
            answer["NextToken"] = json!(next);
        }
        Ok(answer)
    }

    /// Whether a table, or the global index of it that is named, has a sort key.
    fn is_sorted(&self, scope: &Scope, table: &str, index: &str) -> Result<bool, Refusal> {
        let description = self.describe(scope, table)?;
        let schema = if index.is_empty() {
            &description["KeySchema"]
        } else {
            description["GlobalSecondaryIndexes"]
                .as_array()
                .into_iter()
                .flatten()
                .find(|found| found["IndexName"] == index)
                .map(|found| &found["KeySchema"])
                .ok_or_else(|| {
                    ApiError::client(
                        "ResourceNotFoundException",
                        format!("Requested resource not found: table {table} has no global index {index}"),
                    )
                })?
        };
        Ok(schema.as_array().into_iter().flatten().any(|key| key["KeyType"] == "RANGE"))
    }
}

fn summary(
    table: &str,
    index: &str,
    insights: Option<&Insights>,
    now: Timestamp,
    durations: &Durations,
) -> Value {
    let status = insights.map_or("DISABLED", |insights| insights.status(now, durations));
    let mut answer = json!({ "TableName": table, "ContributorInsightsStatus": status });
    if let Some(insights) = insights.filter(|insights| insights.is_on) {
        answer["ContributorInsightsMode"] = json!(insights.mode);
    }
    if !index.is_empty() {
        answer["IndexName"] = json!(index);
    }
    answer
}

fn enumerated(member: &str, value: &str, values: &str) -> ApiError {
    invalid(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must \
         satisfy enum value set: {values}"
    ))
}
