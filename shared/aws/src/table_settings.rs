//! The settings of a table as all services of its Region describe them. What could not be read is unknown, never
//! absent; what another try may read is tried again by the next tick.

use backup_chain_core::ids::TableName;
use backup_chain_core::restore::{NameBound, expire};
use backup_chain_core::settings::{Part, TableSettings};

use crate::dynamodb::{Captured, Parts};
use crate::error::AwsError;
use crate::services::Regional;

impl Regional {
    /// The same as [`capture`](Self::capture), with everything read now: something around the table was just changed.
    ///
    /// # Errors
    /// As [`capture`](Self::capture), and when a part is unknown for a reason that may pass.
    pub async fn capture_anew(&self, name: &TableName) -> Result<Captured, AwsError> {
        self.account.invalidate().await;
        self.capture(name).await?.or_transient()
    }

    /// Reads the settings of a table: all that DynamoDB returns, its auto scaling, its alarms and its Contributor
    /// Insights. What one of them does not tell is recorded as unknown, never as absent; [`Captured::or_transient`] says
    /// whether trying again may tell more.
    ///
    /// # Errors
    /// [`AwsError`] of dynamodb:DescribeTable.
    pub async fn capture(&self, name: &TableName) -> Result<Captured, AwsError> {
        let mut captured = self.dynamodb.capture(name).await?;
        let around = self.account.surroundings().await;
        let settings = &mut captured.settings;
        let mut parts = Parts { warnings: captured.warnings, passing: captured.passing };
        self.name_key(settings).await;
        settings.scaling = parts.take(around.scaling(name), "auto scaling");
        settings.insights = parts.take(around.insights(name), "Contributor Insights");
        let alarms = parts.take(around.alarms(name), "alarms");
        settings.alarms = match alarms {
            Part::Unknown(why) => Part::Unknown(why),
            Part::Known((alarms, partly)) => {
                let line = |name| {
                    format!(
                        "of alarm {name} something is set that is not captured: look at it when you restore"
                    )
                };
                parts.warnings.extend(partly.into_iter().map(line));
                Part::Known(alarms)
            }
        };
        Ok(Captured { warnings: parts.warnings, passing: parts.passing, ..captured })
    }

    /// What surrounds a table by its name, whether or not there is the table; read a moment ago, unless that was
    /// [forgotten](crate::services::Services::forget_surroundings).
    ///
    /// # Errors
    /// Those that may pass.
    pub async fn name_bound(&self, name: &TableName) -> Result<NameBound, AwsError> {
        let around = self.account.surroundings().await;
        let mut parts = Parts::default();
        let mut scaling = parts.take(around.scaling(name), "auto scaling");
        expire(&mut scaling, self.clock.now());
        let alarms = parts.take(around.alarms(name).map(|(alarms, _)| alarms), "alarms");
        parts.passing.map_or(Ok(NameBound { scaling, alarms }), Err)
    }

    /// Lets settings name the key that AWS manages for DynamoDB as such: it has an ARN of its own in each Region, which
    /// tells nothing anywhere else. A key that may not be described is taken as the customer's own.
    pub async fn name_key(&self, settings: &mut TableSettings) {
        let Some(encryption) = &mut settings.encryption else { return };
        let Some(key) = &encryption.key else { return };
        if self.kms.is_aws_managed(key).await {
            encryption.key = None;
        }
    }
}
