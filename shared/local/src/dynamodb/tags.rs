//! Tags of tables.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Store,
    requests::{Answer, access_denied, invalid, not_found, required, table_of_arn},
    settings::Settings,
};
use crate::{
    api::{ApiError, Scope},
    lags::{Lag, Lags, Seen},
    page,
    wire::text,
};

const MAX_TAGS: usize = 50;
/// AWS documents 10 KB for all keys and values together.
const MAX_BYTES: usize = 10 * 1024;
const PAGE: usize = 10;
/// How a short page is asked for, inside the world: the API has no member for it.
pub(crate) const PAGE_OF_TAGS: &str = "$page";

impl Store {
    /// The table that an ARN names, its own or its latest stream's.
    ///
    /// # Errors
    /// `ResourceNotFoundException`, or `AccessDeniedException` outside the account and Region.
    pub(super) fn by_arn<'a>(
        &mut self,
        scope: &Scope,
        arn: &'a str,
    ) -> Result<(&'a str, &mut Settings), ApiError> {
        let part = table_of_arn(scope, arn).ok_or_else(|| access_denied(scope, arn))?;
        let (table, stream) =
            part.split_once("/stream/").map_or((part, None), |(table, label)| (table, Some(label)));
        self.tables
            .get_mut(table)
            .filter(|settings| stream.is_none() || settings.stream_label().as_deref() == stream)
            .map(|settings| (table, settings))
            .ok_or_else(|| not_found(arn))
    }

    /// Ten tags a page, in the order of their keys.
    pub(super) fn list_tags(&mut self, scope: &Scope, body: &Value) -> Answer {
        let arn = required(body, "ResourceArn")?;
        let tags = self.by_arn(scope, arn)?.1.tags.seen(Lag::TableTags, scope.now);
        let after = page::after(text(body, "NextToken"), || invalid("Invalid NextToken"))?;
        let size = body[PAGE_OF_TAGS].as_u64().and_then(|size| usize::try_from(size).ok()).unwrap_or(PAGE);
        let listed = tags.iter().map(|(key, value)| (key, json!({ "Key": key, "Value": value })));
        let (listed, next) = page::page(listed, after.as_deref(), size);
        let mut answer = json!({ "Tags": listed });
        if let Some(next) = next {
            answer["NextToken"] = json!(next);
        }
        Ok(answer)
    }

    pub(super) fn tag(&mut self, scope: &Scope, body: &Value, lags: &mut Lags) -> Answer {
        let more = read(body)?;
        if more.is_empty() {
            return Err(invalid("Atleast one Tag needs to be provided as Input.").into());
        }
        let (table, settings) = self.by_arn(scope, required(body, "ResourceArn")?)?;
        settings.life.require_made(table, scope.now)?;
        let mut tags = BTreeMap::clone(&settings.tags);
        tags.extend(more);
        count(&tags)?;
        settings.tags.set(tags, seen(lags, scope.now));
        Ok(Value::Null)
    }

    pub(super) fn untag(&mut self, scope: &Scope, body: &Value, lags: &mut Lags) -> Answer {
        let (table, settings) = self.by_arn(scope, required(body, "ResourceArn")?)?;
        settings.life.require_made(table, scope.now)?;
        let keys = || body["TagKeys"].as_array().into_iter().flatten().filter_map(Value::as_str);
        if let Some(key) = keys().find(|key| key.starts_with("aws:")) {
            return Err(
                invalid(format!("tags that begin with aws: are AWS's own: {key} cannot be removed")).into()
            );
        }
        let mut tags = BTreeMap::clone(&settings.tags);
        for key in keys() {
            tags.remove(key);
        }
        settings.tags.set(tags, seen(lags, scope.now));
        Ok(Value::Null)
    }
}

/// When the readers of a table's tags see a change.
pub(super) fn seen(lags: &mut Lags, now: Timestamp) -> Seen {
    lags.draw(&[Lag::TableTags, Lag::JudgedTags, Lag::FoundTags], now)
}

/// The `Tags` of a request.
pub(super) fn read(body: &Value) -> Result<BTreeMap<String, String>, ApiError> {
    let mut tags = BTreeMap::new();
    for tag in body["Tags"].as_array().into_iter().flatten() {
        let (key, value) = (required(tag, "Key")?, text(tag, "Value").unwrap_or_default());
        if !(1..=128).contains(&key.chars().count()) || key.starts_with("aws:") {
            return Err(invalid(format!(
                "a tag key has 1 to 128 characters and not the prefix aws:, not {key:?}"
            )));
        }
        if value.chars().count() > 256 {
            return Err(invalid(format!("the value of tag {key:?} has more than 256 characters")));
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(invalid(format!("Duplicate key {key} found in tags")));
        }
    }
    count(&tags)?;
    Ok(tags)
}

/// AWS documents that its own tags do not count.
fn count(tags: &BTreeMap<String, String>) -> Result<(), ApiError> {
    let tags = || tags.iter().filter(|(key, _)| !key.starts_with("aws:"));
    if tags().count() > MAX_TAGS {
        return Err(invalid(format!("Too many tags: a table carries {MAX_TAGS} at most")));
    }
    let bytes: usize = tags().map(|(key, value)| key.len() + value.len()).sum();
    if bytes > MAX_BYTES {
        return Err(invalid(format!("Too large tags: those of a table have {MAX_BYTES} bytes at most")));
    }
    Ok(())
}
