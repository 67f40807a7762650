//! The Resource Groups Tagging API: which tables and recovery points carry which tags, in few calls.

use std::collections::BTreeMap;

use aws_sdk_resourcegroupstagging::types::TagFilter;
use backup_chain_core::ids::{RecoveryPointArn, TableArn};

use crate::error::{AwsError, failed};

/// The tags of every tagged table and recovery point in a Region.
#[derive(Debug, Clone)]
pub struct Tagging(aws_sdk_resourcegroupstagging::Client);

impl Tagging {
    pub(crate) fn new(client: aws_sdk_resourcegroupstagging::Client) -> Self {
        Self(client)
    }

    /// All tables that carry any tag, with their tags.
    ///
    /// # Errors
    /// [`AwsError`] of tag:GetResources. A service control policy that denies it makes selection by tag
    /// impossible, which must not pass for an empty selection.
    pub async fn tables(&self) -> Result<BTreeMap<TableArn, BTreeMap<String, String>>, AwsError> {
        let mut pages =
            self.0.get_resources().resource_type_filters("dynamodb:table").into_paginator().send();
        let mut tables = BTreeMap::new();
        while let Some(page) = pages.next().await {
            for found in
                page.map_err(failed("tag:GetResources", "dynamodb:table"))?.resource_tag_mapping_list()
            {
                // An index or a stream is no table: skipped.
                let Some(arn) = found.resource_arn().and_then(|arn| arn.parse().ok()) else { continue };
                let tags = found.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned()));
                tables.insert(arn, tags.collect());
            }
        }
        Ok(tables)
    }

    /// All recovery points that carry this tag, with its value (assumption A50).
    ///
    /// # Errors
    /// [`AwsError`] of tag:GetResources.
    pub async fn recovery_points_with(
        &self,
        key: &str,
    ) -> Result<BTreeMap<RecoveryPointArn, String>, AwsError> {
        const TYPE: &str = "backup:recovery-point";
        let request = self.0.get_resources().resource_type_filters(TYPE);
        let mut pages = request.tag_filters(TagFilter::builder().key(key).build()).into_paginator().send();
        let mut points = BTreeMap::new();
        while let Some(page) = pages.next().await {
            for found in page.map_err(failed("tag:GetResources", TYPE))?.resource_tag_mapping_list() {
                let Some(arn) = found.resource_arn().and_then(|arn| arn.parse().ok()) else { continue };
                let value = found.tags().iter().find(|tag| tag.key() == key);
                points.insert(arn, value.map(|tag| tag.value().to_owned()).unwrap_or_default());
            }
        }
        Ok(points)
    }
}
