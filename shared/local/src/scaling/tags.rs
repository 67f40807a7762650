//! Tags of scalable targets.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Call,
    requests::{Answer, invalid, required, texts},
    target::Target,
};
use crate::api::ApiError;

const MAX_TAGS: usize = 50;

/// The `Tags` of a request: a map.
///
/// # Errors
/// When a tag is none that AWS allows.
pub(super) fn read(tags: &Value) -> Result<BTreeMap<String, String>, ApiError> {
    let mut read = BTreeMap::new();
    for (key, value) in tags.as_object().into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        if !(1..=128).contains(&key.chars().count()) || key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid(format!("Invalid tag key: {key}")));
        }
        if value.chars().count() > 256 {
            return Err(invalid(format!("The value of tag {key} has more than 256 characters")));
        }
        read.insert(key.clone(), value.to_owned());
    }
    few(&read)?;
    Ok(read)
}

fn few(tags: &BTreeMap<String, String>) -> Result<(), ApiError> {
    if tags.len() > MAX_TAGS {
        return Err(ApiError::client(
            "TooManyTagsException",
            format!("A scalable target carries {MAX_TAGS} tags at most"),
        ));
    }
    Ok(())
}

impl Call<'_, '_> {
    pub(super) fn list_tags(&mut self) -> Answer {
        Ok(json!({ "Tags": self.by_arn()?.tags }))
    }

    pub(super) fn tag(&mut self) -> Answer {
        if !self.body["Tags"].is_object() {
            return Err(invalid("Tags must not be null"));
        }
        let more = read(&self.body["Tags"])?;
        let target = self.by_arn()?;
        let mut tags = target.tags.clone();
        tags.extend(more);
        few(&tags)?;
        target.tags = tags;
        Ok(json!({}))
    }

    pub(super) fn untag(&mut self) -> Answer {
        let keys = texts(self.body, "TagKeys");
        let target = self.by_arn()?;
        for key in keys {
            target.tags.remove(key);
        }
        Ok(json!({}))
    }

    fn by_arn(&mut self) -> Result<&mut Target, ApiError> {
        let arn = required(self.body, "ResourceARN")?;
        self.place.targets.values_mut().find(|target| target.arn == arn).ok_or_else(|| {
            ApiError::client("ResourceNotFoundException", format!("The scalable target is not found: {arn}"))
        })
    }
}
