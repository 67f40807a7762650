//! What has been scaled.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Call,
    dimension::{self, Dimension},
    requests::{Answer, invalid},
};
use crate::{
    rng::Rng,
    wire::{text, timestamp},
};

const MAX_PAGE: u64 = 50;

/// The record of a change of capacity; `refused` is the error of one that DynamoDB did not make.
pub(super) fn change(
    rng: &mut Rng,
    now: Timestamp,
    dimension: &Dimension,
    units: u64,
    cause: &str,
    refused: Option<&str>,
) -> Value {
    let what = format!("{} capacity units to {units}", dimension.direction().to_ascii_lowercase());
    let (status, message) = match refused {
        None => {
            ("Successful", format!("Successfully set {what}. Change successfully fulfilled by dynamodb."))
        }
        Some(error) => ("Failed", format!("Failed to set {what}. Reason: {error}")),
    };
    json!({
        "ActivityId": rng.uuid(),
        "ServiceNamespace": dimension::DYNAMODB,
        "ResourceId": dimension.resource,
        "ScalableDimension": dimension.name,
        "Description": format!("Setting {what}."),
        "Cause": cause,
        "StartTime": timestamp(now),
        "EndTime": timestamp(now),
        "StatusCode": status,
        "StatusMessage": message,
    })
}

impl Call<'_, '_> {
    /// DescribeScalingActivities, the latest first; they outlive their target.
    pub(super) fn describe_activities(&mut self) -> Answer {
        let namespace = dimension::namespace(self.body)?;
        let (resource, dimension) = (text(self.body, "ResourceId"), text(self.body, "ScalableDimension"));
        if dimension.is_some() && resource.is_none() {
            return Err(invalid("Resource ID must be specified when a scalable dimension is"));
        }
        let count = self.place.activities.len();
        let entries = self
            .place
            .activities
            .iter()
            .rev()
            .enumerate()
            .filter(|(_, activity)| {
                namespace == dimension::DYNAMODB
                    && resource.is_none_or(|resource| activity["ResourceId"] == json!(resource))
                    && dimension.is_none_or(|dimension| activity["ScalableDimension"] == json!(dimension))
            })
            // A page continues where it stood, also when newer activities have come before it: keys count down.
            .map(|(index, activity)| {
                (format!("{:020}", u64::MAX - (count - index) as u64), activity.clone())
            });
        self.paged("ScalingActivities", entries, MAX_PAGE)
    }
}
